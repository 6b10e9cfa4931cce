// SPDX-License-Identifier: GPL-2.0

//! Invalidation of the TLBs, which remember what page tables had.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/mmu/vmmtu102.c; open-gpu-kernel-modules
//! 570, src/nvidia/src/kernel/gpu/mmu/arch/turing/kern_gmmu_tu102.c.

use core::time::Duration;

use nova_hw::regs::vf_mmu::{MmuInvalidate, MmuInvalidatePdb, MmuInvalidateUpperPdb};

use crate::mmio::{Io, Timeout};

/// Time-out of an invalidation, as in nouveau.
const LIMIT: Duration = Duration::from_secs(2);

/// Invalidates everything about the address space whose root is at `root` in VRAM.
pub(super) fn invalidate(io: &Io<'_>, root: u64) -> Result<(), Timeout> {
    let page = root >> 12;
    io.write(MmuInvalidatePdb::new().with_addr((page & 0x0fff_ffff) as u32));
    io.write(MmuInvalidateUpperPdb::new().with_addr((page >> 28 & 0x000f_ffff) as u32));
    start(io, MmuInvalidate::new())
}

/// Invalidates everything about the windows. Their root is GSP-RM's, so this is about all address
/// spaces; but only for the hub, through which the CPU's accesses come.
pub(super) fn invalidate_windows(io: &Io<'_>) -> Result<(), Timeout> {
    start(
        io,
        MmuInvalidate::new()
            .with_all_pdb(true)
            .with_hubtlb_only(true),
    )
}

fn start(io: &Io<'_>, command: MmuInvalidate) -> Result<(), Timeout> {
    io.write(command.with_all_va(true).with_trigger(true));
    io.wait_at(
        0,
        "an invalidation of the TLBs",
        LIMIT,
        |command: MmuInvalidate| !command.trigger(),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;

    const PDB: u32 = 0xb8_30a0;
    const UPPER_PDB: u32 = 0xb8_30a4;
    const INVALIDATE: u32 = 0xb8_30b0;

    #[test]
    fn registers_are_written_as_nouveau_does() {
        let card = Card::default();
        invalidate(&Io::new(&card), 0x1234_5678_9000).unwrap();
        invalidate_windows(&Io::new(&card)).unwrap();
        let expected = [
            (PDB, 0x3456_7890),
            (UPPER_PDB, 0x12),
            (INVALIDATE, 0x8000_0001),
            (INVALIDATE, 0x8000_0007),
        ];
        assert_eq!(card.writes.take(), expected);
    }

    #[test]
    fn an_invalidation_that_does_not_end_is_given_up() {
        let card = Card::default();
        card.set(INVALIDATE, 0x8000_0000);
        let io = Io::new(&card);
        let timeout = invalidate_windows(&io).unwrap_err();
        assert_eq!((timeout.seen, timeout.after), (0x8000_0000, LIMIT));
        assert!(io.now() < 2 * LIMIT);
    }
}
