// SPDX-License-Identifier: MIT

//! Address spaces: their ids, the kernel's range in them, and how long they live.

use std::fs::File;
use std::process::ExitCode;

use igt::mock::Mock;
use igt::nova::calls::{call, call_with};
use igt::nova::{self, Gpu};
use igt::space::{map, spaces, unmap, Filled, Space, PAGE};
use igt::{wait_for, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi::{VmCreate, VmDestroy, ARCHITECTURE_BLACKWELL_GB20X};

/// Number of address spaces that a file has at once in `many`.
const MANY: u32 = 70;

fn main() -> ExitCode {
    igt::run("Address spaces.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let mock = tests.fixture(|| Mock::require(&gpu));
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest("query", "The answer to the query makes sense.", || {
            query(&gpu.open_render());
        });
        tests.subtest(
            "ids",
            "Ids start at 1 in each file, and the lowest free one is taken.",
            || ids(&gpu),
        );
        tests.subtest(
            "kernel-range",
            "The kernel's range is where the program wants it, or at the end of the addresses of pushes.",
            || kernel_range(&gpu.open_render()),
        );
        tests.subtest(
            "kernel-range-refused",
            "A range that is small, misaligned or elsewhere is refused.",
            || kernel_range_refused(&gpu.open_render()),
        );
        tests.subtest(
            "unknown",
            "An id that is free, none, or of another file is unknown.",
            || unknown(&gpu),
        );
        tests.subtest(
            "objects",
            "Each address space is one of GSP-RM as long as its id, or its file.",
            || objects(&gpu, &mock),
        );
        tests.subtest("many", "A file can have many.", || many(&gpu, &mock));
        tests.subtest(
            "after-reset",
            "Mappings are there again after a reset of the GPU.",
            || after_reset(&gpu, &mock),
        );
        tests.subtest(
            "after-unbind",
            "A file that is open while the GPU is unbound can be closed after that.",
            || after_unbind(&gpu, &mock),
        );
    })
}

fn query(file: &File) {
    let vm = nova::query_vm(file).unwrap();
    assert!(vm.va_start >= PAGE, "null pointers fault: {vm:x?}");
    assert!(
        vm.va_start < vm.push_va_end && vm.push_va_end <= vm.va_end,
        "{vm:x?}"
    );
    assert!(
        vm.kernel_align.is_power_of_two() && vm.kernel_align >= PAGE,
        "{vm:x?}"
    );
    assert_eq!(vm.kernel_size_min % vm.kernel_align, 0, "{vm:x?}");
    let device = nova::query_device(file).unwrap();
    let kinds = match device.architecture {
        // Pitch and generic memory.
        ARCHITECTURE_BLACKWELL_GB20X => 1 << 0 | 1 << 6,
        // Those for depth, too.
        _ => 0x7f,
    };
    assert_eq!(vm.kinds, kinds, "{vm:x?} {device:x?}");
    assert_eq!(vm.kinds_compressible, 0, "{vm:x?}");
}

fn create(file: &File) -> u32 {
    let mut create = VmCreate {
        vm_id: u32::MAX,
        ..VmCreate::default()
    };
    assert_eq!(call(file, &mut create), Ok(()));
    create.vm_id
}

fn destroy(file: &File, vm_id: u32) -> Result<(), Errno> {
    call(file, &mut VmDestroy { vm_id, pad: 0 })
}

fn ids(gpu: &Gpu) {
    let files = [gpu.open_render(), gpu.open_primary()];
    for file in &files {
        let ids: Vec<_> = (0..4).map(|_| create(file)).collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        for id in [3, 2] {
            assert_eq!(destroy(file, id), Ok(()));
        }
        let ids: Vec<_> = (0..3).map(|_| create(file)).collect();
        assert_eq!(ids, [2, 3, 5]);
    }
}

fn kernel_range(file: &File) {
    let vm = nova::query_vm(file).unwrap();
    let (least, align) = (vm.kernel_size_min, vm.kernel_align);
    let aligned = vm.va_start.next_multiple_of(align);
    for (asked, taken) in [
        ((0, 0), (vm.push_va_end - least, least)),
        ((aligned, least), (aligned, least)),
        ((aligned, least + align), (aligned, least + align)),
        (
            (vm.push_va_end - least, least),
            (vm.push_va_end - least, least),
        ),
    ] {
        let mut create = VmCreate {
            kernel_start: asked.0,
            kernel_size: asked.1,
            ..VmCreate::default()
        };
        assert_eq!(call(file, &mut create), Ok(()), "{asked:x?}");
        assert_eq!((create.kernel_start, create.kernel_size), taken);
        assert_eq!(destroy(file, create.vm_id), Ok(()));
    }
}

