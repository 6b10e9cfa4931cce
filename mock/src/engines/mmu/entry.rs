// SPDX-License-Identifier: GPL-2.0

//! What the entries of directories and page tables say, in either version.

use nova_hw::gmmu::{ver2, ver3, Format, Level, PdeAperture, PteAperture, Version};

use super::page::Attributes;
use crate::engines::memory::{Aperture, FaultType};

/// A page, or its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// A page that starts at this address, or in the page that it is in.
    Page(Aperture, u64, Attributes),
    /// What is there reads as zero, and drops writes.
    Sparse,
    /// An access fails.
    Invalid(FaultType),
}

/// Where a table is.
pub(super) type Table = (Aperture, u64);

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    /// It leads to a table of the next level.
    Table(Table),
    /// Of PD0: it leads to one or both page tables.
    Tables {
        big: Option<Table>,
        small: Option<Table>,
    },
    /// It leads no further.
    Leaf(Leaf),
}

/// An entry of a table of big pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Big {
    /// It decides.
    Leaf(Leaf),
    /// The small pages decide.
    Small,
}

/// A table that a directory may name.
fn table(aperture: PdeAperture, address: u64) -> Option<Table> {
    let aperture = match aperture {
        PdeAperture::Invalid => return None,
        PdeAperture::VideoMemory => Aperture::Vram,
        PdeAperture::SystemCoherentMemory | PdeAperture::SystemNonCoherentMemory => {
            Aperture::System
        }
    };
    Some((aperture, address))
}

/// What an entry without a table means.
fn absent(is_sparse: bool) -> Leaf {
    match is_sparse {
        true => Leaf::Sparse,
        false => Leaf::Invalid(FaultType::Pde),
    }
}

/// The parts of a directory's entry that both versions have.
struct Pde {
    is_pte: bool,
    /// Where the table is, or that of big pages.
    table: Option<Table>,
    /// Without a table: the entry is sparse.
    is_sparse: bool,
    /// Where the table of small pages is.
    small: Option<Table>,
}

impl Pde {
    fn single(version: Version, entry: u64) -> Self {
        match version {
            Version::Ver2 => {
                let pde = ver2::Pde::from(entry);
                Self {
                    is_pte: pde.is_pte(),
                    table: table(pde.aperture(), pde.address()),
                    is_sparse: pde.vol(),
                    small: None,
                }
            }
            Version::Ver3 => {
                let pde = ver3::Pde::from(entry);
                Self {
                    is_pte: pde.is_pte(),
                    table: table(pde.aperture(), pde.address()),
                    is_sparse: pde.pcf().uncached_or_sparse(),
                    small: None,
                }
            }
        }
    }

    /// An entry of PD0. Only the half of the big pages makes it sparse.
    ///
    /// Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/mmu/arch/maxwell/
    /// kern_gmmu_gm200.c, arch/hopper/kern_gmmu_gh100.c and gmmu_trace.c (`sublevel`).
    fn dual(version: Version, entry: u128) -> Self {
        match version {
            Version::Ver2 => {
                let pde = ver2::DualPde::from(entry);
                Self {
                    is_pte: pde.is_pte(),
                    table: table(pde.aperture_big(), pde.address_big()),
                    is_sparse: pde.vol_big(),
                    small: table(pde.aperture_small(), pde.address_small()),
                }
            }
            Version::Ver3 => {
                let pde = ver3::DualPde::from(entry);
                Self {
                    is_pte: pde.is_pte(),
                    table: table(pde.aperture_big(), pde.address_big()),
                    is_sparse: pde.pcf_big().uncached_or_sparse(),
                    small: table(pde.aperture_small(), pde.address_small()),
                }
            }
        }
    }
}

/// Decodes an entry of a directory.
///
/// The model's own choices: a page at a level that has none is of an impossible size, and a sparse
/// half of the big pages wins over a table of small pages.
pub(super) fn directory(format: &Format, level: &Level, entry: u128) -> Directory {
    let version = format.version;
    let is_dual = level.entry_size == 16;
    let pde = match is_dual {
        true => Pde::dual(version, entry),
        false => Pde::single(version, entry as u64),
    };
    if pde.is_pte {
        return Directory::Leaf(match level.has_pages {
            true => small(format, entry as u64),
            false => Leaf::Invalid(FaultType::PdeSize),
        });
    }
    match pde {
        Pde {
            table: None,
            is_sparse: true,
            ..
        }
        | Pde {
            table: None,
            small: None,
            ..
        } => Directory::Leaf(absent(pde.is_sparse)),
        Pde { table, small, .. } if is_dual => Directory::Tables { big: table, small },
        Pde {
            table: Some(table), ..
        } => Directory::Table(table),
        Pde { table: None, .. } => Directory::Leaf(absent(false)),
    }
}

