// SPDX-License-Identifier: GPL-2.0

//! One faulty card for each way in which a boot can fail: the error has the stage, the awaited
//! event and the last value, everything is released, and after the repair the next boot works.

use std::time::Duration;

use crate::common::{ga102, with_file, Machine};
use nova_core::platform::Clock;
use nova_core::{ErrorKind, Stage};
use nova_mock::chips::by_name;
use nova_mock::{synthetic, FalconId, Fault};

/// Maximum time of a failing boot, including the teardown; the tests' own limit.
const LIMIT: Duration = Duration::from_secs(40);

/// A fault and the expected failure of the boot.
struct Case {
    fault: Fault,
    stage: Stage,
    kind: ErrorKind,
    /// Expected part of the message.
    says: &'static str,
}

fn case(fault: Fault, stage: Stage, kind: ErrorKind, says: &'static str) -> Case {
    Case {
        fault,
        stage,
        kind,
        says,
    }
}

fn check(case: Case) {
    check_on(&Machine::synthetic(), case);
}

fn check_on(machine: &Machine, case: Case) {
    let Case {
        fault,
        stage,
        kind,
        says,
    } = case;
    machine.card().inject(fault);
    let start = machine.now();
    let failure = match machine.boot() {
        Ok(_) => panic!("{fault:?}: the boot succeeded"),
        Err(failure) => failure,
    };
    let line = failure.to_string();
    assert_eq!(failure.stage, stage, "{fault:?}: {line}");
    assert_eq!(failure.kind(), kind, "{fault:?}: {line}");
    assert!(line.contains(says), "{fault:?}: {line}");
    assert!(!line.contains('\n'), "{fault:?}: {line}");
    assert!(machine.now() - start < LIMIT, "{fault:?}: {line}");
    assert_eq!(machine.card().machine().allocations(), 0, "{fault:?}");
    assert_eq!(machine.card().flush_page(), 0, "{fault:?}");

    machine.card().repair();
    if stage == Stage::Gfw {
        // GFW runs only after a reset.
        machine.mock.reset();
    }
    machine.assert_boots();
}

#[test]
fn gfw() {
    let says = "waited 4s for GFW to open its progress register, saw 0x0";
    check(case(
        Fault::GfwNeverDone,
        Stage::Gfw,
        ErrorKind::Timeout,
        says,
    ));
}

#[test]
fn gfw_that_gets_stuck() {
    let says = "waited 4s for GFW to complete, saw 0x3";
    check(case(
        Fault::GfwStuck(3),
        Stage::Gfw,
        ErrorKind::Timeout,
        says,
    ));
}

#[test]
fn a_virtual_function() {
    for (chip, stage) in [("ga102", Stage::Gfw), ("gh100", Stage::FspBoot)] {
        let chip = by_name(chip).unwrap();
        let machine = Machine::new(chip, synthetic::firmware(chip));
        let says = "PMC_BOOT_1: expected a whole GPU, found a virtual function";
        let (fault, kind) = (Fault::VirtualFunction, ErrorKind::Unsupported);
        check_on(&machine, case(fault, stage, kind, says));
    }
}

#[test]
fn garbage_in_prom() {
    let machine = Machine::synthetic();
    machine.card().inject(Fault::PromFlaky);
    let failure = machine.assert_fails();
    assert_eq!(failure.stage, Stage::Vbios);
    assert!(failure.may_be_transient());
    let line = failure.to_string();
    let says = "PROM: VBIOS: rom_signature at 0x0: expected 0xaa55 ";
    assert!(line.starts_with(says), "{line}");
    machine.mock.reset();
    machine.assert_boots();
}

#[test]
fn errors_that_a_reset_removes() {
    let chip = by_name("gb202").unwrap();
    for fault in [Fault::FspFlaky, Fault::FmcFlaky] {
        let machine = Machine::new(chip, synthetic::firmware(chip));
        machine.card().inject(fault);
        for _ in 0..2 {
            assert!(machine.assert_fails().may_be_transient(), "{fault:?}");
        }
        machine.mock.reset();
        machine.assert_boots();
    }
    let machine = Machine::synthetic();
    machine.card().inject(Fault::BooterError(0x2a));
    assert!(!machine.assert_fails().may_be_transient());
}

#[test]
fn fuse_version_without_a_signature() {
    let says = "fuse_version at 0x344: expected a fuse version that a signature is for, found 0x10";
    let fault = Fault::FuseVersion(16);
    check(case(fault, Stage::Firmware, ErrorKind::Invalid, says));
}

#[test]
fn leftover_wpr2_of_a_crashed_driver() {
    let machine = Machine::synthetic();
    machine.card().inject(Fault::Wpr2Up);
    machine.card().repair();
    assert!(machine.card().wpr2().is_some());
    machine.assert_boots();
    // The fault is still there, but what it was about is gone.
    machine.card().inject(Fault::Wpr2Up);
    machine.mock.reset();
    assert_eq!(machine.card().wpr2(), None);
    machine.assert_boots();
}

