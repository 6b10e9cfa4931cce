// SPDX-License-Identifier: GPL-2.0

//! `nova-fw` as people run it.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{samples, Rom};
use nova_firmware::Format;
use tempfile::TempDir;

/// Runs `nova-fw` in `folder`.
fn nova_fw(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nova-fw"));
    command
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("nova-fw starts")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The one line that a failing command prints; a panic would exit with 101.
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

/// What a sample's file is called.
const fn name(format: Format) -> &'static str {
    match format {
        Format::Gsp => "gsp-570.144.bin",
        Format::Booter => "booter_load-570.144.bin",
        Format::Bootloader => "bootloader-570.144.bin",
        Format::GenBootloader => "gen_bootloader-570.144.bin",
        Format::Fmc => "fmc-570.144.bin",
        Format::Tlv => "bootloader.tlv",
        Format::Vbios => "vbios.rom",
    }
}

/// The samples as files in `folder`; the first VBIOS is GA102's.
fn write_samples(folder: &Path) {
    for (format, file) in samples().into_iter().rev() {
        fs::write(folder.join(name(format)), file).expect("the folder can be written to");
    }
}

/// A firmware folder with what `chip` needs, made of the samples.
fn firmware_folder(chip: &str) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let gsp = root.path().join("nvidia").join(chip).join("gsp");
    fs::create_dir_all(&gsp).expect("a new folder");
    write_samples(&gsp);
    fs::copy(
        gsp.join(name(Format::Booter)),
        gsp.join("booter_unload-570.144.bin"),
    )
    .expect("a copy");
    root
}

#[test]
fn info_of_every_format() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_samples(folder.path());
    let formats = [
        Format::Gsp,
        Format::Booter,
        Format::Bootloader,
        Format::GenBootloader,
        Format::Fmc,
        Format::Tlv,
        Format::Vbios,
    ];
    let arguments = [vec!["info"], formats.map(name).to_vec()].concat();
    insta::assert_snapshot!(stdout(&nova_fw(folder.path(), &arguments)));
}

#[test]
fn json_is_an_object_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_samples(folder.path());
    let arguments = ["info", "--json", name(Format::Gsp), name(Format::Booter)];
    let printed = stdout(&nova_fw(folder.path(), &arguments));
    let objects = printed
        .lines()
        .map(serde_json::from_str::<serde_json::Value>);
    let objects: Vec<_> = objects.map(|object| object.expect("JSON")).collect();
    assert_eq!(objects[0]["release"], "570.144");
    assert_eq!(objects[0]["image"]["size"], 4096);
    assert_eq!(objects[1]["signatures"]["patch_offset"], 0x410);
}

#[test]
fn vbios_of_turing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rom = Rom {
        ifr: 2,
        ..Rom::TU102
    };
    fs::write(folder.path().join("rom"), rom.build()).expect("a new file");
    insta::assert_snapshot!(stdout(&nova_fw(folder.path(), &["vbios", "rom"])));
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_samples(folder.path());
    let run = |arguments: &[&str]| failure(&nova_fw(folder.path(), arguments));
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("a new file");
    };
    write("empty", &[]);
    assert_eq!(
        run(&["info", "empty"]),
        "nova-fw: empty: first bytes at 0x0: expected firmware or a VBIOS image, found an empty file"
    );
    write("text", b"hello");
    assert_eq!(
        run(&["info", "text"]),
        "nova-fw: text: first bytes at 0x0: expected firmware or a VBIOS image, found 68 65 6c 6c"
    );
    write("cut", &common::booter()[..0x400]);
    assert_eq!(
        run(&["info", "cut"]),
        "nova-fw: cut: heavy-secured falcon ucode: bin_size at 0x8: expected 0x400, found 0xc00"
    );
    assert_eq!(run(&["info", "."]), "nova-fw: .: is a directory");
    assert!(run(&["info", "absent"]).starts_with("nova-fw: absent: No such file"));
    let tlv = run(&["vbios", name(Format::Tlv)]);
    assert!(
        tlv.contains("VBIOS: rom_signature at 0x0: expected 0xaa55"),
        "{tlv}"
    );
}

