// SPDX-License-Identifier: MIT

//! Shared by the tests of nouveau: the GPU, the module, and a client of nouveau's ioctls, which has
//! channels, buffers and addresses.
//!
//! nouveau is Linux's own driver, of which nothing is changed. What these tests find is a mistake
//! of the GPU, or else of nouveau.

mod channel;
mod chip;
mod ioctl;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nouveau_uapi::nvif;

use crate::device::{self, DrmDevice};
use crate::memory::Mapped;
use crate::module::Module;
use crate::syncobj::{Signal, Syncobj};
use crate::sysfs::PciDevice;
use crate::{drm, nova, wait_for, HANG};

pub use crate::data::{assert_same, pattern};
pub use channel::{Channel, Engine, Object};
pub use chip::{Chip, Classes};
pub use nouveau_uapi::ZcullInfo;

/// What nouveau says in the kernel's log of a channel that is killed, for [`crate::kmsg::expect`].
pub const OF_KILLED_CHANNEL: [&str; 7] = [
    "gsp: rc:? engn:",
    "gsp: Xid:",
    "gsp: mmu fault queued",
    "errored - disabling channel",
    "channel [0-9]+ killed!",
    "job timeout, channel [0-9]+ killed!",
    // Work that is submitted while the channel is being killed.
    "error fencing pushbuf: -19",
];

/// What nouveau says if its interrupt comes while it holds the GSP in reset, for [`crate::kmsg::expect`].
///
/// It does not disable the interrupt before (`r535_gsp_intr` and `tu102_gsp_fini` in its gsp), and then
/// reads what a falcon in reset answers.
pub const OF_RESET: [&str; 1] = ["gsp: intr badf5620"];

/// Bytes of a page of system memory.
pub const PAGE: u64 = 4096;

/// Bytes of a large page of VRAM.
pub const LARGE_PAGE: u64 = 64 << 10;

/// Bytes of a huge page of VRAM.
pub const HUGE_PAGE: u64 = 2 << 20;

/// The module.
pub fn module() -> Module {
    Module::new("nouveau")
}

/// The GPU under test, which nouveau drives.
#[derive(Clone, Debug)]
pub struct Gpu(nova::Gpu);

impl Gpu {
    /// The first NVIDIA GPU of the machine; skips if there is none, or another driver has it.
    pub fn require() -> Self {
        let gpu = Self(nova::Gpu::require());
        if let Some(driver) = gpu.pci().driver().filter(|driver| driver != "nouveau") {
            crate::skip!("{driver} drives {}.", gpu.pci().name());
        }
        gpu
    }

    /// As [`Self::require`], and loads the module.
    ///
    /// # Panics
    ///
    /// If nouveau does not drive the GPU then.
    pub fn require_running() -> Self {
        let gpu = Self::require();
        gpu.load();
        gpu
    }

    /// The GPU as a PCI function.
    pub fn pci(&self) -> &PciDevice {
        self.0.pci()
    }

    /// Bytes of BAR1.
    pub fn bar1(&self) -> u64 {
        self.0.vram_bar_size()
    }

    /// Its DRM device, if its driver is bound.
    pub fn drm(&self) -> Option<DrmDevice> {
        self.0.drm()
    }

    /// The chip as the machine's owner has named it, in `NOVA_CHIP`.
    pub fn named_chip() -> Option<&'static Chip> {
        let name = std::env::var("NOVA_CHIP").ok()?;
        match Chip::named(&name) {
            Some(chip) => Some(chip),
            None => panic!("NOVA_CHIP={name} is no chip"),
        }
    }

    /// Loads the module, and waits for the render node.
    ///
    /// # Panics
    ///
    /// If nouveau does not drive the GPU then.
    pub fn load(&self) {
        module().load().unwrap_or_else(|error| panic!("{error}"));
        let driver = self.pci().driver();
        assert_eq!(driver.as_deref(), Some("nouveau"), "the driver of {self:?}");
        wait_for(HANG, "the render node", || self.render_exists());
    }

    fn render_exists(&self) -> bool {
        let render = self.drm().and_then(|drm| drm.render);
        render.is_some_and(|node| node.exists())
    }

    /// Unloads the module, and asserts that nothing of it is left. The test expects [`OF_RESET`] from here on,
    /// and nothing that it expected before.
    ///
    /// # Panics
    ///
    /// If it is in use, or something is left.
    pub fn unload(&self) {
        crate::kmsg::expect(&OF_RESET);
        assert_eq!(module().unload(), Ok(()), "unload nouveau");
        assert!(!module().is_loaded());
        assert_eq!(self.pci().driver(), None);
        wait_for(HANG, "the DRM nodes to go", || self.drm().is_none());
        let driver = Path::new("/sys/bus/pci/drivers/nouveau");
        wait_for(HANG, "the driver to be released", || !driver.exists());
    }

    /// Opens the render node.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn open_render(&self) -> File {
        let render = self.drm().and_then(|drm| drm.render).unwrap_or_default();
        device::open(&render).unwrap_or_else(|error| panic!("{}: {error}", render.display()))
    }
}

