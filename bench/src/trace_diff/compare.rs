// SPDX-License-Identifier: GPL-2.0

//! Aligns two sequences of register writes.

use std::fmt;
use std::iter;

use nova_hw::regs;
use similar::{capture_diff_slices, Algorithm, DiffOp};

use crate::accesses::Write;

/// Registers for addresses in system memory, with the number of bits by which the addresses are
/// shifted.
///
/// The allocator chooses the addresses, so only the offset within the page of 4 KiB is compared.
const ADDRESSES: [(&str, u32); 7] = [
    ("NV_PFB_NISO_FLUSH_SYSMEM_ADDR", 8),
    ("NV_PFB_FBHUB_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_FBHUB0_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFALCON_FALCON_DMATRFBASE", 8),
    (LOW_HALF, 0),
];

/// Registers that get the halves of an address, one after the other.
const LOW_HALF: &str = "NV_PFALCON_FALCON_MAILBOX0";
const HIGH_HALF: &str = "NV_PFALCON_FALCON_MAILBOX1";

/// Prefixes of the names of registers that enable, acknowledge and disable interrupts.
///
/// The time of an interrupt and the number of messages at that time vary, and the other driver
/// polls. So these writes are not compared.
const INTERRUPTS: [&str; 4] = [
    "NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_",
    "NV_PFALCON_FALCON_IRQSCLR",
    "NV_PFALCON_FALCON_INTR_RETRIGGER",
    "NV_XVE_CYA_2",
];

const PAGE_SIZE: u64 = 0x1000;

/// The result of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Comparison<'a> {
    /// Number of writes of the same value to the same register.
    pub(crate) same: usize,
    /// The other writes.
    pub(crate) differences: Vec<Difference<'a>>,
}

/// Consecutive writes to a block that differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    /// The block.
    pub(crate) block: &'static str,
    /// The last action of the card before them.
    pub(crate) after: &'a str,
    /// The writes.
    pub(crate) lines: Vec<Line>,
}

/// A write that differs, or several consecutive equal ones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The driver that writes.
    pub(crate) side: Side,
    /// Block and register.
    pub(crate) register: String,
    /// The value; if both drivers write, Nova's and the other driver's.
    pub(crate) values: Vec<u32>,
    /// Number of times.
    pub(crate) count: usize,
}

/// The driver that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Only Nova.
    Ours,
    /// Only the other driver.
    Theirs,
    /// Both drivers, with different values.
    Both,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "+",
            Self::Theirs => "-",
            Self::Both => "~",
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side, self.register)?;
        for value in &self.values {
            write!(f, " {value:#x}")?;
        }
        Ok(())
    }
}

/// Compares the writes of Nova with those of another driver.
pub(crate) fn compare<'a>(ours: &[Write<'a>], theirs: &[Write<'a>]) -> Comparison<'a> {
    let [ours, theirs] = [ours, theirs].map(without_interrupts);
    let mut comparison = Comparison::default();
    let [our_values, their_values] = [&ours, &theirs].map(|writes| comparable(writes));
    // Whether the next differing write belongs to the last difference, if that is of its block.
    let mut open = false;
    for op in aligned(&ours, &theirs) {
        let values = our_values[op.old_range()]
            .iter()
            .zip(&their_values[op.new_range()]);
        let (ours, theirs) = (&ours[op.old_range()], &theirs[op.new_range()]);
        if !matches!(op, DiffOp::Equal { .. }) {
            for write in ours {
                comparison.differ(&mut open, Side::Ours, write, vec![write.value]);
            }
            for write in theirs {
                comparison.differ(&mut open, Side::Theirs, write, vec![write.value]);
            }
            continue;
        }
        for ((our, their), (our_value, their_value)) in ours.iter().zip(theirs).zip(values) {
            if our_value == their_value {
                comparison.same += 1;
                open = false;
            } else {
                let values = vec![our.value, their.value];
                comparison.differ(&mut open, Side::Both, our, values);
            }
        }
    }
    comparison
}

fn without_interrupts<'a>(writes: &[Write<'a>]) -> Vec<Write<'a>> {
    let of_interrupts = |write: &&Write<'a>| {
        let name = regs::name(write.offset).unwrap_or_default();
        INTERRUPTS.iter().any(|start| name.starts_with(start))
    };
    let others = writes.iter().filter(|write| !of_interrupts(write));
    others.copied().collect()
}

