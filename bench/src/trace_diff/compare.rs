// SPDX-License-Identifier: GPL-2.0

//! Aligns two sequences of register writes.

use std::fmt;

use nova_hw::regs;
use similar::{capture_diff_slices, Algorithm, DiffOp};

use crate::accesses::Write;

/// Registers that get addresses in system memory, with the bits by which those are shifted.
///
/// Where a driver's memory lies is the allocator's business, so of such values only the place within
/// the page of 4 KiB is compared.
const ADDRESSES: [(&str, u32); 7] = [
    ("NV_PFB_NISO_FLUSH_SYSMEM_ADDR", 8),
    ("NV_PFB_FBHUB_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_FBHUB0_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_HSHUB_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFB_HSHUB_EG_PCIE_FLUSH_SYSMEM_ADDR_LO", 0),
    ("NV_PFALCON_FALCON_DMATRFBASE", 8),
    ("NV_PFALCON_FALCON_MAILBOX0", 0),
];

/// Registers by which an interrupt is asked for, acknowledged and turned off; all whose names start so.
///
/// When an interrupt is handled, and how many messages wait then, is the machine's business, and the
/// other driver polls. So these writes are only counted.
const INTERRUPTS: [&str; 4] = [
    "NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_",
    "NV_PFALCON_FALCON_IRQSCLR",
    "NV_PFALCON_FALCON_INTR_RETRIGGER",
    "NV_XVE_CYA_2",
];

const PAGE_SIZE: u64 = 0x1000;

/// What both sequences have in common, and what not.
#[derive(Debug, Default)]
pub(crate) struct Comparison<'a> {
    /// Writes of the same value to the same register.
    pub(crate) same: usize,
    /// The others.
    pub(crate) differences: Vec<Difference<'a>>,
}

/// Writes that differ, without one that is the same between them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    /// What the card did last before.
    pub(crate) after: &'a str,
    /// The writes.
    pub(crate) lines: Vec<Line>,
}

/// A write that differs, or several of the same kind behind one another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Who writes.
    pub(crate) side: Side,
    /// Block and register.
    pub(crate) register: String,
    /// The value; ours and theirs, where both write.
    pub(crate) values: Vec<u32>,
    /// How many times.
    pub(crate) count: usize,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Only our driver.
    Ours,
    /// Only the other one.
    Theirs,
    /// Both, but other values.
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

/// Compares the writes of our driver with those of another one.
pub(crate) fn compare<'a>(ours: &[Write<'a>], theirs: &[Write<'a>]) -> Comparison<'a> {
    let [ours, theirs] = [ours, theirs].map(without_interrupts);
    let mut comparison = Comparison::default();
    // Whether the next difference belongs to the last one.
    let mut open = false;
    for op in aligned(&ours, &theirs) {
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
        for (our, their) in ours.iter().zip(theirs) {
            if comparable(our) == comparable(their) {
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

/// Aligns by registers, whatever is written to them.
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
        match self.differences.last_mut().filter(|_| *open) {
            Some(difference) => difference.push(line),
            None => self.differences.push(Difference {
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

/// The register's name, without the element where there are several.
fn name(offset: u32) -> String {
    regs::name(offset).map_or_else(|| format!("{offset:#x}"), str::to_owned)
}

/// The part of the value that does not depend on where a driver's memory lies.
fn comparable(write: &Write<'_>) -> u64 {
    let value = u64::from(write.value);
    let name = regs::name(write.offset);
    match ADDRESSES
        .iter()
        .find(|(register, _)| name == Some(register))
    {
        // Mailboxes also get codes; those are small, and no memory of a device lies that low.
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
        FalconDmatrfbase, FalconIrqsclr, FalconMailbox0, FalconMailbox1, GSP_BASE,
    };

    const BOOT0: u32 = 0;
    const MAILBOX0: u32 = GSP_BASE + FalconMailbox0::OFFSET;
    const MAILBOX1: u32 = GSP_BASE + FalconMailbox1::OFFSET;
    const DMATRFBASE: u32 = GSP_BASE + FalconDmatrfbase::OFFSET;

    fn writes(writes: &[(u32, u32)]) -> Vec<Write<'static>> {
        let write = |&(offset, value)| Write {
            block: "B",
            offset,
            value,
            after: "a note",
        };
        writes.iter().map(write).collect()
    }

    /// The differences as they are printed, one line for each, and how many writes are the same.
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
    fn the_same_writes_do_not_differ() {
        let both = [(BOOT0, 1), (MAILBOX1, 2)];
        assert_eq!(differences(&both, &both), (vec![], 2));
    }

    #[test]
    fn what_one_side_writes_alone_is_a_difference() {
        let ours = [(BOOT0, 1), (MAILBOX1, 7), (MAILBOX1, 7), (BOOT0, 2)];
        let theirs = [(BOOT0, 1), (BOOT0, 2)];
        let expected = "+ B NV_PFALCON_FALCON_MAILBOX1 0x7 x2".to_owned();
        assert_eq!(differences(&ours, &theirs), (vec![expected], 2));
        let expected = "- B NV_PFALCON_FALCON_MAILBOX1 0x7 x2".to_owned();
        assert_eq!(differences(&theirs, &ours), (vec![expected], 2));
    }

    #[test]
    fn another_value_is_a_difference() {
        let expected = "~ B NV_PMC_BOOT_0 0x1 0x2 x1".to_owned();
        assert_eq!(
            differences(&[(BOOT0, 1)], &[(BOOT0, 2)]),
            (vec![expected], 0)
        );
    }

    #[test]
    fn what_handles_interrupts_is_not_compared() {
        let acknowledge = GSP_BASE + FalconIrqsclr::OFFSET;
        let ours = [(BOOT0, 1), (acknowledge, 0x40), (BOOT0, 2)];
        let theirs = [(acknowledge, 0x40), (BOOT0, 1), (BOOT0, 2)];
        assert_eq!(differences(&ours, &theirs), (vec![], 2));
    }

    #[test]
    fn the_order_counts() {
        let ours = [(BOOT0, 1), (MAILBOX1, 2)];
        let theirs = [(MAILBOX1, 2), (BOOT0, 1)];
        assert_eq!(differences(&ours, &theirs).0.len(), 2);
    }

    #[test]
    fn of_addresses_the_place_within_the_page_counts() {
        let same = |ours, theirs| differences(&[ours], &[theirs]).1 == 1;
        assert!(same((MAILBOX0, 0x1_2000), (MAILBOX0, 0x9_f000)));
        assert!(same((DMATRFBASE, 0x1fd94), (DMATRFBASE, 0x349e4)));
        assert!(!same((DMATRFBASE, 0x1fd94), (DMATRFBASE, 0x349e5)));
        assert!(!same((MAILBOX0, 0xff), (MAILBOX0, 0)));
        assert!(!same((MAILBOX0, 0), (MAILBOX0, 0x1_2000)));
        assert!(!same((MAILBOX1, 0x1_2000), (MAILBOX1, 0x9_f000)));
    }
}
