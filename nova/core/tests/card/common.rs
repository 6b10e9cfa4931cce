// SPDX-License-Identifier: GPL-2.0

//! A machine with a mocked card, on which tests boot the driver.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::adapter::{pci_info, Vram};
use nova_core::platform::PciInfo;
use nova_core::{probe, Event, Failure, GspEvent, Irq, Running, Vectors};
use nova_mock::chips::{by_name, Chip};
use nova_mock::firmware::{file_name, InMemory, Store};
use nova_mock::in_process::{Arena, InProcess};
use nova_mock::GuestMemory;
use nova_mock::{synthetic, Gpu};

/// Notices that GSP-RM of the newest release sends in each boot: three times that it has closed its
/// registers and opened them, a text of another processor, and a record for statistics.
pub(crate) const NOTICES: u32 = 8;

/// A machine with a mocked card, and the state of the adapter.
pub(crate) struct Machine {
    pub(crate) mock: InProcess,
    pub(crate) pci: PciInfo,
    /// The driver's firmware files.
    pub(crate) files: RefCell<Box<dyn Store>>,
    /// Set while the adapter handles the interrupt.
    pub(crate) irq: Cell<Option<Irq>>,
    /// The enabled vectors of channels, and those that were raised.
    pub(crate) channels: Cell<Vectors>,
    pub(crate) raised: Cell<Vectors>,
    /// Interrupts that announced messages.
    pub(crate) announced: Cell<u32>,
    pub(crate) events: RefCell<Vec<String>>,
    /// Contents of the ROM that replace those of the card.
    pub(crate) rom: RefCell<Option<Vec<u8>>>,
    /// Branch of the release to boot; `None` for the newest.
    pub(crate) pinned: Cell<Option<u32>>,
    /// Number of writes to the GSP's doorbell.
    pub(crate) doorbells: Cell<u32>,
    /// Number of calls that disabled DMA.
    pub(crate) dma_disabled: Cell<u32>,
    /// Number of loaded firmware images.
    pub(crate) images: Cell<u32>,
    /// A register that reads as all ones.
    pub(crate) silent: Cell<Option<u32>>,
    /// Set by a write to VRAM through a window, and cleared by a read, which completes it.
    pub(crate) unflushed: Cell<bool>,
    /// VRAM for the driver; a test gives it some.
    pub(crate) vram: Rc<RefCell<Vram>>,
    /// Bus address and size of all DMA allocations so far.
    pub(crate) allocations: RefCell<Vec<(u64, usize)>>,
}

/// The chip that most tests use.
pub(crate) fn ga102() -> &'static Chip {
    by_name("ga102").unwrap()
}

impl Machine {
    /// A machine with an unused card; `files` has the signatures that the card accepts and the
    /// driver's files.
    pub(crate) fn new(chip: &'static Chip, files: impl Store + 'static) -> Self {
        Self::with(InProcess::with_firmware(chip, &files).unwrap(), files)
    }

    /// A machine with this card, and with `files` for the driver.
    pub(crate) fn with(mock: InProcess, files: impl Store + 'static) -> Self {
        let pci = pci_info(&mock.card());
        Self {
            mock,
            pci,
            files: RefCell::new(Box::new(files)),
            irq: Cell::new(None),
            channels: Cell::default(),
            raised: Cell::default(),
            announced: Cell::new(0),
            events: RefCell::default(),
            rom: RefCell::default(),
            pinned: Cell::new(None),
            doorbells: Cell::new(0),
            dma_disabled: Cell::new(0),
            images: Cell::new(0),
            silent: Cell::new(None),
            unflushed: Cell::new(false),
            vram: Rc::default(),
            allocations: RefCell::default(),
        }
    }

    /// A machine with a GA102 and synthetic firmware.
    pub(crate) fn synthetic() -> Self {
        Self::new(ga102(), synthetic::firmware(ga102()))
    }

    /// Replaces the driver's firmware files.
    pub(crate) fn set_files(&self, files: impl Store + 'static) {
        *self.files.borrow_mut() = Box::new(files);
    }

