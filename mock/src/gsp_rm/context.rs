// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM has been told of a graphics context's buffers, by GPU_PROMOTE_CTX.
//!
//! A channel's context is that of its group, whose channels have one in common; a channel without
//! group has one of its own. Channels of a group may have several address spaces: the model does not
//! tell apart in which of them a buffer has an address.

use nova_hw::abi::PromoteEntry;

/// Numbers of buffers (`NV2080_CTRL_GPU_PROMOTE_CTX_BUFFER_ID_*` of ctrl2080gpu.h).
const MAIN: u16 = 0;
const PATCH: u16 = 2;
const BUFFER_BUNDLE_CB: u16 = 3;
const PAGEPOOL: u16 = 4;
const ATTRIBUTE_CB: u16 = 5;
const RTV_CB_GLOBAL: u16 = 6;
const FECS_EVENT: u16 = 9;
const PRIV_ACCESS_MAP: u16 = 10;
const UNRESTRICTED_PRIV_ACCESS_MAP: u16 = 11;

/// One more than the largest number in 570.144 (`…_GLOBAL_PRIV_ACCESS_MAP`).
pub(crate) const BUFFERS: u16 = 13;

/// A set of buffers, a bit for each number.
type Set = u16;

const fn set(numbers: &[u16]) -> Set {
    let (mut set, mut at) = (0, 0);
    while at < numbers.len() {
        set |= 1 << numbers[at];
        at += 1;
    }
    set
}

/// What each context has for itself.
const OWN: Set = set(&[MAIN, PATCH]);

/// What all contexts share with the golden one.
const SHARED: Set = set(&[FECS_EVENT, PRIV_ACCESS_MAP, UNRESTRICTED_PRIV_ACCESS_MAP]);

/// What else the golden context has an address for. NVIDIA's driver has one for either map, by the
/// privilege of the channel.
const GOLDEN: Set = set(&[
    BUFFER_BUNDLE_CB,
    PAGEPOOL,
    ATTRIBUTE_CB,
    RTV_CB_GLOBAL,
    FECS_EVENT,
]);

/// A graphics context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// The buffers whose memory GSP-RM was told to initialize.
    initialized: Set,
    /// Those with an address in the channel's space.
    mapped: Set,
}

impl Context {
    /// Of these buffers, whose numbers are below [`BUFFERS`].
    pub(crate) fn of(entries: &[PromoteEntry]) -> Self {
        let numbers = |is: fn(&PromoteEntry) -> bool| {
            let entries = entries.iter().filter(|entry| is(entry));
            entries.fold(0, |set, entry| set | 1 << entry.buffer_id)
        };
        Self {
            initialized: numbers(|entry| entry.b_initialize != 0),
            mapped: numbers(|entry| entry.b_nonmapped == 0 && entry.gpu_virt_addr != 0),
        }
    }

    /// Adds what GSP-RM is told.
    pub(crate) fn add(&mut self, other: Self) {
        self.initialized |= other.initialized;
        self.mapped |= other.mapped;
    }

    /// A channel with this context can execute work for graphics.
    pub(crate) fn is_complete(self) -> bool {
        self.initialized & self.mapped & OWN == OWN
    }

    /// GSP-RM can make the golden context from this one: nothing is shared yet, and all is there.
    ///
    /// Source: `kgrctxPrepareInitializeCtxBuffer_IMPL` and `kgrctxMapCtxBuffers_IMPL` in
    /// src/nvidia/src/kernel/gpu/gr/kernel_graphics_context.c, for what the driver's half of RM gives
    /// a channel for 3D; nouveau, nvkm/subdev/gsp/rm/r535/gr.c. The check is the model's.
    pub(crate) fn can_be_golden(self) -> bool {
        let maps = set(&[PRIV_ACCESS_MAP, UNRESTRICTED_PRIV_ACCESS_MAP]);
        self.is_complete()
            && self.initialized & SHARED == SHARED
            && self.mapped & GOLDEN == GOLDEN
            && self.mapped & maps != 0
    }

    /// A complete one, for tests and measurements.
    #[cfg(any(test, fuzzing, feature = "measure"))]
    pub(crate) fn complete() -> Self {
        Self {
            initialized: OWN,
            mapped: OWN,
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    fn entry(buffer_id: u16, is_initialized: bool, is_mapped: bool) -> PromoteEntry {
        PromoteEntry {
            gpu_phys_addr: 0x40_0000 + u64::from(buffer_id) * 0x1000,
            gpu_virt_addr: u64::from(is_mapped) << 32,
            size: 0x1000,
            // In video memory.
            phys_attr: 4,
            buffer_id,
            b_initialize: is_initialized.into(),
            b_nonmapped: (!is_mapped).into(),
        }
    }

    /// The golden context's buffers, as nouveau promotes them.
    pub(crate) fn golden() -> Vec<PromoteEntry> {
        let shared = [BUFFER_BUNDLE_CB, PAGEPOOL, ATTRIBUTE_CB, RTV_CB_GLOBAL];
        let mut entries: Vec<_> = [MAIN, PATCH, FECS_EVENT, UNRESTRICTED_PRIV_ACCESS_MAP]
            .map(|number| entry(number, true, true))
            .into();
        entries.push(entry(PRIV_ACCESS_MAP, true, false));
        entries.extend(shared.map(|number| entry(number, false, true)));
        entries
    }

    /// Another context's own buffers.
    pub(crate) fn own() -> Vec<PromoteEntry> {
        [MAIN, PATCH].map(|number| entry(number, true, true)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{golden, own};
    use super::*;

    #[test]
    fn a_context_needs_memory_and_addresses_of_its_own() {
        let entries = own();
        assert!(Context::of(&entries).is_complete());
        assert!(!Context::default().is_complete());
        assert!(!Context::of(&entries[..1]).is_complete());
        // As tinygrad does it.
        let [mut memory, mut addresses] = [entries.clone(), entries];
        memory.iter_mut().for_each(|entry| entry.b_nonmapped = 1);
        addresses
            .iter_mut()
            .for_each(|entry| entry.b_initialize = 0);
        let mut context = Context::of(&memory);
        assert!(!context.is_complete());
        context.add(Context::of(&addresses));
        assert!(context.is_complete());
        addresses[0].gpu_virt_addr = 0;
        let mut context = Context::of(&memory);
        context.add(Context::of(&addresses));
        assert!(!context.is_complete(), "without an address");
    }

    #[test]
    fn the_golden_context_needs_all() {
        let entries = golden();
        assert!(Context::of(&entries).can_be_golden());
        assert!(!Context::of(&own()).can_be_golden());
        for at in 0..entries.len() {
            let mut fewer = entries.clone();
            let missing = fewer.remove(at).buffer_id;
            assert!(!Context::of(&fewer).can_be_golden(), "without {missing}");
        }
    }
}
