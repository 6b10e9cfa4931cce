// SPDX-License-Identifier: GPL-2.0

//! Saving WPR2 to system memory at a suspend, and the check of what was saved at the resume: the work
//! of booter unload and booter, and of the FMC on Hopper and later.
//!
//! On hardware, WPR2 goes to the driver's memory encrypted, with hashes in the metadata that only the
//! firmware can make. The model keeps the state of GSP-RM itself, and writes a mark that no driver knows
//! to the beginning of each page, with a hash of the model's own: a page whose beginning the driver
//! overwrites, or that it moves, is found at the resume. It does not fill the pages, of which there are more than 30,000:
//! nouveau waits for booter no longer than 2 s, which is not much on a busy machine.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/gsp/gsp_fw_sr_meta.h and
//! `kgspPrepareSuspendResumeData_TU102` in
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c.

use nova_hw::abi::{GspFwSrMeta, GspFwWprMeta};
use sha2::{Digest, Sha256};
use zerocopy::{FromBytes, IntoBytes};

use crate::bus::machine::GuestMemory;
use crate::programs::booter::{check_address, pages, refuse, unmapped, Code, Refused};

/// Alignment of what the firmware reads.
const ALIGN: u64 = 256;

/// Whether there is metadata of a suspend at this bus address.
pub(crate) fn is_metadata(memory: &dyn GuestMemory, address: u64) -> bool {
    memory.read_u64(address) == Ok(GspFwSrMeta::MAGIC)
}

fn read(memory: &dyn GuestMemory, address: u64) -> Result<GspFwSrMeta, Refused> {
    check_address(Code::Metadata, "suspend metadata", address, ALIGN)?;
    let bytes = memory
        .read_vec(address, size_of::<GspFwSrMeta>())
        .map_err(unmapped(Code::Metadata, "suspend metadata"))?;
    GspFwSrMeta::read_from_bytes(&bytes)
        .or_else(|_| refuse(Code::Metadata, "suspend metadata of the wrong size"))
}

/// Checks what the driver has filled in, for a WPR2 of `size` bytes.
fn check(meta: &GspFwSrMeta, wpr: &GspFwWprMeta, size: u64) -> Result<(), Refused> {
    let fields = [
        ("magic", meta.magic, GspFwSrMeta::MAGIC),
        ("revision", meta.revision, GspFwSrMeta::REVISION),
        (
            "sizeOfSuspendResumeData",
            meta.size_of_suspend_resume_data,
            size,
        ),
        ("flags", meta.flags.into(), wpr.flags.into()),
        ("subrevision", meta.subrevision.into(), 0),
    ];
    for (name, found, expected) in fields {
        if found != expected {
            let reason = format!("{name} of a suspend is {found:#x}, not {expected:#x}");
            return refuse(Code::Metadata, reason);
        }
    }
    if meta.padding != [0; 22] {
        return refuse(Code::Metadata, "padding of suspend metadata is not zero");
    }
    Ok(())
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// The metadata, with the firmware's part.
    meta: GspFwSrMeta,
    /// The mark of all pages, but for the page's number.
    mark: Mark,
}

/// What is written to the beginning of a page; its number is in the first 8 bytes.
type Mark = [u8; 32];

impl Image {
    /// Saves a WPR2 of `size` bytes as the metadata at `address` says; `seed` must differ from one
    /// suspend to the next.
    pub(crate) fn save(
        memory: &mut dyn GuestMemory,
        address: u64,
        wpr: &GspFwWprMeta,
        size: u64,
        seed: u64,
    ) -> Result<Self, Refused> {
        let mut meta = read(memory, address)?;
        check(&meta, wpr, size)?;
        let pages = pages(memory, meta.sysmem_addr_of_suspend_resume_data, size)?;
        let key = Sha256::digest(seed.to_le_bytes());
        meta.internal.as_mut_bytes().fill(0);
        let hash = Sha256::new()
            .chain_update(key)
            .chain_update(meta.as_bytes());
        let hash = hash.finalize();
        meta.internal.as_mut_bytes()[..hash.len()].copy_from_slice(&hash);
        let mark = key.into();
        let image = Self { meta, mark };
        for (number, page) in pages.into_iter().enumerate() {
            memory
                .write(page, &image.mark(number))
                .map_err(unmapped(Code::Saved, "memory for WPR2"))?;
        }
        memory
            .write(address, meta.as_bytes())
            .map_err(unmapped(Code::Metadata, "suspend metadata"))?;
        Ok(image)
    }

    fn mark(&self, number: usize) -> Mark {
        let mut mark = self.mark;
        mark[..8].copy_from_slice(&(number as u64).to_le_bytes());
        mark
    }

