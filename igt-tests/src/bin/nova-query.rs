// SPDX-License-Identifier: MIT

//! Prints the answers of a Nova render node's query ioctl: `nova-query [NODE]`.
//!
//! Exits with 0 if the node answered.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use igt::{device, nova};
use nova_uapi as uapi;

/// Print the answers of a Nova render node's query ioctl
#[derive(Debug, Parser)]
struct Args {
    /// Device node; the first render node of the nova driver by default
    node: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nova-query: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), String> {
    let node = args
        .node
        .or_else(nova::first_render_node)
        .ok_or("no render node of the nova driver")?;
    let shown = node.display();
    let file = device::open(&node).map_err(|error| format!("{shown}: {error}"))?;
    let device = nova::query_device(&file);
    let device = device.map_err(|error| format!("{shown}: query device: {error}"))?;
    let firmware = nova::query_firmware(&file);
    let firmware = firmware.map_err(|error| format!("{shown}: query firmware: {error}"))?;
    println!("node          {shown}");
    println!("name          {}", device.name);
    println!("chipset       {:#x}", device.chipset);
    println!("architecture  {}", architecture(device.architecture));
    println!(
        "revision      {:x}{:x}",
        device.revision_major, device.revision_minor
    );
    println!("vram          {}", mebibytes(device.vram_size));
    println!("usable vram   {}", mebibytes(device.vram_usable));
    for (index, size) in device
        .bar_size
        .iter()
        .enumerate()
        .filter(|(_, size)| **size != 0)
    {
        println!("bar {index}         {}", mebibytes(*size));
    }
    println!("firmware      {}", firmware.release);
    Ok(())
}

fn architecture(id: u32) -> String {
    match id {
        uapi::ARCHITECTURE_TURING => "Turing".into(),
        uapi::ARCHITECTURE_AMPERE => "Ampere".into(),
        uapi::ARCHITECTURE_HOPPER => "Hopper".into(),
        uapi::ARCHITECTURE_ADA => "Ada".into(),
        uapi::ARCHITECTURE_BLACKWELL_GB10X | uapi::ARCHITECTURE_BLACKWELL_GB20X => {
            "Blackwell".into()
        }
        unknown => format!("{unknown:#x}"),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
