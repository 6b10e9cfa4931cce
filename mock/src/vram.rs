// SPDX-License-Identifier: GPL-2.0

//! The frame buffer, which takes memory only for pages that were written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes in a page of the sparse store.
const PAGE: u64 = 4096;

/// The storage behind the frame buffer.
#[derive(Debug)]
enum Backing {
    /// Pages that were written.
    Pages(BTreeMap<u64, Box<[u8]>>),
    /// A sparse file that other processes may map.
    File(File),
}

/// The frame buffer.
#[derive(Debug)]
pub struct Vram {
    size: u64,
    backing: Backing,
}

impl Vram {
    /// A frame buffer of `size` bytes in this process.
    pub fn in_process(size: u64) -> Self {
        Self {
            size,
            backing: Backing::Pages(BTreeMap::new()),
        }
    }

    /// A frame buffer of `size` bytes in a sparse file without a name, which can be mapped.
    pub fn in_memfd(size: u64) -> io::Result<Self> {
        let fd = rustix::fs::memfd_create("vram", rustix::fs::MemfdFlags::CLOEXEC)?;
        let file = File::from(fd);
        file.set_len(size)?;
        Ok(Self {
            size,
            backing: Backing::File(file),
        })
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads from byte `addr`; bytes outside, or never written, read as zero.
    pub fn read(&self, addr: u64, into: &mut [u8]) {
        into.fill(0);
        let Some(len) = self.len_inside(addr, into.len()) else {
            return;
        };
        match &self.backing {
            Backing::Pages(pages) => {
                for_pages(addr, len, |page, at, range| {
                    if let Some(bytes) = pages.get(&page) {
                        into[range.clone()].copy_from_slice(&bytes[at..at + range.len()]);
                    }
                });
            }
            Backing::File(file) => {
                if let Err(error) = file.read_exact_at(&mut into[..len], addr) {
                    tracing::error!("frame buffer at {addr:#x}: {error}");
                }
            }
        }
    }

    /// Writes to byte `addr`; bytes outside are dropped.
    pub fn write(&mut self, addr: u64, from: &[u8]) {
        let Some(len) = self.len_inside(addr, from.len()) else {
            return;
        };
        if self.zero(addr, &from[..len]) {
            return;
        }
        match &mut self.backing {
            Backing::Pages(pages) => {
                for_pages(addr, len, |page, at, range| {
                    let bytes = pages
                        .entry(page)
                        .or_insert_with(|| vec![0; PAGE as usize].into());
                    bytes[at..at + range.len()].copy_from_slice(&from[range]);
                });
            }
            Backing::File(file) => {
                if let Err(error) = file.write_all_at(&from[..len], addr) {
                    tracing::error!("frame buffer at {addr:#x}: {error}");
                }
            }
        }
    }

    /// Loses all contents.
    pub(crate) fn lose(&mut self) {
        self.give_back(0, self.size);
    }

    /// Writes whole pages of zeros, so that they take no memory any more; `false` if the bytes are
    /// not such.
    ///
    /// A driver clears what it gives to programs, which may be all of a large frame buffer.
    fn zero(&mut self, addr: u64, from: &[u8]) -> bool {
        let is_pages = addr % PAGE == 0 && from.len() as u64 % PAGE == 0 && !from.is_empty();
        let is_zero = is_pages && from.iter().all(|&byte| byte == 0);
        if is_zero {
            self.give_back(addr, from.len() as u64);
        }
        is_zero
    }

    /// Gives whole pages back to the machine. They read as zero then.
    fn give_back(&mut self, addr: u64, len: u64) {
        use rustix::fs::{fallocate, FallocateFlags};
        match &mut self.backing {
            Backing::Pages(pages) => {
                let first = addr / PAGE;
                let end = (addr + len).div_ceil(PAGE);
                let there: Vec<u64> = pages.range(first..end).map(|(page, _)| *page).collect();
                there.iter().for_each(|page| drop(pages.remove(page)));
            }
            Backing::File(file) => {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                if let Err(error) = fallocate(file, hole, addr, len) {
                    tracing::error!("frame buffer at {addr:#x}: {error}");
                }
            }
        }
    }

    fn len_inside(&self, addr: u64, len: usize) -> Option<usize> {
        let left = usize::try_from(self.size.checked_sub(addr)?).unwrap_or(usize::MAX);
        Some(len.min(left))
    }
}

/// Calls `each` with page number, offset in the page and range of the access, page by page.
fn for_pages(addr: u64, len: usize, mut each: impl FnMut(u64, usize, std::ops::Range<usize>)) {
    let mut done = 0;
    while done < len {
        let at = addr + done as u64;
        let offset = (at % PAGE) as usize;
        let n = (len - done).min(PAGE as usize - offset);
        each(at / PAGE, offset, done..done + n);
        done += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaves(mut vram: Vram) {
        let mut bytes = [0xff; 8];
        vram.read(0x1234, &mut bytes);
        assert_eq!(bytes, [0; 8], "never written");

        vram.write(PAGE - 4, &[1, 2, 3, 4, 5, 6, 7, 8]);
        vram.read(PAGE - 4, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8], "across pages");

        let end = vram.size();
        vram.write(end - 4, &[1, 2, 3, 4, 5, 6, 7, 8]);
        vram.read(end - 4, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4, 0, 0, 0, 0], "across the end");
        vram.write(u64::MAX, &[1]);
        vram.read(u64::MAX, &mut bytes);
        assert_eq!(bytes, [0; 8], "outside");

        let zeros = vec![0; 2 * PAGE as usize];
        vram.write(2 * PAGE, &[7; 8]);
        vram.write(PAGE, &zeros);
        for (addr, expected) in [(PAGE - 4, [1, 2, 3, 4, 0, 0, 0, 0]), (2 * PAGE, [0; 8])] {
            vram.read(addr, &mut bytes);
            assert_eq!(bytes, expected, "at {addr:#x}, after zeros");
        }
        vram.write(end - 4, &zeros);
        vram.read(end - 4, &mut bytes);
        assert_eq!(bytes, [0; 8], "zeros across the end");

        vram.write(PAGE - 4, &[7; 8]);
        vram.lose();
        vram.read(PAGE - 4, &mut bytes);
        assert_eq!(bytes, [0; 8], "lost");
        assert_eq!(vram.size(), end);
    }

    #[test]
    fn in_process_behaves() {
        behaves(Vram::in_process(24 << 30));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memfd")]
    fn in_memfd_behaves() {
        behaves(Vram::in_memfd(24 << 30).unwrap());
    }
}