/// After the failure no program accesses freed memory, and the card boots again without a reset.
#[test]
fn fsp() {
    let chip = by_name("gh100").unwrap();
    let (cot, lockdown) = (Stage::ChainOfTrust, Stage::Lockdown);
    let (timeout, protocol) = (ErrorKind::Timeout, ErrorKind::Protocol);
    let wrong_type = Fault::FspReplyAt {
        offset: 4,
        xor: 1 << 24,
    };
    let wrong_command = Fault::FspReplyAt { offset: 12, xor: 1 };
    for (fault, stage, kind, says) in [
        (
            Fault::FspError(0x9e),
            cot,
            ErrorKind::Io,
            "found error 0x9e",
        ),
        (Fault::FspSilent, cot, timeout, "an answer of the FSP"),
        (wrong_type, cot, protocol, "expected NVDM header"),
        (wrong_command, cot, protocol, "expected one to message"),
        (
            Fault::FspReplyLength(12),
            cot,
            protocol,
            "expected at least",
        ),
        (
            Fault::LockdownNeverReleased,
            lockdown,
            timeout,
            "the FMC to release the GSP",
        ),
        (
            Fault::FmcError(0x2a),
            lockdown,
            ErrorKind::Io,
            "FMC: GSP mailbox 0",
        ),
    ] {
        let machine = Machine::new(chip, synthetic::firmware(chip));
        check_on(&machine, case(fault, stage, kind, says));
    }
}

#[test]
fn late_interrupts() {
    let machine = Machine::synthetic();
    let by = Duration::from_millis(100);
    machine.card().inject(Fault::LateInterrupt(by));
    let start = machine.now();
    machine.assert_boots();
    assert!(machine.now() - start < LIMIT);
}

#[test]
fn scrubbing() {
    let says = "GSP memory scrubbing";
    let fault = Fault::ScrubbingNeverDone(FalconId::Gsp);
    check(case(fault, Stage::FwsecFrts, ErrorKind::Timeout, says));
    let says = "SEC2 memory scrubbing";
    let fault = Fault::ScrubbingNeverDone(FalconId::Sec2);
    check(case(fault, Stage::BooterLoad, ErrorKind::Timeout, says));
}

#[test]
fn dma() {
    let fault = Fault::DmaNeverIdle(FalconId::Gsp);
    check(case(
        fault,
        Stage::FwsecFrts,
        ErrorKind::Timeout,
        "falcon DMA",
    ));
    let fault = Fault::DmaNeverIdle(FalconId::Sec2);
    check(case(
        fault,
        Stage::BooterLoad,
        ErrorKind::Timeout,
        "falcon DMA",
    ));
}

#[test]
fn falcons_that_never_halt() {
    let says = "GSP falcon to halt";
    let fault = Fault::NeverHalts(FalconId::Gsp);
    check(case(fault, Stage::FwsecFrts, ErrorKind::Timeout, says));
    let says = "SEC2 falcon to halt";
    let fault = Fault::NeverHalts(FalconId::Sec2);
    check(case(fault, Stage::BooterLoad, ErrorKind::Timeout, says));
}

#[test]
fn fwsec_frts() {
    let says = "FWSEC-FRTS: error code in scratch register 0xe: expected 0, found 0xbad";
    check(case(
        Fault::FrtsError(0xbad),
        Stage::FwsecFrts,
        ErrorKind::Io,
        says,
    ));
    let says = "WPR2 after FWSEC-FRTS: expected at 0x5ffee0000, found at 0x5ffef0000";
    check(case(
        Fault::FrtsMisplaced(0x10000),
        Stage::FwsecFrts,
        ErrorKind::Io,
        says,
    ));
    let says = "WPR2 after FWSEC-FRTS: expected at 0x5ffee0000, found none";
    check(case(
        Fault::FrtsSilent,
        Stage::FwsecFrts,
        ErrorKind::Io,
        says,
    ));
}

#[test]
fn booter_load() {
    let says = "booter_load: SEC2 mailbox 0: expected 0, found 0x2a";
    check(case(
        Fault::BooterError(0x2a),
        Stage::BooterLoad,
        ErrorKind::Io,
        says,
    ));
}

/// If the boot ROM refuses booter, the mailboxes are unchanged.
#[test]
fn booter_without_a_valid_signature() {
    let machine = Machine::synthetic();
    machine.set_files(with_file("booter_load", |bytes| {
        *bytes.last_mut()? ^= 1;
        Some(())
    }));
    let failure = machine.boot().map(|_| ()).unwrap_err();
    assert_eq!(failure.stage, Stage::BooterLoad, "{failure}");
    assert_eq!(failure.kind(), ErrorKind::Io, "{failure}");
    let line = failure.to_string();
    let says = "booter_load: expected it to run, found its mailboxes untouched";
    assert!(line.contains(says), "{line}");
    machine.set_files(synthetic::firmware(ga102()));
    machine.assert_boots();
}

