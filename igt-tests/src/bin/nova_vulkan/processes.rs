// SPDX-License-Identifier: MIT

//! Memory and semaphores that a process gives to another one.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use ash::{khr, vk};
use igt::data::{assert_same, pattern};
use igt::device;
use igt::drm;
use igt::nouveau::make_addresses;
use igt::nova::Gpu;
use igt::vgem::{self, Fence};
use igt::vulkan::{Buffer, Device, Memory, Physical, Place, Semaphore, Vulkan};
use igt::{Children, Tests, HANG};
use nix::errno::Errno;
use nix::fcntl::{fcntl, FcntlArg, FdFlag};
use nix::sys::socket::{
    recvmsg, sendmsg, socketpair, AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags,
    SockFlag, SockType,
};

use crate::devices::{self, copies, Devices};

const SIZE: usize = 100_003;

/// The number of things that are given.
const GIVEN: usize = 3;

const MEMORY: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::OPAQUE_FD;
const SEMAPHORE: vk::ExternalSemaphoreHandleTypeFlags =
    vk::ExternalSemaphoreHandleTypeFlags::OPAQUE_FD;

/// The values of the timeline: the first process waits for the other one's work, and the other one for the end.
const WRITTEN: u64 = 7;
const READ: u64 = 8;

pub(crate) fn subtests(tests: &mut Tests) {
    tests.subtest(
        "descriptors",
        "Copies of a descriptor are the same file, also in a forked process; one that is used again is another file.",
        descriptors,
    );
    tests.subtest(
        "exec",
        "A program that is started with an open file begins without what the one before had of it.",
        exec,
    );
    tests.subtest(
        "beside-vgem",
        "Calls on files of another driver, vgem, reach it, also where nova's numbers are used again, and where nova uses its.",
        beside_vgem,
    );
    tests.subtest(
        "two-processes",
        "Two processes write and read the same memory, in the order of their semaphores.",
        || {
            require();
            let (first, second) = socketpair(
                AddressFamily::Unix,
                SockType::SeqPacket,
                None,
                SockFlag::SOCK_CLOEXEC,
            )
            .expect("sockets");
            let children = Children::fork(2, |number| {
                let vulkan = Vulkan::open();
                let devices = Devices::require(&vulkan);
                let physical = devices.first();
                let device = Device::new(&vulkan, physical, copies(physical));
                match number {
                    0 => gives(&device, &first),
                    _ => takes(&device, &second),
                }
            });
            children.wait(HANG);
        },
    );
}

/// Whether an open file has had an address space. It has one then.
fn has_addresses(file: &File) -> bool {
    match make_addresses(file) {
        Ok(()) => false,
        Err(Errno::EBUSY) => true,
        Err(error) => panic!("VM_INIT: {error}"),
    }
}

/// The node whose files nova-nvk translates; skips if there is none.
fn translated_node() -> PathBuf {
    igt::require!(
        std::env::var_os("LD_PRELOAD").is_some(),
        "It is nova-nvk that follows descriptors; nouveau's are the kernel's."
    );
    let node = Gpu::require().drm().and_then(|drm| drm.render);
    node.unwrap_or_else(|| igt::skip!("No render node."))
}

fn descriptors() {
    let node = translated_node();
    let open = || device::open(&node).expect("the render node");
    let first = open();
    let number = first.as_raw_fd();
    assert!(!has_addresses(&first));
    let copy = first.try_clone().expect("a copy of a descriptor");
    drop(first);
    assert!(has_addresses(&copy));
    let second = open();
    assert_eq!(second.as_raw_fd(), number);
    assert!(!has_addresses(&second));

    let (parent, child) = UnixStream::pair().expect("sockets");
    let children = Children::fork(1, |_| {
        let told = (&child).read_exact(&mut [0]);
        told.expect("a byte of the parent");
        assert!(has_addresses(&copy) && has_addresses(&second));
        assert!(!has_addresses(&open()));
    });
    drop([copy, second]);
    let third = open();
    assert!(!has_addresses(&third) && has_addresses(&third));
    (&parent).write_all(&[1]).expect("a child that reads");
    children.wait(HANG);
}

/// The variable that has the number of the descriptor with which [`exec`] starts this program anew.
const INHERITED: &str = "NOVA_VULKAN_INHERITED";

