// SPDX-License-Identifier: GPL-2.0

//! The GSP's interrupt, and the interrupts of channels, which come to the CPU in the same way.
//!
//! GSP-RM raises SWGEN0 in the GSP's falcon when it has put a message into its queue. The falcon passes it on as a vector
//! of the [tree](super::tree). A channel raises the vector of its engine by itself, when its work says so; this is the
//! *non-stalling* interrupt: the channel goes on at once, and nothing has to be quieted.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c (`r535_gsp_intr`).

use core::fmt;

use nova_hw::regs::falcon::{
    FalconIntrRetrigger, FalconIrqmclr, FalconIrqsclr, FalconIrqstat, GSP_BASE, GSP_BASE2,
};
use nova_hw::regs::riscv::{RiscvIrqmask, RiscvIrqmaskTu102};
use nova_hw::regs::Register;

use super::tree::{Tree, Vectors};
use crate::chip::IntrWiring;
use crate::platform::Registers;

/// The GSP's interrupt; small enough to be copied to where interrupts are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irq {
    wiring: IntrWiring,
    vector: u32,
}

/// GSP-RM's interrupt table has no usable entry for the GSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoInterrupt {
    /// Vector in its entry, if it has one.
    pub found: Option<u32>,
    /// Vectors that there are.
    pub vectors: u32,
}

impl fmt::Display for NoInterrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vectors = self.vectors;
        f.write_str("interrupt table: expected ")?;
        match self.found {
            None => f.write_str("an entry for the GSP, found none"),
            Some(found) => write!(f, "a vector of the GSP below {vectors}, found {found:#x}"),
        }
    }
}

/// What an interrupt was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// It was the GSP's, or a channel's.
    pub ours: bool,
    /// There may be messages in the GSP's queue, or the GSP has stopped for good.
    pub messages: bool,
    /// The vectors that channels have raised.
    pub channels: Vectors,
}

impl Irq {
    /// The interrupt with this vector, which GSP-RM's table has for the GSP.
    pub(crate) fn new(wiring: IntrWiring, vector: Option<u32>) -> Result<Self, NoInterrupt> {
        let vectors = Tree(wiring).vectors();
        match vector {
            Some(vector) if vector < vectors => Ok(Self { wiring, vector }),
            found => Err(NoInterrupt { found, vectors }),
        }
    }

    /// The GSP's vector.
    pub(crate) fn vector(self) -> u32 {
        self.vector
    }

    /// The last vector of the tree.
    pub(crate) fn last_vector(self) -> u32 {
        Tree(self.wiring).vectors().saturating_sub(1)
    }

    fn tree(self) -> (Tree, Vectors) {
        (Tree(self.wiring), Vectors::of(self.vector))
    }

    /// Enables the interrupt, once the adapter can handle it.
    ///
    /// Messages that arrived before are not announced any more: [`Running::service`](crate::Running::service)
    /// has to be called once after this.
    pub fn enable(self, registers: &dyn Registers) {
        write(registers, GSP_BASE, FalconIrqsclr::new().with_swgen0(true));
        let (tree, vectors) = self.tree();
        tree.enable(registers, &vectors);
    }

    /// Disables the interrupt. Vectors of channels have been disabled before.
    pub fn disable(self, registers: &dyn Registers) {
        let (tree, vectors) = self.tree();
        tree.disable(registers, &vectors, &Vectors::default());
    }

    /// Enables the vectors of channels, once the adapter can handle them. What channels have raised before is not
    /// announced any more: the adapter has to look at them once after this.
    pub fn enable_channels(self, registers: &dyn Registers, channels: &Vectors) {
        Tree(self.wiring).enable(registers, channels);
    }

    /// Disables the vectors of channels, which the adapter no longer passes to [`Self::handle_with`].
    pub fn disable_channels(self, registers: &dyn Registers, channels: &Vectors) {
        let (tree, vectors) = self.tree();
        tree.disable(registers, channels, &vectors);
    }

    /// Handles an MSI while no vector of channels is enabled.
    pub fn handle(self, registers: &dyn Registers) -> Handled {
        self.handle_with(registers, &Vectors::default())
    }

    /// Handles an MSI: says what it was about, quiets it and makes the next one possible. `channels` are the enabled
    /// vectors of channels.
    ///
    /// Reads and writes registers only, so it may be called where nothing may sleep or lock.
    pub fn handle_with(self, registers: &dyn Registers, channels: &Vectors) -> Handled {
        let (tree, vectors) = self.tree();
        let mut handled = Handled::default();
        tree.handle(registers, &vectors.union(channels), &mut |vector| {
            handled.ours = true;
            if vector == self.vector {
                handled.messages = self.serve(registers);
            } else {
                handled.channels.insert(vector);
            }
        });
        handled
    }

