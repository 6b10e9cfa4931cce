// SPDX-License-Identifier: GPL-2.0

//! Serves the card over a socket to QEMU's `vfio-user-pci`.
//!
//! Source: vfio-user specification 0.9.2 (QEMU, docs/interop/vfio-user.rst); Linux, linux/vfio.h.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{mpsc, Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vfio_bindings::bindings::vfio::{
    vfio_region_info, VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TYPE_MASK,
    VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

use crate::bus::config::{self, msi_vectors, Effect};
use crate::bus::machine::{GuestMemory, InterruptSink, Unmapped};
use crate::chips::Chip;
use crate::gpu::Gpu;
use crate::machine::control;
use crate::machine::intx::{self, Intx};

/// The longest sleep of the thread that advances the card's time; the model's own value.
const IDLE: Duration = Duration::from_secs(1);

/// A part of the guest's memory.
#[derive(Debug)]
struct Mapping {
    file: File,
    offset: u64,
    size: u64,
}

/// The guest: its memory, as QEMU passes it over, and its interrupts.
#[derive(Debug, Default)]
pub struct Guest {
    mappings: BTreeMap<u64, Mapping>,
    msi: Option<File>,
    intx: Intx,
}

impl Guest {
    /// The file that maps bus address `addr`, the offset in it, and the bytes to the mapping's end.
    fn find(&self, addr: u64) -> Option<(&File, u64, u64)> {
        let (start, mapping) = self.mappings.range(..=addr).next_back()?;
        let at = addr - start;
        let left = mapping.size.checked_sub(at).filter(|left| *left > 0)?;
        Some((&mapping.file, mapping.offset + at, left))
    }

    /// Calls `access` for each part of `len` bytes at `addr` that lies in one file.
    fn for_parts(
        &self,
        addr: u64,
        len: usize,
        mut access: impl FnMut(&File, u64, std::ops::Range<usize>) -> io::Result<()>,
    ) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < len {
            let addr = addr.wrapping_add(done as u64);
            let unmapped = Unmapped { addr };
            let (file, offset, left) = self.find(addr).ok_or(unmapped)?;
            let part = (len - done).min(usize::try_from(left).unwrap_or(usize::MAX));
            access(file, offset, done..done + part).map_err(|error| {
                tracing::error!("guest memory at {addr:#x}: {error}");
                unmapped
            })?;
            done += part;
        }
        Ok(())
    }
}

impl GuestMemory for Guest {
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        self.for_parts(addr, into.len(), |file, offset, range| {
            file.read_exact_at(&mut into[range], offset)
        })
    }

    fn write(&mut self, addr: u64, from: &[u8]) -> Result<(), Unmapped> {
        self.for_parts(addr, from.len(), |file, offset, range| {
            file.write_all_at(&from[range], offset)
        })
    }
}

impl InterruptSink for Guest {
    fn interrupt(&mut self) {
        // Without an eventfd the guest has not enabled the interrupt.
        if let Some(msi) = &self.msi {
            if let Err(error) = intx::signal(msi) {
                tracing::error!("MSI: {error}");
            }
        }
    }

    fn set_pin(&mut self, is_asserted: bool) {
        self.intx.set_pin(is_asserted);
    }
}

/// The card, the start of its clock, and the condition that wakes the thread that advances its
/// time.
struct Shared {
    card: Mutex<Gpu<Guest>>,
    since: Instant,
    wake: Condvar,
}

impl Shared {
    /// The card, with its time advanced to now.
    fn card(&self) -> MutexGuard<'_, Gpu<Guest>> {
        let mut card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        card.advance(self.since.elapsed());
        card
    }

    /// Accesses the card, and wakes the thread that advances its time, since the next event may
    /// have changed.
    fn access<T>(&self, access: impl FnOnce(&mut Gpu<Guest>) -> T) -> T {
        let mut card = self.card();
        let before = card.next_event();
        let result = access(&mut card);
        if card.next_event() != before {
            self.wake.notify_one();
        }
        result
    }

    /// Advances the card's time for ever.
    fn run(&self) -> ! {
        loop {
            let card = self.card();
            let now = card.now();
            let idle = card
                .next_event()
                .map_or(IDLE, |next| next.saturating_sub(now).min(IDLE));
            drop(self.wake.wait_timeout(card, idle));
        }
    }
}

