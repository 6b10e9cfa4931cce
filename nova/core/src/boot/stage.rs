// SPDX-License-Identifier: GPL-2.0

//! The stages of a boot and of an unload.

use core::fmt;

/// A stage of a boot or of an unload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The GPU is identified.
    Identify,
    /// The GPU's own firmware completes.
    Gfw,
    /// The FSP boots.
    FspBoot,
    /// The VBIOS is read through PROM.
    Vbios,
    /// The firmware files are loaded.
    Firmware,
    /// The layout of the frame buffer is computed.
    Layout,
    /// FWSEC is written to memory, with a command for the boot and one for the teardown.
    Fwsec,
    /// The memory that the GPU will read is written.
    Memory,
    /// Leftover state of an earlier boot is removed.
    Leftovers,
    /// FWSEC sets up WPR2.
    FwsecFrts,
    /// The scrubber scrubs the part of the frame buffer that GFW has not.
    Scrubber,
    /// Booter loads the firmware into WPR2.
    BooterLoad,
    /// The FSP checks the FMC and starts it.
    ChainOfTrust,
    /// The FMC loads the firmware into WPR2 and releases the GSP.
    Lockdown,
    /// The GSP's RISC-V core starts.
    Riscv,
    /// GSP-RM initializes itself.
    InitDone,
    /// GSP-RM describes the GPU.
    StaticInfo,
    /// GSP-RM returns the vector of the GSP's interrupt.
    Interrupts,
    /// GSP-RM is stopped.
    Shutdown,
    /// FWSEC undoes the boot.
    FwsecSb,
    /// Booter takes WPR2 away.
    BooterUnload,
    /// The FMC takes WPR2 away and halts.
    Halt,
}

impl Stage {
    /// Maximum number of stages of a boot.
    pub(super) const BOOT: usize = 16;
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identify => "identify",
            Self::Gfw => "GFW",
            Self::FspBoot => "FSP boot",
            Self::Vbios => "PROM",
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