/// What this program does if it was started with a file: says whether it was as it has to be.
pub(crate) fn inherited() -> Option<ExitCode> {
    let number = std::env::var(INHERITED).ok()?;
    let number = number.parse().expect("a number");
    // SAFETY: The variable says that this process has the descriptor, which nothing else uses.
    let file = unsafe { File::from_raw_fd(number) };
    let is_new = !has_addresses(&file) && has_addresses(&file);
    Some(match is_new {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn exec() {
    let node = translated_node();
    let file = device::open(&node).expect("the render node");
    assert!(!has_addresses(&file));
    let kept = fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()));
    assert_eq!(kept, Ok(0), "a descriptor that exec keeps");
    let program = std::env::current_exe().expect("a program has a path");
    let mut command = Command::new(program);
    command.env(INHERITED, file.as_raw_fd().to_string());
    let status = command.status().expect("the program runs");
    assert!(status.success(), "{status}");
    // This process goes on with what it had.
    assert!(has_addresses(&file));
}

fn beside_vgem() {
    let node = translated_node();
    let nova = || {
        let file = device::open(&node).expect("the render node");
        assert_eq!(name(&file), "nouveau");
        assert!(!has_addresses(&file));
        file
    };
    // What signals a fence of vgem has the number of nouveau's CHANNEL_ALLOC.
    let uses = |vgem: &File| {
        assert_eq!(name(vgem), "vgem");
        Fence::new(vgem).signal();
    };
    let (kept, vgem) = (nova(), vgem::require());
    uses(&vgem);
    let copy = vgem.try_clone().expect("a copy of a descriptor");
    let number = vgem.as_raw_fd();
    drop(vgem);
    let second = nova();
    assert_eq!(second.as_raw_fd(), number);
    uses(&copy);
    drop(second);
    let vgem = vgem::require();
    assert_eq!(vgem.as_raw_fd(), number);
    uses(&vgem);
    assert!(has_addresses(&kept));
}

/// The name of a file's driver.
fn name(file: &File) -> String {
    drm::version(file).expect("a DRM device").name
}

/// Skips unless there is a device with memory and semaphores that can be shared. The instance is gone when this process
/// forks.
fn require() {
    let vulkan = Vulkan::open();
    let devices = Devices::require(&vulkan);
    devices.require_series();
    let physical = devices.first();
    for name in [
        khr::external_memory_fd::NAME,
        khr::external_semaphore_fd::NAME,
    ] {
        devices::require(physical, physical.has(name), &name.to_string_lossy());
    }
    for kind in [vk::SemaphoreType::BINARY, vk::SemaphoreType::TIMELINE] {
        let what = format!("semaphores that can be shared, {kind:?}");
        devices::require(physical, shares(&vulkan, physical, kind), &what);
    }
}

/// Whether semaphores of this kind can be given and taken.
fn shares(vulkan: &Vulkan, physical: &Physical, kind: vk::SemaphoreType) -> bool {
    let mut kind = semaphore(kind);
    let info = vk::PhysicalDeviceExternalSemaphoreInfo::default()
        .handle_type(SEMAPHORE)
        .push_next(&mut kind);
    let mut answer = vk::ExternalSemaphoreProperties::default();
    // SAFETY: The handle is of this instance.
    unsafe {
        let instance = vulkan.raw();
        instance.get_physical_device_external_semaphore_properties(
            physical.handle,
            &info,
            &mut answer,
        );
    }
    use vk::ExternalSemaphoreFeatureFlags as Flags;
    let features = answer.external_semaphore_features;
    features.contains(Flags::EXPORTABLE | Flags::IMPORTABLE)
}

fn semaphore(kind: vk::SemaphoreType) -> vk::SemaphoreTypeCreateInfo<'static> {
    vk::SemaphoreTypeCreateInfo::default().semaphore_type(kind)
}

/// A buffer for memory that is shared.
fn buffer<'d>(device: &'d Device<'_>) -> Buffer<'d> {
    let mut shared = vk::ExternalMemoryBufferCreateInfo::default().handle_types(MEMORY);
    Buffer::of(device, &Buffer::create(SIZE as u64).push_next(&mut shared))
}

/// The process whose memory and semaphores they are.
fn gives(device: &Device<'_>, socket: &OwnedFd) {
    let buffer = buffer(device);
    let requirements = buffer.requirements();
    let index = Place::Local.find(device.physical, requirements.memory_type_bits);
    let mut export = vk::ExportMemoryAllocateInfo::default().handle_types(MEMORY);
    let memory =
        Memory::of(device, requirements.size, index, &mut export).expect("memory to share");
    buffer.bind(&memory, 0);
    let written = Semaphore::of(device, semaphore(vk::SemaphoreType::BINARY), SEMAPHORE);
    let timeline = Semaphore::of(device, semaphore(vk::SemaphoreType::TIMELINE), SEMAPHORE);
    let fds = [
        give(device, &memory),
        give_semaphore(device, &written),
        give_semaphore(device, &timeline),
    ];

    // What is to be read is asked for before the other process has begun.
    let target = device.buffer_at(SIZE as u64, Place::System);
    let source = device.buffer_with(&pattern(1, SIZE));
    let write = device.record(|commands| commands.copy_whole(&source, &buffer));
    let read = device.record(|commands| {
        commands.copy_whole(&buffer, &target);
        commands.barrier();
    });
    let nothing = vk::Fence::null();
    assert_eq!(
        device.submit(&write, &[], &[(&written, 0)], nothing),
        Ok(())
    );
    send(socket, &fds);
    let after = [(&timeline, WRITTEN)];
    assert_eq!(
        device.submit(&read, &after, &[(&timeline, READ)], nothing),
        Ok(())
    );
    assert_eq!(timeline.wait(READ, HANG), Ok(()));
    assert_same(
        &target.memory().read(0, SIZE),
        &pattern(2, SIZE),
        "what the other process has written",
    );
}

