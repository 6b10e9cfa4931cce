// SPDX-License-Identifier: GPL-2.0

//! Tests of a falcon by its registers.

use super::*;

/// A falcon set up for DMA from coherent memory, as drivers set it up.
fn ready() -> Falcon {
    let mut falcon = Falcon::new(Generation::Ga102);
    falcon.write(reg::FalconDmactl::OFFSET, 0).unwrap();
    falcon.write(FbifCtl::OFFSET, 0x80).unwrap();
    falcon.write(FbifTranscfg::OFFSET, 0x5).unwrap();
    falcon
}

fn dma(falcon: &mut Falcon, command: reg::FalconDmatrfcmd) -> Action {
    let command = command.with_size(reg::FalconDmatrfcmd::SIZE_256B);
    falcon
        .write(reg::FalconDmatrfcmd::OFFSET, command.into())
        .unwrap()
}

fn is_idle(falcon: &mut Falcon) -> bool {
    let command = falcon.read(reg::FalconDmatrfcmd::OFFSET).unwrap();
    reg::FalconDmatrfcmd::from(command).idle()
}

/// Else nouveau patches booter's debug signature in, which no other chip takes.
#[test]
fn chips_without_a_boot_rom_say_that_they_are_no_debug_chips() {
    for (generation, value) in [
        (Generation::Tu102, Some(0)),
        (Generation::Ga100, Some(0)),
        (Generation::Ga102, None),
    ] {
        let mut falcon = Falcon::new(generation);
        falcon.in_reset = false;
        assert_eq!(falcon.read(0x408), value, "{generation:?}");
    }
}

#[test]
fn code_is_tagged_by_its_offset_on_the_bus() {
    let mut falcon = ready();
    falcon
        .write(reg::FalconDmatrfbase::OFFSET, 0x1234_5678)
        .unwrap();
    falcon.write(reg::FalconDmatrfbase1::OFFSET, 0x12).unwrap();
    falcon.write(reg::FalconDmatrfmoffs::OFFSET, 0x200).unwrap();
    falcon
        .write(reg::FalconDmatrffboffs::OFFSET, 0x300)
        .unwrap();
    let command = reg::FalconDmatrfcmd::new().with_imem(true).with_sec(1);
    let Action::Dma(transfer) = dma(&mut falcon, command) else {
        panic!("refused");
    };
    assert_eq!(transfer.target, FbifTarget::CoherentSysmem);
    assert_eq!(transfer.address, 0x1212_3456_7b00);
    assert_eq!((transfer.offset, transfer.len), (0x200, 0x100));

    falcon.load(&transfer, &[7; 0x100]);
    assert_eq!(falcon.block_at(0x3ff), Some(2));
    assert!(falcon.code[2].secure);
    assert_eq!(falcon.imem[0x200..0x300], [7; 0x100]);
    assert_eq!(falcon.block_at(0x200), None);
    assert!(is_idle(&mut falcon));
}

#[test]
fn dma_needs_a_context_unless_fbif_ctl_allows_none() {
    let command = reg::FalconDmatrfcmd::new();
    for (offset, value) in [
        (reg::FalconDmactl::OFFSET, 1),
        (FbifCtl::OFFSET, 0),
        (FbifTranscfg::OFFSET, 0x1),
        (FbifTranscfg::OFFSET, 0x7),
    ] {
        let mut falcon = ready();
        falcon.write(offset, value).unwrap();
        assert!(matches!(dma(&mut falcon, command), Action::Refused(_)));
        assert!(!is_idle(&mut falcon));
    }
    assert!(matches!(dma(&mut ready(), command), Action::Dma(_)));
}

#[test]
fn dma_beyond_the_memory_and_stores_of_code_are_refused() {
    let mut falcon = ready();
    falcon
        .write(
            reg::FalconDmatrfmoffs::OFFSET,
            (DMEM_BLOCKS * BLOCK_SIZE) as u32,
        )
        .unwrap();
    assert!(matches!(
        dma(&mut falcon, reg::FalconDmatrfcmd::new()),
        Action::Refused(_)
    ));

    let mut falcon = ready();
    let command = reg::FalconDmatrfcmd::new().with_is_write(true);
    let code = command.with_imem(true);
    assert!(matches!(dma(&mut falcon, code), Action::Refused(_)));

    let mut falcon = ready();
    falcon.write(reg::FalconDmatrfmoffs::OFFSET, 4).unwrap();
    assert!(matches!(
        dma(&mut falcon, reg::FalconDmatrfcmd::new()),
        Action::Refused(_)
    ));
}

