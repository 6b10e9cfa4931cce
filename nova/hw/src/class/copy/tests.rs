// SPDX-License-Identifier: GPL-2.0

use super::*;

#[test]
fn methods_are_found_by_offset_and_class() {
    assert!(METHODS.is_sorted_by(|method, next| method.offset < next.offset));
    assert!(METHODS.iter().all(|method| method.offset % 4 == 0));
    for found in METHODS {
        for class in Class::ALL {
            let expected = (class >= found.since).then_some(found);
            assert_eq!(method(class, found.offset), expected);
        }
    }
    assert_eq!(method(Class::BlackwellB, 0), None);
    assert_eq!(method(Class::BlackwellB, 0x302), None);
    assert_eq!(method(Class::BlackwellB, 0x304), None);
}

/// The numbers of methods in clc5b5.h to clcab5.h, `REQ_ATTR` included.
#[test]
fn each_class_has_the_headers_methods() {
    let has = |class| METHODS.iter().filter(move |method| method.since <= class);
    let count = Class::ALL.map(|class| has(class).count());
    assert_eq!(count, [39, 39, 43, 51, 51, 52]);
}

#[test]
fn classes_are_found_by_number() {
    for class in Class::ALL {
        assert_eq!(Class::from_number(class.number()), Some(class));
    }
    assert_eq!(Class::from_number(0xc8b5), Some(Class::HopperA));
    assert_eq!(Class::from_number(0xc3b5), None);
    assert_eq!(Class::from_number(0x1_c8b5), None);
    assert!(Class::ALL.is_sorted());
}

#[test]
fn addresses_have_the_headers_bits() {
    assert_eq!(Class::AmpereB.upper_mask(), 0x1_ffff);
    assert_eq!(Class::HopperA.upper_mask(), 0x1ff_ffff);
    assert_eq!(Class::AmpereB.render_enable_upper_mask(), 0xff);
    assert_eq!(Class::HopperA.render_enable_upper_mask(), 0x1ff_ffff);
}

/// Checks that setting all bits of a field sets the bits that the header has for it.
macro_rules! check_fields {
    ($($data:ty { $($with:ident($value:expr) = $bits:expr),* $(,)? })*) => {
        $($(
            assert_eq!(
                u32::from(<$data>::new().$with($value)),
                $bits,
                concat!(stringify!($data), "::", stringify!($with)),
            );
        )*)*
    };
}

#[test]
fn fields_are_where_the_headers_have_them() {
    check_fields! {
        LaunchDma {
            with_data_transfer_type(3) = 3,
            with_flush_enable(true) = 1 << 2,
            with_semaphore_type(3) = 3 << 3,
            with_interrupt_type(3) = 3 << 5,
            with_src_is_pitch(true) = 1 << 7,
            with_dst_is_pitch(true) = 1 << 8,
            with_multi_line_enable(true) = 1 << 9,
            with_remap_enable(true) = 1 << 10,
            with_force_rmwdisable(true) = 1 << 11,
            with_src_is_physical(true) = 1 << 12,
            with_dst_is_physical(true) = 1 << 13,
            with_semaphore_reduction(0xf) = 0xf << 14,
            with_semaphore_reduction_is_unsigned(true) = 1 << 18,
            with_semaphore_reduction_enable(true) = 1 << 19,
            with_copy_type(3) = 3 << 20,
            with_vprmode(true) = 1 << 22,
            with_memory_scrub_enable(true) = 1 << 23,
            with_flush_type_is_gl(true) = 1 << 25,
            with_disable_plc(true) = 1 << 26,
            with_semaphore_payload_is_two_words(true) = 1 << 27,
        }
        SetRenderEnableC { with_mode(7) = 7 }
        PhysMode {
            with_target(3) = 3,
            with_basic_kind(0xf) = 0xf << 2,
            with_peer_id(7) = 7 << 6,
            with_fla(true) = 1 << 9,
        }
        RemapComponents {
            with_dst_x(7) = 7,
            with_dst_y(7) = 7 << 4,
            with_dst_z(7) = 7 << 8,
            with_dst_w(7) = 7 << 12,
            with_component_size(3) = 3 << 16,
            with_num_src_components(3) = 3 << 20,
            with_num_dst_components(3) = 3 << 24,
        }
        BlockSize {
            with_width(0xf) = 0xf,
            with_height(0xf) = 0xf << 4,
            with_depth(0xf) = 0xf << 8,
            with_gob_height(0xf) = 0xf << 12,
            with_kind_bpp(3) = 3 << 16,
        }
        Origin { with_x(0xffff) = 0xffff, with_y(0xffff) = 0xffff << 16 }
    }
}

#[test]
fn a_launch_has_the_headers_bits() {
    let defined = Class::ALL.map(LaunchDma::defined);
    let newer = |class: usize| defined[class] & !defined[class - 1];
    let older = |class: usize| defined[class - 1] & !defined[class];
    // No reserved bits, and no payload of two words.
    assert_eq!(!defined[0], 0xf900_0000);
    // The L2 cache cannot be bypassed.
    assert_eq!((newer(1), older(1)), (0, 3 << 20));
    // SEMAPHORE_PAYLOAD_SIZE
    assert_eq!((newer(2), older(2)), (1 << 27, 0));
    // COPY_TYPE
    assert_eq!((newer(3), older(3)), (3 << 20, 0));
    // FORCE_RMWDISABLE
    assert_eq!((newer(4), older(4)), (0, 1 << 11));
    assert_eq!((newer(5), older(5)), (0, 0));
}
