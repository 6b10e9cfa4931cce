// SPDX-License-Identifier: MIT

//! Objects in VRAM, which the CPU sees through windows.

use std::fs::File;
use std::thread;

use igt::memory::Mapped;
use igt::nova::object::{mappable_in, Object, VRAM};
use igt::nova::{self, Gpu};
use igt::{Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::MemoryRegion;

/// Bytes of a page.
const PAGE: usize = 4096;

/// Bytes of VRAM that a window shows.
const WINDOW: usize = 2 << 20;

/// A GPU, and a file with an object in VRAM, so that the driver has what it needs for these.
pub(crate) struct Vram<'a> {
    gpu: &'a Gpu,
}

/// The region of VRAM.
fn region(file: &File) -> MemoryRegion {
    let regions = nova::query_regions(file).unwrap();
    let vram = regions.into_iter().find(|region| region.id == VRAM);
    vram.expect("there is VRAM")
}

fn object(file: &File, size: usize) -> Object<'_> {
    Object::new(file, mappable_in(VRAM, size as u64))
}

impl<'a> Vram<'a> {
    pub(crate) fn new(gpu: &'a Gpu) -> Self {
        Self { gpu }
    }

    /// What was in VRAM before is not seen, be it written by the CPU or by the GPU.
    pub(crate) fn zero(&self) {
        const SIZE: usize = 64 << 10;
        let file = self.gpu.open_render();
        for round in 0..4 {
            // One of them surely has VRAM that was used before.
            let objects: Vec<_> = (0..4).map(|_| object(&file, SIZE)).collect();
            for object in &objects {
                let memory = object.map();
                for at in (0..SIZE).step_by(256) {
                    assert_eq!(memory.get::<u64>(at), 0, "round {round}, at {at:#x}");
                    memory.set(at, u64::MAX);
                }
            }
        }
    }

    pub(crate) fn windows(&self) {
        let file = self.gpu.open_render();
        let visible = region(&file).cpu_visible_size as usize;
        log::info!("{visible:#x} bytes at a time");
        assert!(visible >= WINDOW, "{visible:#x} bytes");
        let count = visible / WINDOW + 4;
        let object = object(&file, count * WINDOW);
        let memory = object.map();
        // In two orders, so that windows are taken back that will be needed next, and last.
        let mut windows: Vec<usize> = (0..count).collect();
        for round in 0..2_u64 {
            for &window in &windows {
                let last = (window + 1) * WINDOW - 8;
                let word = (window as u64) << 8;
                if round > 0 {
                    assert_eq!(memory.get::<u64>(last), word | (round - 1), "{window}");
                }
                memory.set(window * WINDOW, word | round);
                memory.set(last, word | round);
                assert_eq!(memory.get::<u64>(window * WINDOW), word | round);
            }
            let region = region(&file);
            assert_eq!(region.cpu_visible_used, region.cpu_visible_size);
            windows.reverse();
        }
        let used = region(&file).cpu_visible_used;
        drop(memory);
        drop(object);
        assert!(region(&file).cpu_visible_used < used, "windows are freed");
    }

    pub(crate) fn shared_windows(&self) {
        const COUNT: usize = 512;
        let file = self.gpu.open_render();
        let before = region(&file).cpu_visible_used as usize;
        let objects: Vec<_> = (0..COUNT).map(|_| object(&file, PAGE)).collect();
        let memory: Vec<_> = objects.iter().map(Object::map).collect();
        for (number, memory) in memory.iter().enumerate() {
            memory.set(0, number as u64);
        }
        for (number, memory) in memory.iter().enumerate() {
            assert_eq!(memory.get::<u64>(0), number as u64);
        }
        let used = region(&file).cpu_visible_used as usize - before;
        assert!(used < COUNT * WINDOW / 8, "{used:#x} bytes of windows");
    }

    /// All threads together use more than there is.
    pub(crate) fn contended(&self) {
        const THREADS: usize = 4;
        let file = self.gpu.open_render();
        let windows = region(&file).cpu_visible_size as usize / WINDOW;
        let each = windows.div_ceil(THREADS) + 2;
        thread::scope(|scope| {
            for number in 0..THREADS as u64 {
                let file = &file;
                scope.spawn(move || {
                    let object = object(file, each * WINDOW);
                    let memory = object.map();
                    for round in 0..3 {
                        let word = |window: usize| (window as u64) << 16 | number << 8 | round;
                        (0..each).for_each(|at| memory.set(at * WINDOW + PAGE, word(at)));
                        for at in 0..each {
                            assert_eq!(memory.get::<u64>(at * WINDOW + PAGE), word(at));
                        }
                    }
                });
            }
        });
    }

    pub(crate) fn reset(&self) {
        let gpu = self.gpu;
        gpu.require_reset();
        let file = gpu.open_render();
        let object = object(&file, 2 * PAGE);
        let memory = object.map();
        memory.set(0, 1_u64);
        memory.set(PAGE, 1_u64);
        assert_eq!(object.info().state, 0);
        let before = nova::query_status(&file).unwrap();
        gpu.pci().reset().expect("the GPU is reset");
        // Whatever is there, it can be accessed at any time. Who knows of the reset may write: there is no time in between.
        let bound = Timeout::new(HANG, "the reset is counted");
        while nova::query_status(&file).unwrap().resets == before.resets {
            memory.set(8, memory.get::<u64>(0));
        }
        memory.set(16, 4_u64);
        drop(bound);
        assert_eq!(nova::query_status(&file).unwrap().resets, before.resets + 1);
        gpu.assert_running();
        assert_eq!(object.info().state, uapi::GEM_STATE_CONTENT_LOST);
        // A reset may have brought back what another program had there.
        let other = object.map();
        assert_eq!((other.get::<u64>(0), other.get::<u64>(PAGE)), (0, 0));
        assert_eq!(other.get::<u64>(16), 4);
        // It is the object's memory again, as other mappings see it.
        memory.set(0, 2_u64);
        memory.set(PAGE, 3_u64);
        assert_eq!((other.get::<u64>(0), other.get::<u64>(PAGE)), (2, 3));
        let new = self::object(&file, 2 * PAGE);
        assert_eq!(new.info().state, 0);
        assert_eq!(new.map().get::<u64>(0), 0);
    }

    pub(crate) fn unbound(&self) {
        let _bound = Timeout::new(HANG, "unbinding and binding");
        let gpu = self.gpu;
        let file = gpu.open_render();
        let object = object(&file, 2 * PAGE);
        let (touched, untouched) = (object.map(), object.map());
        let exported = object.export();
        touched.set(0, 1_u64);
        gpu.unbind();
        let is_usable = |memory: &Mapped| {
            let _ = memory.get::<u64>(PAGE);
            memory.set(0, 7_u64);
            assert_eq!(memory.get::<u64>(0), 7);
        };
        is_usable(&touched);
        is_usable(&untouched);
        assert_eq!(object.try_map(0, PAGE).err(), Some(Errno::ENODEV));
        is_usable(&Mapped::new(&exported, 0, 2 * PAGE).unwrap());
        gpu.bind();
        gpu.assert_running();
        is_usable(&touched);
        // Others have the VRAM now, and see nothing of that.
        let file = gpu.open_render();
        let new = self::object(&file, 2 * PAGE);
        assert_eq!(new.map().get::<u64>(0), 0);
        is_usable(&untouched);
        assert_eq!(new.map().get::<u64>(0), 0);
    }
}
