// SPDX-License-Identifier: MIT

//! Mappings in address spaces, as the mocked GPU finds them through its TLBs and page tables.

use std::fs::File;
use std::process::ExitCode;

use igt::mock::Mock;
use igt::nova::Gpu;
use igt::space::Space;

mod lifetimes;
mod ranges;
mod refused;

/// Where tests map. The kernel's range is far above.
const AT: u64 = 1 << 30;

/// A GPU, an open file of it, and its mock.
struct Bench {
    gpu: Gpu,
    file: File,
    mock: Mock,
}

impl Bench {
    fn require() -> Self {
        let gpu = Gpu::require();
        let mock = Mock::require(&gpu);
        gpu.start();
        let file = gpu.open_render();
        Self { gpu, file, mock }
    }

    /// An address space in which nothing is mapped.
    fn space(&self) -> Space<'_> {
        Space::new(&self.file, &self.mock)
    }
}

fn main() -> ExitCode {
    igt::run("Mappings, as the GPU sees them.", |tests| {
        let bench = tests.fixture(Bench::require);

        tests.group("Ranges.", |tests| {
            tests.subtest(
                "map",
                "An object is where it was mapped, and nowhere else.",
                || ranges::map_object(&bench),
            );
            tests.subtest("part", "A part of an object is mapped.", || {
                ranges::part(&bench)
            });
            tests.subtest(
                "edges",
                "The first and the last addresses can be mapped.",
                || ranges::edges(&bench),
            );
            tests.subtest("replace", "A mapping replaces what was there.", || {
                ranges::replace(&bench)
            });
            tests.subtest(
                "split",
                "A mapping is cut at both sides, and the rest stays.",
                || ranges::split(&bench),
            );
            tests.subtest(
                "unmap",
                "Any range can be unmapped, whatever it holds.",
                || ranges::unmap_any(&bench),
            );
            tests.subtest("large", "A mapping of many MiB is cut and joined.", || {
                ranges::large(&bench)
            });
            tests.subtest(
                "sparse",
                "Sparse addresses read as zero, and drop writes.",
                || ranges::sparse_range(&bench),
            );
            tests.subtest(
                "read-only",
                "The GPU cannot write where it must not.",
                || ranges::read_only(&bench),
            );
        });
        tests.group("Operations.", |tests| {
            tests.subtest("order", "Operations take effect in their order.", || {
                ranges::order(&bench)
            });
            tests.subtest("none", "A call without operations does nothing.", || {
                ranges::none(&bench)
            });
            tests.subtest("many", "A call can have as many as there may be.", || {
                ranges::many(&bench)
            });
            tests.subtest(
                "unmap-object",
                "All mappings of an object go, and no others.",
                || ranges::unmap_object_everywhere(&bench),
            );
        });
        tests.group("Lifetimes.", |tests| {
            tests.subtest(
                "two-spaces",
                "An address is another one in each address space.",
                || lifetimes::two_spaces(&bench),
            );
            tests.subtest(
                "closed",
                "A mapping keeps an object whose handle is closed.",
                || lifetimes::closed(&bench),
            );
            tests.subtest(
                "private",
                "An object can be for one address space alone.",
                || lifetimes::private(&bench),
            );
            tests.subtest(
                "threads",
                "Threads may bind the same objects at once.",
                || lifetimes::threads(&bench),
            );
            tests.subtest(
                "close-file",
                "The mappings of a file that is closed go.",
                || lifetimes::close_file(&bench),
            );
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
            tests.subtest("kinds", "Kinds are those that the query names.", || {
                refused::kinds(&bench)
            });
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
    })
}