/// The process that gets them.
fn takes(device: &Device<'_>, socket: &OwnedFd) {
    let [memory, written, timeline] = receive(socket);
    let buffer = buffer(device);
    let requirements = buffer.requirements();
    let index = Place::Local.find(device.physical, requirements.memory_type_bits);
    let mut import = vk::ImportMemoryFdInfoKHR::default()
        .handle_type(MEMORY)
        .fd(memory.into_raw_fd());
    let memory = Memory::of(device, requirements.size, index, &mut import)
        .expect("the memory of another process");
    buffer.bind(&memory, 0);
    let written = take_semaphore(device, vk::SemaphoreType::BINARY, written);
    let timeline = take_semaphore(device, vk::SemaphoreType::TIMELINE, timeline);

    let target = device.buffer_at(SIZE as u64, Place::System);
    let source = device.buffer_with(&pattern(2, SIZE));
    let commands = device.record(|commands| {
        commands.copy_whole(&buffer, &target);
        commands.barrier();
        commands.copy_whole(&source, &buffer);
    });
    let signals = [(&timeline, WRITTEN)];
    assert_eq!(
        device.submit(&commands, &[(&written, 0)], &signals, vk::Fence::null()),
        Ok(())
    );
    assert_eq!(timeline.wait(READ, HANG), Ok(()));
    assert_same(
        &target.memory().read(0, SIZE),
        &pattern(1, SIZE),
        "what the other process has written",
    );
}

fn give(device: &Device<'_>, memory: &Memory<'_>) -> OwnedFd {
    let functions = khr::external_memory_fd::Device::new(device.vulkan.raw(), device.raw());
    let get = vk::MemoryGetFdInfoKHR::default()
        .memory(memory.handle())
        .handle_type(MEMORY);
    // SAFETY: The memory may be given in this way, and the file is this process's own.
    unsafe { OwnedFd::from_raw_fd(functions.get_memory_fd(&get).expect("a file of memory")) }
}

fn give_semaphore(device: &Device<'_>, semaphore: &Semaphore<'_>) -> OwnedFd {
    let functions = khr::external_semaphore_fd::Device::new(device.vulkan.raw(), device.raw());
    let get = vk::SemaphoreGetFdInfoKHR::default()
        .semaphore(semaphore.handle())
        .handle_type(SEMAPHORE);
    // SAFETY: The semaphore may be given in this way, and the file is this process's own.
    unsafe {
        OwnedFd::from_raw_fd(
            functions
                .get_semaphore_fd(&get)
                .expect("a file of a semaphore"),
        )
    }
}

fn take_semaphore<'d>(
    device: &'d Device<'_>,
    kind: vk::SemaphoreType,
    file: OwnedFd,
) -> Semaphore<'d> {
    let taken = Semaphore::of(
        device,
        semaphore(kind),
        vk::ExternalSemaphoreHandleTypeFlags::empty(),
    );
    let functions = khr::external_semaphore_fd::Device::new(device.vulkan.raw(), device.raw());
    let import = vk::ImportSemaphoreFdInfoKHR::default()
        .semaphore(taken.handle())
        .handle_type(SEMAPHORE)
        .fd(file.into_raw_fd());
    // SAFETY: The file is of such a semaphore, and the driver gets it.
    let result = unsafe { functions.import_semaphore_fd(&import) };
    assert_eq!(result, Ok(()), "the semaphore of another process");
    taken
}

/// Sends files to another process.
fn send(socket: &OwnedFd, files: &[OwnedFd; GIVEN]) {
    let fds = files.each_ref().map(AsRawFd::as_raw_fd);
    let rights = [ControlMessage::ScmRights(&fds)];
    let sent = sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(b"f")],
        &rights,
        MsgFlags::empty(),
        None,
    );
    assert_eq!(sent, Ok(1));
}

/// Receives files of another process.
fn receive(socket: &OwnedFd) -> [OwnedFd; GIVEN] {
    let mut room = nix::cmsg_space!([i32; GIVEN]);
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut bytes,
        Some(&mut room),
        MsgFlags::MSG_CMSG_CLOEXEC,
    );
    let message = message.expect("a message of the other process");
    let rights = message
        .cmsgs()
        .expect("all of the message")
        .find_map(|part| match part {
            ControlMessageOwned::ScmRights(fds) => Some(fds),
            _ => None,
        });
    let fds: [i32; GIVEN] = rights.and_then(|fds| fds.try_into().ok()).expect("files");
    // SAFETY: The kernel has made them for this process.
    fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}