    /// Quiets the falcon, which has raised the vector; returns whether there may be messages.
    fn serve(self, registers: &dyn Registers) -> bool {
        let status: FalconIrqstat = read(registers, GSP_BASE);
        let mask: u32 = match self.wiring {
            IntrWiring::Tu102 | IntrWiring::Ga100 => {
                read::<RiscvIrqmaskTu102>(registers, GSP_BASE2).into()
            }
            IntrWiring::Ga102 | IntrWiring::Gh100 => {
                read::<RiscvIrqmask>(registers, GSP_BASE2).into()
            }
        };
        let pending = FalconIrqstat::from(u32::from(status) & mask);
        let others = u32::from(pending.with_swgen0(false));
        if others != 0 {
            // Nothing that this driver knows how to serve: masked, or it would come again at once.
            write(registers, GSP_BASE, FalconIrqmclr::from(others));
        }
        write(registers, GSP_BASE, FalconIrqsclr::from(u32::from(pending)));
        match self.wiring {
            IntrWiring::Tu102 => (),
            IntrWiring::Ga100 | IntrWiring::Ga102 | IntrWiring::Gh100 => {
                let retrigger = FalconIntrRetrigger::new().with_trigger(true);
                write(registers, GSP_BASE, retrigger);
            }
        }
        pending.swgen0() || pending.halt()
    }
}

fn read<R: Register>(registers: &dyn Registers, base: u32) -> R {
    R::from(registers.read32(base.wrapping_add(R::OFFSET)))
}

