// SPDX-License-Identifier: MIT

//! Shared by the Nova tests: the GPU, the two modules, and the driver's ioctls.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{
    Engine, GemCreate, GemInfo, GetParam, MemoryRegion, Query, QueryDevice, QueryFirmware,
    QueryGraphics, QueryLimits, QueryList, QueryStatus, QueryVm, QueryZcull,
};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::device::{self, DrmDevice};
use crate::memory::BadAddress;
use crate::module::Module;
use crate::sysfs::{self, PciDevice};
use crate::{drm, wait_for, ExitHandler, HANG};

pub mod bind_queue;
pub mod calls;
pub mod client;
pub mod dump;
pub mod faults;
pub mod object;
pub mod queue;
pub mod wrong;

/// PCI vendor id of NVIDIA.
const NVIDIA: u64 = 0x10de;

/// PCI base class of displays.
const DISPLAY: u64 = 0x03;

/// The driver's messages when the GSP is lost, when it has recovered, and when it stays down until
/// the GPU is bound again.
pub const IS_LOST: &str = ": the GSP is lost: ";
/// See [`IS_LOST`].
pub const RUNS_AGAIN: &str = ": the GSP runs again after ";
/// See [`IS_LOST`].
pub const STAYS_DOWN: &str = ": the GPU stays down: ";

/// Has the kernel delete the coredump that a link is for, if there is one, and waits until the link is gone.
fn dismiss(link: &Path) {
    // It fails if the coredump has just been deleted.
    let _ = fs::write(link.join("data"), "1");
    wait_for(HANG, "the coredump to be deleted", || {
        link.symlink_metadata().is_err()
    });
}

/// The first render node of the driver.
pub fn first_render_node() -> Option<PathBuf> {
    let nodes = DrmDevice::all()
        .into_iter()
        .filter_map(|device| device.render);
    let is_nova = |node: &PathBuf| {
        let version = device::open(node).ok().map(|file| drm::version(&file));
        version.is_some_and(|version| version.is_ok_and(|v| v.name == uapi::DRIVER_NAME))
    };
    nodes.into_iter().find(is_nova)
}

/// The GPU under test and its driver.
#[derive(Clone, Debug)]
pub struct Gpu {
    pci: PciDevice,
}

impl Gpu {
    /// The NVIDIA GPUs of the machine, by address.
    pub fn all() -> Vec<Self> {
        let is_gpu = |pci: &PciDevice| {
            let class = pci.class().is_ok_and(|class| class >> 16 == DISPLAY);
            class && pci.vendor().is_ok_and(|vendor| vendor == NVIDIA)
        };
        let gpus = PciDevice::all().into_iter().filter(is_gpu);
        gpus.map(|pci| Self { pci }).collect()
    }

    /// The first NVIDIA GPU of the machine; skips if there is none.
    pub fn require() -> Self {
        match Self::all().into_iter().next() {
            Some(gpu) => gpu,
            None => crate::skip!("No NVIDIA GPU."),
        }
    }

    /// The GPU as a PCI function.
    pub fn pci(&self) -> &PciDevice {
        &self.pci
    }

    /// Size of the VRAM BAR in bytes; it follows the register BAR.
    ///
    /// # Panics
    ///
    /// If the function does not exist any more.
    pub fn vram_bar_size(&self) -> u64 {
        match self.pci.bars().as_deref() {
            Ok([_, vram, ..]) => *vram,
            bars => panic!("{} has the BARs {bars:?}", self.pci.name()),
        }
    }

    /// Skips if the GPU has no function-level reset.
    pub fn require_reset(&self) {
        crate::require!(self.pci.can_reset(), "The GPU has no function-level reset.");
    }

    /// Its DRM device, if its driver is bound.
    pub fn drm(&self) -> Option<DrmDevice> {
        let parent = fs::canonicalize(self.pci.path()).ok()?;
        DrmDevice::all()
            .into_iter()
            .find(|device| device.parent == parent)
    }

    /// The driver's folder in debugfs.
    pub fn debugfs(&self) -> PathBuf {
        Path::new(sysfs::DEBUGFS)
            .join("nova-core")
            .join(self.pci.name())
    }

