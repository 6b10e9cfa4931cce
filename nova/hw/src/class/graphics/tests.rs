// SPDX-License-Identifier: GPL-2.0

use std::vec;
use std::vec::Vec;

use super::*;

/// The classes of a kind, the oldest first.
fn classes(kind: Kind) -> impl Iterator<Item = Class> {
    let classes = Class::ALL.iter().copied();
    classes.filter(move |class| class.kind() == kind)
}

fn methods(class: Class) -> impl Iterator<Item = u16> {
    (0..=u16::MAX).filter(move |&offset| has_method(class, offset))
}

#[test]
fn classes_are_found_by_number() {
    for &class in Class::ALL {
        assert_eq!(Class::from_number(class.number()), Some(class));
    }
    assert_eq!(Class::from_number(0xcbc0), Some(Class::HopperComputeA));
    assert_eq!(Class::from_number(0xc397), None);
    assert_eq!(Class::from_number(0x1_c597), None);
    assert!(classes(Kind::ThreeD).is_sorted_by_key(Class::generation));
    assert!(classes(Kind::Compute).is_sorted_by_key(Class::generation));
}

/// Methods of the headers, and offsets between them.
#[test]
fn classes_have_the_headers_methods() {
    for &class in Class::ALL {
        let kind = class.kind();
        // SET_OBJECT and what else the host executes.
        assert!((0..0x100).all(|offset| !has_method(class, offset)));
        assert!(methods(class).all(|offset| offset % 4 == 0 && offset < 0x4000));
        // WAIT_FOR_IDLE
        assert!(has_method(class, 0x110));
        assert!(!has_method(class, 0x112));
        // LAUNCH_DMA, LOAD_INLINE_DATA
        assert_eq!(has_method(class, 0x1b0), kind != Kind::TwoD);
        assert_eq!(has_method(class, 0x1b4), kind != Kind::TwoD);
        assert!(!has_method(class, 0x1b8));
        // SET_DST_BLOCK_SIZE; in 2D SET_DST_BLOCK_SIZE is elsewhere.
        let is_blackwell = class.generation() >= Generation::BlackwellA;
        let has_blocks = kind != Kind::TwoD && !is_blackwell;
        assert_eq!(has_method(class, 0x194), has_blocks);
        assert_eq!(has_method(class, 0x1ac), has_blocks);
        // SET_REPORT_SEMAPHORE_D, REPORT_SEMAPHORE_EXECUTE
        let has_reports = matches!(kind, Kind::ThreeD | Kind::Compute);
        let is_new = class.generation() >= Generation::AmpereB;
        assert_eq!(has_method(class, 0x1b0c), has_reports);
        assert_eq!(has_method(class, 0x168), has_reports && is_new);
        // CALL_MME_MACRO(0), and the last CALL_MME_DATA
        let has_macros = match kind {
            Kind::ThreeD | Kind::TwoD => true,
            Kind::Compute => is_new,
            Kind::InlineToMemory => false,
        };
        assert_eq!(has_method(class, 0x3800), has_macros);
        assert_eq!(has_method(class, 0x3ffc), has_macros);
        // SEND_PCAS_A
        assert_eq!(has_method(class, 0x2b4), kind != Kind::InlineToMemory);
    }
}

#[test]
fn methods_come_and_go() {
    let has = |offset| {
        let classes = classes(Kind::ThreeD);
        let numbers = classes.filter(|&class| has_method(class, offset));
        numbers.map(Class::number).collect::<Vec<_>>()
    };
    // SET_PIPELINE_RESERVED_B of the first and the last stage
    assert_eq!(has(0x2004).len(), 6);
    assert_eq!(has(0x22c4).len(), 6);
    // SET_BINDLESS_TEXTURE, SET_MME_DATA_FIFO_CONFIG
    assert_eq!(has(0x2608), [0xc597]);
    assert_eq!(has(0x574), [0xc597, 0xc697, 0xc797, 0xc997, 0xcb97]);
    // SET_TEXTURE_HEADER_VERSION, SET_ST_A, INVALIDATE_SAMPLER_CACHE_BY_TAG
    assert_eq!(has(0x7ac), [0xcb97, 0xcd97, 0xce97]);
    assert_eq!(has(0xf00), [0xcd97, 0xce97]);
    assert_eq!(has(0x1458), [0xce97]);
    // SET_COLOR_TARGET_A(0) and (7), and what is behind SET_COLOR_TARGET_C_ROP_SLICE_MAP(7)
    assert_eq!(has(0x800).len(), 7);
    assert_eq!(has(0x9c0).len(), 7);
    assert_eq!(has(0x9e4).len(), 7);
    assert_eq!(has(0x9e8).len(), 0);
    assert_eq!(has(0x828).len(), 0);
    let compute = |offset| classes(Kind::Compute).filter(move |&class| has_method(class, offset));
    // SET_FALCON31; SET_FALCON20, later SET_MME_MEM_ADDRESS_A; SET_QMD_VIRTUALIZATION_BASE_A
    assert_eq!(compute(0x57c).count(), 1);
    assert_eq!(compute(0x550).count(), 6);
    assert_eq!(compute(0x214).count(), 5);
    // SEND_SIGNALING_PCAS2_B, UPDATE_ALL_COMPUTE_CONTROL
    assert_eq!(compute(0x2c0).count(), 6);
    assert_eq!(compute(0x20c).count(), 1);
}