/// Parameters of `DRM_IOCTL_NOUVEAU_GETPARAM`.
///
/// Source: `include/uapi/drm/nouveau_drm.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Param {
    /// PCI vendor.
    PciVendor = 3,
    /// PCI device.
    PciDevice = 4,
    /// The bus; 2 for PCI Express.
    BusType = 5,
    /// Bytes of VRAM for programs.
    FbSize = 8,
    /// Bytes of system memory that the GPU can reach.
    AgpSize = 9,
    /// The chip's number.
    ChipsetId = 11,
    /// Numbers of units for graphics.
    GraphUnits = 13,
    /// The GPU's clock in nanoseconds.
    PtimerTime = 14,
    /// The most pushes of an EXEC.
    ExecPushMax = 17,
    /// Bytes of BAR1.
    VramBarSize = 18,
    /// Bytes of VRAM that are in use.
    VramUsed = 19,
}

/// What nouveau has found out about the GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The chip's number.
    pub chipset: u16,
    /// nouveau's number of the chip's family.
    pub family: u8,
    /// Bytes of VRAM.
    pub ram_size: u64,
    /// Bytes of VRAM for programs.
    pub ram_user: u64,
    /// The chip's name in upper case.
    pub chip: String,
    /// The card's name.
    pub name: String,
}

/// Where a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// VRAM, in one piece.
    Vram,
    /// VRAM, in pieces.
    VramPieces,
    /// System memory.
    System,
    /// VRAM, or system memory if the kernel needs it there.
    Either,
}

impl Place {
    fn domain(self) -> u32 {
        match self {
            Self::Vram | Self::VramPieces => ioctl::DOMAIN_VRAM | ioctl::DOMAIN_MAPPABLE,
            Self::System => ioctl::DOMAIN_GART | ioctl::DOMAIN_COHERENT,
            Self::Either => ioctl::DOMAIN_VRAM | ioctl::DOMAIN_GART | ioctl::DOMAIN_MAPPABLE,
        }
    }

    fn flags(self) -> u32 {
        match self {
            Self::VramPieces => ioctl::TILE_NONCONTIG,
            _ => 0,
        }
    }
}

/// The first address that nouveau uses itself in each address space; far above those of clients.
///
/// Addresses of pushes must have 40 bits: nouveau puts no more into the GPFIFO
/// (`nvif_chan506f_gpfifo_push`).
const KERNEL_START: u64 = 1 << 38;

/// Bytes of addresses that nouveau uses itself.
const KERNEL_SIZE: u64 = 1 << 38;

/// The first address that a client gives out.
const FIRST_ADDRESS: u64 = 4 << 30;

/// Makes the address space of an open file.
///
/// # Errors
///
/// By nova-nvk, `EBUSY` if it has one; nouveau makes another.
pub fn make_addresses(file: &File) -> Result<(), Errno> {
    let mut argument = ioctl::VmInit {
        kernel_managed_addr: KERNEL_START,
        kernel_managed_size: KERNEL_SIZE,
    };
    // SAFETY: There is no pointer in the argument.
    unsafe { drm::ioctl(file, ioctl::VM_INIT, &mut argument) }
}

/// A client: an open file with an address space.
#[derive(Debug)]
pub struct Client {
    file: File,
    next_address: Cell<u64>,
    next_object: Cell<u64>,
}