    /// The driver's report of the last boot.
    ///
    /// # Panics
    ///
    /// If the driver does not run.
    pub fn boot_report(&self) -> String {
        let path = self.debugfs().join("boot_report");
        match fs::read_to_string(&path) {
            Ok(report) => report,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// The chip's name in lower case, from the boot report.
    ///
    /// # Panics
    ///
    /// If the driver does not run.
    pub fn chip(&self) -> String {
        let report = self.boot_report();
        match field(&report, "chipset").and_then(|value| value.split(' ').next()) {
            Some(name) => name.to_lowercase(),
            None => panic!("no chipset in {report}"),
        }
    }

    /// Loads the modules and binds the GPU if necessary, now and when the returned value is
    /// dropped.
    ///
    /// # Panics
    ///
    /// If the driver does not run afterwards.
    pub fn keep_running(&self) -> ExitHandler {
        self.start();
        let gpu = self.clone();
        ExitHandler::new(move || gpu.start())
    }

    /// Loads the modules and binds the GPU if necessary.
    ///
    /// # Panics
    ///
    /// If the driver does not run afterwards.
    pub fn start(&self) {
        load();
        if self.pci.driver().is_none() {
            self.bind();
        }
        self.assert_running();
    }

    /// Binds the GPU through sysfs.
    ///
    /// # Panics
    ///
    /// If probe fails.
    pub fn bind(&self) {
        if let Err(error) = self.pci.bind(&driver()) {
            panic!("bind {}: {error}", self.pci.name());
        }
    }

    /// Unbinds the GPU through sysfs.
    ///
    /// # Panics
    ///
    /// If it is not bound.
    pub fn unbind(&self) {
        if let Err(error) = self.pci.unbind() {
            panic!("unbind {}: {error}", self.pci.name());
        }
    }

    /// Has the kernel delete the coredump of a GPU that is lost, if there is one, and waits until it is gone.
    ///
    /// The kernel deletes a coredump after five minutes, and the link to it a moment later
    /// (`devcd_dev_release` in drivers/base/devcoredump.c says that this is racy). If the GSP is lost in
    /// between, the kernel warns that the link exists already. In a kernel with
    /// `CONFIG_DEBUG_KOBJECT_RELEASE` that moment takes seconds.
    ///
    /// # Panics
    ///
    /// If it stays.
    pub fn dismiss_coredump(&self) {
        dismiss(&self.pci.path().join("devcoredump"));
    }

    /// Asserts that the GPU works: its nodes exist, and a call on the render node that needs the
    /// GPU succeeds, at the latest when nova-drm is ready after a boot.
    ///
    /// # Panics
    ///
    /// If an assertion fails.
    pub fn assert_running(&self) {
        assert!(
            self.pci.driver().is_some(),
            "{} has no driver",
            self.pci.name()
        );
        wait_for(HANG, "the render node to work", || {
            needs_gpu(&self.open_render()) == Ok(())
        });
        assert!(
            self.debugfs().is_dir(),
            "{} is missing",
            self.debugfs().display()
        );
    }

    /// Asserts that the driver has released everything.
    ///
    /// # Panics
    ///
    /// If an assertion fails.
    pub fn assert_released(&self) {
        assert_eq!(self.pci.driver(), None, "{} has a driver", self.pci.name());
        wait_for(HANG, "the DRM nodes to be removed", || self.drm().is_none());
        assert!(
            !self.debugfs().exists(),
            "{} is left",
            self.debugfs().display()
        );
        assert_eq!(self.pci.enabled().ok(), Some(0), "its memory is enabled");
        for (table, claimed) in [
            (
                "/proc/iomem",
                claimed_memory as fn(&str, &str) -> Vec<String>,
            ),
            ("/proc/interrupts", claimed_interrupts),
        ] {
            let text = fs::read_to_string(table).unwrap_or_default();
            let left = claimed(&text, &self.pci.name());
            assert!(left.is_empty(), "left in {table}: {left:?}");
        }
    }

    /// Number of its interrupts since the driver has requested them.
    ///
    /// # Panics
    ///
    /// If the driver has no interrupt.
    pub fn interrupts(&self) -> u64 {
        let text = fs::read_to_string("/proc/interrupts").unwrap_or_default();
        match claimed_interrupts(&text, &self.pci.name()).as_slice() {
            [line] => count_interrupts(line),
            lines => panic!("interrupts of {}: {lines:?}", self.pci.name()),
        }
    }

    /// Opens the render node.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn open_render(&self) -> File {
        let mut render = None;
        wait_for(HANG, "the render node", || {
            render = self
                .drm()
                .and_then(|drm| drm.render)
                .filter(|node| node.exists());
            render.is_some()
        });
        open(&render.unwrap_or_default())
    }

    /// Opens the primary node.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn open_primary(&self) -> File {
        let primary = self.drm().map(|drm| drm.primary);
        open(&primary.unwrap_or_default())
    }
}

