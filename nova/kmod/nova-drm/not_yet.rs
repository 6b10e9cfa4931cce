// SPDX-License-Identifier: GPL-2.0

//! The ioctls that are not implemented yet. They check their arguments up to where they would look for the first
//! object, and then fail with `EOPNOTSUPP`.

use core::marker::PhantomData;

use kernel::prelude::*;
use nova_kernel::drm::ioctl::{Gate, Ioctl};

use crate::driver::{Device, File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::user::error;

/// The argument of an ioctl that is not implemented yet.
pub(crate) trait Argument: Copy + zerocopy::FromBytes + zerocopy::IntoBytes {
    /// See [`Ioctl::NUMBER`].
    const NUMBER: u32;

    /// See [`Ioctl::GATE`].
    const GATE: Gate;

    /// Checks the argument, and what it points to.
    ///
    /// # Errors
    ///
    /// Those of the call.
    fn check_all(&self) -> Result;
}

/// An ioctl that is not implemented yet.
pub(crate) struct NotYet<T>(PhantomData<T>);

impl<T: Argument> Ioctl<NovaDrmDriver> for NotYet<T> {
    type Argument = T;
    const NUMBER: u32 = T::NUMBER;
    const GATE: Gate = T::GATE;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        _file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check_all()?;
        Err(EOPNOTSUPP)
    }
}

impl Argument for nova_uapi::VmGetFaults {
    const NUMBER: u32 = nova_uapi::IOCTL_VM_GET_FAULTS;
    const GATE: Gate = Gate::Always;

    fn check_all(&self) -> Result {
        self.check().map_err(error)?;
        Ok(())
    }
}
