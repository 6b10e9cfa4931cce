// SPDX-License-Identifier: GPL-2.0

//! libos, the system under GSP-RM on the GSP's RISC-V core: it reads the memory regions that the
//! driver prepared, and writes its logs.
//!
//! Source: open-gpu-kernel-modules 570, src/common/uproc/os/common/include/libos_init_args.h and
//! `_kgspInitLibosLoggingStructures`, `kgspSetupLibosInitArgs_IMPL` in
//! src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use std::time::Duration;

use nova_hw::abi::{GspFwWprMeta, LibosMemoryRegion};
use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::{ArgumentsLayout, Release};
use zerocopy::FromBytes;

use crate::bus::machine::GuestMemory;
use crate::bus::machine::BUS_BITS;
use crate::chips::Chip;
use crate::gsp_rm::queue::QueueArguments;
use crate::gsp_rm::suspend::Started;

/// Regions that a page of arguments holds.
const REGIONS_MAX: usize = PAGE_SIZE / size_of::<LibosMemoryRegion>();

/// The regions that GSP-RM requires: three logs, and its arguments.
const LOGS: [&str; 3] = ["LOGINIT", "LOGINTR", "LOGRM"];
const ARGUMENTS: &str = "RMARGS";

/// What libos has read from its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Libos {
    /// Bus addresses of the log buffers that have a list of their pages.
    logs: Vec<u64>,
    /// Names of the log buffers that have none; nothing is written to them.
    pub(crate) unlisted: Vec<&'static str>,
    /// Bus address of GSP-RM's arguments.
    pub(crate) arguments: u64,
    /// Arguments that describe the queues.
    pub(crate) queues: QueueArguments,
    /// Whether GSP-RM is to resume from a suspend.
    pub(crate) resumes: bool,
}

/// A region's name: up to eight characters, the last one in the lowest byte.
fn id8(name: &str) -> u64 {
    name.bytes().fold(0, |id, byte| id << 8 | u64::from(byte))
}

impl Libos {
    /// Reads the regions at bus address `address`, and the arguments of GSP-RM in them, whose
    /// fields have the offsets `at`.
    pub(crate) fn start(
        memory: &dyn GuestMemory,
        at: &ArgumentsLayout,
        address: u64,
    ) -> Result<Self, String> {
        if address == 0 || address % PAGE_SIZE as u64 != 0 || address >> BUS_BITS != 0 {
            return Err(format!("libos arguments at {address:#x}"));
        }
        let bytes = memory
            .read_vec(address, PAGE_SIZE)
            .map_err(|error| format!("libos arguments: {error}"))?;
        let regions: Vec<LibosMemoryRegion> = bytes
            .chunks_exact(size_of::<LibosMemoryRegion>())
            .filter_map(|bytes| LibosMemoryRegion::read_from_bytes(bytes).ok())
            .take(REGIONS_MAX)
            .take_while(|region| region.id8 != 0)
            .collect();
        let find = |name: &str| {
            regions
                .iter()
                .find(|region| region.id8 == id8(name))
                .ok_or_else(|| format!("there is no region {name}"))
        };
        let (mut logs, mut unlisted) = (Vec::new(), Vec::new());
        for name in LOGS {
            match check_log(memory, name, find(name)?)? {
                Some(log) => logs.push(log),
                None => unlisted.push(name),
            }
        }
        let arguments = find(ARGUMENTS)?;
        check_region(ARGUMENTS, arguments)?;
        let size = at.size;
        if arguments.size < size as u64 {
            return Err(format!(
                "{ARGUMENTS} has {:#x} bytes, less than {size:#x}",
                arguments.size
            ));
        }
        let bytes = memory
            .read_vec(arguments.pa, size)
            .map_err(|error| format!("{ARGUMENTS}: {error}"))?;
        Ok(Self {
            logs,
            unlisted,
            arguments: arguments.pa,
            queues: queues(at, &bytes),
            resumes: at.in_pm_transition.read(&bytes) != Some(0),
        })
    }

    /// Writes a record into each log: the first words become the put pointer, the address of a
    /// format string, and the time.
    pub(crate) fn write_logs(
        &self,
        memory: &mut dyn GuestMemory,
        now: Duration,
    ) -> Result<(), String> {
        const FIRST: u64 = 1;
        for (index, log) in (0..).zip(&self.logs) {
            let format_string = 0x1000 + 0x10 * index;
            let words = [FIRST + 2, format_string, now.as_nanos() as u64];
            // The put pointer is written last, as libos does.
            for (at, word) in words.into_iter().enumerate().rev() {
                memory
                    .write(log + 8 * at as u64, &word.to_le_bytes())
                    .map_err(|error| format!("log: {error}"))?;
            }
        }
        Ok(())
    }
}

fn queues(at: &ArgumentsLayout, arguments: &[u8]) -> QueueArguments {
    QueueArguments {
        memory: at.queue_memory.read(arguments).unwrap_or_default(),
        pages: at.queue_pages.read(arguments).unwrap_or_default(),
        commands: at.command_queue.read(arguments).unwrap_or_default(),
        status: at.status_queue.read(arguments).unwrap_or_default(),
    }
}

