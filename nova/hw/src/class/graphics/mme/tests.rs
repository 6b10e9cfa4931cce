// SPDX-License-Identifier: GPL-2.0

use super::*;

/// Checks that all bits of a field of an instruction are where MME64Group_init.cpp has them.
macro_rules! check_fields {
    ($($with:ident($value:expr) = $last:literal, $first:literal;)*) => {
        let mut all = 0_u128;
        $(
            let bits = ((1 << ($last - $first + 1)) - 1) << $first;
            assert_eq!(Instruction::new().$with($value).into_bits(), bits, stringify!($with));
            all |= bits;
        )*
        assert_eq!(all, (1 << 96) - 1);
    };
}

#[test]
fn fields_are_where_nvidia_has_them() {
    let all = Operand::Reserved(31);
    check_fields! {
        with_ends_next(true) = 0, 0;
        with_predicate(Predicate::Uuuf) = 4, 1;
        with_predicate_source(all) = 9, 5;
        with_operation_0(Operation::Dwrite) = 14, 10;
        with_destination_0(all) = 19, 15;
        with_x_0(all) = 24, 20;
        with_y_0(all) = 29, 25;
        with_immediate_0(0xffff) = 45, 30;
        with_operation_1(Operation::Dwrite) = 50, 46;
        with_destination_1(all) = 55, 51;
        with_x_1(all) = 60, 56;
        with_y_1(all) = 65, 61;
        with_immediate_1(0xffff) = 81, 66;
        with_method_0(Output::Reserved7) = 84, 82;
        with_emit_0(Output::Reserved15) = 88, 85;
        with_method_1(Output::Reserved7) = 91, 89;
        with_emit_1(Output::Reserved15) = 95, 92;
    }
}

#[test]
fn upper_bits_come_first() {
    let words = [0x1111_1111, 0x2222_2222, 0x3333_3333];
    let instruction = Instruction::from_words(words);
    assert_eq!(instruction.into_bits(), 0x1111_1111_2222_2222_3333_3333);
    assert_eq!(instruction.words(), words);
}

/// Numbers of op.h, pred.h, reg.h and out.h.
#[test]
fn names_have_nvidias_numbers() {
    for (operation, number) in [
        (Operation::Add, 0),
        (Operation::Extended, 7),
        (Operation::Merge, 16),
        (Operation::State, 22),
        (Operation::Loop, 23),
        (Operation::Beq, 29),
        (Operation::Dwrite, 31),
    ] {
        assert_eq!(operation.into_bits(), number);
        assert_eq!(Operation::from_bits(number), operation);
    }
    for (output, number) in [
        (Output::None, 0),
        (Output::Load1, 4),
        (Output::Immediate0, 5),
        (Output::ImmediateHigh0, 8),
        (Output::Immediate32, 10),
    ] {
        assert_eq!(output.into_bits(), number);
    }
    for (predicate, number) in [
        (Predicate::Uuuu, 0),
        (Predicate::Tfuu, 5),
        (Predicate::Uutt, 8),
        (Predicate::Uuuf, 15),
    ] {
        assert_eq!(predicate.into_bits(), number);
    }
    for bits in 0..32 {
        assert_eq!(Operand::from_bits(bits).into_bits(), bits);
    }
    assert_eq!(Operand::from_bits(23), Operand::Register(23));
    assert_eq!(Operand::from_bits(28), Operand::Load0);
}

#[test]
fn a_predicate_is_what_its_name_says() {
    for predicate in Predicate::ALL {
        let letters = predicate.conditions().map(|condition| match condition {
            None => 'u',
            Some(true) => 't',
            Some(false) => 'f',
        });
        let name: std::string::String = letters.iter().collect();
        let found = std::format!("{predicate:?}").to_lowercase();
        assert_eq!(found, name);
    }
}

#[test]
fn calls_alternate() {
    let call = |number, is_data| Some(Call { number, is_data });
    assert_eq!(Call::of_method(0x37fc), None);
    assert_eq!(Call::of_method(0x3800), call(0, false));
    assert_eq!(Call::of_method(0x3804), call(0, true));
    assert_eq!(Call::of_method(0x3ff8), call(255, false));
    assert_eq!(Call::of_method(0x3ffc), call(255, true));
    assert_eq!(Call::of_method(0x4000), None);
    assert_eq!(scratch_of_method(0x33fc), None);
    assert_eq!(scratch_of_method(0x3400), Some(0));
    assert_eq!(scratch_of_method(0x37fc), Some(255));
    assert_eq!(scratch_of_method(0x3800), None);
}

#[test]
fn immediates_have_fields() {
    assert_eq!(
        u16::from(Branch::new().with_distance(-8).with_if_true(true)),
        0x9ff8
    );
    assert_eq!(Branch::from(0x1000).distance(), Branch::EXIT);
    assert_eq!(
        u16::from(Merge::new().with_place(1).with_bits(1).with_first(1)),
        0x421
    );
    assert_eq!(
        u16::from(Jump::new().with_distance(6).with_is_set(true)),
        0x8006
    );
    assert_eq!(
        u32::from(Method::new().with_number(0xfff).with_increment(1)),
        0x1fff
    );
    assert_eq!(u32::from(DataFifoConfig::new().with_size(7)), 7);
}
