// SPDX-License-Identifier: GPL-2.0

//! Measures the number of register reads per second that the mock serves.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use nova_mock::firmware::Folder;
use nova_mock::in_process::InProcess;
use nova_vm::process::{Child, Group};
use nova_vm::Host;
use vfio_user::Client;

/// Index of BAR0, the registers.
const BAR0: u32 = 0;

/// NV_PMC_BOOT_0, a register of every GPU.
const PMC_BOOT_0: u32 = 0;

/// Duration of a measurement.
const TIME: Duration = Duration::from_millis(500);

/// Calls `read` repeatedly and returns the number of calls per second.
fn per_second(mut read: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < TIME {
        for _ in 0..100 {
            read()?;
        }
        count += 100;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Register reads per second in this process.
pub(crate) fn in_process(firmware: &Path) -> Result<f64> {
    let chip = nova_mock::chips::by_name("ga102").context("ga102 is not mocked")?;
    let card = InProcess::with_firmware(chip, &Folder(firmware.to_owned()))?;
    per_second(|| {
        black_box(card.read32(PMC_BOOT_0));
        Ok(())
    })
}

/// Register reads per second of a mock in another process, through its socket.
pub(crate) fn over_socket(host: &Host) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("gpu");
    let mut command = Command::new(&host.mock);
    command.args(["--chip", "ga102", "--socket"]).arg(&socket);
    command.arg("--firmware").arg(&host.firmware);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Child::start(&mut command, Group::Own)?;
    let mut client = connect(host, &mut server, &socket)?;
    per_second(|| {
        let mut word = [0; 4];
        client.region_read(BAR0, u64::from(PMC_BOOT_0), &mut word)?;
        black_box(word);
        Ok(())
    })
}

/// Connects when the server listens; fails if the server ends.
fn connect(host: &Host, server: &mut Child, socket: &Path) -> Result<Client> {
    loop {
        let error = match Client::new(socket) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if let Some(status) = server.ended()? {
            bail!("{}: {error}; nova-mock: {status}", socket.display());
        }
        host.interrupt.check()?;
        sleep(Duration::from_millis(20));
    }
}