#[test]
fn riscv() {
    let says = "waited 5s for RISC-V core of the GSP to be active";
    check(case(
        Fault::RiscvNeverActive,
        Stage::Riscv,
        ErrorKind::Timeout,
        says,
    ));
}

#[test]
fn sequencer() {
    let says = "CPU sequencer: word";
    let stage = Stage::InitDone;
    check(case(
        Fault::BadSequencerOpcode,
        stage,
        ErrorKind::Protocol,
        says,
    ));
    check(case(
        Fault::SequencerPollNeverMet,
        stage,
        ErrorKind::Protocol,
        says,
    ));
    let says = "SEC2 to resume the GSP";
    check(case(
        Fault::CoreResumeNeverDone,
        stage,
        ErrorKind::Timeout,
        says,
    ));
    let says = "SEC2-RTOS: SEC2 mailbox 0: expected 0, found 0x7";
    check(case(Fault::CoreResumeError(7), stage, ErrorKind::Io, says));
}

#[test]
fn a_crash_during_the_initialization() {
    let says = "RISC-V core of the GSP";
    for (chip, stage) in [("ga102", Stage::InitDone), ("gh100", Stage::Riscv)] {
        let chip = by_name(chip).unwrap();
        let machine = Machine::new(chip, synthetic::firmware(chip));
        check_on(&machine, case(Fault::InitCrash, stage, ErrorKind::Io, says));
    }
}

#[test]
fn init_done() {
    let says = "waited 10s for GSP_INIT_DONE, saw 0x";
    let stage = Stage::InitDone;
    check(case(Fault::NoInitDone, stage, ErrorKind::Timeout, says));
    check(case(Fault::NoSequencer, stage, ErrorKind::Timeout, says));
    let says = "GSP_INIT_DONE: expected status 0, found 0x55 (NV_ERR_NOT_READY)";
    check(case(Fault::InitDoneError(0x55), stage, ErrorKind::Io, says));
}

#[test]
fn messages() {
    let stage = Stage::InitDone;
    let protocol = ErrorKind::Protocol;
    // Of GSP_LOCKDOWN_NOTICE, the first message.
    let says = "message queue: checksum of function 0x101c";
    check(case(Fault::BadChecksum, stage, protocol, says));
    let says = "message queue: RPC length: expected at most";
    check(case(Fault::BadLength(0), stage, protocol, says));
    check(case(Fault::BadLength(0x1f), stage, protocol, says));
    check(case(Fault::BadLength(0x10_0000), stage, protocol, says));
    check(case(Fault::BadLength(u32::MAX), stage, protocol, says));
    check(case(Fault::BadElementCount(0), stage, protocol, says));
    check(case(Fault::BadElementCount(62), stage, protocol, says));
    check(case(
        Fault::BadElementCount(u32::MAX),
        stage,
        protocol,
        says,
    ));
    let says = "message queue: sequence number: expected";
    check(case(Fault::BadSequence, stage, protocol, says));
    let says = "message queue: RPC signature: expected 0x43505256, found 0x";
    check(case(Fault::BadSignature, stage, protocol, says));
    let says = "write pointer of the status queue: expected less than 63, found 0x3f";
    check(case(Fault::BadWritePointer(63), stage, protocol, says));
    let says = "read pointer of the command queue: expected less than 63, found 0x3f";
    let fault = Fault::BadReadPointer(63);
    check(case(fault, Stage::StaticInfo, protocol, says));
}

#[test]
fn replies() {
    let says = "waited 5s for GET_GSP_STATIC_INFO";
    check(case(
        Fault::NoReply,
        Stage::StaticInfo,
        ErrorKind::Timeout,
        says,
    ));
    let says = "GET_GSP_STATIC_INFO: expected status 0, found 0x56 (NV_ERR_NOT_SUPPORTED)";
    check(case(
        Fault::ReplyError(0x56),
        Stage::StaticInfo,
        ErrorKind::Io,
        says,
    ));
}

/// Boots, injects `fault`, and checks that the unload fails; after the repair the next boot works.
fn check_unload(fault: Fault, stage: Stage, kind: ErrorKind, says: &str) {
    check_unload_on(&Machine::synthetic(), fault, stage, kind, says);
}

