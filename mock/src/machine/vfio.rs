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
mod tests;
