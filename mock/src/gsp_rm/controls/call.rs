// SPDX-License-Identifier: GPL-2.0

//! A control, and a call of one.

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_ERR_NOT_SUPPORTED};
use nova_hw::release::Release;
use zerocopy::FromBytes;

use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::objects::Objects;
use crate::gsp_rm::platform::Platform;
use crate::gsp_rm::refused::Refused;

/// A control. A new one is listed in its module.
pub(crate) struct Control {
    /// Its number, if the release has it; the upper half is the class that has it.
    pub(crate) cmd: fn(&Release) -> Option<u32>,
    /// Bytes of its parameters.
    pub(crate) size: fn(&Release) -> usize,
    /// Makes the parameters of the answer.
    pub(crate) call: fn(&mut Call<'_>) -> Result<Vec<u8>, Refused>,
}

/// A call of a control on an object that there is.
pub(crate) struct Call<'a> {
    pub(crate) platform: &'a Platform<'a>,
    pub(crate) objects: &'a mut Objects,
    /// The client, and the object.
    pub(crate) client: u32,
    pub(crate) object: u32,
    /// As many bytes as the control has.
    pub(crate) params: &'a [u8],
    /// What the call has changed.
    pub(crate) effects: Vec<Effect>,
}

impl Call<'_> {
    /// The parameters.
    pub(crate) fn read<T: FromBytes>(&self) -> Result<T, Refused> {
        T::read_from_bytes(self.params).map_err(|_| {
            let error = format!("parameters of {:#x} bytes", self.params.len());
            (NV_ERR_INVALID_ARGUMENT, error)
        })
    }

    /// The parameters as they are, for a control that changes nothing the model has.
    pub(crate) fn accept(&mut self) -> Result<Vec<u8>, Refused> {
        Ok(self.params.to_vec())
    }
}

pub(crate) fn invalid(error: String) -> Refused {
    (NV_ERR_INVALID_ARGUMENT, error)
}

pub(crate) fn unsupported(error: String) -> Refused {
    (NV_ERR_NOT_SUPPORTED, error)
}