/// The value of a line of the boot report.
pub fn field<'a>(report: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = report.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.trim()))
}

/// The driver's claims in the memory of the device `name`: lines that are indented below it.
fn claimed_memory(iomem: &str, name: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut within = None;
    let mut claimed = Vec::new();
    for line in iomem.lines() {
        if within.is_some_and(|device| indent(line) <= device) {
            within = None;
        }
        if within.is_some() && line.contains("nova") {
            claimed.push(line.trim().to_owned());
        }
        if line.ends_with(name) {
            within = Some(indent(line));
        }
    }
    claimed
}

/// The driver's claims in the interrupts of the device `name`.
fn claimed_interrupts(interrupts: &str, name: &str) -> Vec<String> {
    let held = |line: &&str| line.contains(name) && line.contains("nova");
    interrupts.lines().filter(held).map(str::to_owned).collect()
}

/// Sum of an interrupt's counts on all CPUs: `28: 1 0 PCI-MSI-...`.
fn count_interrupts(line: &str) -> u64 {
    let fields = line.split_whitespace().skip(1);
    fields.map_while(|field| field.parse::<u64>().ok()).sum()
}

fn open(node: &Path) -> File {
    match device::open(node) {
        Ok(file) => file,
        Err(error) => panic!("{}: {error}", node.display()),
    }
}

/// The module that drives the GPU.
pub fn core_module() -> Module {
    Module::new("nova-core")
}

/// The module that offers the GPU to user space.
pub fn drm_module() -> Module {
    Module::new("nova-drm")
}

/// Loads both modules with `modprobe nova-drm`.
///
/// # Panics
///
/// If that fails.
pub fn load() {
    if let Err(error) = drm_module().load() {
        panic!("{error}");
    }
}

/// Unloads both modules if they are loaded.
///
/// # Panics
///
/// If one is in use.
pub fn unload() {
    for module in [drm_module(), core_module()] {
        if module.is_loaded() {
            let drivers = module.pci_drivers();
            let result = module.unload();
            assert_eq!(result, Ok(()), "unload {module}");
            drivers
                .iter()
                .for_each(|driver| wait_until_released(driver));
        }
    }
}

/// Waits until the kernel has released a PCI driver that is unregistered. Before, a driver of the
/// same name cannot be registered; with `CONFIG_DEBUG_KOBJECT_RELEASE` this takes seconds.
fn wait_until_released(driver: &str) {
    let folder = Path::new("/sys/bus/pci/drivers").join(driver);
    wait_for(HANG, "the driver to be released", || !folder.exists());
}

/// The name of the PCI driver.
///
/// # Panics
///
/// If nova-core is not loaded.
pub fn driver() -> String {
    let drivers = core_module().pci_drivers();
    match drivers.as_slice() {
        [driver] => driver.clone(),
        _ => panic!("nova-core has the PCI drivers {drivers:?}"),
    }
}

/// Reads a parameter with `DRM_IOCTL_NOVA_GETPARAM`.
///
/// # Errors
///
/// `EINVAL` if the kernel does not know it.
pub fn get_param(file: &File, param: u64) -> Result<u64, Errno> {
    let mut argument = GetParam { param, value: 0 };
    calls::call(file, &mut argument)?;
    Ok(argument.value)
}

