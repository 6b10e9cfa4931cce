// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::collections::BTreeSet;

#[test]
fn no_two_registers_of_a_base_share_an_offset() {
    for blocks in [ABSOLUTE, FALCON, FALCON2] {
        let mut seen = BTreeSet::new();
        for entry in blocks.iter().copied().flatten() {
            assert_eq!(entry.offset % 4, 0, "{entry:?}");
            assert!(seen.insert(entry.offset), "{entry:?}");
        }
    }
}

#[test]
fn every_register_is_found_by_its_offset() {
    for entry in ABSOLUTE.iter().copied().flatten() {
        assert_eq!(name(entry.offset), Some(entry.name));
    }
    for (base, blocks) in FALCONS {
        for entry in blocks.iter().copied().flatten() {
            assert!(entry.offset + (entry.count - 1) * entry.stride < falcon::SIZE);
            assert_eq!(name(base + entry.offset), Some(entry.name));
        }
    }
}

#[test]
fn only_elements_of_arrays_are_found() {
    assert_eq!(name(0x110188), Some("NV_PFALCON_FALCON_IMEMT"));
    assert_eq!(name(0x110198), Some("NV_PFALCON_FALCON_IMEMT"));
    assert_eq!(name(0x11018c), None);
    assert_eq!(name(0x1400 + 63 * 4), Some("NV_PBUS_SW_SCRATCH"));
    assert_eq!(name(0x1438), Some("NV_PBUS_SW_SCRATCH_0E_FRTS_ERR"));
    assert_eq!(name(0x3ffffc), Some("NV_PROM_DATA"));
    assert_eq!(name(0x400000), None);
    assert_eq!(name(u32::MAX), None);
    assert_eq!(fuse::GspUcodeVersion::at(15), Some(0x8241fc));
    assert_eq!(fuse::GspUcodeVersion::at(16), None);
}

/// Checks that a field is where the manual has it: setting all bits of the field sets exactly those
/// bits of the register.
macro_rules! check_fields {
    ($($register:ty { $($with:ident($value:expr) = $bits:expr),* $(,)? })*) => {
        $($(
            assert_eq!(
                u32::from(<$register>::new().$with($value)),
                $bits,
                concat!(stringify!($register), "::", stringify!($with)),
            );
        )*)*
    };
}

