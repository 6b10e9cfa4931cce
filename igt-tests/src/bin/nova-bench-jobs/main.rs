// SPDX-License-Identifier: MIT

//! Measures what the calls of programs cost on a mocked GPU, with one driver or the other: `nova-bench-jobs nova` or
//! `nova-bench-jobs nouveau`; or, with the driver that the GPU has, what a Vulkan program submits: `nova-bench-jobs vulkan`.
//! For `make bench`.
//!
//! Prints an object of JSON. What was measured has a name there, and numbers by their names: how often the driver has
//! accessed the card, and times in microseconds (`meter.rs`); or bytes of memory (`footprint.rs`).

mod binds;
mod driver;
mod footprint;
mod jobs;
mod memory;
mod meter;
mod nouveau;
mod nova;
mod vulkan;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use igt::mock::Mock;

use driver::Driver;
use meter::Meter;

/// Measure what the calls of programs cost on a mocked GPU
#[derive(Debug, Parser)]
struct Args {
    /// Whose calls are measured
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Nova,
    Nouveau,
    Vulkan,
}

fn main() -> ExitCode {
    let gpu = igt::nova::Gpu::require();
    let mock = match Mock::of(&gpu) {
        Ok(mock) => mock,
        Err(error) => {
            eprintln!("nova-bench-jobs: the GPU is not mocked: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut meter = Meter::new(mock);
    match Args::parse().of {
        Of::Nova => {
            gpu.start();
            measure(&gpu, &mut meter);
        }
        Of::Nouveau => measure(&igt::nouveau::Gpu::require_running(), &mut meter),
        Of::Vulkan => vulkan::measure(&mut meter),
    }
    println!("{}", meter.results());
    ExitCode::SUCCESS
}

fn measure(driver: &impl Driver, meter: &mut Meter) {
    let client = driver.client();
    jobs::measure(&client, meter);
    binds::measure(&client, meter);
    memory::measure(&client, meter);
    drop(client);
    footprint::measure(driver, meter);
}