/// The handler of QEMU's requests.
struct Backend(Arc<Shared>);

/// The part of the card that a region shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Config,
    Registers,
    Bar1,
    Bar2,
}

/// The part of the card that the region with this index shows, and its size.
fn window(card: &Gpu<Guest>, region: u32) -> Option<(Window, u64)> {
    if region == VFIO_PCI_CONFIG_REGION_INDEX {
        return Some((Window::Config, config::SIZE as u64));
    }
    let windows = [Window::Registers, Window::Bar1, Window::Bar2];
    let mut windows = windows.into_iter().zip(card.config().bars());
    windows.find_map(|(window, bar)| (bar.index == region as usize).then_some((window, bar.size)))
}

/// As [`window`], at an access, without the size.
fn accessed(card: &Gpu<Guest>, region: u32) -> Option<Window> {
    window(card, region).map(|(window, _)| window)
}

/// Calls `word` for each aligned register that `len` bytes at `offset` touch: its offset, the range
/// of its bytes, and the range of the access.
fn for_registers(
    offset: u64,
    len: usize,
    mut word: impl FnMut(u32, std::ops::Range<usize>, std::ops::Range<usize>),
) {
    let mut done = 0;
    while done < len {
        let at = offset + done as u64;
        let (register, within) = ((at & !3) as u32, (at & 3) as usize);
        let part = (4 - within).min(len - done);
        word(register, within..within + part, done..done + part);
        done += part;
    }
}

/// Writes to configuration space, and restores it after a reset.
///
/// The client expects what VFIO does: the host's kernel saves and restores the space around a reset
/// (`vfio_exp_config_write` in Linux, drivers/vfio/pci/vfio_pci_config.c). The base addresses that
/// the guest sees are the client's.
fn write_config(card: &mut Gpu<Guest>, offset: usize, data: &[u8]) {
    let before = card.config().clone();
    if card.write_config(offset, data) == Effect::Reset {
        card.restore_config(before);
    }
}

impl Backend {
    /// Unmasks INTx each time that `unmask` is signalled, until the client takes that back.
    fn unmask_by(&self, unmask: File) {
        let unmask = Arc::new(unmask);
        self.with_intx(|intx| intx.set_unmask(Some(Arc::clone(&unmask))));
        let backend = Self(Arc::clone(&self.0));
        std::thread::spawn(move || {
            let mut is_current = true;
            while is_current {
                if let Err(error) = intx::wait(&unmask) {
                    return tracing::error!("INTx: {error}");
                }
                is_current = backend.with_intx(|intx| intx.unmask_by(&unmask));
            }
        });
    }

    fn with_intx<T>(&self, act: impl FnOnce(&mut Intx) -> T) -> T {
        self.0.access(|card| act(&mut card.machine_mut().intx))
    }
}