#[test]
fn fields_are_where_the_manuals_have_them() {
    check_fields! {
        pmc::PmcBoot0 {
            with_minor_revision(0xf) = 0xf,
            with_major_revision(0xf) = 0xf0,
            with_architecture_1(true) = 1 << 8,
            with_implementation(0xf) = 0xf << 20,
            with_architecture_0(0x1f) = 0x1f << 24,
        }
        pmc::PmcBoot42 {
            with_minor_revision(0xf) = 0xf << 12,
            with_major_revision(0xf) = 0xf << 16,
            with_implementation(0xf) = 0xf << 20,
            with_architecture(0x3f) = 0x3f << 24,
        }
        pbus::PbusIntr0 {
            with_pri_squash(true) = 1 << 1,
            with_pri_fecserr(true) = 1 << 2,
            with_pri_timeout(true) = 1 << 3,
            with_fb_ack_timeout(true) = 1 << 5,
        }
        pbus::Bar1Block {
            with_ptr(0xfff_ffff) = 0xfff_ffff,
            with_target(3) = 3 << 28,
            with_mode_virtual(true) = 1 << 31,
        }
        intr::FuncBar1BlockLowAddr {
            with_pending(true) = 1 << 0,
            with_outstanding(true) = 1 << 1,
            with_mode_virtual(true) = 1 << 9,
            with_target(3) = 3 << 10,
            with_ptr(0xf_ffff) = 0xf_ffff << 12,
        }
        pbus::FrtsErr { with_frts_err_code(0xffff) = 0xffff << 16 }
        pgc6::BsiSecureScratch14 { with_boot_stage_3_handoff(true) = 1 << 26 }
        pgc6::BsiVprSecureScratch15 { with_scrubber_handoff(7) = 7 << 29 }
        pgc6::GfwBootPrivLevelMask { with_read_protection_level0(true) = 1 }
        pgc6::GfwBoot { with_progress(0xff) = 0xff }
        fuse::OptDisplay { with_display_disabled(true) = 1 }
        fuse::OptSecureGspDebugDis { with_data(true) = 1 }
        fuse::GspUcodeVersion { with_data(0xffff) = 0xffff }
        falcon::FalconIrqstat { with_halt(true) = 1 << 4, with_swgen0(true) = 1 << 6 }
        falcon::FalconIrqsclr { with_halt(true) = 1 << 4, with_swgen0(true) = 1 << 6 }
        falcon::FalconHwcfg2 {
            with_riscv(true) = 1 << 10,
            with_mem_scrubbing(true) = 1 << 12,
            with_riscv_br_priv_lockdown(true) = 1 << 13,
            with_reset_ready(true) = 1 << 31,
        }
        falcon::FalconCpuctl {
            with_startcpu(true) = 1 << 1,
            with_halted(true) = 1 << 4,
            with_alias_en(true) = 1 << 6,
        }
        falcon::FalconCpuctlAlias { with_startcpu(true) = 1 << 1 }
        falcon::FalconHwcfg { with_imem_size(0x1ff) = 0x1ff, with_dmem_size(0x1ff) = 0x3fe00 }
        falcon::FalconHwcfg1 {
            with_core_rev(crate::falcon::CoreRev(7)) = 7,
            with_security_model(crate::falcon::SecurityModel::Heavy) = 3 << 4,
            with_core_rev_subversion(3) = 3 << 6,
        }
        falcon::FalconDmactl {
            with_require_ctx(true) = 1,
            with_dmem_scrubbing(true) = 1 << 1,
            with_imem_scrubbing(true) = 1 << 2,
            with_dmaq_num(0xf) = 0xf << 3,
            with_secure_stat(true) = 1 << 7,
        }
        falcon::FalconDmatrfcmd {
            with_full(true) = 1,
            with_idle(true) = 1 << 1,
            with_sec(3) = 3 << 2,
            with_imem(true) = 1 << 4,
            with_is_write(true) = 1 << 5,
            with_size(7) = 7 << 8,
            with_ctxdma(7) = 7 << 12,
            with_set_dmtag(true) = 1 << 16,
        }
        falcon::FalconDmatrfbase1 { with_base(0x1ff) = 0x1ff }
        falcon::FalconDmatrfmoffs { with_offs(0xff_ffff) = 0xff_ffff }
        falcon::FalconImemc {
            with_offs(0x3f) = 0xfc,
            with_blk(0xffff) = 0xffff << 8,
            with_aincw(true) = 1 << 24,
            with_secure(true) = 1 << 28,
        }
        falcon::FalconDmemc {
            with_offs(0x3f) = 0xfc,
            with_blk(0xffff) = 0xffff << 8,
            with_aincw(true) = 1 << 24,
            with_aincr(true) = 1 << 25,
        }
        falcon::FalconEngine { with_reset(true) = 1 }
        falcon::FalconIntrRetrigger { with_trigger(true) = 1 }
        fbif::FbifTranscfg {
            with_target(fbif::FbifTarget::Reserved) = 3,
            with_mem_type(fbif::FbifMemType::Physical) = 1 << 2,
        }
        fbif::FbifCtl { with_allow_phys_no_ctx(true) = 1 << 7 }
        brom::BromModSel {
            with_algo(brom::ModSelAlgo::Rsa3k) = 1,
            with_algo(brom::ModSelAlgo::Other(0xff)) = 0xff,
        }
        brom::BromCurrUcodeId { with_ucode_id(0xff) = 0xff }
        riscv::RiscvCpuctl { with_halted(true) = 1 << 4, with_active_stat(true) = 1 << 7 }
        riscv::RiscvBcrCtrl {
            with_valid(true) = 1,
            with_core_select(riscv::CoreSelect::Riscv) = 1 << 4,
            with_br_fetch(true) = 1 << 8,
        }
        pfb::NisoFlushSysmemAddrHi { with_adr_63_40(0xff_ffff) = 0xff_ffff }
        pfb::LocalMemoryRange {
            with_lower_scale(0xf) = 0xf,
            with_lower_mag(0x3f) = 0x3f << 4,
            with_ecc_mode_enabled(true) = 1 << 30,
        }
        pfb::MmuLockCfgPrivLevelMask { with_read_protection_level0(true) = 1 }
        pfb::MmuLockAddrLo { with_val(0xfff_ffff) = 0xffff_fff0 }
        pfb::MmuLockAddrHi { with_val(0xfff_ffff) = 0xffff_fff0 }
        pfb::Wpr2AddrLo { with_val(0xfff_ffff) = 0xffff_fff0 }
        pfb::Wpr2AddrHi { with_val(0xfff_ffff) = 0xffff_fff0 }
        pfb::FbhubFlushSysmemAddrHi { with_adr(0xf_ffff) = 0xf_ffff }
        fsp::FspEmemc {
            with_offs(0x3f) = 0xfc,
            with_blk(0xff) = 0xff << 8,
            with_aincw(true) = 1 << 24,
            with_aincr(true) = 1 << 25,
        }
        ptop::DeviceInfoCfg {
            with_version(0xf) = 0xf,
            with_max_devices(0xfff) = 0xfff0,
            with_max_rows_per_device(0xf) = 0xf << 16,
            with_num_rows(0xfff) = 0xfff << 20,
        }
        ptop::DeviceInfo2 {
            with_fault_id(0x7ff) = 0x7ff,
            with_group_id(0x1f) = 0x1f << 11,
            with_instance_id(0xff) = 0xff << 16,
            with_type_enum(0x7f) = 0x7f << 24,
            with_row_chain(true) = 1 << 31,
        }
        pdisp::VgaWorkspaceBase {
            with_status_valid(true) = 1 << 3,
            with_addr(0xff_ffff) = 0xffff_ff00,
        }
        intr::CpuIntrLeafTrigger { with_vector(0xfff) = 0xfff }
        vf_mmu::MmuInvalidatePdb {
            with_aperture_sys_mem(true) = 1 << 1,
            with_addr(0xfff_ffff) = 0xffff_fff0,
        }
        vf_mmu::MmuInvalidateUpperPdb { with_addr(0xf_ffff) = 0xf_ffff }
        vf_mmu::MmuInvalidate {
            with_all_va(true) = 1,
            with_all_pdb(true) = 1 << 1,
            with_hubtlb_only(true) = 1 << 2,
            with_replay(7) = 7 << 3,
            with_sys_membar(true) = 1 << 6,
            with_ack(3) = 3 << 7,
            with_cancel_client_id(0x3f) = 0x3f << 9,
            with_cancel_gpc_id(0x1f) = 0x1f << 15,
            with_cancel_client_type_hub(true) = 1 << 20,
            with_use_pasid(true) = 1 << 21,
            with_use_size(true) = 1 << 22,
            with_prop_flush(true) = 1 << 23,
            with_cache_level(7) = 7 << 24,
            with_trigger(true) = 1 << 31,
        }
    }
}

