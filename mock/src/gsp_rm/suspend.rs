// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM saves when it is suspended: parts of the frame buffer, to memory of the driver. What is
//! in WPR2 is saved by others: [`programs::suspend`](crate::programs::suspend).

use nova_hw::abi::GspFwWprMeta;
use nova_hw::gsp::PAGE_SIZE;

use super::queue::QueueArguments;
use super::resource::MemoryList;

const PAGE: u64 = PAGE_SIZE as u64;

/// A part of the frame buffer, and where it is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its first byte.
    pub(crate) video: u64,
    /// The first byte of the memory for it.
    pub(crate) at: u64,
    pub(crate) len: u64,
}

/// How many regions a driver may announce, and in how many pieces they may be; the model's own value.
/// nouveau has a few hundred: one for each of its buffers of instance memory.
const REGIONS_MAX: u32 = 0x1_0000;

/// The memory to which a suspend saves the frame buffer, and what it saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    memory: MemoryList,
    /// Where GSP-RM's own regions begin.
    own_at: u64,
    /// Number of regions that the driver names, if it does that.
    announced: Option<u32>,
    /// Number of regions that it has named, and of their bytes.
    named: u32,
    bytes: u64,
    regions: Vec<Region>,
    /// Bus address of the metadata of the suspend, or 0 if the release does not name it.
    pub(crate) metadata: u64,
}

impl Backup {
    pub(crate) fn new(
        memory: &MemoryList,
        own_at: u64,
        announced: Option<u32>,
        metadata: u64,
    ) -> Result<Self, String> {
        if let Some(announced) = announced.filter(|&number| number > REGIONS_MAX) {
            return Err(format!("{announced} regions to save"));
        }
        Ok(Self {
            memory: memory.clone(),
            own_at,
            announced,
            named: 0,
            bytes: 0,
            regions: Vec::new(),
            metadata,
        })
    }

    /// Adds a region: `len` bytes from byte `from` of `video` on, which go to byte `at`.
    pub(crate) fn add(
        &mut self,
        video: &MemoryList,
        from: u64,
        at: u64,
        len: u64,
    ) -> Result<(), String> {
        if self.named >= self.announced.unwrap_or(0) {
            return Err(format!("a region more than the {} announced", self.named));
        }
        let fits = |first: u64, room: u64| first.checked_add(len).is_some_and(|end| end <= room);
        if !fits(from, video.len) || !fits(at, self.memory.len) {
            return Err(format!("{len:#x} bytes from {from:#x} on, to {at:#x}"));
        }
        self.bytes = self.bytes.saturating_add(len);
        if self.bytes > self.memory.len {
            let bytes = self.bytes;
            return Err(format!(
                "{bytes:#x} bytes, to memory of {:#x}",
                self.memory.len
            ));
        }
        let mut done = 0;
        while done < len {
            let offset = from + done;
            let Some((byte, room)) = video.at(offset) else {
                return Err(format!("byte {offset:#x} is in no page"));
            };
            let part = room.min(len - done);
            let region = Region {
                video: byte,
                at: at + done,
                len: part,
            };
            let pieces = self.regions.len();
            match self.regions.last_mut() {
                Some(last)
                    if done > 0
                        && last.video + last.len == region.video
                        && last.at + last.len == region.at =>
                {
                    last.len += part;
                }
                _ if pieces >= REGIONS_MAX as usize => {
                    return Err(format!("more than {REGIONS_MAX} pieces"));
                }
                _ => self.regions.push(region),
            }
            done += part;
        }
        self.named += 1;
        Ok(())
    }

    /// All regions: those that the driver has named, and GSP-RM's own. These are the VGA workspace
    /// and, in a release where the driver names none, the heap outside of WPR2; nouveau's sizes follow
    /// from this, and the order is the model's choice.
    pub(crate) fn regions(&self, meta: &GspFwWprMeta) -> Result<Vec<Region>, String> {
        if let Some(announced) = self.announced.filter(|&number| number != self.named) {
            let named = self.named;
            return Err(format!(
                "{named} regions to save, {announced} were announced"
            ));
        }
        let heap = (meta.non_wpr_heap_offset, meta.non_wpr_heap_size);
        let workspace = (meta.vga_workspace_offset, meta.vga_workspace_size);
        let own = [
            Some(heap).filter(|_| self.announced.is_none()),
            Some(workspace),
        ];
        let mut regions = self.regions.clone();
        let mut at = self.own_at;
        for (video, len) in own.into_iter().flatten() {
            regions.push(Region { video, at, len });
            at = at.saturating_add(len);
        }
        if at > self.memory.len {
            let len = self.memory.len;
            return Err(format!("{at:#x} bytes to save, to memory of {len:#x}"));
        }
        // Booter and the FMC save WPR2.
        let is_elsewhere = |region: &&Region| {
            let end = region.video.saturating_add(region.len);
            let is_in_wpr2 = region.video < meta.gsp_fw_wpr_end && meta.gsp_fw_wpr_start < end;
            end > meta.fb_size || is_in_wpr2
        };
        match regions.iter().find(is_elsewhere) {
            Some(region) => Err(format!(
                "{region:x?} is in WPR2, or not in the frame buffer"
            )),
            None => Ok(regions),
        }
    }
}