    /// Checks that all is still as it was saved, with the metadata at `address`.
    pub(crate) fn verify(&self, memory: &dyn GuestMemory, address: u64) -> Result<(), Refused> {
        if read(memory, address)? != self.meta {
            return refuse(Code::Saved, "suspend metadata is not as it was saved");
        }
        let root = self.meta.sysmem_addr_of_suspend_resume_data;
        let pages = pages(memory, root, self.meta.size_of_suspend_resume_data)?;
        let mut found = Mark::default();
        for (number, page) in pages.into_iter().enumerate() {
            memory
                .read(page, &mut found)
                .map_err(unmapped(Code::Saved, "memory of WPR2"))?;
            if found != self.mark(number) {
                let reason = format!("page {number:#x} of WPR2 is not as it was saved");
                return refuse(Code::Saved, reason);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::machine::in_process::Arena;
    use nova_hw::gsp::PAGE_SIZE;

    /// Prepares memory for a WPR2 of `pages` pages; returns the addresses of the metadata, and of the
    /// list of pages.
    pub(crate) fn prepare(memory: &mut Arena, pages: usize) -> (u64, u64) {
        let pages: Vec<u64> = (0..pages).map(|_| memory.place(&[0; PAGE_SIZE])).collect();
        let lists: Vec<u64> = pages
            .chunks(512)
            .map(|list| memory.place(list.as_bytes()))
            .collect();
        let level1 = memory.place(lists.as_bytes());
        let meta = GspFwSrMeta {
            magic: GspFwSrMeta::MAGIC,
            revision: GspFwSrMeta::REVISION,
            sysmem_addr_of_suspend_resume_data: memory.place(level1.as_bytes()),
            size_of_suspend_resume_data: (pages.len() * PAGE_SIZE) as u64,
            ..GspFwSrMeta::default()
        };
        (memory.place(meta.as_bytes()), lists[0])
    }

    const PAGES: usize = 520;
    const SIZE: u64 = (PAGES * PAGE_SIZE) as u64;

    fn save(memory: &mut Arena, address: u64) -> Result<Image, Code> {
        let wpr = GspFwWprMeta::default();
        Image::save(memory, address, &wpr, SIZE, 1).map_err(|refused| refused.code)
    }

    /// Booter's error code after a change to the metadata.
    fn refused(change: impl FnOnce(&mut GspFwSrMeta)) -> Code {
        let mut memory = Arena::new();
        let (address, _) = prepare(&mut memory, PAGES);
        let mut meta = read(&memory, address).unwrap();
        change(&mut meta);
        memory.write(address, meta.as_bytes()).unwrap();
        save(&mut memory, address).unwrap_err()
    }

    #[test]
    fn metadata_must_describe_wpr2() {
        assert_eq!(refused(|meta| meta.magic ^= 1), Code::Metadata);
        assert_eq!(refused(|meta| meta.revision = 1), Code::Metadata);
        let size = |meta: &mut GspFwSrMeta| meta.size_of_suspend_resume_data -= 0x1000;
        assert_eq!(refused(size), Code::Metadata);
        assert_eq!(refused(|meta| meta.flags = 1), Code::Metadata);
        assert_eq!(refused(|meta| meta.subrevision = 1), Code::Metadata);
        assert_eq!(refused(|meta| meta.padding[21] = 1), Code::Metadata);
        let root = |meta: &mut GspFwSrMeta| meta.sysmem_addr_of_suspend_resume_data += 8;
        assert_eq!(refused(root), Code::Image);
        let mut memory = Arena::new();
        let (address, _) = prepare(&mut memory, PAGES);
        assert_eq!(save(&mut memory, address + 0x80), Err(Code::Metadata));
        assert_eq!(save(&mut memory, 0), Err(Code::Metadata));
        assert!(is_metadata(&memory, address) && !is_metadata(&memory, address + 256));
    }

    #[test]
    fn what_was_saved_must_stay_as_it_is() {
        let mut memory = Arena::new();
        let (address, list) = prepare(&mut memory, PAGES);
        let image = save(&mut memory, address).unwrap();
        let verify = |memory: &Arena| image.verify(memory, address).map_err(|it| it.code);
        assert_eq!(verify(&memory), Ok(()));
        let [first, last] = [0, 8 * 511].map(|at| memory.read_u64(list + at).unwrap());
        for at in [first, last + 24, address + 32] {
            let kept = memory.read_u64(at).unwrap();
            memory.write(at, &(kept ^ 1 << 40).to_le_bytes()).unwrap();
            assert_eq!(verify(&memory), Err(Code::Saved), "{at:#x}");
            memory.write(at, &kept.to_le_bytes()).unwrap();
        }
        // Other pages are not what was saved, and the same pages in another order neither.
        memory.write(list, &last.to_le_bytes()).unwrap();
        assert_eq!(verify(&memory), Err(Code::Saved));
        memory.write(list, &first.to_le_bytes()).unwrap();
        assert_eq!(verify(&memory), Ok(()));
        // An older suspend, from which the driver has kept all, is not this one.
        let wpr = GspFwWprMeta::default();
        let other = Image::save(&mut memory, address, &wpr, SIZE, 2).unwrap();
        assert_ne!(image, other);
        assert_eq!(verify(&memory), Err(Code::Saved));
    }
}
