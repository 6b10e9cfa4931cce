// SPDX-License-Identifier: GPL-2.0

//! Tests of the VFIO server.

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