#[test]
fn a_reset_clears_and_scrubs() {
    let mut falcon = ready();
    falcon.write(reg::FalconMailbox0::OFFSET, 5).unwrap();
    falcon.dma_stuck = true;
    let reset = |falcon: &mut Falcon, value| falcon.write(reg::FalconEngine::OFFSET, value);
    assert_eq!(reset(&mut falcon, 1), Some(Action::None));
    assert_eq!(falcon.read(reg::FalconHwcfg2::OFFSET), Some(0xbadf_5620));
    assert_eq!(falcon.read(reg::FalconEngine::OFFSET), Some(1));
    assert!(matches!(
        falcon.write(reg::FalconOs::OFFSET, 1),
        Some(Action::Refused(_))
    ));
    assert_eq!(reset(&mut falcon, 0), Some(Action::Reset));
    let hwcfg2 = reg::FalconHwcfg2::from(falcon.read(reg::FalconHwcfg2::OFFSET).unwrap());
    assert!(hwcfg2.mem_scrubbing());
    assert_eq!(falcon.read(reg::FalconMailbox0::OFFSET), Some(0));
    assert!(is_idle(&mut falcon));
    assert!(matches!(
        falcon.write(reg::FalconCpuctl::OFFSET, 2),
        Some(Action::Refused(_))
    ));
}

/// nvidia.ko looks here for a report of a crash in each call that it waits for.
#[test]
fn a_falcon_has_no_report_of_a_crash_after_its_reset() {
    let mut falcon = ready();
    assert_eq!(falcon.read(reg::FalconDebuginfo::OFFSET), Some(0));
    falcon.write(reg::FalconDebuginfo::OFFSET, 7).unwrap();
    assert_eq!(falcon.read(reg::FalconDebuginfo::OFFSET), Some(7));
    falcon.write(reg::FalconEngine::OFFSET, 1).unwrap();
    falcon.write(reg::FalconEngine::OFFSET, 0).unwrap();
    assert_eq!(falcon.read(reg::FalconDebuginfo::OFFSET), Some(0));
}

#[test]
fn only_one_of_the_control_registers_starts_the_core() {
    let mut falcon = ready();
    assert!(matches!(
        falcon.write(reg::FalconCpuctlAlias::OFFSET, 2),
        Some(Action::Refused(_))
    ));
    assert_eq!(
        falcon.write(reg::FalconCpuctl::OFFSET, 2),
        Some(Action::Start)
    );
    assert!(matches!(
        falcon.write(reg::FalconCpuctl::OFFSET, 2),
        Some(Action::Refused(_))
    ));

    let mut falcon = ready();
    falcon.alias_en = true;
    assert!(matches!(
        falcon.write(reg::FalconCpuctl::OFFSET, 2),
        Some(Action::Refused(_))
    ));
    assert_eq!(
        falcon.write(reg::FalconCpuctlAlias::OFFSET, 2),
        Some(Action::Start)
    );
}

#[test]
fn the_falcon_does_not_start_while_riscv_is_selected() {
    let mut falcon = ready();
    assert_eq!(
        falcon.write(reg::SIZE + RiscvBcrCtrl::OFFSET, 0x111),
        Some(Action::SelectCore(CoreSelect::Riscv))
    );
    falcon.riscv.core = CoreSelect::Riscv;
    assert!(matches!(
        falcon.write(reg::FalconCpuctl::OFFSET, 2),
        Some(Action::Refused(_))
    ));
}

/// As gpu-admin-tools reads them on a T4 and on an A10.
#[test]
fn the_memories_have_sizes_and_ports() {
    for (generation, offset) in [(Generation::Tu102, 0x108), (Generation::Ga102, 0x278)] {
        let mut falcon = Falcon::new(generation);
        let sizes = falcon.read(offset).unwrap();
        let data = match offset {
            0x108 => sizes >> 9 & 0x1ff,
            _ => sizes >> 16 & 0xfff,
        };
        assert_eq!((sizes & 0x1ff, data), (0x100, 0x100));
        let ports = falcon.read(0x12c).unwrap();
        assert_eq!((ports >> 8 & 0xf, ports >> 12 & 0xf), (1, 4));
    }
    assert_eq!(Falcon::new(Generation::Tu102).read(0x278), None);
}

#[test]
fn registers_that_do_not_exist_do_not_answer() {
    let mut falcon = ready();
    assert_eq!(falcon.read(0x7fc), None);
    assert_eq!(falcon.write(0x1ffc, 0), None);
}