/// As many as the headers have, with all elements of arrays.
#[test]
fn classes_have_all_methods() {
    let counts = |kind| classes(kind).map(|class| methods(class).count());
    assert_eq!(
        counts(Kind::ThreeD).collect::<Vec<_>>(),
        [2611, 2622, 2632, 2632, 2633, 2631, 2637]
    );
    assert_eq!(
        counts(Kind::Compute).collect::<Vec<_>>(),
        [607, 592, 1127, 1127, 1127, 1119, 1128]
    );
    assert_eq!(counts(Kind::TwoD).collect::<Vec<_>>(), [1210]);
    assert_eq!(counts(Kind::InlineToMemory).collect::<Vec<_>>(), [326, 319]);
}

#[test]
fn effects_are_methods() {
    let name = |class, offset| effect(class, offset).map(|effect| effect.name);
    for (class, offset, expected) in [
        (Class::TuringA, 0x1618, "BEGIN"),
        (Class::AdaA, 0x19d0, "CLEAR_SURFACE"),
        (Class::AdaA, 0x230c, "SET_FALCON"),
        (Class::AdaA, 0x2314, "SET_FALCON"),
        (Class::TuringComputeA, 0x2b8, "SEND_PCAS_B"),
        (Class::TuringComputeA, 0x55c, "SET_FALCON"),
        (Class::AmpereComputeB, 0x568, "MME_DMA_REDUCTION"),
        (Class::AmpereComputeB, 0x53c, "SET_FALCON"),
        (Class::FermiTwodA, 0x8dc, "PIXELS_FROM_MEMORY_SRC_Y0_INT"),
        (Class::KeplerInlineToMemoryB, 0x10c, "NOTIFY"),
    ] {
        assert_eq!(name(class, offset), Some(expected));
    }
    for &class in Class::ALL {
        // NO_OPERATION, WAIT_FOR_IDLE, LAUNCH_DMA, CALL_MME_MACRO(1)
        for offset in [0x100, 0x110, 0x1b0, 0x3808] {
            assert_eq!(name(class, offset), None);
        }
    }
    assert_eq!(name(Class::AmpereComputeB, 0x540), None);
}

#[test]
fn methods_have_the_headers_names() {
    for (class, offset, expected) in [
        (Class::TuringA, 0x1b0, Some("LAUNCH_DMA")),
        (Class::TuringA, 0x1618, Some("BEGIN")),
        (Class::BlackwellB, 0x168, Some("REPORT_SEMAPHORE_EXECUTE")),
        (Class::TuringComputeA, 0x168, None),
        (
            Class::TuringComputeA,
            0x1b0c,
            Some("SET_REPORT_SEMAPHORE_D"),
        ),
        (Class::FermiTwodA, 0x138, Some("SET_GLOBAL_RENDER_ENABLE_C")),
        (Class::AdaA, 0x2390, Some("LOAD_CONSTANT_BUFFER")),
        (Class::AdaA, 0x2394, Some("LOAD_CONSTANT_BUFFER")),
        (Class::BlackwellB, 0x3808, Some("CALL_MME_MACRO")),
        (Class::BlackwellB, 0x3804, Some("CALL_MME_DATA")),
        (Class::TuringComputeA, 0x3804, None),
        (Class::AmpereComputeB, 0x55c, Some("MME_DMA_READ")),
        (Class::TuringComputeA, 0x55c, Some("SET_FALCON")),
        (Class::AdaA, 0x2310, Some("SET_FALCON04")),
        // NO_OPERATION has no effect; 2D classes have other methods there, or none.
        (Class::TuringA, 0x100, None),
        (Class::FermiTwodA, 0x1b0, None),
        (Class::FermiTwodA, 0x2390, None),
        (Class::TuringA, 0x1b2, None),
    ] {
        assert_eq!(
            method_name(class, offset),
            expected,
            "{class:?} {offset:#x}"
        );
    }
}

#[test]
fn addresses_have_the_headers_bits() {
    for &class in Class::ALL {
        let is_wide = class.generation() >= Generation::Hopper;
        let (semaphore, offset_out) = match class.kind() {
            Kind::InlineToMemory => (0x1ff_ffff, 0x1ff_ffff),
            _ if is_wide => (0x1ff_ffff, 0x1ff_ffff),
            Kind::Compute => (0xff, 0x1_ffff),
            _ => (0xff, 0xff),
        };
        assert_eq!(class.semaphore_upper_mask(), semaphore);
        assert_eq!(class.offset_out_upper_mask(), offset_out);
    }
}