/// A suspend that GSP-RM has agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspend {
    /// The power level, which the resume has to name.
    pub(crate) level: u32,
    /// What is saved.
    pub(crate) regions: Vec<Region>,
    /// To where.
    pub(crate) memory: MemoryList,
    /// Bus address of the metadata, or 0 if the release does not name it.
    pub(crate) metadata: u64,
}

impl Suspend {
    pub(crate) fn new(backup: &Backup, meta: &GspFwWprMeta, level: u32) -> Result<Self, String> {
        Ok(Self {
            level,
            regions: backup.regions(meta)?,
            memory: backup.memory.clone(),
            metadata: backup.metadata,
        })
    }

    /// The pieces of all regions that are in one page: byte of the frame buffer, bus address, and
    /// number of bytes.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (u64, u64, usize)> + '_ {
        self.regions.iter().flat_map(move |region| {
            let end = region.at + region.len;
            let starts = (region.at / PAGE..end.div_ceil(PAGE)).map(|page| page * PAGE);
            starts.filter_map(move |start| {
                let from = start.max(region.at);
                let (system, room) = self.memory.at(from)?;
                let video = region.video + (from - region.at);
                Some((video, system, room.min(end - from) as usize))
            })
        })
    }
}

/// How GSP-RM was started, which it needs to resume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Started {
    /// Bus address of its arguments.
    pub(crate) arguments: u64,
    pub(crate) queues: QueueArguments,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gsp_rm::resource::Pages;

    #[test]
    fn regions_are_copied_page_by_page() {
        let suspend = Suspend {
            level: 3,
            regions: vec![
                Region {
                    video: 0x10_0800,
                    at: 0x800,
                    len: 0x1000,
                },
                Region {
                    video: 0x20_0000,
                    at: 0x1800,
                    len: 0x100,
                },
            ],
            memory: MemoryList {
                is_video: false,
                len: 2 * PAGE,
                pages: Pages::Listed(vec![0x7000, 0x3000]),
            },
            metadata: 0,
        };
        let pieces: Vec<_> = suspend.pieces().collect();
        let expected = [
            (0x10_0800, 0x7800, 0x800),
            (0x10_1000, 0x3000, 0x800),
            (0x20_0000, 0x3800, 0x100),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn memory_of_the_frame_buffer_may_be_in_pieces() {
        let memory = |is_video, pages: Vec<u64>| MemoryList {
            is_video,
            len: PAGE * pages.len() as u64,
            pages: Pages::Listed(pages),
        };
        let system = memory(false, vec![0x7000, 0x3000, 0x9000]);
        let mut backup = Backup::new(&system, 0, Some(2), 0).unwrap();
        let video = memory(true, vec![0x10_0000, 0x10_1000, 0x20_0000]);
        backup.add(&video, 0x800, 0, 0x2000).unwrap();
        let region = |video, at, len| Region { video, at, len };
        let expected = [
            region(0x10_0800, 0, 0x1800),
            region(0x20_0000, 0x1800, 0x800),
        ];
        assert_eq!(backup.regions, expected);
        assert!(backup.add(&video, u64::MAX, 0, 2).is_err());
        assert!(backup.add(&video, 0, 0, 0x1001).is_err(), "more than fits");
        let mut backup = Backup::new(&system, 0, Some(2), 0).unwrap();
        backup.add(&video, 0, 0, 1).unwrap();
        backup.add(&video, 0, 0, 1).unwrap();
        assert!(backup.add(&video, 0, 0, 1).is_err(), "a third");
        assert!(Backup::new(&system, 0, Some(REGIONS_MAX + 1), 0).is_err());
    }

    #[test]
    fn the_memory_must_have_room_for_gsp_rm_s_regions() {
        let backup = |pages| {
            let memory = MemoryList {
                is_video: false,
                len: PAGE * pages,
                pages: Pages::From(0x7000),
            };
            Backup::new(&memory, 0, None, 0).unwrap()
        };
        let meta = GspFwWprMeta {
            fb_size: 0x100_0000,
            non_wpr_heap_offset: 0x80_0000,
            non_wpr_heap_size: 0x3000,
            vga_workspace_offset: 0xff_f000,
            vga_workspace_size: 0x1000,
            ..GspFwWprMeta::default()
        };
        let regions = backup(4).regions(&meta).unwrap();
        let ends: Vec<u64> = regions
            .iter()
            .map(|region| region.at + region.len)
            .collect();
        assert_eq!(ends, [0x3000, 0x4000]);
        assert!(backup(3).regions(&meta).is_err());
        let outside = GspFwWprMeta {
            fb_size: 0xff_ffff,
            ..meta
        };
        assert!(backup(4).regions(&outside).is_err());
        let in_wpr2 = GspFwWprMeta {
            gsp_fw_wpr_start: 0x80_2000,
            gsp_fw_wpr_end: 0x90_0000,
            ..meta
        };
        assert!(backup(4).regions(&in_wpr2).is_err());
    }
}
