// SPDX-License-Identifier: MIT

//! Runs a program whose Vulkan is Mesa's NVK, on GPUs that the driver `nova` has:
//! `nova-nvk vulkaninfo --summary`.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The library that stands before the C library; it lies beside this program.
const LIBRARY: &str = "libnova_nvk_preload.so";

/// Where Debian's packages name their Vulkan drivers.
const DRIVERS: &str = "/usr/share/vulkan/icd.d";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("Usage: nova-nvk PROGRAM [ARGUMENT...]");
        return ExitCode::FAILURE;
    };
    let library = match library() {
        Ok(library) => library,
        Err(why) => return failed(&why),
    };
    let mut command = Command::new(&program);
    command.args(arguments);
    command.env("LD_PRELOAD", preload(&library, env::var_os("LD_PRELOAD")));
    set_default(&mut command, "VK_DRIVER_FILES", nvk().map(Into::into));
    // NVK has not been certified for all GPUs, and leaves these out unless it is asked to use them.
    set_default(
        &mut command,
        "NVK_I_WANT_A_BROKEN_VULKAN_DRIVER",
        Some("1".into()),
    );
    let error = command.exec();
    failed(&format!("{}: {error}", program.to_string_lossy()))
}

fn failed(why: &str) -> ExitCode {
    eprintln!("nova-nvk: {why}");
    ExitCode::FAILURE
}

fn library() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("its own path: {error}"))?;
    let library = own.with_file_name(LIBRARY);
    match library.exists() {
        true => Ok(library),
        false => Err(format!("{} is missing", library.display())),
    }
}

/// The value of `LD_PRELOAD`: the library goes before what is there.
fn preload(library: &Path, others: Option<OsString>) -> OsString {
    let mut value = library.as_os_str().to_owned();
    if let Some(others) = others.filter(|others| !others.is_empty()) {
        value.push(":");
        value.push(others);
    }
    value
}

/// The file that names NVK to the Vulkan loader, so that it looks at no other driver.
fn nvk() -> Option<PathBuf> {
    let mut files = fs::read_dir(DRIVERS)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    files.find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("nouveau_icd") && name.ends_with(".json")
    })
}

/// Sets a variable that the user has not set.
fn set_default(command: &mut Command, name: &str, value: Option<OsString>) {
    if let (None, Some(value)) = (env::var_os(name), value) {
        command.env(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_libraries_stay_preloaded() {
        let library = Path::new("/a/b.so");
        assert_eq!(preload(library, None), "/a/b.so");
        assert_eq!(preload(library, Some("".into())), "/a/b.so");
        assert_eq!(preload(library, Some("c.so".into())), "/a/b.so:c.so");
    }
}
