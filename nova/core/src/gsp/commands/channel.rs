// SPDX-License-Identifier: GPL-2.0

//! The classes of channels (`*_CHANNEL_GPFIFO_*`), which differ between chips; the length of their
//! parameters differs between releases.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r570/fifo.c (`r570_chan_alloc`);
//! open-gpu-kernel-modules 570, `_kchannelSendChannelAllocRpc` in
//! src/nvidia/src/kernel/gpu/fifo/kernel_channel.c.

use nova_hw::abi::{ChannelAllocParams, ChannelFlags, InterleaveLevel, MemoryDescParams};
use nova_hw::class::host::{userd, ChannelClass};
use nova_hw::gmmu::instance;
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::alloc::Class;

/// Bytes of RAMFC, the first part of the instance block.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt (`NV_RAMFC_SIZE_VAL`).
const RAMFC: u64 = 0x200;

/// When a channel runs among the others of its runlist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// How often it is on the runlist.
    pub level: InterleaveLevel,
    /// How long it runs before others do, in microseconds; zero for GSP-RM's default.
    pub timeslice_us: u32,
}

/// A channel of a user, alone in a group of its own, without notifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChannel {
    /// Class of the chip's channels.
    pub class: ChannelClass,
    /// Number of the channel, which the driver chooses.
    pub id: u16,
    /// Handle of the address space, which its group has.
    pub space: u32,
    /// When it runs, as its group is told.
    pub scheduling: Scheduling,
    /// It is the driver's own, for the golden context.
    pub is_privileged: bool,
    /// Engine (`NV2080_ENGINE_TYPE_*`).
    pub engine: u32,
    /// Address of the ring in the address space.
    pub ring: u64,
    /// Entries of the ring, a power of two.
    pub entries: u32,
    /// Address of the instance block in VRAM: 4 KiB, which GSP-RM fills, and which are zero before
    /// that.
    pub instance: u64,
    /// Address of USERD in VRAM, [`userd::SIZE`] bytes that are zero before the channel exists.
    pub userd: u64,
    /// Bus address and bytes of the memory for methods that a fault interrupts.
    pub method_buffer: (u64, u32),
}

impl Class for NewChannel {
    fn class(&self) -> u32 {
        self.class as u32
    }

    fn size(&self, release: &Release) -> usize {
        release.objects.channel
    }

    fn write(&self, _release: &Release, _client: u32, params: &mut [u8]) {
        let video = |base, size| MemoryDescParams {
            base,
            size,
            address_space: MemoryDescParams::VIDEO,
            cache_attrib: MemoryDescParams::UNCACHED,
        };
        let (base, size) = self.method_buffer;
        let channel = ChannelAllocParams {
            gp_fifo_offset: self.ring,
            gp_fifo_entries: self.entries,
            flags: ChannelFlags(0)
                .with_fixed_id(self.id.into())
                .with_privilege(self.is_privileged)
                .0,
            engine_type: self.engine,
            instance_mem: video(self.instance, instance::SIZE),
            userd_mem: video(self.userd, userd::SIZE),
            ramfc_mem: video(self.instance, RAMFC),
            mthdbuf_mem: MemoryDescParams {
                base,
                size: size.into(),
                address_space: MemoryDescParams::SYSTEM,
                cache_attrib: MemoryDescParams::CACHED,
            },
            internal_flags: match self.is_privileged {
                true => ChannelFlags::USER_WITHOUT_NOTIFIERS | ChannelFlags::ADMIN,
                false => ChannelFlags::USER_WITHOUT_NOTIFIERS,
            },
            ..ChannelAllocParams::default()
        };
        // What a release appends stays zero.
        let start = params.first_chunk_mut::<{ size_of::<ChannelAllocParams>() }>();
        debug_assert!(start.is_some(), "parameters of a channel are longer");
        if let Some(start) = start {
            start.copy_from_slice(channel.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use zerocopy::FromBytes;

    #[test]
    fn parameters_are_those_of_nouveau() {
        let channel = NewChannel {
            class: ChannelClass::AmpereA,
            id: 0x123,
            space: 0x90f1_0000,
            scheduling: Scheduling::default(),
            is_privileged: false,
            engine: 0xb,
            ring: 0x1_0000,
            entries: 0x400,
            instance: 0x20_0000,
            userd: 0x20_1000,
            method_buffer: (0x1_0000_0000, 0x5000),
        };
        for (release, size) in RELEASES.into_iter().zip([368, 360]) {
            assert_eq!(channel.size(release), size);
            let mut params = std::vec![0; size];
            channel.write(release, 0xc1d0_0000, &mut params);
            let (written, rest) = ChannelAllocParams::read_from_prefix(&params).unwrap();
            let golden = NewChannel {
                is_privileged: true,
                ..channel
            };
            let mut privileged = std::vec![0; size];
            golden.write(release, 0xc1d0_0000, &mut privileged);
            let (privileged, _) = ChannelAllocParams::read_from_prefix(&privileged).unwrap();
            assert!(ChannelFlags(privileged.flags).is_privileged());
            assert_eq!(privileged.internal_flags, 0x15);
            assert_eq!(ChannelFlags(written.flags).fixed_id(), Some(0x123));
            assert!(!ChannelFlags(written.flags).is_privileged());
            assert_eq!(written.internal_flags, 0x14);
            let places = [
                written.instance_mem,
                written.userd_mem,
                written.ramfc_mem,
                written.mthdbuf_mem,
            ];
            let places = places.map(|it| (it.base, it.size, it.address_space, it.cache_attrib));
            let expected = [
                (0x20_0000, 0x1000, 2, 1),
                (0x20_1000, 0x200, 2, 1),
                (0x20_0000, 0x200, 2, 1),
                (0x1_0000_0000, 0x5000, 1, 0),
            ];
            assert_eq!(places, expected);
            assert!(rest.iter().all(|&byte| byte == 0));
        }
    }
}