/// Aligns the writes by register, ignoring the values.
fn aligned(ours: &[Write<'_>], theirs: &[Write<'_>]) -> Vec<DiffOp> {
    let offsets = |writes: &[Write<'_>]| -> Vec<u32> { writes.iter().map(|w| w.offset).collect() };
    capture_diff_slices(Algorithm::Myers, &offsets(ours), &offsets(theirs))
}

impl<'a> Comparison<'a> {
    fn differ(&mut self, open: &mut bool, side: Side, write: &Write<'a>, values: Vec<u32>) {
        let line = Line {
            side,
            register: format!("{} {}", write.block, name(write.offset)),
            values,
            count: 1,
        };
        let last = self.differences.last_mut();
        match last.filter(|last| *open && last.block == write.block) {
            Some(difference) => difference.push(line),
            None => self.differences.push(Difference {
                block: write.block,
                after: write.after,
                lines: vec![line],
            }),
        }
        *open = true;
    }
}

impl Difference<'_> {
    fn push(&mut self, line: Line) {
        match self.lines.last_mut() {
            Some(last) if last.to_string() == line.to_string() => last.count += 1,
            _ => self.lines.push(line),
        }
    }
}

/// The register's name, without the index in an array.
fn name(offset: u32) -> String {
    regs::name(offset).map_or_else(|| format!("{offset:#x}"), str::to_owned)
}