/// Checks that setting all bits of a field sets the bits that the header has for it, and that the
/// fields together are what is defined.
macro_rules! check_fields {
    ($($data:ty, $defined:expr, { $($with:ident($value:expr) = $bits:expr),* $(,)? })*) => {
        $(
            let mut all = 0;
            $(
                let bits: u32 = $bits;
                all |= bits;
                assert_eq!(
                    u32::from(<$data>::new().$with($value)),
                    bits,
                    concat!(stringify!($data), "::", stringify!($with)),
                );
            )*
            assert_eq!(all, $defined, stringify!($data));
        )*
    };
}

#[test]
fn fields_are_where_the_headers_have_them() {
    check_fields! {
        LaunchDma, LaunchDma::DEFINED, {
            with_dst_is_pitch(true) = 1,
            with_reduction_enable(true) = 1 << 1,
            with_reduction_format(3) = 3 << 2,
            with_completion_type(3) = 3 << 4,
            with_sysmembar_disable(true) = 1 << 6,
            with_interrupt_type(3) = 3 << 8,
            with_semaphore_is_one_word(true) = 1 << 12,
            with_reduction_op(7) = 7 << 13,
        }
        BlockSize, 0xfff, {
            with_width(0xf) = 0xf,
            with_height(0xf) = 0xf << 4,
            with_depth(0xf) = 0xf << 8,
        }
        ReportSemaphoreD, ReportSemaphoreD::DEFINED, {
            with_operation(3) = 3,
            with_flush_disable(true) = 1 << 2,
            with_reduction_enable(true) = 1 << 3,
            with_release_after_writes(true) = 1 << 4,
            with_sub_report(7) = 7 << 5,
            with_acquire_before_reads(true) = 1 << 8,
            with_reduction_op(7) = 7 << 9,
            with_pipeline_location(0xf) = 0xf << 12,
            with_comparison_is_ge(true) = 1 << 16,
            with_reduction_format(3) = 3 << 17,
            with_conditional_trap(true) = 1 << 19,
            with_awaken_enable(true) = 1 << 20,
            with_report_dword_number(true) = 1 << 21,
            with_report(0x1f) = 0x1f << 23,
            with_is_one_word(true) = 1 << 28,
        }
        ReportSemaphoreD, ReportSemaphoreD::DEFINED_COMPUTE, {
            with_operation(3) = 3,
            with_flush_disable(true) = 1 << 2,
            with_reduction_enable(true) = 1 << 3,
            with_reduction_op(7) = 7 << 9,
            with_reduction_format(3) = 3 << 17,
            with_conditional_trap(true) = 1 << 19,
            with_awaken_enable(true) = 1 << 20,
            with_is_one_word(true) = 1 << 28,
        }
        ReportSemaphoreExecute, ReportSemaphoreExecute::DEFINED, {
            with_operation(3) = 3,
            with_pipeline_location(0xf) = 0xf << 2,
            with_awaken_enable(true) = 1 << 6,
            with_report(0x1f) = 0x1f << 7,
            with_structure_size(3) = 3 << 13,
            with_sub_report(7) = 7 << 15,
            with_rop_flush_disable(true) = 1 << 18,
            with_flush_disable(true) = 1 << 19,
            with_reduction_enable(true) = 1 << 20,
            with_reduction_op(7) = 7 << 21,
            with_reduction_format(3) = 3 << 24,
            with_payload_is_64_bits(true) = 1 << 27,
            with_trap_type(3) = 3 << 28,
        }
        ComputeReportSemaphoreExecute, ComputeReportSemaphoreExecute::DEFINED, {
            with_operation(3) = 3,
            with_awaken_enable(true) = 1 << 2,
            with_structure_size(3) = 3 << 3,
            with_flush_disable(true) = 1 << 5,
            with_reduction_enable(true) = 1 << 6,
            with_reduction_op(7) = 7 << 7,
            with_reduction_format(3) = 3 << 10,
            with_payload_is_64_bits(true) = 1 << 12,
            with_trap_type(3) = 3 << 13,
        }
        SetRenderEnableC, 7, { with_mode(7) = 7 }
        MmeShadowRamControl, 3, { with_mode(3) = 3 }
    }
}

#[test]
fn reports_are_those_of_the_headers() {
    let generations = [Generation::AmpereA, Generation::AmpereB];
    let undefined = |generation| {
        let reports = (0..0x20).filter(move |&report| !Report::is_defined(generation, report));
        reports.collect::<Vec<_>>()
    };
    assert_eq!(generations.map(undefined), [vec![0x14, 0x16], vec![0x16]]);
    let counters = (0..=u8::MAX).filter(|&report| Report::is_counter(report));
    assert_eq!(counters.count(), 17);
    assert!(!Report::is_counter(Report::ZPASS_PIXEL_CNT));
}
