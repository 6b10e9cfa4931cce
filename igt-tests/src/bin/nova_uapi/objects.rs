// SPDX-License-Identifier: MIT

//! Objects.

use igt::drm;
use igt::nova::calls::{call, OfLinux};
use igt::nova::object::{SYSTEM, VRAM};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, GemInfo};

use crate::nodes::Nodes;

pub(crate) fn gem_old(nodes: &Nodes) {
    for node in nodes.each() {
        let mut create = OfLinux::<{ uapi::GEM_CREATE }> {
            pad: u32::MAX,
            size: 4097,
            ..OfLinux::default()
        };
        assert_eq!(call(node, &mut create), Ok(()));
        assert_ne!(create.handle, 0);
        let mut info = OfLinux::<{ uapi::GEM_INFO }> {
            handle: create.handle,
            pad: u32::MAX,
            ..OfLinux::default()
        };
        assert_eq!(call(node, &mut info), Ok(()));
        assert_eq!((info.handle, info.pad), (create.handle, u32::MAX));
        assert_eq!(info.size, 8192);
        assert_eq!(drm::gem_close(node, create.handle), Ok(()));
    }
    nodes.fails(OfLinux::<{ uapi::GEM_CREATE }>::default(), Errno::EINVAL);
    nodes.fails(OfLinux::<{ uapi::GEM_INFO }>::default(), Errno::ENOENT);
}

pub(crate) fn gem_layout(nodes: &Nodes) {
    for node in nodes.each() {
        for (placement, reported, region) in [
            (0, 0b11, VRAM),
            (1 << VRAM, 1 << VRAM, VRAM),
            (0b11, 0b11, VRAM),
            (1 << SYSTEM, 1 << SYSTEM, SYSTEM),
        ] {
            // What may be in system memory has the pages of that.
            let large = if placement == 1 << VRAM { 21 } else { 12 };
            for (size, page_shift, granted) in [(1, 0, 12), (4096, 12, 12), (2 << 20, 0, large)] {
                let mut create = GemCreate {
                    size,
                    placement,
                    page_shift,
                    handle: u32::MAX,
                    mmap_offset: u64::MAX,
                    region: u32::MAX,
                    ..GemCreate::default()
                };
                assert_eq!(call(node, &mut create), Ok(()), "{create:?}");
                assert_eq!((create.page_shift, create.region), (granted, region));
                assert_eq!(create.mmap_offset, 0);
                let mut info = GemInfo {
                    handle: create.handle,
                    state: u32::MAX,
                    ..GemInfo::default()
                };
                assert_eq!(call(node, &mut info), Ok(()));
                let expected = GemInfo {
                    handle: create.handle,
                    size: size.next_multiple_of(4096),
                    placement: reported,
                    page_shift: granted,
                    region,
                    ..GemInfo::default()
                };
                assert_eq!(info, expected);
                assert_eq!(drm::gem_close(node, create.handle), Ok(()));
            }
        }
    }
}

pub(crate) fn gem_refused(nodes: &Nodes) {
    let right = GemCreate {
        size: 4096,
        ..GemCreate::default()
    };
    for bit in 0..32 {
        let wrong = 1 << bit;
        let reserved = GemCreate {
            reserved: wrong,
            ..right
        };
        nodes.fails(reserved, Errno::EINVAL);
        if bit > 1 {
            let flags = GemCreate {
                flags: wrong,
                ..right
            };
            nodes.fails(flags, Errno::EINVAL);
            let placement = GemCreate {
                placement: wrong | 1 << VRAM,
                ..right
            };
            nodes.fails(placement, Errno::EINVAL);
        }
    }
    for page_shift in [1, 11, 13, 16, 21, 63, 64, u32::MAX] {
        nodes.fails(
            GemCreate {
                page_shift,
                ..right
            },
            Errno::EINVAL,
        );
    }
    for placement in [0, 1 << SYSTEM, 0b11] {
        let contiguous = GemCreate {
            placement,
            flags: uapi::GEM_CONTIGUOUS,
            ..right
        };
        nodes.fails(contiguous, Errno::EINVAL);
    }
    for vm_id in [1, u32::MAX] {
        nodes.fails(GemCreate { vm_id, ..right }, Errno::ENOENT);
        // This comes before the size.
        let empty = GemCreate {
            vm_id,
            size: 0,
            ..right
        };
        nodes.fails(empty, Errno::ENOENT);
    }
}