/// Makes a call that the driver refuses while the GPU does not work, and that has no lasting
/// effect.
///
/// # Errors
///
/// `EIO` if the GPU does not work, `ENODEV` if it has been unbound.
pub fn needs_gpu(file: &File) -> Result<(), Errno> {
    get_param(file, uapi::GETPARAM_VRAM_BAR_SIZE).map(drop)
}

/// Creates a GEM object of that size; returns its handle.
///
/// # Errors
///
/// The kernel's error.
pub fn create(file: &File, size: u64) -> Result<u32, Errno> {
    let mut create = GemCreate {
        size,
        ..GemCreate::default()
    };
    gem_create(file, &mut create)?;
    Ok(create.handle)
}

/// Creates a GEM object; the kernel updates `argument`.
///
/// # Errors
///
/// The kernel's error.
pub fn gem_create(file: &File, argument: &mut GemCreate) -> Result<(), Errno> {
    calls::call(file, argument)
}

/// Queries a GEM object; the kernel updates `argument`.
///
/// # Errors
///
/// The kernel's error.
pub fn gem_info(file: &File, argument: &mut GemInfo) -> Result<(), Errno> {
    calls::call(file, argument)
}

/// Calls `query` with `room` for the answer; returns the query as updated by the kernel.
///
/// # Errors
///
/// The kernel's error, and the query as updated by the kernel.
pub fn query_into(file: &File, query: Query, room: &mut [u8]) -> Result<Query, (Errno, Query)> {
    assert!(query.size <= room.len() as u64, "no room for {query:?}");
    let data = room.as_mut_ptr() as u64;
    let mut query = Query { data, ..query };
    // SAFETY: The kernel writes at most `size` bytes to `data`, and `room` has them.
    match unsafe { drm::ioctl(file, uapi::IOCTL_QUERY, &mut query) } {
        Ok(()) => Ok(query),
        Err(error) => Err((error, query)),
    }
}

/// Calls `query` with an address at which the kernel cannot write all of the answer.
///
/// # Errors
///
/// The kernel's error, and the query as updated by the kernel.
pub fn query_at(file: &File, query: Query, at: BadAddress) -> Result<Query, (Errno, Query)> {
    let mut query = Query {
        data: at.get(),
        ..query
    };
    // SAFETY: No memory of this program is where the kernel may write.
    match unsafe { drm::ioctl(file, uapi::IOCTL_QUERY, &mut query) } {
        Ok(()) => Ok(query),
        Err(error) => Err((error, query)),
    }
}

/// Queries the size of an answer in bytes.
///
/// # Errors
///
/// The kernel's error.
pub fn query_size(file: &File, id: u32) -> Result<u64, Errno> {
    let query = Query {
        query: id,
        ..Query::default()
    };
    let answered = query_at(file, query, BadAddress::NULL);
    answered.map(|query| query.size).map_err(|(error, _)| error)
}

/// Queries the GPU.
///
/// # Errors
///
/// The kernel's error.
pub fn query_device(file: &File) -> Result<QueryDevice, Errno> {
    query_whole(file, uapi::QUERY_DEVICE)
}

/// Queries the GPU's firmware.
///
/// # Errors
///
/// The kernel's error.
pub fn query_firmware(file: &File) -> Result<QueryFirmware, Errno> {
    query_whole(file, uapi::QUERY_FIRMWARE)
}

/// Queries the regions of memory, in the order of their ids.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// If the kernel says less than the header has.
pub fn query_regions(file: &File) -> Result<Vec<MemoryRegion>, Errno> {
    query_list(file, uapi::QUERY_MEMORY_REGIONS)
}

/// Queries the engines.
///
/// # Errors
///
/// The kernel's error.
///
/// # Panics
///
/// If the kernel says less than the header has.
pub fn query_engines(file: &File) -> Result<Vec<Engine>, Errno> {
    query_list(file, uapi::QUERY_ENGINES)
}

