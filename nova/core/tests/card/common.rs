// SPDX-License-Identifier: GPL-2.0

//! A machine with a mocked card, on which the driver boots.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use crate::adapter::pci_info;
use nova_core::platform::PciInfo;
use nova_core::{probe, Failure, Irq, Running};
use nova_mock::chips::{by_name, Chip};
use nova_mock::firmware::{file_name, InMemory, Store};
use nova_mock::host::GuestMemory;
use nova_mock::in_process::{Arena, InProcess};
use nova_mock::{synthetic, Gpu};

/// A machine with a card, whose adapter handles the GSP's interrupt as a kernel would.
pub(crate) struct Machine {
    pub(crate) mock: InProcess,
    pub(crate) pci: PciInfo,
    /// The driver's firmware files.
    pub(crate) files: RefCell<Box<dyn Store>>,
    /// Set while the adapter handles the interrupt.
    pub(crate) irq: Cell<Option<Irq>>,
    /// Interrupts that announced messages.
    pub(crate) announced: Cell<u32>,
    pub(crate) events: RefCell<Vec<String>>,
    /// What is in the ROM instead of what the card has there.
    pub(crate) rom: RefCell<Option<Vec<u8>>>,
    /// The branch of the one release that is to be booted.
    pub(crate) pinned: Cell<Option<u32>>,
    /// How often the GSP was told to look at its queue.
    pub(crate) doorbells: Cell<u32>,
    /// How often the card was kept off the memory.
    pub(crate) dma_disabled: Cell<u32>,
    /// How often a firmware image was loaded.
    pub(crate) images: Cell<u32>,
    /// Bus address and size of all DMA memory that was ever given out.
    pub(crate) given: RefCell<Vec<(u64, usize)>>,
}

/// The chip that most tests boot.
pub(crate) fn ga102() -> &'static Chip {
    by_name("ga102").unwrap()
}

impl Machine {
    /// A machine with a card that is as it was sold, whose firmware and whose driver's is in
    /// `files`.
    pub(crate) fn new(chip: &'static Chip, files: impl Store + 'static) -> Self {
        Self::with(InProcess::with_firmware(chip, &files).unwrap(), files)
    }

    /// A machine with this card, whose driver finds its firmware in `files`.
    pub(crate) fn with(mock: InProcess, files: impl Store + 'static) -> Self {
        let pci = pci_info(&mock.card());
        Self {
            mock,
            pci,
            files: RefCell::new(Box::new(files)),
            irq: Cell::new(None),
            announced: Cell::new(0),
            events: RefCell::default(),
            rom: RefCell::default(),
            pinned: Cell::new(None),
            doorbells: Cell::new(0),
            dma_disabled: Cell::new(0),
            images: Cell::new(0),
            given: RefCell::default(),
        }
    }

    /// A GA102 and firmware of the right form with nothing in it.
    pub(crate) fn synthetic() -> Self {
        Self::new(ga102(), synthetic::firmware(ga102()))
    }

    /// Gives the driver other firmware files.
    pub(crate) fn set_files(&self, files: impl Store + 'static) {
        *self.files.borrow_mut() = Box::new(files);
    }

    /// Boots the card.
    pub(crate) fn boot(&self) -> Result<Running<Self>, Failure> {
        let prepared = probe(self)?.pin(self.pinned.get()).prepare(self)?;
        let mut running = prepared.boot(self, &mut |event| self.note(event.to_string()))?;
        let irq = running.irq();
        self.irq.set(Some(irq));
        irq.enable(self);
        running
            .service(self, &mut |event| self.note(event.to_string()))
            .unwrap();
        Ok(running)
    }

    /// Unloads it.
    pub(crate) fn unload(&self, running: Running<Self>) -> Result<(), Failure> {
        let unloaded = running.unload(self, &mut |event| self.note(event.to_string()));
        self.irq.set(None);
        unloaded
    }

    fn note(&self, event: String) {
        self.events.borrow_mut().push(event);
    }

    /// What is in the DMA memory that the driver has at the moment.
    pub(crate) fn dma_memory(&self) -> Vec<Vec<u8>> {
        let card = self.card();
        let given = self.given.borrow();
        let contents = given
            .iter()
            .map(|&(address, size)| card.host().read_vec(address, size));
        contents.flatten().collect()
    }

    /// What the card refused, for failures of tests.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let card = self.mock.card();
        let refusals = card.trace().refusals().iter();
        refusals
            .map(|refusal| format!("{:?}: {}", refusal.block, refusal.reason))
            .collect()
    }

    /// Nothing of the driver is left, neither in memory nor on the card.
    #[track_caller]
    pub(crate) fn assert_as_before(&self) {
        let card = self.mock.card();
        assert_eq!(card.host().allocations(), 0, "DMA memory is left");
        assert_eq!(card.wpr2(), None, "WPR2 is left");
        assert_eq!(card.flush_page(), 0, "the flush page is left");
        assert!(!card.lets_interrupts_through(), "an interrupt is enabled");
    }

    /// The memory of the driver is freed, and the card cannot reach it any more.
    #[track_caller]
    pub(crate) fn assert_cut_off(&self) {
        let card = self.mock.card();
        assert_eq!(card.host().allocations(), 0, "DMA memory is left");
        assert!(!card.config().is_bus_master(), "it reaches freed memory");
    }

    /// The card can be booted and unloaded, and nothing is left then.
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

    /// Tries to boot the card; whatever comes of it, nothing is left and the next good attempt
    /// works.
    #[track_caller]
    pub(crate) fn assert_fails(&self) -> Failure {
        let Err(failure) = self.boot() else {
            panic!("it boots");
        };
        self.assert_as_before();
        failure
    }

    /// The card.
    pub(crate) fn card(&self) -> std::cell::RefMut<'_, Gpu<Arena>> {
        self.mock.card()
    }
}

/// The folder with the real firmware files; says so where there is none.
pub(crate) fn real_firmware(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NOVA_FIRMWARE_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: {test}: NOVA_FIRMWARE_DIR does not name a folder with firmware");
    }
    folder
}

/// Synthetic files with one of them changed by `change`; `None` takes it away.
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