    /// Boots the card.
    pub(crate) fn boot(&self) -> Result<Running<Self>, Failure> {
        let prepared = probe(self)?.pin(self.pinned.get()).prepare(self)?;
        let mut running = prepared.boot(self, &mut |event| self.note_in_boot(event))?;
        let irq = running.irq();
        self.irq.set(Some(irq));
        irq.enable(self);
        running
            .service(self, &mut |event| self.note_in_boot(event))
            .unwrap();
        Ok(running)
    }

    /// Enables these vectors of channels, and disables the others.
    pub(crate) fn set_channels(&self, channels: Vectors) {
        let irq = self.irq.get().unwrap();
        irq.disable_channels(self, &self.channels.replace(channels));
        irq.enable_channels(self, &channels);
    }

    /// The vectors that channels have raised since the last call.
    pub(crate) fn take_raised(&self) -> Vectors {
        self.raised.take()
    }

    /// Unloads the card.
    pub(crate) fn unload(&self, running: Running<Self>) -> Result<(), Failure> {
        let unloaded = running.unload(self, &mut |event| self.note(event.to_string()));
        self.irq.set(None);
        unloaded
    }

    /// Notes an event of a boot, but not the notices that each boot has: the driver only counts
    /// those.
    fn note_in_boot(&self, event: Event<'_>) {
        if !matches!(event, Event::Gsp(GspEvent::Unknown { .. })) {
            self.note(event.to_string());
        }
    }

    fn note(&self, event: String) {
        self.events.borrow_mut().push(event);
    }

    /// Contents of the driver's current DMA memory.
    pub(crate) fn dma_memory(&self) -> Vec<Vec<u8>> {
        let card = self.card();
        let allocations = self.allocations.borrow();
        let contents = allocations
            .iter()
            .map(|&(address, size)| card.machine().read_vec(address, size));
        contents.flatten().collect()
    }

    /// The card's refusals, for messages of failed tests.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let card = self.mock.card();
        let refusals = card.trace().refusals().iter();
        refusals
            .map(|refusal| format!("{:?}: {}", refusal.block, refusal.reason))
            .collect()
    }

    /// Asserts that the driver has no DMA memory and has left no state on the card.
    #[track_caller]
    pub(crate) fn assert_as_before(&self) {
        let card = self.mock.card();
        assert_eq!(card.machine().allocations(), 0, "DMA memory is left");
        assert_eq!(card.wpr2(), None, "WPR2 is left");
        assert_eq!(card.flush_page(), 0, "the flush page is left");
        assert!(!card.lets_interrupts_through(), "an interrupt is enabled");
    }

    /// Asserts that the driver has no DMA memory and that the card cannot access memory.
    #[track_caller]
    pub(crate) fn assert_cut_off(&self) {
        let card = self.mock.card();
        assert_eq!(card.machine().allocations(), 0, "DMA memory is left");
        assert!(
            !card.config().is_bus_master(),
            "the card can access freed memory"
        );
    }

    /// Asserts that the card can be booted and unloaded, and that nothing is left.
    #[track_caller]
    pub(crate) fn assert_boots(&self) {
        let running = self.boot().unwrap_or_else(|failure| {
            panic!("{failure}; the card refused {:#?}", self.refusals());
        });
        self.unload(running).unwrap_or_else(|failure| {
            panic!("{failure}; the card refused {:#?}", self.refusals());
        });
        self.assert_as_before();
    }

    /// Asserts that a boot fails and that nothing is left.
    #[track_caller]
    pub(crate) fn assert_fails(&self) -> Failure {
        let Err(failure) = self.boot() else {
            panic!("the boot succeeded");
        };
        self.assert_as_before();
        failure
    }

    /// The mocked card.
    pub(crate) fn card(&self) -> std::cell::RefMut<'_, Gpu<Arena>> {
        self.mock.card()
    }
}

/// The folder with real firmware files; prints that `test` is skipped if there is none.
pub(crate) fn real_firmware(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NOVA_FIRMWARE_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: {test}: NOVA_FIRMWARE_DIR is not set");
    }
    folder
}

/// Synthetic files, one of them changed by `change`, or removed if it returns `None`.
pub(crate) fn with_file(what: &str, change: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> InMemory {
    let mut files = synthetic::firmware(ga102());
    let name = file_name(ga102(), what);
    let mut bytes = files.0[&name].to_vec();
    match change(&mut bytes) {
        Some(()) => files.0.insert(name, Arc::from(bytes)),
        None => files.0.remove(&name),
    };
    files
}