fn kernel_range_refused(file: &File) {
    let vm = nova::query_vm(file).unwrap();
    let (least, align) = (vm.kernel_size_min, vm.kernel_align);
    let aligned = vm.va_start.next_multiple_of(align);
    for (kernel_start, kernel_size) in [
        (aligned, 0),
        (0, least),
        (aligned + PAGE, least),
        (aligned, least + PAGE),
        (aligned, least - align),
        (vm.push_va_end, least),
        (vm.push_va_end - least + align, least),
        (aligned, 0_u64.wrapping_sub(aligned)),
    ] {
        let asked = VmCreate {
            vm_id: u32::MAX,
            kernel_start,
            kernel_size,
            ..VmCreate::default()
        };
        assert_eq!(call_with(file, asked), Err(Errno::EINVAL), "{asked:x?}");
    }
    assert_eq!(create(file), 1, "nothing was created");
}

fn unknown(gpu: &Gpu) {
    let (file, other) = (gpu.open_render(), gpu.open_render());
    assert_eq!(create(&file), 1);
    assert_eq!(destroy(&other, 1), Err(Errno::ENOENT));
    for id in [0, 2, u32::MAX] {
        assert_eq!(destroy(&file, id), Err(Errno::ENOENT), "{id}");
    }
    assert_eq!(destroy(&file, 1), Ok(()));
    assert_eq!(destroy(&file, 1), Err(Errno::ENOENT));
}

fn objects(gpu: &Gpu, mock: &Mock) {
    let before = spaces(mock);
    let file = gpu.open_render();
    let first = Space::new(&file, mock);
    let _second = Space::new(&file, mock);
    assert_eq!(spaces(mock).len(), before.len() + 2);
    assert_eq!(first.destroy(), Ok(()));
    assert_eq!(spaces(mock).len(), before.len() + 1);
    let object = Filled::new(&file, 1, 1);
    let third = Space::new(&file, mock);
    third.bind(&[map(&object, 0, 1 << 30, 1)]);
    drop(object);
    drop(file);
    wait_for(HANG, "the address spaces of a closed file to go", || {
        spaces(mock) == before
    });
}

fn many(gpu: &Gpu, mock: &Mock) {
    let before = spaces(mock);
    let file = gpu.open_render();
    let object = Filled::new(&file, 2, 7);
    let all: Vec<_> = (0..MANY).map(|_| Space::new(&file, mock)).collect();
    for space in &all {
        space.bind(&[map(&object, 0, 1 << 30, 2)]);
    }
    all[0].bind(&[unmap(1 << 30, 1)]);
    all[0].has_nothing(1 << 30, 1);
    for space in &all[1..] {
        space.has(1 << 30, &object, 0, 2);
    }
    for space in &all {
        assert_eq!(space.destroy(), Ok(()));
    }
    assert_eq!(spaces(mock), before);
}

fn after_reset(gpu: &Gpu, mock: &Mock) {
    gpu.require_reset();
    let file = gpu.open_render();
    let mut space = Space::new(&file, mock);
    let object = Filled::new(&file, 4, 9);
    let at = 1 << 30;
    space.bind(&[map(&object, 0, at, 4), unmap(at + PAGE, 1)]);
    {
        let _bound = Timeout::new(HANG, "a reset");
        gpu.pci().reset().unwrap();
    }
    // The address space is made anew when it is used.
    let again = [map(&object, 0, at + 3 * PAGE, 1)];
    wait_for(HANG, "the address space to work again", || {
        space.try_bind(&again) == Ok(())
    });
    space.find(&[]);
    space.has(at, &object, 0, 1);
    space.has_nothing(at + PAGE, 1);
    space.has(at + 2 * PAGE, &object, 2, 1);
    space.has(at + 3 * PAGE, &object, 0, 1);
    assert_eq!(space.destroy(), Ok(()));
}

fn after_unbind(gpu: &Gpu, mock: &Mock) {
    let file = gpu.open_render();
    let space = Space::new(&file, mock);
    let object = Filled::new(&file, 4, 9);
    space.bind(&[map(&object, 0, 1 << 30, 4)]);
    gpu.unbind();
    assert_eq!(space.try_bind(&[unmap(1 << 30, 4)]), Err(Errno::ENODEV));
    assert_eq!(space.destroy(), Err(Errno::ENODEV));
    drop(object);
    drop(file);
    gpu.bind();
    gpu.assert_running();
    assert_eq!(spaces(mock), Vec::<String>::new());
}
