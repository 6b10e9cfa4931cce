// SPDX-License-Identifier: GPL-2.0

//! The steps of a boot and of an unload.

use core::fmt;

/// A step of a boot or of an unload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Which GPU is it?
    Identify,
    /// The GPU's own firmware gets ready.
    Gfw,
    /// The FSP gets ready.
    FspBoot,
    /// The VBIOS is read through PROM.
    Vbios,
    /// The firmware files are loaded.
    Firmware,
    /// The frame buffer is divided up.
    Layout,
    /// FWSEC is written to memory, with a command for the boot and one for the teardown.
    Fwsec,
    /// What the GSP will read is written to memory.
    Memory,
    /// What an earlier boot left behind is taken away.
    Leftovers,
    /// FWSEC makes WPR2.
    FwsecFrts,
    /// What GFW has left unscrubbed of the frame buffer is scrubbed.
    Scrubber,
    /// Booter loads the firmware into WPR2.
    BooterLoad,
    /// The FSP checks the FMC and starts it.
    ChainOfTrust,
    /// The FMC loads the firmware into WPR2 and lets the CPU at the GSP.
    Lockdown,
    /// The GSP's RISC-V core starts.
    Riscv,
    /// GSP-RM initializes itself.
    InitDone,
    /// GSP-RM describes the GPU.
    StaticInfo,
    /// GSP-RM tells its interrupt vector.
    Interrupts,
    /// GSP-RM is told to stop.
    Shutdown,
    /// FWSEC undoes the boot.
    FwsecSb,
    /// Booter takes WPR2 away.
    BooterUnload,
    /// The FMC takes WPR2 away and halts.
    Halt,
}

impl Stage {
    /// Stages of a boot, at most.
    pub(super) const BOOT: usize = 16;
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identify => "identify",
            Self::Gfw => "GFW",
            Self::FspBoot => "FSP boot",
            Self::Vbios => "VBIOS",
            Self::Firmware => "firmware",
            Self::Layout => "layout",
            Self::Fwsec => "FWSEC",
            Self::Memory => "memory",
            Self::Leftovers => "leftovers",
            Self::FwsecFrts => "FWSEC-FRTS",
            Self::Scrubber => "scrubber",
            Self::BooterLoad => "booter load",
            Self::ChainOfTrust => "chain of trust",
            Self::Lockdown => "lockdown",
            Self::Riscv => "RISC-V",
            Self::InitDone => "INIT_DONE",
            Self::StaticInfo => "static info",
            Self::Interrupts => "interrupts",
            Self::Shutdown => "shutdown",
            Self::FwsecSb => "FWSEC-SB",
            Self::BooterUnload => "booter unload",
            Self::Halt => "halt",
        })
    }
}