/// The parts of a page table's entry that both versions have.
enum Pte {
    Valid {
        aperture: PteAperture,
        address: u64,
        attributes: Attributes,
    },
    /// There is nothing.
    Empty,
    Sparse,
    /// Among big pages: there are no small pages either.
    NoSmallPages,
}

impl Pte {
    /// The model's own choice: an invalid entry of version 2 with both bits is not sparse, since
    /// NVIDIA's driver writes that to hide small pages (open-gpu-kernel-modules 570,
    /// src/nvidia/src/kernel/gpu/mmu/arch/volta/kern_gmmu_gv100.c); and so is one of version 3 whose
    /// flags no source explains.
    fn of(version: Version, entry: u64) -> Self {
        match version {
            Version::Ver2 => {
                let pte = ver2::Pte::from(entry);
                match (pte.valid(), pte.vol(), pte.privilege()) {
                    (true, ..) => Self::Valid {
                        aperture: pte.aperture(),
                        address: pte.address(),
                        attributes: Attributes {
                            read_only: pte.read_only(),
                            privileged: pte.privilege(),
                            atomic_disabled: pte.atomic_disable(),
                            is_volatile: pte.vol(),
                            kind: pte.kind(),
                        },
                    },
                    (false, _, true) => Self::NoSmallPages,
                    (false, true, false) => Self::Sparse,
                    (false, false, false) => Self::Empty,
                }
            }
            Version::Ver3 => {
                let pte = ver3::Pte::from(entry);
                let pcf = pte.pcf();
                match (pte.valid(), pcf) {
                    (true, _) => Self::Valid {
                        aperture: pte.aperture(),
                        address: pte.address(),
                        attributes: Attributes {
                            read_only: pcf.read_only(),
                            privileged: pcf.privilege(),
                            atomic_disabled: pcf.no_atomic(),
                            is_volatile: pcf.uncached(),
                            kind: pte.kind(),
                        },
                    },
                    (false, ver3::PtePcf::INVALID) => Self::Empty,
                    (false, ver3::PtePcf::SPARSE) => Self::Sparse,
                    (false, _) => Self::NoSmallPages,
                }
            }
        }
    }

    /// The model's own choice: a kind that the chip does not have is a fault, whatever the access.
    fn leaf(self, format: &Format) -> Leaf {
        match self {
            Self::Valid {
                aperture,
                address,
                attributes,
            } => {
                let aperture = match aperture {
                    PteAperture::VideoMemory => Aperture::Vram,
                    // There is no other GPU.
                    PteAperture::PeerMemory => {
                        return Leaf::Invalid(FaultType::UnsupportedAperture);
                    }
                    PteAperture::SystemCoherentMemory | PteAperture::SystemNonCoherentMemory => {
                        Aperture::System
                    }
                };
                match format.kinds.has(attributes.kind) {
                    true => Leaf::Page(aperture, address, attributes),
                    false => Leaf::Invalid(FaultType::UnsupportedKind),
                }
            }
            Self::Sparse => Leaf::Sparse,
            Self::Empty | Self::NoSmallPages => Leaf::Invalid(FaultType::Pte),
        }
    }
}

/// Decodes an entry of a table of small pages, or a page in a directory.
pub(super) fn small(format: &Format, entry: u64) -> Leaf {
    Pte::of(format.version, entry).leaf(format)
}

/// Decodes an entry of a table of big pages.
///
/// Source: open-gpu-kernel-modules 570, kernel-open/nvidia-uvm/uvm_mmu.h (`unmapped_pte`).
pub(super) fn big(format: &Format, entry: u64) -> Big {
    match Pte::of(format.version, entry) {
        Pte::Empty => Big::Small,
        pte => Big::Leaf(pte.leaf(format)),
    }
}