impl ServerBackend for Backend {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        self.0.access(|card| match accessed(card, region) {
            Some(Window::Config) => card.read_config(offset as usize, data),
            Some(Window::Registers) => {
                for_registers(offset, data.len(), |register, bytes, access| {
                    let word = card.read32(register).to_le_bytes();
                    data[access].copy_from_slice(&word[bytes]);
                });
            }
            Some(Window::Bar1) => card.read_bar1(offset, data),
            Some(Window::Bar2) => card.read_bar2(offset, data),
            None => data.fill(0xff),
        });
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.access(|card| match accessed(card, region) {
            Some(Window::Config) => write_config(card, offset as usize, data),
            Some(Window::Registers) => {
                for_registers(offset, data.len(), |register, bytes, access| {
                    // Registers are written whole: byte enables are not modelled.
                    let mut word = [0; 4];
                    word[bytes].copy_from_slice(&data[access]);
                    card.write32(register, u32::from_le_bytes(word));
                });
            }
            Some(Window::Bar1) => card.write_bar1(offset, data),
            Some(Window::Bar2) => card.write_bar2(offset, data),
            None => {}
        });
        Ok(())
    }

    fn dma_map(
        &mut self,
        _flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        tracing::debug!(
            "guest memory {address:#x} + {size:#x}, file: {}",
            fd.is_some()
        );
        // Memory without a file (ROM, other devices) cannot be accessed.
        if let Some(file) = fd {
            let mapping = Mapping { file, offset, size };
            self.0
                .access(|card| card.machine_mut().mappings.insert(address, mapping));
        }
        Ok(())
    }

    fn dma_unmap(&mut self, _flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        let end = address.saturating_add(size);
        self.0.access(|card| {
            card.machine_mut()
                .mappings
                .retain(|start, mapping| *start >= end || start + mapping.size <= address);
        });
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.0.access(|card| {
            let config = card.config().clone();
            card.reset();
            card.restore_config(config);
        });
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        _start: u32,
        count: u32,
        mut fds: Vec<File>,
    ) -> io::Result<()> {
        let has_file = flags & VFIO_IRQ_SET_DATA_EVENTFD != 0 && count > 0;
        let file = fds.pop().filter(|_| has_file);
        match (index, flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) {
            (VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER) => {
                tracing::debug!("MSI enabled: {}", file.is_some());
                self.0.access(|card| card.machine_mut().msi = file);
            }
            (VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER) => {
                self.with_intx(|intx| intx.set_trigger(file));
            }
            (VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_MASK) => self.with_intx(Intx::mask),
            (VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK) => match file {
                Some(file) => self.unmask_by(file),
                None if has_file => self.with_intx(|intx| intx.set_unmask(None)),
                None => self.with_intx(Intx::unmask),
            },
            _ => {}
        }
        Ok(())
    }
}

/// The card's regions: BARs and configuration space. Each access is a request to the card.
fn regions(card: &Gpu<Guest>) -> Vec<ServerRegion> {
    (0..VFIO_PCI_NUM_REGIONS)
        .map(|index| {
            let window = window(card, index);
            let size = window.map_or(0, |(_, size)| size);
            let mut region = ServerRegion {
                region_info: vfio_region_info {
                    argsz: size_of::<vfio_region_info>() as u32,
                    index,
                    size,
                    ..Default::default()
                },
                sparse_areas: Vec::new(),
                mmap_fd: None,
            };
            if size != 0 {
                region.region_info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
            }
            region
        })
        .collect()
}

fn irqs(chip: &Chip) -> Vec<IrqInfo> {
    (0..VFIO_PCI_NUM_IRQS)
        .map(|index| IrqInfo {
            index,
            flags: match index {
                VFIO_PCI_INTX_IRQ_INDEX => {
                    VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
                }
                _ => VFIO_IRQ_INFO_EVENTFD,
            },
            count: match index {
                VFIO_PCI_INTX_IRQ_INDEX => 1,
                VFIO_PCI_MSI_IRQ_INDEX => msi_vectors(chip),
                _ => 0,
            },
        })
        .collect()
}

/// Serves the card at `socket` to one client, until the client disconnects or `stop` returns, and
/// then calls `seen` with the card. Clients of `control` may inject faults meanwhile.
pub fn serve(
    card: Gpu<Guest>,
    socket: &Path,
    control: Option<UnixListener>,
    stop: impl FnOnce() + Send + 'static,
    seen: impl FnOnce(&mut Gpu<Guest>),
) -> Result<(), vfio_user::Error> {
    serve_since(Instant::now(), card, socket, control, stop, seen)
}