/// Reads GSP-RM's arguments for a resume. The list of regions is not read again, since GSP-RM finds in
/// its own memory where everything is: nouveau has freed the list by then.
pub(crate) fn check_resume(
    memory: &dyn GuestMemory,
    at: &ArgumentsLayout,
    started: &Started,
    level: u32,
) -> Result<(), String> {
    let bytes = memory
        .read_vec(started.arguments, at.size)
        .map_err(|error| format!("{ARGUMENTS}: {error}"))?;
    if at.in_pm_transition.read(&bytes) != Some(1) {
        return Err(format!("{ARGUMENTS} do not ask for a resume"));
    }
    let found = at.resume_level.read(&bytes);
    if found != Some(level) {
        return Err(format!("a resume from {found:?}, not {level}"));
    }
    match queues(at, &bytes) {
        queues if queues == started.queues => Ok(()),
        queues => Err(format!("{queues:x?}, not {:x?}", started.queues)),
    }
}

fn check_region(name: &str, region: &LibosMemoryRegion) -> Result<(), String> {
    let LibosMemoryRegion { pa, kind, loc, .. } = *region;
    if kind != LibosMemoryRegion::KIND_CONTIGUOUS || loc != LibosMemoryRegion::LOC_SYSMEM {
        return Err(format!("{name} is of kind {kind} at location {loc}"));
    }
    if pa == 0 || pa % PAGE_SIZE as u64 != 0 || pa >> BUS_BITS != 0 {
        return Err(format!("{name} is at {pa:#x}"));
    }
    Ok(())
}

/// Checks a log buffer: it must be empty, with the addresses of its pages behind the put pointer, as
/// `_kgspInitLibosLoggingStructures` of NVIDIA's driver, nouveau and Linux's nova-core prepare it.
/// Returns its address, or nothing if it has no list of pages at all: with such buffers tinygrad
/// boots real cards.
fn check_log(
    memory: &dyn GuestMemory,
    name: &str,
    region: &LibosMemoryRegion,
) -> Result<Option<u64>, String> {
    check_region(name, region)?;
    let pages = region.size / PAGE_SIZE as u64;
    if pages == 0 || region.size % PAGE_SIZE as u64 != 0 || pages >= (PAGE_SIZE / 8) as u64 {
        return Err(format!("{name} has {:#x} bytes", region.size));
    }
    let read = |at: u64| {
        memory
            .read_u64(region.pa + at)
            .map_err(|error| format!("{name}: {error}"))
    };
    let put = read(0)?;
    if put != 0 {
        return Err(format!("{name} starts with put pointer {put:#x}"));
    }
    let list = (0..pages).map(|page| read(8 + 8 * page));
    let list = list.collect::<Result<Vec<_>, _>>()?;
    if list.iter().all(|&page| page == 0) {
        return Ok(None);
    }
    for (page, found) in (0..).zip(list) {
        let expected = region.pa + page * PAGE_SIZE as u64;
        if found != expected {
            return Err(format!(
                "page {page} of {name} is {found:#x}, not {expected:#x}"
            ));
        }
    }
    Ok(Some(region.pa))
}

