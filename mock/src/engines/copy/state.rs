// SPDX-License-Identifier: GPL-2.0

//! What the methods have set.

use std::collections::BTreeMap;

use nova_hw::class::copy::{
    offset, Class, LaunchDma, Origin, RemapComponents, RenderEnable, SetRenderEnableC,
};

/// The data of all methods that have been executed; the others have 0.
#[derive(Debug)]
pub(super) struct State {
    pub(super) class: Class,
    data: BTreeMap<u16, u32>,
}

impl State {
    /// The state of a new channel: copies are enabled, since drivers do not enable them.
    pub(super) fn new(class: Class) -> Self {
        let enabled = SetRenderEnableC::new().with_mode(RenderEnable::TRUE);
        let data = [(offset::SET_RENDER_ENABLE_C, enabled.into())];
        Self {
            class,
            data: data.into(),
        }
    }

    /// Keeps the data of a method. The two methods for an origin set the same.
    pub(super) fn set(&mut self, method: u16, data: u32) {
        let origin = match method {
            offset::SET_SRC_ORIGIN => (offset::SRC_ORIGIN_X, offset::SRC_ORIGIN_Y),
            offset::SET_DST_ORIGIN => (offset::DST_ORIGIN_X, offset::DST_ORIGIN_Y),
            _ => {
                self.data.insert(method, data);
                return;
            }
        };
        let (x, y) = (Origin::from(data).x(), Origin::from(data).y());
        self.data
            .extend([(origin.0, x.into()), (origin.1, y.into())]);
    }

    pub(super) fn get(&self, method: u16) -> u32 {
        self.data.get(&method).copied().unwrap_or(0)
    }

    pub(super) fn get_u64(&self, method: u16) -> u64 {
        self.get(method).into()
    }

    /// The address of which one method has the upper half, limited to the bits of an address, and
    /// the next one the lower half.
    pub(super) fn address(&self, upper: u16) -> u64 {
        let mask = if upper == offset::SET_RENDER_ENABLE_A {
            self.class.render_enable_upper_mask()
        } else {
            self.class.upper_mask()
        };
        u64::from(self.get(upper) & mask) << 32 | self.get_u64(upper + 4)
    }

    pub(super) fn launch_dma(&self) -> LaunchDma {
        self.get(offset::LAUNCH_DMA).into()
    }

    pub(super) fn components(&self) -> RemapComponents {
        self.get(offset::SET_REMAP_COMPONENTS).into()
    }
}