#[test]
fn fields_decode_their_values() {
    assert_eq!(brom::BromModSel::from(7).algo(), brom::ModSelAlgo::Other(7));
    assert_eq!(
        fbif::FbifTranscfg::from(0x5).target(),
        fbif::FbifTarget::CoherentSysmem
    );
    assert_eq!(
        falcon::FalconHwcfg1::from(0x26).security_model(),
        crate::falcon::SecurityModel::Light
    );
    // Bits without a name are kept.
    let cpuctl = falcon::FalconCpuctl::from(u32::MAX).with_startcpu(false);
    assert_eq!(u32::from(cpuctl), !2);
}

/// Checks that every value of an enum field survives reading and writing.
#[test]
fn enums_are_read_back_as_written() {
    use crate::falcon::{CoreRev, SecurityModel};
    use fbif::{FbifMemType, FbifTarget};
    use riscv::CoreSelect;
    for value in 0..4 {
        let transcfg = fbif::FbifTranscfg::from(value);
        let again = fbif::FbifTranscfg::new().with_target(transcfg.target());
        assert_eq!(u32::from(again), value);
        let hwcfg1 = falcon::FalconHwcfg1::from(value << 4);
        let again = falcon::FalconHwcfg1::new().with_security_model(hwcfg1.security_model());
        assert_eq!(u32::from(again), value << 4);
    }
    let targets = [0, 1, 2, 3].map(|value| fbif::FbifTranscfg::from(value).target());
    assert_eq!(targets[0], FbifTarget::LocalFb);
    assert_eq!(targets[2], FbifTarget::NoncoherentSysmem);
    let models = [0, 1, 3].map(|value| falcon::FalconHwcfg1::from(value << 4).security_model());
    use SecurityModel::{Heavy, None, Reserved};
    assert_eq!(models, [None, Reserved, Heavy]);
    let rev = CoreRev(6);
    let hwcfg1 = falcon::FalconHwcfg1::new().with_core_rev(rev);
    assert_eq!((hwcfg1.core_rev(), u32::from(hwcfg1)), (rev, 6));
    let physical = fbif::FbifTranscfg::from(4);
    assert_eq!(physical.mem_type(), FbifMemType::Physical);
    assert_eq!(physical.with_mem_type(FbifMemType::Virtual).into_bits(), 0);
    assert_eq!(fbif::FbifTranscfg::new().mem_type(), FbifMemType::Virtual);
    let riscv = riscv::RiscvBcrCtrl::from(1 << 4);
    assert_eq!(riscv.core_select(), CoreSelect::Riscv);
    assert_eq!(riscv.with_core_select(CoreSelect::Falcon).into_bits(), 0);
    assert_eq!(riscv::RiscvBcrCtrl::new().core_select(), CoreSelect::Falcon);
}

#[test]
fn addresses_and_sizes_are_decoded() {
    assert_eq!(pfb::Wpr2AddrLo::from(0x05fe_e000).address(), 0x5_fee0_0000);
    assert_eq!(pfb::LocalMemoryRange::from(0x26a).bytes(), 38 << 30);
    assert_eq!(
        pfb::LocalMemoryRange::from(0x4000_026a).bytes(),
        (38 << 30) / 16 * 15
    );
    assert_eq!(pgc6::UsableFbSize::from(24 << 10).bytes(), 24 << 30);
    let workspace = pdisp::VgaWorkspaceBase::from(0x05ff_ff08);
    assert_eq!(workspace.address(), Some(0x5_ffff_0000));
    assert_eq!(pdisp::VgaWorkspaceBase::from(0x05ff_ff00).address(), None);
}