/// As [`serve`], with the card's clock started at `since`.
fn serve_since(
    since: Instant,
    card: Gpu<Guest>,
    socket: &Path,
    control: Option<UnixListener>,
    stop: impl FnOnce() + Send + 'static,
    seen: impl FnOnce(&mut Gpu<Guest>),
) -> Result<(), vfio_user::Error> {
    const RESETTABLE: bool = true;
    let server = Server::new(socket, RESETTABLE, irqs(card.chip()), regions(&card))?;
    let shared = Arc::new(Shared {
        card: Mutex::new(card),
        since,
        wake: Condvar::new(),
    });
    let (ended, end) = mpsc::channel();
    let stopped = ended.clone();
    // The threads are not joined: they may block in the client's socket for ever.
    std::thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.run()
    });
    if let Some(listener) = control {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            control::serve(&listener, |line| {
                shared.access(|card| control::obey(card, line))
            });
        });
    }
    std::thread::spawn({
        let mut backend = Backend(Arc::clone(&shared));
        move || drop(ended.send(server.run(&mut backend)))
    });
    std::thread::spawn(move || {
        stop();
        drop(stopped.send(Ok(())));
    });
    let result = end.recv().unwrap_or(Ok(()));
    seen(&mut shared.card());
    // The server removes its socket itself, except while it still waits for a client.
    if let Err(error) = std::fs::remove_file(socket) {
        tracing::debug!("{}: {error}", socket.display());
    }
    result
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use std::io::{Read, Write};

    use crate::chips::CHIPS;
    use crate::faults::Faults;
    use crate::fuses::Fuses;
    use crate::gpu::Setup;
    use crate::gsp_rm::notice::Notice;
    use crate::gsp_rm::queue::driver::{self, Driver};
    use crate::gsp_rm::queue::PAYLOAD_MAX;
    use crate::gsp_rm::GspRm;
    use crate::images::firmware::Firmwares;
    use crate::images::synthetic;
    use crate::trace::Trace;
    use crate::vram::Vram;
    use nova_hw::gsp::PAGE_SIZE;
    use nova_hw::regs::intr::{CpuIntrLeaf, CpuIntrLeafEnSet, CpuIntrLeafTrigger, CpuIntrTopEnSet};
    use nova_hw::release::RELEASES;
    use vfio_bindings::bindings::vfio::VFIO_IRQ_SET_DATA_NONE;
    use vfio_user::Client;

    fn memory(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn guest_memory_is_found_across_mappings() {
        let mut guest = Guest::default();
        for (address, bytes, offset) in [(0x1000, [1; 0x1000], 0), (0x2000, [2; 0x1000], 0x800)] {
            let mapping = Mapping {
                file: memory(&bytes),
                offset,
                size: 0x800 + (0x800 - offset),
            };
            guest.mappings.insert(address, mapping);
        }
        let mut bytes = [0; 4];
        guest.read(0x1ffe, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 1, 2, 2]);
        guest.write(0x27fe, &[7, 8]).unwrap();
        guest.read(0x27fc, &mut bytes).unwrap();
        assert_eq!(bytes, [2, 2, 7, 8]);
        assert_eq!(
            guest.read(0x27fe, &mut bytes),
            Err(Unmapped { addr: 0x2800 })
        );
        assert_eq!(guest.read(0xfff, &mut bytes), Err(Unmapped { addr: 0xfff }));
        assert_eq!(
            guest.read(u64::MAX, &mut bytes),
            Err(Unmapped { addr: u64::MAX })
        );
    }

    fn card(machine: Guest) -> Gpu<Guest> {
        let chip = &CHIPS[0];
        card_with(Vram::in_process(chip.vram), None, machine)
    }

    fn card_with(vram: Vram, bar1: Option<u64>, machine: Guest) -> Gpu<Guest> {
        let chip = &CHIPS[0];
        let setup = Setup {
            chip,
            vram,
            bar1,
            firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        Gpu::new(setup, machine).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn bar1_has_its_size_whatever_the_frame_buffers_is() {
        const VRAM: u64 = 512 << 20;
        for bar1 in [64 << 20, VRAM, 64 << 40] {
            let card = card_with(Vram::in_memfd(VRAM).unwrap(), Some(bar1), Guest::default());
            let region = &regions(&card)[1];
            assert_eq!(region.region_info.size, bar1);
            assert!(region.mmap_fd.is_none(), "each access reaches the card");
        }
    }

    /// An eventfd like those of QEMU, which do not block.
    fn eventfd() -> File {
        use rustix::event::{eventfd, EventfdFlags};
        eventfd(0, EventfdFlags::NONBLOCK).unwrap().into()
    }

    /// How often an eventfd was signalled since the last call.
    fn count(mut file: &File) -> u64 {
        let mut count = [0; 8];
        match file.read_exact(&mut count) {
            Ok(()) => u64::from_ne_bytes(count),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                0
            }
        }
    }

    /// Waits until an eventfd is signalled.
    #[track_caller]
    fn wait_for(file: &File) {
        let start = Instant::now();
        while count(file) == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "not signalled");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client of a card.
    struct Connected {
        client: Client,
        _folder: tempfile::TempDir,
    }

    impl Connected {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("socket");
            let path = socket.clone();
            let park = || loop {
                std::thread::park();
            };
            let card = card(Guest::default());
            std::thread::spawn(move || serve(card, &path, None, park, |_| {}));
            while !socket.exists() {
                std::thread::yield_now();
            }
            let client = Client::new(&socket).unwrap();
            Self {
                client,
                _folder: folder,
            }
        }

        fn set(&mut self, offset: u32, value: u32) {
            let bytes = value.to_le_bytes();
            self.client.region_write(0, offset.into(), &bytes).unwrap();
        }

        fn set_config(&mut self, offset: u64, byte: u8) {
            self.client
                .region_write(VFIO_PCI_CONFIG_REGION_INDEX, offset, &[byte])
                .unwrap();
        }

        fn intx(&mut self, flags: u32, file: Option<&File>) {
            let files: Vec<_> = file.map(AsRawFd::as_raw_fd).into_iter().collect();
            let index = VFIO_PCI_INTX_IRQ_INDEX;
            self.client.set_irqs(index, flags, 0, 1, &files).unwrap();
        }

        /// Enables vector 5 of the interrupt tree.
        fn enable(&mut self) {
            self.set(CpuIntrLeafEnSet::OFFSET, 1 << 5);
            self.set(CpuIntrTopEnSet::OFFSET, 1);
        }

        fn raise(&mut self) {
            self.set(CpuIntrLeafTrigger::OFFSET, 5);
        }

        fn clear(&mut self) {
            self.set(CpuIntrLeaf::OFFSET, 1 << 5);
        }
    }

    const TRIGGER: u32 = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
    const MASK: u32 = VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE;
    const UNMASK: u32 = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE;

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without sockets")]
    fn intx_is_told_once_until_the_client_unmasks_it() {
        let mut card = Connected::new();
        let info = card.client.get_irq_info(VFIO_PCI_INTX_IRQ_INDEX).unwrap();
        // By eventfd, maskable, and masked when it was told.
        assert_eq!((info.flags, info.count), (0b111, 1));
        card.enable();
        card.raise();
        let trigger = eventfd();
        card.intx(TRIGGER, Some(&trigger));
        assert_eq!(count(&trigger), 1, "asserted before");
        card.clear();
        card.raise();
        assert_eq!(count(&trigger), 0, "masked");
        card.intx(UNMASK, None);
        assert_eq!(count(&trigger), 1, "still asserted");
        card.clear();
        card.intx(UNMASK, None);
        assert_eq!(count(&trigger), 0, "quiet");
        card.raise();
        assert_eq!(count(&trigger), 1);
        card.clear();
        card.intx(UNMASK, None);
        card.intx(MASK, None);
        card.raise();
        assert_eq!(count(&trigger), 0, "masked by the client");
        card.intx(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, None);
        card.intx(UNMASK, None);
        assert_eq!(count(&trigger), 0, "taken back");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without sockets")]
    fn a_card_has_msi_or_intx() {
        let mut card = Connected::new();
        let (msi, trigger) = (eventfd(), eventfd());
        card.client
            .set_irqs(VFIO_PCI_MSI_IRQ_INDEX, TRIGGER, 0, 1, &[msi.as_raw_fd()])
            .unwrap();
        card.intx(TRIGGER, Some(&trigger));
        card.enable();
        // Bus mastering, and the enable bit of MSI.
        card.set_config(0x04, 0x06);
        card.set_config(0x6a, 0x81);
        card.raise();
        assert_eq!((count(&msi), count(&trigger)), (1, 0));
        card.set_config(0x6a, 0x80);
        assert_eq!((count(&msi), count(&trigger)), (0, 1));
        card.client.reset().unwrap();
        card.enable();
        card.intx(UNMASK, None);
        assert_eq!((count(&msi), count(&trigger)), (0, 0), "reset");
        // Interrupt disable.
        card.set_config(0x05, 0x04);
        card.raise();
        assert_eq!((count(&msi), count(&trigger)), (0, 0));
        card.set_config(0x05, 0x00);
        assert_eq!((count(&msi), count(&trigger)), (0, 1));
    }

    /// KVM unmasks the pin by an eventfd.
    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without sockets")]
    fn intx_is_unmasked_by_an_eventfd() {
        const BY: u32 = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD;
        let mut card = Connected::new();
        let (trigger, unmask) = (eventfd(), eventfd());
        card.intx(TRIGGER, Some(&trigger));
        card.intx(BY, Some(&unmask));
        card.enable();
        card.raise();
        for _ in 0..3 {
            wait_for(&trigger);
            assert_eq!(count(&trigger), 0, "masked");
            intx::signal(&unmask).unwrap();
        }
        wait_for(&trigger);
        let other = eventfd();
        card.intx(BY, Some(&other));
        intx::signal(&other).unwrap();
        wait_for(&trigger);
    }

    /// A card whose GSP-RM has more messages than fit into the status queue of a driver that reads
    /// none.
    fn card_without_room() -> Gpu<Guest> {
        const BASE: u64 = 0x1_0000_0000;
        let mut guest = Guest::default();
        let mapping = Mapping {
            file: memory(&[0; driver::PAGES * PAGE_SIZE]),
            offset: 0,
            size: (driver::PAGES * PAGE_SIZE) as u64,
        };
        guest.mappings.insert(BASE, mapping);
        let pages = (0..driver::PAGES).map(|page| BASE + (page * PAGE_SIZE) as u64);
        let mut driver = Driver::over(guest, pages.collect());
        let queues = driver.link().unwrap();

        let mut card = card(driver.memory);
        card.config_mut().set_bus_master(true);
        card.start_riscv();
        let mut rm = GspRm::new(RELEASES[0], queues, 0);
        rm.init_done(&Faults::default());
        card.programs.rm = Some(rm);
        // The longest payload, which exceeds the ring.
        let payload = vec![0; PAYLOAD_MAX];
        let function = 0x1020;
        assert!(card.report(&Notice::Other { function, payload }));
        card
    }

    /// After a long delay the model must not hold the card for all the polls for room that it has
    /// missed.
    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn a_card_without_room_for_its_messages_can_be_stopped() {
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("socket");
            let since = Instant::now() - Duration::from_secs(100);
            let result = serve_since(since, card_without_room(), &socket, None, || (), |_| {});
            drop(ended.send(result));
        });
        let result = end.recv_timeout(Duration::from_secs(60));
        assert!(matches!(result, Ok(Ok(()))), "{result:?}");
    }

    #[test]
    fn accesses_are_split_into_registers() {
        let mut found = Vec::new();
        for_registers(0x102, 8, |register, bytes, access| {
            found.push((register, bytes, access))
        });
        assert_eq!(
            found,
            [
                (0x100, 2..4, 0..2),
                (0x104, 0..4, 2..6),
                (0x108, 0..2, 6..8)
            ]
        );
    }
}