impl Client {
    /// A client with an address space of its own.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn new(gpu: &Gpu) -> Self {
        let client = Self::without_addresses(gpu);
        assert_eq!(make_addresses(&client.file), Ok(()), "VM_INIT");
        client
    }

    /// A client that only asks questions.
    ///
    /// # Panics
    ///
    /// If there is no render node.
    pub fn without_addresses(gpu: &Gpu) -> Self {
        Self {
            file: gpu.open_render(),
            next_address: Cell::new(FIRST_ADDRESS),
            next_object: Cell::new(1),
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The value of a parameter.
    ///
    /// # Panics
    ///
    /// If the kernel does not answer.
    pub fn param(&self, param: Param) -> u64 {
        let mut argument = ioctl::GetParam {
            param: param as u64,
            value: 0,
        };
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(&self.file, ioctl::GETPARAM, &mut argument) };
        assert_eq!(result, Ok(()), "{param:?}");
        argument.value
    }

    /// What nouveau has found out about the GPU.
    ///
    /// # Panics
    ///
    /// If the kernel does not answer.
    pub fn info(&self) -> Info {
        let object = self.new_object();
        let mut new = ioctl::new_device(object);
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(&self.file, nvif::number::<nvif::New>(), &mut new) };
        assert_eq!(result, Ok(()), "a name for the device");
        let mut asked = ioctl::AskDevice::of(object);
        // SAFETY: As above.
        let result =
            unsafe { drm::ioctl(&self.file, nvif::number::<ioctl::AskDevice>(), &mut asked) };
        assert_eq!(result, Ok(()), "the device's method");
        self.delete(object);
        let raw = asked.info;
        Info {
            chipset: raw.chipset,
            family: raw.family,
            ram_size: raw.ram_size,
            ram_user: raw.ram_user,
            chip: text(&raw.chip),
            name: text(&raw.name),
        }
    }

    /// The chip; skips if these tests do not know it.
    pub fn chip(&self) -> &'static Chip {
        let number = self.param(Param::ChipsetId);
        match Chip::numbered(number) {
            Some(chip) => chip,
            None => crate::skip!("The chip {number:#x} is not known."),
        }
    }

    /// How the GPU's depth buffer can be divided for culling.
    ///
    /// # Errors
    ///
    /// `ENOTTY` if the GPU's firmware does not say.
    pub fn zcull_info(&self) -> Result<ZcullInfo, Errno> {
        let mut argument = ZcullInfo::default();
        // SAFETY: There is no pointer in the argument.
        unsafe { drm::ioctl(&self.file, ioctl::GET_ZCULL_INFO, &mut argument)? };
        Ok(argument)
    }

    /// A number for an object that NVIF does not know yet.
    fn new_object(&self) -> u64 {
        self.next_object.replace(self.next_object.get() + 1)
    }

    fn delete(&self, object: u64) {
        let mut argument = ioctl::delete(object);
        // SAFETY: There is no pointer in the argument.
        let result =
            unsafe { drm::ioctl(&self.file, nvif::number::<nvif::Header>(), &mut argument) };
        if let Err(error) = result {
            log::error!("object {object}: {error}");
        }
    }

    /// A sync object without a fence.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn syncobj(&self) -> Syncobj<'_> {
        Syncobj::new(&self.file).expect("nouveau has sync objects")
    }

    /// A buffer without an address.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn buffer(&self, place: Place, size: u64) -> Buffer<'_> {
        let made = self.try_buffer(place, size);
        made.unwrap_or_else(|error| panic!("{size:#x} bytes in {place:?}: {error}"))
    }

    /// A buffer without an address.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_buffer(&self, place: Place, size: u64) -> Result<Buffer<'_>, Errno> {
        let mut argument = ioctl::GemNew {
            info: ioctl::GemInfo {
                domain: place.domain(),
                size,
                tile_flags: place.flags(),
                ..ioctl::GemInfo::default()
            },
            channel_hint: 0,
            align: 0,
        };
        // SAFETY: There is no pointer in the argument.
        unsafe { drm::ioctl(&self.file, ioctl::GEM_NEW, &mut argument)? };
        Ok(Buffer::of(self, argument.info))
    }

    /// A buffer that another driver has exported, without an address.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn import(&self, buffer: impl std::os::fd::AsFd) -> Buffer<'_> {
        let handle = drm::import(&self.file, buffer).expect("nouveau imports buffers");
        let unknown = ioctl::GemInfo {
            handle,
            ..ioctl::GemInfo::default()
        };
        let mut buffer = Buffer::of(self, unknown);
        buffer.info = buffer.ask();
        buffer
    }

    /// A buffer with an address.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bound(&self, place: Place, size: u64) -> (Buffer<'_>, u64) {
        let buffer = self.buffer(place, size);
        let address = self.reserve(buffer.size());
        self.bind(&buffer, address);
        (buffer, address)
    }

    /// Addresses that nothing uses, aligned to a huge page, with as much room behind them.
    pub fn reserve(&self, size: u64) -> u64 {
        let step = size.next_multiple_of(HUGE_PAGE) + HUGE_PAGE;
        let address = self.next_address.get();
        assert!(address + step <= KERNEL_START, "no more addresses");
        self.next_address.replace(address + step)
    }

    /// Gives all of a buffer an address, besides those that it has.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bind(&self, buffer: &Buffer<'_>, address: u64) {
        self.bind_part(buffer, 0, buffer.size(), address);
    }

    /// Gives a part of a buffer an address.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bind_part(&self, buffer: &Buffer<'_>, offset: u64, size: u64, address: u64) {
        let op = ioctl::VmBindOp {
            op: ioctl::OP_MAP,
            handle: buffer.info.handle,
            addr: address,
            bo_offset: offset,
            range: size,
            ..ioctl::VmBindOp::default()
        };
        let result = self.vm_bind(&[op]);
        assert_eq!(result, Ok(()), "bind {size:#x} bytes at {address:#x}");
    }

    /// As [`Self::bind`], after `after`; signals `done` when that is done.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bind_later(
        &self,
        buffer: &Buffer<'_>,
        address: u64,
        after: &Syncobj<'_>,
        done: &Syncobj<'_>,
    ) {
        let op = ioctl::VmBindOp {
            op: ioctl::OP_MAP,
            handle: buffer.info.handle,
            addr: address,
            range: buffer.size(),
            ..ioctl::VmBindOp::default()
        };
        let [wait, signal] = [after, done].map(|syncobj| [ioctl::sync(&Signal::Binary(syncobj))]);
        let mut argument = ioctl::VmBind {
            op_count: 1,
            flags: ioctl::RUN_ASYNC,
            wait_count: 1,
            sig_count: 1,
            wait_ptr: wait.as_ptr() as u64,
            sig_ptr: signal.as_ptr() as u64,
            op_ptr: (&raw const op) as u64,
        };
        // SAFETY: The kernel reads the arrays, which live through the call, and writes to none.
        let result = unsafe { drm::ioctl(&self.file, ioctl::VM_BIND, &mut argument) };
        assert_eq!(result, Ok(()), "bind at {address:#x} later");
    }

    /// Takes addresses away.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn unbind(&self, address: u64, size: u64) {
        let op = ioctl::VmBindOp {
            op: ioctl::OP_UNMAP,
            addr: address,
            range: size,
            ..ioctl::VmBindOp::default()
        };
        let result = self.vm_bind(&[op]);
        assert_eq!(result, Ok(()), "unbind {size:#x} bytes at {address:#x}");
    }

    /// Makes addresses sparse: they read as zero, and what is written to them is lost.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn bind_sparse(&self, address: u64, size: u64) {
        self.sparse(ioctl::OP_MAP, address, size);
    }

    /// Ends what [`Self::bind_sparse`] has begun, of the same addresses.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn unbind_sparse(&self, address: u64, size: u64) {
        self.sparse(ioctl::OP_UNMAP, address, size);
    }

    fn sparse(&self, op: u32, address: u64, size: u64) {
        let op = ioctl::VmBindOp {
            op,
            flags: ioctl::SPARSE,
            addr: address,
            range: size,
            ..ioctl::VmBindOp::default()
        };
        let result = self.vm_bind(&[op]);
        assert_eq!(result, Ok(()), "sparse: {op:?}");
    }

    fn vm_bind(&self, ops: &[ioctl::VmBindOp]) -> Result<(), Errno> {
        let mut argument = ioctl::VmBind {
            op_count: ops.len() as u32,
            op_ptr: ops.as_ptr() as u64,
            ..ioctl::VmBind::default()
        };
        // SAFETY: The kernel reads the operations, which live through the call, and writes to none.
        unsafe { drm::ioctl(&self.file, ioctl::VM_BIND, &mut argument) }
    }
}