/// The parts of the values that do not depend on the addresses of a driver's memory.
fn comparable(writes: &[Write<'_>]) -> Vec<u64> {
    let before = iter::once(None).chain(writes.iter().map(Some));
    let pairs = before.zip(writes);
    pairs
        .map(|(before, write)| match before {
            Some(low) if is_high_half(low, write) => 0,
            _ => without_address(write),
        })
        .collect()
}

/// Whether `write` is the upper half of the address in system memory whose lower half is `low`.
fn is_high_half(low: &Write<'_>, write: &Write<'_>) -> bool {
    let names = [low, write].map(|write| regs::name(write.offset));
    names == [LOW_HALF, HIGH_HALF].map(Some)
        && low.block == write.block
        && without_address(low) >= PAGE_SIZE
}

/// The value, or if it is an address, its place within the page.
fn without_address(write: &Write<'_>) -> u64 {
    let value = u64::from(write.value);
    let name = regs::name(write.offset);
    match ADDRESSES
        .iter()
        .find(|(register, _)| name == Some(register))
    {
        // Mailboxes also get codes, which are smaller than any address of DMA memory.
        Some((_, shift)) if value << shift >= PAGE_SIZE => {
            PAGE_SIZE | ((value << shift) & (PAGE_SIZE - 1))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::regs::falcon::{
        FalconDmatrfbase, FalconIrqsclr, FalconMailbox0, FalconMailbox1, GSP_BASE, SEC2_BASE,
    };

    const BOOT0: u32 = 0;
    const MAILBOX0: u32 = GSP_BASE + FalconMailbox0::OFFSET;
    const MAILBOX1: u32 = GSP_BASE + FalconMailbox1::OFFSET;
    const DMATRFBASE: u32 = GSP_BASE + FalconDmatrfbase::OFFSET;

    fn writes(writes: &[(u32, u32)]) -> Vec<Write<'static>> {
        let write = |&(offset, value)| Write {
            block: match offset {
                BOOT0 => "A",
                SEC2_BASE.. => "C",
                _ => "B",
            },
            offset,
            value,
            after: "a note",
        };
        writes.iter().map(write).collect()
    }

    /// The differences as printed, one line each, and the number of equal writes.
    fn differences(ours: &[(u32, u32)], theirs: &[(u32, u32)]) -> (Vec<String>, usize) {
        let (ours, theirs) = (writes(ours), writes(theirs));
        let comparison = compare(&ours, &theirs);
        let lines = |difference: &Difference<'_>| {
            let lines = difference.lines.iter();
            let lines: Vec<_> = lines
                .map(|line| format!("{line} x{}", line.count))
                .collect();
            lines.join(", ")
        };
        let differences = comparison.differences.iter().map(lines).collect();
        (differences, comparison.same)
    }

    #[test]
    fn equal_writes_are_no_difference() {
        let both = [(BOOT0, 1), (MAILBOX1, 2)];
        assert_eq!(differences(&both, &both), (vec![], 2));
    }

    #[test]
    fn a_write_of_one_side_is_a_difference() {
        let ours = [(BOOT0, 1), (MAILBOX1, 7), (MAILBOX1, 7), (BOOT0, 2)];
        let theirs = [(BOOT0, 1), (BOOT0, 2)];
        let expected = "+ B NV_PFALCON_FALCON_MAILBOX1 0x7 x2".to_owned();
        assert_eq!(differences(&ours, &theirs), (vec![expected], 2));
        let expected = "- B NV_PFALCON_FALCON_MAILBOX1 0x7 x2".to_owned();
        assert_eq!(differences(&theirs, &ours), (vec![expected], 2));
    }

    #[test]
    fn another_value_is_a_difference() {
        let expected = "~ A NV_PMC_BOOT_0 0x1 0x2 x1".to_owned();
        assert_eq!(
            differences(&[(BOOT0, 1)], &[(BOOT0, 2)]),
            (vec![expected], 0)
        );
    }

    #[test]
    fn interrupt_registers_are_not_compared() {
        let acknowledge = GSP_BASE + FalconIrqsclr::OFFSET;
        let ours = [(BOOT0, 1), (acknowledge, 0x40), (BOOT0, 2)];
        let theirs = [(acknowledge, 0x40), (BOOT0, 1), (BOOT0, 2)];
        assert_eq!(differences(&ours, &theirs), (vec![], 2));
    }

    #[test]
    fn a_difference_is_of_one_block() {
        let ours = [(MAILBOX1, 7), (BOOT0, 1), (BOOT0, 2), (MAILBOX1, 8)];
        let expected = [
            "+ B NV_PFALCON_FALCON_MAILBOX1 0x7 x1",
            "+ A NV_PMC_BOOT_0 0x1 x1, + A NV_PMC_BOOT_0 0x2 x1",
            "+ B NV_PFALCON_FALCON_MAILBOX1 0x8 x1",
        ];
        assert_eq!(differences(&ours, &[]).0, expected);
    }

    #[test]
    fn the_order_is_compared() {
        let ours = [(BOOT0, 1), (MAILBOX1, 2)];
        let theirs = [(MAILBOX1, 2), (BOOT0, 1)];
        assert_eq!(differences(&ours, &theirs).0.len(), 2);
    }

    #[test]
    fn only_the_page_offset_of_addresses_is_compared() {
        let same = |ours, theirs| differences(&[ours], &[theirs]).1 == 1;
        assert!(same((MAILBOX0, 0x1_2000), (MAILBOX0, 0x9_f000)));
        assert!(same((DMATRFBASE, 0x1fd94), (DMATRFBASE, 0x349e4)));
        assert!(!same((DMATRFBASE, 0x1fd94), (DMATRFBASE, 0x349e5)));
        assert!(!same((MAILBOX0, 0xff), (MAILBOX0, 0)));
        assert!(!same((MAILBOX0, 0), (MAILBOX0, 0x1_2000)));
        assert!(!same((MAILBOX1, 0x1_2000), (MAILBOX1, 0x9_f000)));
    }

    #[test]
    fn the_upper_half_of_an_address_is_not_compared() {
        let same = |ours: [_; 2], theirs: [_; 2]| differences(&ours, &theirs).1 == 2;
        let (low, high) = ((MAILBOX0, 0x1_2000), |value| (MAILBOX1, value));
        assert!(same([low, high(1)], [low, high(0)]));
        let code = (MAILBOX0, 0xff);
        assert!(!same([code, high(0xff)], [code, high(0)]));
        let others = |value| (SEC2_BASE + FalconMailbox1::OFFSET, value);
        assert!(!same([low, others(1)], [low, others(0)]));
    }
}
