// SPDX-License-Identifier: GPL-2.0

//! What the graphics engine consists of, as GSP-RM tells it.

use nova_hw::abi::ZcullInfo;

use super::context::ContextLayout;
use crate::gsp::commands::clusters::{GetGpcs, GetTpcs};
use crate::gsp::commands::control::Call;
use crate::gsp::commands::graphics_properties::GetGraphicsProperties;
use crate::gsp::commands::zcull_info::GetZcullInfo;
use crate::gsp::handles::Handles;
use crate::rm::caller::Caller;

/// Numbers that a GPC can have.
const GPCS: usize = 32;

/// What the graphics engine consists of: GPCs, which have TPCs, which have SMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphicsInfo {
    /// Version of the SMs, major and minor.
    pub sm_version: [u32; 2],
    /// Warps that an SM can have at a time.
    pub warps_per_sm: u32,
    /// Threads of a warp.
    pub threads_per_warp: u32,
    /// SMs of each TPC.
    pub sms_per_tpc: u32,
    /// The GPCs, one bit each.
    pub gpcs: u32,
    /// The TPCs of each GPC, one bit each.
    pub tpcs: [u32; GPCS],
    /// The memory of its contexts.
    pub context: ContextLayout,
}

/// Asks GSP-RM about the graphics engine.
#[derive(Clone, Copy, Debug)]
pub struct GraphicsReader {
    /// GSP-RM's internal subdevice.
    subdevice: Handles,
}

impl GraphicsReader {
    /// One that asks this subdevice.
    pub fn new(subdevice: Handles) -> Self {
        Self { subdevice }
    }

    /// Reads what the engine consists of.
    ///
    /// # Errors
    ///
    /// A call failed, or contexts need more memory than can be.
    pub fn read<C: Caller>(&self, caller: &mut C) -> Result<GraphicsInfo, C::Error> {
        let on = self.subdevice;
        let method = GetGraphicsProperties;
        let properties = caller.call(&Call { on, method })?;
        let gpcs = caller.call(&Call {
            on,
            method: GetGpcs,
        })?;
        let mut tpcs = [0; GPCS];
        for (gpc, tpcs) in (0..).zip(&mut tpcs) {
            if gpcs >> gpc & 1 != 0 {
                let method = GetTpcs(gpc);
                *tpcs = caller.call(&Call { on, method })?;
            }
        }
        let method = ContextLayout::QUESTION;
        let buffers = caller.call(&Call { on, method })?;
        Ok(GraphicsInfo {
            sm_version: [properties.sm_version >> 8, properties.sm_version & 0xff],
            warps_per_sm: properties.warps_per_sm,
            threads_per_warp: properties.threads_per_warp,
            sms_per_tpc: properties.sms_per_tpc,
            gpcs,
            tpcs,
            context: ContextLayout::new(&buffers)?,
        })
    }

    /// Reads what programs have to know to use ZCULL.
    ///
    /// # Errors
    ///
    /// The call failed; GSP-RM refuses it on a GPU without.
    pub fn read_zcull<C: Caller>(&self, caller: &mut C) -> Result<ZcullInfo, C::Error> {
        let (on, method) = (self.subdevice, GetZcullInfo);
        caller.call(&Call { on, method })
    }
}
