// SPDX-License-Identifier: MIT

//! Mappings in address spaces, as the mocked GPU finds them through its TLBs and page tables.

use std::fs::File;
use std::process::ExitCode;

use igt::mock::Mock;
use igt::nova::object::{SYSTEM, VRAM};
use igt::nova::Gpu;
use igt::space::{Filled, Space};

mod ends;
mod lifetimes;
mod queues;
mod ranges;
mod refused;

/// Kind of generic memory, which all GPUs have.
const GENERIC: u8 = 6;

/// Where tests map. The kernel's range is far above.
const AT: u64 = 1 << 30;

/// A GPU, an open file of it, and its mock; and where objects lie.
struct Bench {
    gpu: Gpu,
    file: File,
    mock: Mock,
    region: u32,
}

impl Bench {
    fn require(region: u32) -> Self {
        let gpu = Gpu::require();
        let mock = Mock::require(&gpu);
        gpu.start();
        let file = gpu.open_render();
        let bench = Self {
            gpu,
            file,
            mock,
            region,
        };
        // The first object in VRAM makes an address space of the driver, which is none of the tests'.
        drop(bench.object(1, 0));
        bench
    }

    /// An object of so many pages.
    fn object(&self, pages: u64, seed: u32) -> Filled<'_> {
        Filled::within(&self.file, self.region, pages, seed)
    }

    /// An address space in which nothing is mapped.
    fn space(&self) -> Space<'_> {
        Space::new(&self.file, &self.mock)
    }
}

fn main() -> ExitCode {
    igt::run("Mappings, as the GPU sees them.", |tests| {
        for (region, memory, prefix) in [(SYSTEM, "system memory", ""), (VRAM, "VRAM", "vram-")] {
            let bench = tests.fixture(|| Bench::require(region));
            let name = |name: &str| format!("{prefix}{name}");

            tests.group(&format!("Ranges, and objects in {memory}."), |tests| {
                tests.subtest(
                    name("map"),
                    "An object is where it was mapped, and nowhere else.",
                    || ranges::map_object(&bench),
                );
                tests.subtest(name("part"), "A part of an object is mapped.", || {
                    ranges::part(&bench)
                });
                tests.subtest(
                    name("edges"),
                    "The first and the last addresses can be mapped.",
                    || ranges::edges(&bench),
                );
                tests.subtest(
                    name("replace"),
                    "A mapping replaces what was there.",
                    || ranges::replace(&bench),
                );
                tests.subtest(
                    name("split"),
                    "A mapping is cut at both sides, and the rest stays.",
                    || ranges::split(&bench),
                );
                tests.subtest(
                    name("unmap"),
                    "Any range can be unmapped, whatever it holds.",
                    || ranges::unmap_any(&bench),
                );
                tests.subtest(
                    name("large"),
                    "A mapping of many MiB is cut and joined.",
                    || ranges::large(&bench),
                );
                tests.subtest(
                    name("sparse"),
                    "Sparse addresses read as zero, and drop writes.",
                    || ranges::sparse_range(&bench),
                );
                tests.subtest(
                    name("read-only"),
                    "The GPU cannot write where it must not.",
                    || ranges::read_only(&bench),
                );
                tests.subtest(
                    name("kind"),
                    "Pages are of the kind that they were mapped with, also beside a cut.",
                    || ranges::kinds(&bench),
                );
            });
            tests.group("Operations.", |tests| {
                tests.subtest(
                    name("order"),
                    "Operations take effect in their order.",
                    || ranges::order(&bench),
                );
                tests.subtest(
                    name("none"),
                    "A call without operations does nothing.",
                    || ranges::none(&bench),
                );
                tests.subtest(
                    name("many"),
                    "A call can have as many as there may be.",
                    || ranges::many(&bench),
                );
                tests.subtest(
                    name("unmap-object"),
                    "All mappings of an object go, and no others.",
                    || ranges::unmap_object_everywhere(&bench),
                );
            });
            tests.group("Lifetimes.", |tests| {
                tests.subtest(
                    name("two-spaces"),
                    "An address is another one in each address space.",
                    || lifetimes::two_spaces(&bench),
                );
                tests.subtest(
                    name("closed"),
                    "A mapping keeps an object whose handle is closed.",
                    || lifetimes::closed(&bench),
                );
                tests.subtest(
                    name("private"),
                    "An object can be for one address space alone.",
                    || lifetimes::private(&bench),
                );
                tests.subtest(
                    name("threads"),
                    "Threads may bind the same objects at once.",
                    || lifetimes::threads(&bench),
                );
                tests.subtest(
                    name("after-reset"),
                    "An object is still mapped after a reset.",
                    || lifetimes::after_reset(&bench),
                );
                tests.subtest(
                    name("close-file"),
                    "The mappings of a file that is closed go.",
                    || lifetimes::close_file(&bench),
                );
            });
        }
        let bench = tests.fixture(|| Bench::require(SYSTEM));
        tests.group("Queues of binds.", |tests| {
            queues::subtests(tests, &bench);
        });
        tests.group("What is refused changes nothing.", |tests| {
            tests.subtest(
                "unknown",
                "Address spaces, queues and objects must be known.",
                || refused::unknown(&bench),
            );
            tests.subtest(
                "misaligned",
                "Addresses, sizes and offsets are of whole pages.",
                || refused::misaligned(&bench),
            );
            tests.subtest("outside", "Ranges are where programs may map.", || {
                refused::outside(&bench)
            });
            tests.subtest("part-outside", "Parts are within their object.", || {
                refused::part_outside(&bench)
            });
            tests.subtest(
                "kinds",
                "No kinds can be had but those that the query names.",
                || refused::kinds(&bench),
            );
            tests.subtest(
                "all-or-none",
                "An operation that is refused stops those before it.",
                || refused::all_or_none(&bench),
            );
            tests.subtest(
                "too-many-tables",
                "A file has a limit of page tables, which others do not feel.",
                || refused::too_many_tables(&bench),
            );
            tests.subtest(
                "order-of-checks",
                "Of two mistakes, the first is reported.",
                || refused::order_of_checks(&bench),
            );
        });
        tests.group("How binds in queues end.", |tests| {
            let bench = tests.fixture(|| Bench::require(SYSTEM));
            let _running = tests.fixture(|| bench.gpu.keep_running());
            ends::subtests(tests, &bench);
        });
    })
}
