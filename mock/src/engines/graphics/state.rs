// SPDX-License-Identifier: GPL-2.0

//! What the methods have set.

use std::collections::BTreeMap;

use nova_hw::class::graphics::{
    offset, Class, MmeShadowRamControl, RenderEnable, SetRenderEnableC,
};

/// The data of all methods that have been executed; the others have 0.
#[derive(Debug)]
pub(super) struct State {
    pub(super) class: Class,
    data: BTreeMap<u16, u32>,
    /// What has been recorded for macros.
    shadow: BTreeMap<u16, u32>,
}

impl State {
    /// The state of a new object: it draws, since drivers do not enable that.
    pub(super) fn new(class: Class) -> Self {
        let enabled = u32::from(SetRenderEnableC::new().with_mode(RenderEnable::TRUE));
        let methods = [
            offset::SET_RENDER_ENABLE_C,
            offset::SET_GLOBAL_RENDER_ENABLE_C,
        ];
        Self {
            class,
            data: methods.map(|method| (method, enabled)).into(),
            shadow: BTreeMap::new(),
        }
    }

    /// Keeps the data of a method that has been sent, and records it for macros.
    pub(super) fn sent(&mut self, method: u16, data: u32) {
        self.set(method, data);
        let control = MmeShadowRamControl::from(self.get(offset::SET_MME_SHADOW_RAM_CONTROL));
        if control.mode() != MmeShadowRamControl::METHOD_PASSTHROUGH {
            self.shadow.insert(method, data);
        }
    }

    /// What has been recorded of a method.
    pub(super) fn shadow(&self, method: u16) -> Option<u32> {
        self.shadow.get(&method).copied()
    }

    pub(super) fn set(&mut self, method: u16, data: u32) {
        self.data.insert(method, data);
    }

    pub(super) fn get(&self, method: u16) -> u32 {
        self.data.get(&method).copied().unwrap_or(0)
    }

    pub(super) fn get_u64(&self, method: u16) -> u64 {
        self.get(method).into()
    }

    /// A number of 64 bits whose halves two methods have.
    pub(super) fn get_halves(&self, upper: u16, lower: u16) -> u64 {
        self.get_u64(upper) << 32 | self.get_u64(lower)
    }

    /// The address of a semaphore.
    pub(super) fn semaphore(&self, upper: u16, lower: u16) -> u64 {
        let bits = u64::from(self.class.semaphore_upper_mask()) << 32 | 0xffff_ffff;
        self.get_halves(upper, lower) & bits
    }

    /// The address that inline data goes to.
    pub(super) fn offset_out(&self) -> u64 {
        let bits = u64::from(self.class.offset_out_upper_mask()) << 32 | 0xffff_ffff;
        self.get_halves(offset::OFFSET_OUT_UPPER, offset::OFFSET_OUT) & bits
    }

    /// The address for the DMA of macros, which has as many bits.
    pub(super) fn mme_memory(&self) -> u64 {
        let bits = u64::from(self.class.offset_out_upper_mask()) << 32 | 0xffff_ffff;
        let (upper, lower) = (offset::SET_MME_MEM_ADDRESS_A, offset::SET_MME_MEM_ADDRESS_B);
        self.get_halves(upper, lower) & bits
    }
}
