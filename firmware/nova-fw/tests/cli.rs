// SPDX-License-Identifier: GPL-2.0

//! Tests of the `nova-fw` command line.

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

/// The line that a failing command prints; a panic would exit with 101.
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

/// File name of a sample.
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

/// A firmware folder with the files that `chip` needs, copied from the samples.
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
fn json_has_an_object_per_file() {
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

/// What there is is printed, and then one line says what is missing and what that means.
#[test]
fn a_dump_is_shown_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut lines = String::new();
    for (name, file) in common::dumps() {
        fs::write(folder.path().join(name), file).expect("a new file");
        let output = nova_fw(folder.path(), &["vbios", name]);
        lines += &format!("{}\n", failure(&output));
        let printed = String::from_utf8(output.stdout).expect("text");
        let has_version = printed.contains(".02.02.42.b4\n");
        assert_eq!(has_version, name != "blackwell-flash-head", "{printed}");
    }
    insta::assert_snapshot!(lines);
}

/// Blackwell's flash, with entries that are empty and descriptors of a version that no driver reads.
#[test]
fn vbios_of_blackwell() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, file) in common::dumps() {
        fs::write(folder.path().join(name), file).expect("a new file");
    }
    let output = nova_fw(folder.path(), &["info", "blackwell-flash"]);
    insta::assert_snapshot!(String::from_utf8(output.stdout).expect("text"));
    let output = nova_fw(folder.path(), &["info", "--json", "old-descriptor"]);
    let printed = String::from_utf8(output.stdout).expect("text");
    let report: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(report["ucode"][0]["ucode"]["descriptor"], 1);
    assert_eq!(report["ucode"][2]["application"], "-");
}

