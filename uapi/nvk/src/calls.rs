// SPDX-License-Identifier: MIT

//! nouveau's ioctls, a file for each subject.

mod channel;
mod display;
mod exec;
mod facts;
mod gem;
mod getparam;
mod nvif;
mod vm;
mod vm_bind;
mod zcull;

use nouveau_uapi as nouveau;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::argument;
use crate::device::{Device, Errno, Result};
use crate::driver;
use crate::file::Space;
use crate::table::{FileId, Table};

/// The type of DRM's ioctls.
const DRM: u32 = b'd' as u32;
/// The command number of `DRM_IOCTL_VERSION`.
const VERSION: u32 = 0x00;
/// The command number of `DRM_IOCTL_MODE_GETRESOURCES`.
const MODE_GETRESOURCES: u32 = 0xa0;
/// The command numbers of drivers, `DRM_COMMAND_BASE` to `DRM_COMMAND_END`.
const DRIVERS: std::ops::Range<u32> = 0x40..0xa0;

const fn command_of(number: u32) -> u32 {
    number & 0xff
}

/// Whether an ioctl means something else to nouveau than to nova. The others, DRM's own, go to the
/// kernel as they are.
pub fn is_translated(number: u32) -> bool {
    let command = command_of(number);
    let is_common = [VERSION, MODE_GETRESOURCES].contains(&command);
    number >> 8 & 0xff == DRM && (is_common || DRIVERS.contains(&command))
}

/// A call on an open file.
struct Call<'a, D> {
    table: &'a Table,
    id: FileId,
    device: &'a D,
}

/// Answers an ioctl of nouveau on an open file of nova. `argument` has the size that the number says.
///
/// # Errors
///
/// Those of nouveau: in particular, `ENODEV` if the channel or the GPU is lost.
pub fn answer(
    table: &Table,
    id: FileId,
    device: &impl Device,
    number: u32,
    argument: &mut [u8],
) -> Result {
    let call = Call { table, id, device };
    call.answer(number, argument).map_err(|error| match error {
        // nova tells a queue that is lost from a GPU that is; nouveau has one error for both.
        Errno::CANCELED | Errno::IO => Errno::NODEV,
        error => error,
    })
}

impl<D: Device> Call<'_, D> {
    fn answer(&self, number: u32, argument: &mut [u8]) -> Result {
        const fn command(number: u32) -> u32 {
            command_of(number)
        }
        const GETPARAM: u32 = command(nouveau::GETPARAM);
        const CHANNEL_ALLOC: u32 = command(nouveau::CHANNEL_ALLOC);
        const CHANNEL_FREE: u32 = command(nouveau::CHANNEL_FREE);
        const NVIF: u32 = nouveau::COMMAND_BASE + nouveau::NVIF;
        const VM_INIT: u32 = command(nouveau::VM_INIT);
        const VM_BIND: u32 = command(nouveau::VM_BIND);
        const EXEC: u32 = command(nouveau::EXEC);
        const GET_ZCULL_INFO: u32 = command(nouveau::GET_ZCULL_INFO);
        const GEM_NEW: u32 = command(nouveau::GEM_NEW);
        const GEM_INFO: u32 = command(nouveau::GEM_INFO);
        match command_of(number) {
            VERSION => driver::version(self.device, argument),
            MODE_GETRESOURCES => self.mode_resources(argument),
            GETPARAM => with(argument, |argument| self.getparam(argument)),
            CHANNEL_ALLOC => with(argument, |argument| self.channel_alloc(argument)),
            CHANNEL_FREE => with(argument, |argument| self.channel_free(argument)),
            NVIF => self.nvif(argument),
            VM_INIT => with(argument, |argument| self.vm_init(argument)),
            VM_BIND => with(argument, |argument| self.vm_bind(argument)),
            EXEC => with(argument, |argument| self.exec(argument)),
            GET_ZCULL_INFO => with(argument, |argument| self.zcull_info(argument)),
            GEM_NEW => with(argument, |argument| self.gem_new(argument)),
            GEM_INFO => with(argument, |argument| self.gem_info(argument)),
            // What NVK does not use, among it all of the older interface.
            _ => Err(Errno::NOSYS),
        }
    }

    /// The address space of the file. nouveau has its older interface for a file without one.
    fn space(&self) -> Result<Space> {
        self.table
            .with(self.id, |file| file.space.ok_or(Errno::NOSYS))
    }
}

/// Calls with the argument as a structure. If the call succeeds, the program sees what it has
/// changed.
fn with<T: FromBytes + IntoBytes + Immutable>(
    argument: &mut [u8],
    call: impl FnOnce(&mut T) -> Result,
) -> Result {
    let mut value = argument::read(argument);
    call(&mut value)?;
    argument::write(&value, argument);
    Ok(())
}

#[cfg(test)]
mod tests;
