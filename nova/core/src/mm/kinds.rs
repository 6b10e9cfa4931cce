// SPDX-License-Identifier: GPL-2.0

//! Which kinds programs can give their pages.

use nova_hw::chipset::Architecture;
use nova_hw::gmmu::kind::SMSKED_MESSAGE;
use nova_hw::gmmu::Format;

/// The kinds that programs can give their pages on chips of an architecture: bit n is for the kind n.
///
/// Those of compressed data are not among them, since the driver cannot promise what programs find
/// in such pages (docs/memory.md). Nor is that of messages to the compute scheduler; nouveau has no
/// use for it either (nvkm/subdev/mmu/tu102.c).
pub fn kinds_for_programs(arch: Architecture) -> u64 {
    let kinds = Format::of(arch).kinds;
    u64::from(kinds.all & !kinds.compressible & !(1 << SMSKED_MESSAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_has_kinds_of_its_own_before_gb20x() {
        for arch in [
            Architecture::Turing,
            Architecture::Ampere,
            Architecture::Ada,
            Architecture::Hopper,
            Architecture::BlackwellGb10x,
        ] {
            assert_eq!(kinds_for_programs(arch), 0x7f, "{arch:?}");
        }
        assert_eq!(kinds_for_programs(Architecture::BlackwellGb20x), 0x41);
    }
}