/// Checks the size of GSP-RM's heap.
pub(crate) fn check_heap(
    chip: &Chip,
    release: &Release,
    meta: &GspFwWprMeta,
) -> Result<(), String> {
    let libos = match (chip.chipset, chip.chipset.arch()) {
        (Chipset::GA100, _) | (_, Architecture::Turing) => &release.heap.libos2,
        _ => &release.heap.libos3,
    };
    let size = meta.gsp_fw_heap_size;
    match (libos.min..=libos.max).contains(&size) {
        true => Ok(()),
        false => Err(format!("the heap has {size:#x} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;
    use crate::machine::in_process::Arena;
    use nova_hw::release::RELEASES;
    use zerocopy::IntoBytes;

    /// The newest release's arguments.
    const AT: &ArgumentsLayout = &RELEASES[0].arguments;

    const LOG_PAGES: u64 = 2;

    fn region(name: &str, pa: u64, size: u64) -> LibosMemoryRegion {
        LibosMemoryRegion {
            id8: id8(name),
            pa,
            size,
            kind: LibosMemoryRegion::KIND_CONTIGUOUS,
            loc: LibosMemoryRegion::LOC_SYSMEM,
            ..LibosMemoryRegion::default()
        }
    }

    /// Regions as a driver prepares them.
    fn regions(memory: &mut Arena) -> Vec<LibosMemoryRegion> {
        let size = LOG_PAGES * PAGE_SIZE as u64;
        let mut regions = Vec::new();
        for name in LOGS {
            let log = memory.place(&vec![0; size as usize]);
            for page in 0..LOG_PAGES {
                let entry = (log + page * PAGE_SIZE as u64).to_le_bytes();
                memory.write(log + 8 + 8 * page, &entry).unwrap();
            }
            regions.push(region(name, log, size));
        }
        let mut arguments = vec![0; AT.size];
        AT.command_queue.write(&mut arguments, &0x1000);
        let arguments = memory.place(&arguments);
        regions.push(region(ARGUMENTS, arguments, PAGE_SIZE as u64));
        regions
    }

    /// Starts libos with regions after a change.
    fn start(
        change: impl FnOnce(&mut Arena, &mut Vec<LibosMemoryRegion>),
    ) -> Result<Libos, String> {
        let mut memory = Arena::new();
        let mut regions = regions(&mut memory);
        change(&mut memory, &mut regions);
        let address = memory.place(regions.as_bytes());
        Libos::start(&memory, AT, address)
    }

    #[test]
    fn names_are_read_from_the_last_byte() {
        assert_eq!(id8("RMARGS"), 0x524d_4152_4753);
    }

    #[test]
    fn arguments_are_found_and_logs_are_written() {
        let mut memory = Arena::new();
        let regions = regions(&mut memory);
        let address = memory.place(regions.as_bytes());
        let libos = Libos::start(&memory, AT, address).unwrap();
        assert_eq!(libos.queues.commands, 0x1000);
        assert!(!libos.resumes);
        libos
            .write_logs(&mut memory, Duration::from_nanos(7))
            .unwrap();
        assert_eq!(memory.read_u64(regions[2].pa), Ok(3));
        assert_eq!(memory.read_u64(regions[2].pa + 16), Ok(7));
    }

    /// As tinygrad's driver leaves them, which boots GA102, AD102 and GB202 cards.
    #[test]
    fn logs_without_a_list_of_pages_are_left_alone() {
        let mut memory = Arena::new();
        let regions = regions(&mut memory);
        for log in &regions[..3] {
            memory.write(log.pa + 8, &[0; 8 * 2]).unwrap();
        }
        let address = memory.place(regions.as_bytes());
        let libos = Libos::start(&memory, AT, address).unwrap();
        assert_eq!(libos.unlisted, LOGS);
        libos.write_logs(&mut memory, Duration::ZERO).unwrap();
        assert_eq!(memory.read_u64(regions[2].pa), Ok(0));
    }

    #[test]
    fn regions_that_are_missing_or_wrong_are_refused() {
        assert!(start(|_, _| {}).is_ok());
        assert!(start(|_, regions| regions.truncate(3)).is_err());
        assert!(start(|_, regions| regions.rotate_left(1)).is_ok());
        assert!(start(|_, regions| regions[0].id8 = 0).is_err());
        assert!(start(|_, regions| regions[0].kind = LibosMemoryRegion::KIND_RADIX3).is_err());
        assert!(start(|_, regions| regions[3].loc = LibosMemoryRegion::LOC_FB).is_err());
        assert!(start(|_, regions| regions[1].pa += 8).is_err());
        assert!(start(|_, regions| regions[1].pa = 0xdead_0000).is_err());
        assert!(start(|_, regions| regions[1].size -= 1).is_err());
        assert!(start(|_, regions| regions[1].size = 0).is_err());
        assert!(start(|_, regions| regions[3].size = 71).is_err());
        assert!(start(|memory, regions| memory.write(regions[2].pa, &[1]).unwrap()).is_err());
        assert!(start(|memory, regions| memory.write(regions[2].pa + 17, &[1]).unwrap()).is_err());
    }

    #[test]
    fn arguments_must_be_where_the_mailboxes_say() {
        let memory = Arena::new();
        for address in [0, 0x800, 1 << 47, 0xdead_0000] {
            assert!(Libos::start(&memory, AT, address).is_err(), "{address:#x}");
        }
    }

    #[test]
    fn a_resume_names_the_level_and_the_same_queues() {
        let check = |change: fn(&mut Vec<u8>)| {
            let mut arguments = vec![0; AT.size];
            AT.command_queue.write(&mut arguments, &0x1000);
            AT.in_pm_transition.write(&mut arguments, &1);
            AT.resume_level.write(&mut arguments, &3);
            change(&mut arguments);
            let mut memory = Arena::new();
            let started = Started {
                arguments: memory.place(&arguments),
                queues: QueueArguments {
                    commands: 0x1000,
                    ..QueueArguments::default()
                },
            };
            check_resume(&memory, AT, &started, 3)
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert!(check(|it| AT.in_pm_transition.write(it, &0)).is_err());
        assert!(check(|it| AT.resume_level.write(it, &0)).is_err());
        assert!(check(|it| AT.command_queue.write(it, &0x2000)).is_err());
        let nowhere = Started::default();
        assert!(check_resume(&Arena::new(), AT, &nowhere, 3).is_err());
    }

    #[test]
    fn the_heap_has_bounds() {
        let heap = |gsp_fw_heap_size| {
            let meta = GspFwWprMeta {
                gsp_fw_heap_size,
                ..GspFwWprMeta::default()
            };
            check_heap(by_name("ga102").unwrap(), RELEASES[0], &meta)
        };
        assert!(heap(128 << 20).is_ok());
        assert!(heap(1 << 20).is_err());
        assert!(heap(1 << 30).is_err());
    }
}