fn check_unload_on(machine: &Machine, fault: Fault, stage: Stage, kind: ErrorKind, says: &str) {
    let running = machine.boot().unwrap();
    machine.card().inject(fault);
    let start = machine.now();
    let failure = machine.unload(running).unwrap_err();
    let line = failure.to_string();
    assert_eq!(failure.stage, stage, "{fault:?}: {line}");
    assert_eq!(failure.kind(), kind, "{fault:?}: {line}");
    assert!(line.contains(says), "{fault:?}: {line}");
    assert!(machine.now() - start < LIMIT, "{fault:?}: {line}");
    assert_eq!(machine.card().machine().allocations(), 0, "{fault:?}");
    machine.card().repair();
    machine.assert_boots();
}

#[test]
fn the_unload() {
    let says = "RISC-V core of the GSP: expected it to run, found CPUCTL 0x00000010";
    check_unload(Fault::NoReply, Stage::Shutdown, ErrorKind::Io, says);
    let says = "UNLOADING_GUEST_DRIVER: expected status 0, found 0x1f (NV_ERR_INVALID_ARGUMENT)";
    check_unload(
        Fault::ReplyError(0x1f),
        Stage::Shutdown,
        ErrorKind::Io,
        says,
    );
    let says = "waited 5s for the GSP's processor to be suspended, saw 0x";
    check_unload(Fault::NeverEnds, Stage::Shutdown, ErrorKind::Timeout, says);
    let says = "message queue: checksum of function 0x2f";
    check_unload(
        Fault::BadChecksum,
        Stage::Shutdown,
        ErrorKind::Protocol,
        says,
    );
    let says = "GSP falcon core";
    let fault = Fault::CoreNeverSelected(FalconId::Gsp);
    check_unload(fault, Stage::FwsecSb, ErrorKind::Timeout, says);
    let says = "FWSEC-SB: error code in scratch register 0x15: expected 0, found 0x3";
    check_unload(Fault::SbError(3), Stage::FwsecSb, ErrorKind::Io, says);
    let says = "booter_unload: SEC2 mailbox 0: expected 0, found 0x9";
    check_unload(
        Fault::BooterUnloadError(9),
        Stage::BooterUnload,
        ErrorKind::Io,
        says,
    );
    let says = "WPR2 after booter unload: expected none, found at 0x5f7c00000";
    check_unload(
        Fault::BooterUnloadSilent,
        Stage::BooterUnload,
        ErrorKind::Busy,
        says,
    );
}

/// WPR2 is still set up after the crash, and only a reset removes it.
#[test]
fn a_gsp_that_crashed_before_the_teardown_by_the_fmc() {
    let chip = by_name("gh100").unwrap();
    let machine = Machine::new(chip, synthetic::firmware(chip));
    let says = "RISC-V core of the GSP: expected it to run";
    let fault = Fault::GspCrash { after: 0 };
    check_unload_on(&machine, fault, Stage::Shutdown, ErrorKind::Io, says);
    assert_eq!(machine.dma_disabled.get(), 1);
}

#[test]
fn a_failed_teardown_after_a_failed_boot_is_reported() {
    let machine = Machine::synthetic();
    machine.card().inject(Fault::RiscvNeverActive);
    machine.card().inject(Fault::BooterUnloadError(9));
    let failure = machine.boot().map(|_| ()).unwrap_err();
    assert_eq!(failure.stage, Stage::Riscv);
    let expected = "the GPU could not be put back: booter unload: booter_unload: SEC2 mailbox 0: \
                    expected 0, found 0x9";
    assert_eq!(*machine.events.borrow(), [expected]);
}

/// The GSP may access freed memory until it is stopped, so DMA stays disabled until then.
#[test]
fn dma_is_disabled_if_teardown_fails_and_reset_is_impossible() {
    let chip = by_name("tu104").unwrap();
    let machine = Machine::new(chip, synthetic::firmware(chip));
    machine.card().inject(Fault::NoInitDone);
    machine.card().inject(Fault::BooterUnloadError(9));
    let failure = machine.boot().map(|_| ()).unwrap_err();
    assert_eq!(failure.stage, Stage::InitDone);
    assert_eq!(machine.dma_disabled.take(), 1);
    assert!(!machine.card().config().is_bus_master());
    assert!(machine.card().wpr2().is_some());
    machine.card().repair();
    machine.assert_boots();
}

/// The same for booter on SEC2: the next boot stops it before it enables DMA.
#[test]
fn sec2_is_stopped_before_dma_is_enabled() {
    let chip = by_name("tu104").unwrap();
    let machine = Machine::new(chip, synthetic::firmware(chip));
    machine.card().inject(Fault::NeverHalts(FalconId::Sec2));
    let failure = machine.boot().map(|_| ()).unwrap_err();
    assert_eq!(failure.stage, Stage::BooterLoad);
    machine.assert_cut_off();
    assert!(machine.card().wpr2().is_some() && machine.card().sec2_runs());
    machine.card().repair();
    machine.assert_boots();
}
