// SPDX-License-Identifier: GPL-2.0

//! An address space of channels. Its page tables are the driver's; in that of the golden context, GSP-RM has a range of
//! its own.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/vmm.c.

use super::caller::Caller;
use super::client::Client;
use crate::gsp::commands::alloc::Alloc;
use crate::gsp::commands::control::Call;
use crate::gsp::commands::page_directory::{SetPageDirectory, UnsetPageDirectory};
use crate::gsp::commands::reserved_directories::{CopyReserved, DirectoryAt};
use crate::gsp::commands::va_space::VaSpace;
use crate::gsp::handles::Handles;

/// Handle of each client's first address space, chosen by the driver; those of the others follow.
const FIRST: u32 = 0xd100_0000;

/// Number of handles.
const HANDLES: u32 = 0x100_0000;

/// An address space of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressSpace {
    client: Client,
    number: u32,
    has_server_range: bool,
}

impl AddressSpace {
    /// The address space with this number. Handles repeat after 16,777,216 address spaces; GSP-RM
    /// refuses a handle that is in use.
    pub fn new(client: Client, number: u32) -> Self {
        Self {
            client,
            number,
            has_server_range: false,
        }
    }

    /// As [`Self::new`], of one in whose page tables GSP-RM has a range, too.
    pub fn with_server_range(client: Client, number: u32) -> Self {
        Self {
            has_server_range: true,
            ..Self::new(client, number)
        }
    }

    /// Whether GSP-RM has a range in the page tables, too.
    pub fn has_server_range(self) -> bool {
        self.has_server_range
    }

    /// Handle of the address space, by which a channel names it.
    pub fn handle(self) -> u32 {
        FIRST | (self.number % HANDLES)
    }

    fn object(self) -> Handles {
        Handles {
            object: self.handle(),
            ..self.client.device()
        }
    }

    /// Allocates the address space, and gives it the root of its page tables: the address of a
    /// directory in VRAM, and the number of its entries.
    ///
    /// # Errors
    ///
    /// A call failed; there is no address space then.
    pub fn allocate<C: Caller>(
        self,
        caller: &mut C,
        root: u64,
        entries: u32,
    ) -> Result<(), C::Error> {
        let device = self.client.device();
        caller.alloc(&Alloc {
            object: self.object(),
            parent: device.object,
            class: &VaSpace {
                is_externally_owned: true,
            },
        })?;
        let space = self.handle();
        let set = caller.call(&Call {
            on: device,
            method: SetPageDirectory {
                space,
                root,
                entries,
            },
        });
        if set.is_err() {
            // The first error is returned, and no channel used it.
            let _ = caller.free(self.object());
        }
        set
    }

    /// Allocates an address space in which GSP-RM [has a range](Self::with_server_range), and gives it the directories on the
    /// way there, to [`SERVER_RANGE`](crate::SERVER_RANGE), as
    /// [`PageTables::directories`](crate::PageTables::directories) returns them.
    ///
    /// # Errors
    ///
    /// As for [`Self::allocate`].
    pub fn allocate_with_server_range<C: Caller>(
        self,
        caller: &mut C,
        directories: &[DirectoryAt],
    ) -> Result<(), C::Error> {
        caller.alloc(&Alloc {
            object: self.object(),
            parent: self.client.device().object,
            class: &VaSpace {
                is_externally_owned: false,
            },
        })?;
        let shared = caller.call(&Call {
            on: self.object(),
            method: CopyReserved(directories),
        });
        if shared.is_err() {
            // The first error is returned, and no channel used it.
            let _ = caller.free(self.object());
        }
        shared
    }

    /// Frees the address space, which no channel may use any more. After that, its page tables can
    /// be freed.
    ///
    /// # Errors
    ///
    /// It could not be freed, and the GPU may go on using its page tables until it is reset.
    pub fn free<C: Caller>(self, caller: &mut C) -> Result<(), C::Error> {
        if !self.has_server_range {
            // If this fails, the object that is freed next takes its page directory with it.
            let _ = caller.call(&Call {
                on: self.client.device(),
                method: UnsetPageDirectory {
                    space: self.handle(),
                },
            });
        }
        caller.free(self.object())
    }
}