/// The text before the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

/// A GEM object of a client. Addresses that it has got keep its memory.
#[derive(Debug)]
pub struct Buffer<'a> {
    client: &'a Client,
    info: ioctl::GemInfo,
    memory: RefCell<Option<std::rc::Rc<Mapped>>>,
}

impl<'a> Buffer<'a> {
    fn of(client: &'a Client, info: ioctl::GemInfo) -> Self {
        Self {
            client,
            info,
            memory: RefCell::new(None),
        }
    }

    /// Bytes that it has, which may be more than were asked for.
    pub fn size(&self) -> u64 {
        self.info.size
    }

    /// Its handle.
    pub fn handle(&self) -> u32 {
        self.info.handle
    }

    fn ask(&self) -> ioctl::GemInfo {
        let mut argument = ioctl::GemInfo {
            handle: self.info.handle,
            ..ioctl::GemInfo::default()
        };
        // SAFETY: There is no pointer in the argument.
        let result = unsafe { drm::ioctl(&self.client.file, ioctl::GEM_INFO, &mut argument) };
        assert_eq!(result, Ok(()), "GEM_INFO");
        argument
    }

    /// Asserts that the kernel says of it now what it has said before, except for its place.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn assert_known(&self) {
        let now = self.ask();
        let facts =
            |info: &ioctl::GemInfo| (info.size, info.map_handle, info.tile_mode, info.tile_flags);
        assert_eq!(facts(&now), facts(&self.info), "{now:?}");
    }

    /// Whether it is in VRAM now.
    ///
    /// # Panics
    ///
    /// If the kernel does not say, or says something else than VRAM and system memory.
    pub fn is_in_vram(&self) -> bool {
        match self.ask().domain {
            ioctl::DOMAIN_VRAM => true,
            ioctl::DOMAIN_GART => false,
            domain => panic!("a buffer in {domain:#x}"),
        }
    }

    /// Waits until the GPU does not use it any more, so that the CPU may write it.
    ///
    /// # Errors
    ///
    /// `EBUSY` if `now` and the GPU uses it.
    pub fn wait_for_gpu(&self, now: bool) -> Result<(), Errno> {
        let flags = ioctl::CPU_PREP_WRITE;
        let mut argument = ioctl::CpuPrep {
            handle: self.info.handle,
            flags: if now {
                flags | ioctl::CPU_PREP_NOWAIT
            } else {
                flags
            },
        };
        // SAFETY: There is no pointer in the argument.
        unsafe { drm::ioctl(&self.client.file, ioctl::GEM_CPU_PREP, &mut argument) }
    }

    /// Its memory, as the CPU sees it: VRAM through BAR1.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn memory(&self) -> std::rc::Rc<Mapped> {
        let map = || std::rc::Rc::new(self.map());
        self.memory.borrow_mut().get_or_insert_with(map).clone()
    }

    /// As [`Self::memory`], mapped anew.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn map(&self) -> Mapped {
        let size = usize::try_from(self.info.size).expect("a buffer fits into memory");
        let mapped = Mapped::new(&self.client.file, self.info.map_handle, size);
        mapped.expect("nouveau maps buffers")
    }

    /// Exports it.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn export(&self) -> std::os::fd::OwnedFd {
        drm::export(&self.client.file, self.info.handle).expect("nouveau exports buffers")
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        if let Err(error) = drm::gem_close(&self.client.file, self.info.handle) {
            log::error!("buffer {}: {error}", self.info.handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_with_a_zero() {
        assert_eq!(text(b"GA102\0\0x"), "GA102");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn clients_do_not_use_the_addresses_of_the_kernel() {
        const { assert!(FIRST_ADDRESS < KERNEL_START) };
        // NOUVEAU_VA_SPACE_BITS of nouveau_uvmm.c.
        const { assert!(KERNEL_START + KERNEL_SIZE <= 1 << 47) };
        const { assert!(KERNEL_START + KERNEL_SIZE <= 1 << 40) };
    }
}
