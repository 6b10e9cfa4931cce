// SPDX-License-Identifier: MIT

//! What a translation needs: nova's ioctls on an open file, and the memory of the program.

use nova_uapi::{
    Array, GemCreate, GemInfo, GetParam, GetTime, QueueCreate, Sync, VmBindOp, VmCreate,
};
pub use rustix::io::Errno;

/// What a call answers.
pub type Result<T = ()> = std::result::Result<T, Errno>;

/// The argument of `DRM_IOCTL_NOVA_VM_BIND`.
#[derive(Clone, Copy, Debug)]
pub struct Bind<'a> {
    /// The address space.
    pub vm_id: u32,
    /// A queue of class BIND; zero for none.
    pub queue_id: u32,
    /// The operations.
    pub ops: &'a [VmBindOp],
    /// What is waited for and signalled.
    pub syncs: &'a [Sync],
}

/// An open file of the driver `nova`. Each method but the last three is an ioctl of `nova_drm.h`,
/// and fails as that says.
#[allow(missing_docs, reason = "the header has them")]
pub trait Device {
    /// `DRM_IOCTL_NOVA_QUERY`; answers with the bytes written, or, without room, with the size of
    /// the answer.
    ///
    /// # Errors
    ///
    /// As the header says.
    fn query(&self, query: u32, answer: &mut [u8]) -> Result<usize>;

    fn get_param(&self, argument: &mut GetParam) -> Result;

    fn get_time(&self, argument: &mut GetTime) -> Result;

    fn gem_create(&self, argument: &mut GemCreate) -> Result;

    fn gem_info(&self, argument: &mut GemInfo) -> Result;

    fn vm_create(&self, argument: &mut VmCreate) -> Result;

    fn vm_destroy(&self, vm_id: u32) -> Result;

    fn vm_bind(&self, bind: Bind<'_>) -> Result;

    fn queue_create(&self, argument: &mut QueueCreate) -> Result;

    fn queue_destroy(&self, queue_id: u32) -> Result;

    /// `DRM_IOCTL_NOVA_EXEC`; the pushes are in the program's memory.
    ///
    /// # Errors
    ///
    /// As the header says.
    fn exec(&self, queue_id: u32, pushes: Array, syncs: &[Sync]) -> Result;

    /// The PCI id of the device, without the vendor's.
    ///
    /// # Errors
    ///
    /// If sysfs does not say.
    fn pci_device(&self) -> Result<u16>;

    /// Reads an array that an argument of the program points to.
    ///
    /// # Errors
    ///
    /// `EFAULT` if it is seen that there is none.
    fn read(&self, pointer: u64, bytes: &mut [u8]) -> Result;

    /// Writes where an argument of the program points to.
    ///
    /// # Errors
    ///
    /// `EFAULT` if it is seen that nothing can be written there.
    fn write(&self, pointer: u64, bytes: &[u8]) -> Result;

    /// Has the kernel answer a call of the program, as it is.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    fn pass_on(&self, argument: &mut [u8]) -> Result;
}
