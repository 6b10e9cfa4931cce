// SPDX-License-Identifier: MIT

//! What a Nova device says to arguments that are wrong in one place.

use std::process::ExitCode;

use nodes::Nodes;

mod arguments;
mod arrays;
mod members;
mod nodes;
mod objects;

fn main() -> ExitCode {
    igt::run(
        "Calls the driver's ioctls with arguments that are wrong in one place.",
        |tests| {
            let nodes = tests.fixture(Nodes::require);

            tests.group("Calls.", |tests| {
                tests.subtest(
                    "unknown",
                    "Calls about faults and queues look for what they are to work on.",
                    || members::unknown(&nodes),
                );
                tests.subtest(
                    "reserved",
                    "Reserved members and unknown flags are refused.",
                    || members::reserved(&nodes),
                );
                tests.subtest("enums", "Unknown values are refused.", || {
                    members::enums(&nodes)
                });
                tests.subtest("label", "Labels are text with a NUL at the end.", || {
                    members::label(&nodes)
                });
            });
            tests.group("Arrays.", |tests| {
                tests.subtest(
                    "array-shape",
                    "Arrays have a limit, a stride, and no pointer without elements.",
                    || arrays::array_shape(&nodes),
                );
                tests.subtest(
                    "array-unreadable",
                    "Elements that cannot be read are refused.",
                    || arrays::array_unreadable(&nodes),
                );
                tests.subtest(
                    "array-newer",
                    "Elements of a newer program may have zeros behind the known members.",
                    || arrays::array_newer(&nodes),
                );
                tests.subtest("elements", "Each element is checked.", || {
                    arrays::elements(&nodes)
                });
                tests.subtest(
                    "order",
                    "Of two mistakes, the one that is looked for first is reported.",
                    || arrays::order(&nodes),
                );
            });
            tests.group("Objects.", |tests| {
                tests.subtest("gem-old", "Programs for Linux 7.3 work.", || {
                    objects::gem_old(&nodes)
                });
                tests.subtest("gem-layout", "Objects are what was asked for.", || {
                    objects::gem_layout(&nodes)
                });
                tests.subtest("gem-refused", "Impossible objects are refused.", || {
                    objects::gem_refused(&nodes)
                });
            });
        },
    )
}