/// One bad file among good ones: the good ones are still reported on, and the exit status says it.
#[test]
fn a_bad_file_does_not_hide_the_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_samples(folder.path());
    let output = nova_fw(folder.path(), &["info", "absent", name(Format::Fmc)]);
    failure(&output);
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains("FMC firmware"), "{printed}");
}

#[test]
fn check_names_what_is_missing() {
    let root = firmware_folder("ga102");
    let gsp = root.path().join("nvidia/ga102/gsp");
    let check = |release: &str| {
        nova_fw(
            root.path(),
            &["check", ".", "--chip", "GA102", "--release", release],
        )
    };
    let printed = stdout(&check("570.144"));
    assert_eq!(printed.matches(": ok\n").count(), 4, "{printed}");

    // Compressed files count, though nobody looks into them.
    let booter = gsp.join("booter_load-570.144.bin");
    fs::rename(&booter, gsp.join("booter_load-570.144.bin.zst")).expect("a new name");
    let printed = stdout(&check("570.144"));
    assert!(
        printed.contains("booter_load-570.144.bin: there, compressed\n"),
        "{printed}"
    );

    fs::remove_file(gsp.join("booter_unload-570.144.bin")).expect("it was there");
    let output = check("570.144");
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(
        printed.contains("booter_unload-570.144.bin: missing\n"),
        "{printed}"
    );

    // A file of another release under this one's name.
    let renamed = gsp.join("gsp-535.113.01.bin");
    fs::rename(gsp.join("gsp-570.144.bin"), renamed).expect("a new name");
    let printed = String::from_utf8(check("535.113.01").stdout).expect("text");
    let expected = "gsp-535.113.01.bin: .fwversion: expected 535.113.01, found 570.144\n";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn check_wants_the_chips_own_signature() {
    let root = firmware_folder("tu102");
    let output = nova_fw(root.path(), &["check", ".", "--chip", "tu102"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(
        printed.contains(".fwsignature_tu10x") && printed.contains("missing"),
        "{printed}"
    );
    assert_eq!(printed.matches(": ok\n").count(), 4, "{printed}");
}

#[test]
fn an_unknown_chip_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = nova_fw(folder.path(), &["check", ".", "--chip", "gk110"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("known are tu102, tu104"), "{said}");
}

/// What is repacked is read back and says the same.
#[test]
fn tlv_holds_what_the_files_hold() {
    let from = firmware_folder("ga102");
    let to = tempfile::tempdir().expect("a temporary folder");
    let target = to.path().to_str().expect("a plain name");
    let arguments = ["tlv", "--chip", "ga102", "--from", ".", "--to", target];
    let written = stdout(&nova_fw(from.path(), &arguments));
    assert_eq!(written.lines().count(), 5, "{written}");

    let gsp = to.path().join("nvidia/ga102/gsp");
    let read = |name: &str| fs::read(gsp.join(name)).expect("it was written");
    let sample = common::gsp();
    let image = nova_firmware::Gsp::parse(&sample).expect("sound").image();
    assert_eq!(read("gsp.bin"), image);

    let (gsp_tlv, booter_tlv) = (read("gsp.tlv"), read("booter_load.tlv"));
    let tlv = nova_firmware::Tlv::parse(&gsp_tlv).expect("sound");
    assert_eq!(tlv.text("FILE"), Ok("gsp.bin"));
    assert_eq!(tlv.u32("SIZE"), Ok(4096));
    assert_eq!(tlv.bytes("SIGN"), Ok([0x6a; 64].as_slice()));
    assert_eq!(tlv.text("BLID"), Ok("b1".repeat(20).as_str()));

    let tlv = nova_firmware::Tlv::parse(&booter_tlv).expect("sound");
    let sample = common::booter();
    let booter = nova_firmware::Booter::parse(&sample).expect("sound");
    assert_eq!(tlv.bytes("BLOB"), Ok(booter.ucode()));
    assert_eq!(tlv.u32("PLOC"), Ok(booter.signature_offset()));
    assert_eq!(tlv.u32("NSIG"), Ok(2));
    assert_eq!(tlv.u32("A0CO"), Ok(booter.app().offset));
    assert_eq!(tlv.u32("UCID"), Ok(booter.brom().ucode_id.into()));
}