fn write<R: Register>(registers: &dyn Registers, base: u32, value: R) {
    registers.write32(base.wrapping_add(R::OFFSET), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;
    use std::string::ToString;

    /// Vector 0x9b: leaf 4, bit 27, bit 2 of the top.
    const IRQ: Irq = Irq {
        wiring: IntrWiring::Ga102,
        vector: 0x9b,
    };
    const LEAF: u32 = 0xb81010;
    const TOP: u32 = 0xb81600;
    const TOP_EN_SET: u32 = 0xb81608;
    const TOP_EN_CLEAR: u32 = 0xb81610;
    const IRQSCLR: u32 = 0x110004;
    const IRQSTAT: u32 = 0x110008;
    const IRQMASK: u32 = 0x111528;

    fn interrupted(status: u32, mask: u32) -> Card {
        let card = Card::default();
        card.set(TOP, 1 << 2);
        card.set(LEAF, 1 << 27);
        card.set(IRQSTAT, status);
        card.set(IRQMASK, mask);
        card
    }

    #[test]
    fn a_message_is_announced_and_the_next_can_come() {
        let card = interrupted(1 << 6, 1 << 6);
        let handled = IRQ.handle(&card);
        assert!(handled.ours && handled.messages);
        let writes = card.writes.borrow();
        let at = |offset| writes.iter().position(|&(o, _)| o == offset).unwrap();
        assert_eq!(writes.first(), Some(&(TOP_EN_CLEAR, 1 << 2)));
        assert_eq!(writes[at(LEAF)], (LEAF, 1 << 27));
        assert_eq!(writes[at(IRQSCLR)], (IRQSCLR, 1 << 6));
        // The leaf before the falcon, or what the falcon raises in between is lost.
        assert!(at(LEAF) < at(IRQSCLR) && at(IRQSCLR) < at(0x1103e8));
        assert_eq!(writes.last(), Some(&(TOP_EN_SET, 1 << 2)));
    }

    #[test]
    fn older_chips_mask_elsewhere_and_turing_announces_nothing_again() {
        use IntrWiring::{Ga100, Ga102, Gh100, Tu102};
        for (wiring, mask, retriggers) in [
            (Tu102, 0x1112b4, false),
            (Ga100, 0x1112b4, true),
            (Ga102, IRQMASK, true),
            (Gh100, IRQMASK, true),
        ] {
            let card = interrupted(1 << 6, 0);
            assert!(!Irq { wiring, ..IRQ }.handle(&card).messages);
            card.writes.borrow_mut().clear();
            card.set(mask, 1 << 6);
            assert!(Irq { wiring, ..IRQ }.handle(&card).messages);
            let again = card.writes.borrow().contains(&(0x1103e8, 1));
            assert_eq!(again, retriggers, "{wiring:?}");
        }
    }

    #[test]
    fn hopper_needs_no_rearming_and_has_more_vectors() {
        let wiring = IntrWiring::Gh100;
        let card = interrupted(1 << 6, 1 << 6);
        assert!(Irq { wiring, ..IRQ }.handle(&card).messages);
        let rearmed = |card: &Card| card.writes.borrow().iter().any(|&(at, _)| at == 0x088704);
        assert!(!rearmed(&card));
        let card = interrupted(1 << 6, 1 << 6);
        IRQ.handle(&card);
        assert!(rearmed(&card));
        assert_eq!(
            (Tree(wiring).vectors(), Tree(IRQ.wiring).vectors()),
            (512, 256)
        );
    }

    #[test]
    fn what_the_gsp_did_not_raise_is_not_ours() {
        let card = interrupted(0, 0);
        card.set(LEAF, 1 << 3);
        assert_eq!(IRQ.handle(&card), Handled::default());
        card.set(TOP, 1 << 1);
        card.set(LEAF, 1 << 27);
        assert_eq!(IRQ.handle(&card), Handled::default());
        assert!(!card.writes.borrow().iter().any(|&(at, _)| at == LEAF));
    }

    #[test]
    fn a_card_that_is_gone_is_not_believed() {
        let card = interrupted(u32::MAX, u32::MAX);
        card.set(TOP, u32::MAX);
        card.set(LEAF, u32::MAX);
        assert_eq!(IRQ.handle(&card), Handled::default());
    }

    #[test]
    fn what_cannot_be_served_is_masked() {
        let card = interrupted(1 << 3 | 1 << 6, 1 << 3);
        let handled = IRQ.handle(&card);
        assert!(handled.ours && !handled.messages);
        assert!(card.writes.borrow().contains(&(0x110014, 1 << 3)));
    }

    #[test]
    fn a_gsp_that_stops_is_announced_once() {
        let card = interrupted(1 << 4, 1 << 4);
        let handled = IRQ.handle(&card);
        assert!(handled.ours && handled.messages);
        assert!(card.writes.borrow().contains(&(0x110014, 1 << 4)));
    }

    #[test]
    fn a_vector_outside_of_the_tree_is_refused() {
        assert_eq!(Irq::new(IRQ.wiring, Some(0x9b)), Ok(IRQ));
        let vectors = 256;
        for found in [None, Some(256), Some(u32::MAX)] {
            let error = NoInterrupt { found, vectors };
            assert_eq!(Irq::new(IRQ.wiring, found), Err(error));
        }
        for (wiring, last) in [(IRQ.wiring, 255), (IntrWiring::Gh100, 511)] {
            let irq = Irq::new(wiring, Some(last));
            assert_eq!(irq.map(|irq| irq.vector), Ok(last));
        }
        let say = |found| Irq::new(IntrWiring::Gh100, found).unwrap_err().to_string();
        assert_eq!(
            say(None),
            "interrupt table: expected an entry for the GSP, found none"
        );
        assert_eq!(
            say(Some(512)),
            "interrupt table: expected a vector of the GSP below 512, found 0x200"
        );
    }

    #[test]
    fn vectors_of_channels_are_told_apart_from_the_gsp_s() {
        let channels = Vectors::of(5).union(&Vectors::of(0x9a));
        let card = interrupted(1 << 6, 1 << 6);
        card.set(LEAF, 1 << 27 | 1 << 26 | 1 << 25);
        let handled = IRQ.handle_with(&card, &channels);
        assert!(handled.ours && handled.messages);
        assert_eq!(handled.channels, Vectors::of(0x9a));
        card.set(TOP, 1 << 0);
        card.set(0xb81000, 1 << 5);
        let handled = IRQ.handle_with(&card, &channels);
        let expected = Handled {
            ours: true,
            messages: false,
            channels: Vectors::of(5),
        };
        assert_eq!(handled, expected);
        assert_eq!(IRQ.handle(&card), Handled::default(), "not enabled");
    }

    /// The GSP's subtree stays enabled, or no message would be announced any more.
    #[test]
    fn vectors_of_channels_come_and_go_beside_the_gsp_s() {
        let channels = Vectors::of(5).union(&Vectors::of(0x9a));
        let card = Card::default();
        IRQ.enable_channels(&card, &channels);
        card.writes.borrow_mut().clear();
        IRQ.disable_channels(&card, &channels);
        let expected = [(TOP_EN_CLEAR, 1), (0xb81400, 1 << 5), (0xb81410, 1 << 26)];
        assert_eq!(*card.writes.borrow(), expected);
        assert_eq!(IRQ.last_vector(), 255);
    }

    #[test]
    fn an_msi_without_channels_takes_six_writes() {
        let card = interrupted(1 << 6, 1 << 6);
        IRQ.handle(&card);
        assert_eq!(card.writes.borrow().len(), 6);
    }

    #[test]
    fn enabling_and_disabling_touch_one_vector() {
        let card = Card::default();
        IRQ.enable(&card);
        IRQ.disable(&card);
        let expected = [
            (IRQSCLR, 1 << 6),
            (LEAF, 1 << 27),
            (0xb81210, 1 << 27),
            // An MSI that nobody has handled keeps no other back.
            (0x088704, 0),
            (TOP_EN_SET, 1 << 2),
            (TOP_EN_CLEAR, 1 << 2),
            (0xb81410, 1 << 27),
        ];
        assert_eq!(*card.writes.borrow(), expected);
    }
}