/// Queries what address spaces look like.
///
/// # Errors
///
/// The kernel's error.
pub fn query_vm(file: &File) -> Result<QueryVm, Errno> {
    query_whole(file, uapi::QUERY_VM)
}

/// Queries the limits of calls.
///
/// # Errors
///
/// The kernel's error.
pub fn query_limits(file: &File) -> Result<QueryLimits, Errno> {
    query_whole(file, uapi::QUERY_LIMITS)
}

/// Queries how the GPU is.
///
/// # Errors
///
/// The kernel's error.
pub fn query_status(file: &File) -> Result<QueryStatus, Errno> {
    query_whole(file, uapi::QUERY_STATUS)
}

/// What the graphics engine consists of.
///
/// # Errors
///
/// The kernel's error.
pub fn query_graphics(file: &File) -> Result<QueryGraphics, Errno> {
    query_whole(file, uapi::QUERY_GRAPHICS)
}

/// What programs have to know to use ZCULL.
///
/// # Errors
///
/// The kernel's error.
pub fn query_zcull(file: &File) -> Result<QueryZcull, Errno> {
    query_whole(file, uapi::QUERY_ZCULL)
}

/// Queries a list.
fn query_list<T: FromBytes>(file: &File, id: u32) -> Result<Vec<T>, Errno> {
    let mut room = vec![0; query_size(file, id)? as usize];
    let query = Query {
        query: id,
        size: room.len() as u64,
        ..Query::default()
    };
    query_into(file, query, &mut room).map_err(|(error, _)| error)?;
    let (list, elements) = QueryList::read_from_prefix(&room).expect("a list begins like that");
    let elements = elements.chunks_exact(list.stride as usize);
    assert_eq!(elements.len(), list.count as usize, "{list:?}");
    let element = |bytes| T::read_from_prefix(bytes).map(|(element, _)| element);
    let elements: Result<Vec<T>, _> = elements.map(element).collect();
    Ok(elements.unwrap_or_else(|_| panic!("{list:?} is too short")))
}

/// Queries a whole structure; fields that the kernel does not know are zero.
fn query_whole<T: FromZeros + IntoBytes + FromBytes>(file: &File, id: u32) -> Result<T, Errno> {
    let mut answer = T::new_zeroed();
    let query = Query {
        query: id,
        size: size_of::<T>() as u64,
        ..Query::default()
    };
    query_into(file, query, answer.as_mut_bytes()).map_err(|(error, _)| error)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IOMEM: &str = "\
fd000000-feffffff : PCI Bus 0000:00
  fd000000-fdffffff : 0000:00:03.0
    fd000000-fdffffff : nova-core
  fe000000-feffffff : 0000:00:04.0
1000000000-1fffffffff : PCI Bus 0000:00
  1000000000-100fffffff : 0000:00:04.0
    1000000000-1000000fff : nova-core
";

    const INTERRUPTS: &str = "\
 28:   1   2  PCI-MSI-0000:00:03.0   0-edge      nova-core
 29:   1   0  PCI-MSIX-0000:00:04.0   0-edge      virtio0-config
";

    #[test]
    fn claims_are_found_below_their_device() {
        let first = ["fd000000-fdffffff : nova-core"];
        assert_eq!(claimed_memory(IOMEM, "0000:00:03.0"), first);
        let second = ["1000000000-1000000fff : nova-core"];
        assert_eq!(claimed_memory(IOMEM, "0000:00:04.0"), second);
        assert!(claimed_memory(IOMEM, "0000:00:05.0").is_empty());
        let [interrupt] = &*claimed_interrupts(INTERRUPTS, "0000:00:03.0") else {
            panic!("one interrupt");
        };
        assert_eq!(count_interrupts(interrupt), 3);
        assert!(claimed_interrupts(INTERRUPTS, "0000:00:04.0").is_empty());
    }

    #[test]
    fn fields_of_the_boot_report() {
        let report = "GPU            NVIDIA X\nchipset        GA102 rev a.1\n";
        assert_eq!(field(report, "chipset"), Some("GA102 rev a.1"));
        assert_eq!(field(report, "chip"), None);
    }
}