/// Samples, dumps and the files in `NOVA_VBIOS_DIR`, cut every 256 bytes: a panic would exit with
/// 101.
#[test]
fn no_cut_file_causes_a_panic() {
    let mut files: Vec<_> = samples().into_iter().map(|(_, file)| file).collect();
    files.extend(common::dumps().into_iter().map(|(_, file)| file));
    let real = std::env::var_os("NOVA_VBIOS_DIR").map(|folder| {
        let entries = fs::read_dir(folder).expect("the folder can be listed");
        let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
        paths.map(|path| fs::read(path).expect("the file can be read"))
    });
    files.extend(real.into_iter().flatten());
    for file in files {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut arguments = vec!["info".to_owned()];
        for len in (0..file.len()).step_by(256) {
            let name = format!("{len:#x}");
            fs::write(folder.path().join(&name), &file[..len]).expect("a new file");
            arguments.push(name);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = nova_fw(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

#[test]
fn an_error_is_one_line() {
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
    write("short", &common::booter()[..0x10]);
    assert_eq!(
        run(&["info", "short"]),
        "nova-fw: short: first bytes at 0x0: expected firmware or a VBIOS image, found de 10 00 00"
    );
    write("head", &Rom::GA102.build()[..0x30]);
    assert_eq!(
        run(&["info", "head"]),
        "nova-fw: head: VBIOS: pcir at 0x40: expected 0x56 bytes, found the end of the file at 0x30; \
         cards from Turing to Ada cannot be booted without FWSEC; later ones need none"
    );
    assert_eq!(run(&["info", "."]), "nova-fw: .: is a directory");
    assert!(run(&["info", "absent"]).starts_with("nova-fw: absent: No such file"));
    let tlv = run(&["vbios", name(Format::Tlv)]);
    assert!(
        tlv.contains("VBIOS: rom_signature at 0x0: expected 0xaa55"),
        "{tlv}"
    );
}

/// A bad file does not stop the reports on the good ones, but sets the exit status.
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
fn check_names_missing_files() {
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

    // Compressed files count as present, but are not parsed.
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

    // A file of another release with a name of this release.
    let renamed = gsp.join("gsp-535.113.01.bin");
    fs::rename(gsp.join("gsp-570.144.bin"), renamed).expect("a new name");
    let printed = String::from_utf8(check("535.113.01").stdout).expect("text");
    let expected = "gsp-535.113.01.bin: release: expected 535.113.01, found 570.144\n";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn check_requires_the_signature_of_the_chip() {
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

/// Release 535 does not support Hopper and later.
#[test]
fn check_knows_the_chips_of_a_release() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let check = |chip: &[&str]| {
        let arguments = [&["check", ".", "--release", "535.113.01"], chip].concat();
        String::from_utf8(nova_fw(root.path(), &arguments).stdout).expect("text")
    };
    let all = check(&[]);
    assert!(all.contains("tu102/acr/bl.bin: missing\n"), "{all}");
    assert!(!all.contains("gh100") && !all.contains("gb202"), "{all}");
    assert_eq!(
        check(&["--chip", "gb202"]),
        "gb202: there is no firmware of 535.113.01 for it\n\
         . has no folder nvidia/; Nova needs the files of linux-firmware: Debian's package \
         firmware-nvidia-graphics, linux-firmware of other distributions, or the folder nvidia/ of \
         https://gitlab.com/kernel-firmware/linux-firmware\n"
    );
}

/// Without `--release`, the driver's choice counts: the newest that is complete.
#[test]
fn check_chooses_as_the_driver_does() {
    let root = firmware_folder("ga102");
    let gsp = root.path().join("nvidia/ga102/gsp");
    let check = || nova_fw(root.path(), &["check", ".", "--chip", "ga102"]);
    for kind in ["booter_load", "booter_unload", "bootloader"] {
        let [newer, older] = ["570.144", "535.113.01"].map(|name| format!("{kind}-{name}.bin"));
        fs::copy(gsp.join(newer), gsp.join(older)).expect("a copy");
    }
    let older = common::gsp_of(b"535.113.01\0");
    fs::write(gsp.join("gsp-535.113.01.bin"), older).expect("a new file");
    let printed = stdout(&check());
    assert!(
        printed.ends_with("ga102: complete: boots 570.144\n"),
        "{printed}"
    );

    // The next one is not looked at where a file of the newest one is malformed.
    fs::write(gsp.join("booter_load-570.144.bin"), [0; 64]).expect("a new file");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(!printed.contains("535"), "{printed}");

    fs::remove_file(gsp.join("booter_load-570.144.bin")).expect("it was there");
    let printed = String::from_utf8(check().stdout).expect("text");
    insta::assert_snapshot!(printed);
}

/// The packing of Linux's nova-core boots, too.
#[test]
fn check_knows_tlv() {
    let from = firmware_folder("ga102");
    let to = tempfile::tempdir().expect("a temporary folder");
    let target = to.path().to_str().expect("a plain name");
    let arguments = ["tlv", "--chip", "ga102", "--from", ".", "--to", target];
    stdout(&nova_fw(from.path(), &arguments));
    let check = |more: &[&str]| {
        let arguments = [&["check", ".", "--chip", "ga102"], more].concat();
        nova_fw(to.path(), &arguments)
    };
    for release in [[].as_slice(), &["--release", "570.144"]] {
        let printed = stdout(&check(release));
        let complete = "ga102: complete: boots 570.144, in the packing of Linux's nova-core\n";
        assert!(printed.ends_with(complete), "{printed}");
    }
    let output = check(&["--release", "535.113.01"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    let other = "nvidia/ga102/gsp/gsp.tlv: release: expected 535.113.01, found 570.144\n";
    assert!(printed.contains(other), "{printed}");

    fs::remove_file(to.path().join("nvidia/ga102/gsp/gsp.bin")).expect("it was there");
    let output = check(&[]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(
        printed.contains("nvidia/ga102/gsp/gsp.bin: missing\n"),
        "{printed}"
    );
}

/// NVIDIA's driver has its firmware elsewhere, and less of it.
#[test]
fn check_recognizes_nvidias_own_packing() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let own = root.path().join("nvidia/570.144");
    fs::create_dir_all(&own).expect("a new folder");
    fs::write(own.join("gsp_ga10x.bin"), common::gsp()).expect("a new file");
    for folder in [".", "nvidia", "nvidia/570.144"] {
        let output = nova_fw(root.path(), &["check", folder, "--chip", "ga102"]);
        assert_eq!(output.status.code(), Some(1));
        let printed = String::from_utf8(output.stdout).expect("text");
        let last = printed.lines().last().unwrap_or_default();
        assert!(
            last.contains("gsp_ga10x.bin is of NVIDIA's own packing"),
            "{printed}"
        );
        assert!(last.contains("firmware-nvidia-graphics"), "{printed}");
    }
}

#[test]
fn an_unknown_release_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for release in ["banana", "550.163.01", "570"] {
        let output = nova_fw(folder.path(), &["check", ".", "--release", release]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).expect("text");
        let known = "known releases are 570.144, 535.113.01";
        assert!(said.contains(known), "{said}");
    }
}

#[test]
fn an_unknown_chip_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = nova_fw(folder.path(), &["check", ".", "--chip", "gk110"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("known chips are tu102, tu104"), "{said}");
}

/// Repacks files, and compares the result with the originals.
#[test]
fn tlv_has_the_contents_of_the_files() {
    let from = firmware_folder("ga102");
    let to = tempfile::tempdir().expect("a temporary folder");
    let target = to.path().to_str().expect("a plain name");
    let arguments = ["tlv", "--chip", "ga102", "--from", ".", "--to", target];
    let written = stdout(&nova_fw(from.path(), &arguments));
    assert_eq!(written.lines().count(), 5, "{written}");

    let gsp = to.path().join("nvidia/ga102/gsp");
    let read = |name: &str| fs::read(gsp.join(name)).expect("it was written");
    let sample = common::gsp();
    let image = nova_firmware::Gsp::parse(&sample).expect("valid").image();
    assert_eq!(read("gsp.bin"), image);

    let (gsp_tlv, booter_tlv) = (read("gsp.tlv"), read("booter_load.tlv"));
    let tlv = nova_firmware::Tlv::parse(&gsp_tlv).expect("valid");
    assert_eq!(tlv.text("FILE"), Ok("gsp.bin"));
    assert_eq!(tlv.u32("SIZE"), Ok(4096));
    assert_eq!(tlv.bytes("SIGN"), Ok([0x6a; 64].as_slice()));
    assert_eq!(tlv.text("BLID"), Ok("b1".repeat(20).as_str()));

    let tlv = nova_firmware::Tlv::parse(&booter_tlv).expect("valid");
    let sample = common::booter();
    let booter = nova_firmware::Booter::parse(&sample).expect("valid");
    assert_eq!(tlv.bytes("BLOB"), Ok(booter.ucode()));
    assert_eq!(tlv.u32("PLOC"), Ok(booter.signature_offset()));
    assert_eq!(tlv.u32("NSIG"), Ok(2));
    assert_eq!(tlv.u32("A0CO"), Ok(booter.app().offset));
    assert_eq!(tlv.u32("UCID"), Ok(booter.brom().ucode_id.into()));
}

/// Reads a file by the rules of Linux 7.3's drivers/gpu/nova-core/firmware/tlv.rs: ASCII tags,
/// blocks that fill the file to the last byte, one of them `VERS`; of equal tags, the first one
/// counts.
fn as_upstream_reads(file: &[u8]) -> Vec<(&str, &[u8])> {
    let mut rest = file.strip_prefix(b"NVFW").expect("the magic");
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(8);
        let (tag, len) = head.split_at(4);
        let len = u32::from_le_bytes(len.try_into().expect("four bytes")) as usize;
        let (value, tail) = tail.split_at(len.next_multiple_of(4));
        assert!(tag.is_ascii());
        blocks.push((std::str::from_utf8(tag).expect("ASCII"), &value[..len]));
        rest = tail;
    }
    assert!(blocks.iter().any(|(tag, _)| *tag == "VERS"));
    blocks
}

/// Names of files, each with its tags.
type Files<'a> = &'a [(&'a str, &'a str)];

/// For each kind of boot, the files that upstream's driver requests, and their tags.
///
/// Source: Linux 7.3, `boot_firmware_files` in drivers/gpu/nova-core/gsp/hal.rs, and the readers of
/// the files in drivers/gpu/nova-core/firmware.
#[test]
fn tlv_has_the_files_and_tags_that_upstream_requests() {
    const GSP: (&str, &str) = ("gsp.tlv", "VERS SIZE FILE SIGN");
    const BOOTLOADER: (&str, &str) = ("gsp_bootloader.tlv", "VERS CDOF DAOF MFOF APPV BLOB");
    const BOOTER: &str = "VERS DAOF DASZ CDOF CDSZ PLOC FUSE ENID UCID A0CO A0CS BLOB NSIG SIGN";
    let booters = [("booter_load.tlv", BOOTER), ("booter_unload.tlv", BOOTER)];
    let gen_bootloader = [("gen_bootloader.tlv", "VERS BLOB CDSZ STRT")];
    let fmc = [("fmc.tlv", "VERS BLOB HASH PKEY SIGN")];
    let through_fwsec_loader = [&booters[..], &gen_bootloader].concat();
    // Chip, name of the family that GSP-RM is signed for, and files.
    let chips: [(&str, &[u8], Files<'_>); 8] = [
        ("tu102", b"tu10x", &through_fwsec_loader),
        ("tu116", b"tu11x", &through_fwsec_loader),
        ("ga100", b"ga100", &through_fwsec_loader),
        ("ga102", b"ga10x", &booters),
        ("ad102", b"ad10x", &booters),
        ("gh100", b"gh100", &fmc),
        ("gb100", b"gb10x", &fmc),
        ("gb202", b"gb20x", &fmc),
    ];
    for (chip, family, own) in chips {
        let from = firmware_folder(chip);
        let mut gsp = common::gsp();
        let named = gsp.windows(5).rposition(|text| text == b"ga10x");
        common::put(&mut gsp, named.expect("it is signed"), family);
        let path = format!("nvidia/{chip}/gsp/gsp-570.144.bin");
        fs::write(from.path().join(path), gsp).expect("a new file");
        let to = tempfile::tempdir().expect("a temporary folder");
        let target = to.path().to_str().expect("a plain name");
        let arguments = ["tlv", "--chip", chip, "--from", ".", "--to", target];
        let written = stdout(&nova_fw(from.path(), &arguments));
        let files = [&[GSP, BOOTLOADER], own].concat();
        assert_eq!(written.lines().count(), files.len() + 1, "{written}");
        let folder = to.path().join("nvidia").join(chip).join("gsp");
        for (name, tags) in files {
            let file = fs::read(folder.join(name)).expect("it was written");
            let blocks = as_upstream_reads(&file);
            for tag in tags.split(' ') {
                let value = blocks.iter().find(|(found, _)| *found == tag);
                let (_, value) = value.unwrap_or_else(|| panic!("{chip}: {name}: {tag}"));
                assert!(!value.is_empty(), "{chip}: {name}: {tag}");
            }
        }
        assert!(folder.join("gsp.bin").exists());
    }
}
