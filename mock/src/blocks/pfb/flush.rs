// SPDX-License-Identifier: GPL-2.0

//! The page of system memory that the card reads to flush its writes to system memory. Each family
//! has its own registers for the address.
//!
//! Source: open-gpu-kernel-modules 570, `kmemsysProgramSysmemFlushBuffer` in
//! src/nvidia/src/kernel/gpu/mem_sys/arch/{maxwell,ampere,hopper,blackwell}. In that file and in
//! Linux 7.3's nova-core Hopper takes the unshifted address; nouveau shifts it as on older chips.

use nova_hw::chipset::Architecture;
use nova_hw::regs::pfb::{
    Fbhub0FlushSysmemAddrHi, Fbhub0FlushSysmemAddrLo, FbhubFlushSysmemAddrHi,
    FbhubFlushSysmemAddrLo, HshubEgFlushSysmemAddrHi, HshubEgFlushSysmemAddrLo,
    HshubFlushSysmemAddrHi, HshubFlushSysmemAddrLo, NisoFlushSysmemAddr, NisoFlushSysmemAddrHi,
};

use crate::chips::Chip;

/// Bits of the low half that exist in hardware, from Hopper on.
const LOW_MASK: u32 = !0xff;

/// Address of the page, as the driver wrote it.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    /// Address for NISO; up to Ada, without its lowest eight bits.
    niso: u64,
    hub: u64,
    /// On GB10x, the separate address for HSHUB egress.
    egress: u64,
}

impl Flush {
    /// Whether this chip has the register at `offset`.
    pub(crate) fn has(&self, chip: &Chip, offset: u32) -> bool {
        match chip.chipset.arch() {
            // The page's address has 40 bits.
            Architecture::Turing => offset == NisoFlushSysmemAddr::OFFSET,
            Architecture::Ampere | Architecture::Ada => matches!(
                offset,
                NisoFlushSysmemAddr::OFFSET | NisoFlushSysmemAddrHi::OFFSET
            ),
            Architecture::Hopper => matches!(
                offset,
                FbhubFlushSysmemAddrLo::OFFSET | FbhubFlushSysmemAddrHi::OFFSET
            ),
            Architecture::BlackwellGb10x => matches!(
                offset,
                HshubFlushSysmemAddrLo::OFFSET
                    | HshubFlushSysmemAddrHi::OFFSET
                    | HshubEgFlushSysmemAddrLo::OFFSET
                    | HshubEgFlushSysmemAddrHi::OFFSET
            ),
            Architecture::BlackwellGb20x => matches!(
                offset,
                Fbhub0FlushSysmemAddrLo::OFFSET | Fbhub0FlushSysmemAddrHi::OFFSET
            ),
        }
    }

    /// Reads the register at `offset`, if there is one.
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        let value = match half(offset)? {
            Half::Low(Pair::Niso) => self.niso as u32,
            Half::High(Pair::Niso) => (self.niso >> 32) as u32,
            Half::Low(pair) => self.of(pair) as u32,
            Half::High(pair) => (self.of(pair) >> 32) as u32,
        };
        Some(value)
    }

    /// Writes the register at `offset`, if there is one.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<()> {
        match half(offset)? {
            Half::Low(Pair::Niso) => set_low(&mut self.niso, value),
            Half::High(Pair::Niso) => {
                let high = NisoFlushSysmemAddrHi::from(value).adr_63_40();
                set_high(&mut self.niso, high);
            }
            Half::Low(Pair::Hub) => set_low(&mut self.hub, value & LOW_MASK),
            Half::High(Pair::Hub) => {
                set_high(&mut self.hub, FbhubFlushSysmemAddrHi::from(value).adr());
            }
            Half::Low(Pair::Egress) => set_low(&mut self.egress, value & LOW_MASK),
            Half::High(Pair::Egress) => {
                set_high(
                    &mut self.egress,
                    HshubEgFlushSysmemAddrHi::from(value).adr(),
                );
            }
        }
        Some(())
    }

    fn of(&self, pair: Pair) -> u64 {
        match pair {
            Pair::Niso => self.niso,
            Pair::Hub => self.hub,
            Pair::Egress => self.egress,
        }
    }

    /// Address of the page, 0 if the driver has set none.
    pub(crate) fn page(&self) -> u64 {
        self.niso << 8 | self.hub
    }
}

/// A pair of registers that hold an address.
#[derive(Clone, Copy)]
enum Pair {
    Niso,
    Hub,
    Egress,
}

enum Half {
    Low(Pair),
    High(Pair),
}

fn half(offset: u32) -> Option<Half> {
    let half = match offset {
        NisoFlushSysmemAddr::OFFSET => Half::Low(Pair::Niso),
        NisoFlushSysmemAddrHi::OFFSET => Half::High(Pair::Niso),
        FbhubFlushSysmemAddrLo::OFFSET
        | HshubFlushSysmemAddrLo::OFFSET
        | Fbhub0FlushSysmemAddrLo::OFFSET => Half::Low(Pair::Hub),
        FbhubFlushSysmemAddrHi::OFFSET
        | HshubFlushSysmemAddrHi::OFFSET
        | Fbhub0FlushSysmemAddrHi::OFFSET => Half::High(Pair::Hub),
        HshubEgFlushSysmemAddrLo::OFFSET => Half::Low(Pair::Egress),
        HshubEgFlushSysmemAddrHi::OFFSET => Half::High(Pair::Egress),
        _ => return None,
    };
    Some(half)
}

fn set_low(address: &mut u64, value: u32) {
    *address = *address & !u64::from(u32::MAX) | u64::from(value);
}

fn set_high(address: &mut u64, value: u32) {
    *address = *address & u64::from(u32::MAX) | u64::from(value) << 32;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;

    #[test]
    fn each_family_has_its_own_registers() {
        let pairs = [
            ("ga102", 0x100c10, 0x100c40),
            ("gh100", 0x100a34, 0x100a38),
            ("gb100", 0x870e50, 0x870e54),
            ("gb100", 0x8706c0, 0x8706c4),
            ("gb202", 0x8a1d58, 0x8a1d5c),
        ];
        for (chip, low, high) in pairs {
            for (other, ..) in pairs {
                let has = |offset| Flush::default().has(by_name(other).unwrap(), offset);
                assert_eq!(
                    (has(low), has(high)),
                    (other == chip, other == chip),
                    "{chip}"
                );
            }
        }
    }

    #[test]
    fn gh100_takes_the_unshifted_address() {
        let mut flush = Flush::default();
        flush
            .write(FbhubFlushSysmemAddrHi::OFFSET, 0xfff1_2345)
            .unwrap();
        flush
            .write(FbhubFlushSysmemAddrLo::OFFSET, 0x6789_abcd)
            .unwrap();
        assert_eq!(flush.page(), 0x1_2345_6789_ab00);
        assert_eq!(flush.read(FbhubFlushSysmemAddrHi::OFFSET), Some(0x1_2345));
        assert_eq!(
            flush.read(FbhubFlushSysmemAddrLo::OFFSET),
            Some(0x6789_ab00)
        );
        flush
            .write(HshubEgFlushSysmemAddrLo::OFFSET, 0x100)
            .unwrap();
        assert_eq!(flush.read(HshubEgFlushSysmemAddrLo::OFFSET), Some(0x100));
        assert_eq!(
            flush.read(HshubFlushSysmemAddrLo::OFFSET),
            Some(0x6789_ab00)
        );
    }
}
