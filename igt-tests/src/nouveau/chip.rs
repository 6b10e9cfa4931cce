// SPDX-License-Identifier: MIT

//! The chips and the classes of their engines.
//!
//! The tests see what a program sees, so this table is their own, and not nova-hw's.

/// Classes of the objects that a channel can have.
#[derive(Debug, PartialEq, Eq)]
pub struct Classes {
    /// Copy engine.
    pub copy: u32,
    /// Inline to memory.
    pub inline: u32,
    /// 2D.
    pub two_d: u32,
    /// 3D.
    pub three_d: u32,
    /// Compute.
    pub compute: u32,
}

const fn classes(copy: u32, inline: u32, three_d: u32, compute: u32) -> Classes {
    Classes {
        copy,
        inline,
        two_d: 0x902d,
        three_d,
        compute,
    }
}

// Source: nvkm/subdev/gsp/rm/{tu1xx,ga100,ga1xx,ad10x,gh100,gb10x,gb20x}.c and include/nvif/class.h
// in drivers/gpu/drm/nouveau of Linux 7.3.
static TU1XX: Classes = classes(0xc5b5, 0xa140, 0xc597, 0xc5c0);
static GA100: Classes = classes(0xc6b5, 0xa140, 0xc697, 0xc6c0);
static GA10X: Classes = classes(0xc7b5, 0xa140, 0xc797, 0xc7c0);
static AD10X: Classes = classes(0xc7b5, 0xa140, 0xc997, 0xc9c0);
static GH100: Classes = classes(0xc8b5, 0xa140, 0xcb97, 0xcbc0);
static GB10X: Classes = classes(0xc9b5, 0xcd40, 0xcd97, 0xcdc0);
static GB20X: Classes = classes(0xcab5, 0xcd40, 0xce97, 0xcec0);

/// A chip.
#[derive(Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its name, as in `CHIP=`.
    pub name: &'static str,
    /// Its number, bits 28:20 of `NV_PMC_BOOT_0`.
    pub number: u64,
    /// The classes of its engines.
    pub classes: &'static Classes,
}

const fn chip(name: &'static str, number: u64, classes: &'static Classes) -> Chip {
    Chip {
        name,
        number,
        classes,
    }
}

// Source: nvkm/engine/device/base.c in drivers/gpu/drm/nouveau of Linux 7.3.
static CHIPS: [Chip; 24] = [
    chip("tu102", 0x162, &TU1XX),
    chip("tu104", 0x164, &TU1XX),
    chip("tu106", 0x166, &TU1XX),
    chip("tu117", 0x167, &TU1XX),
    chip("tu116", 0x168, &TU1XX),
    chip("ga100", 0x170, &GA100),
    chip("ga102", 0x172, &GA10X),
    chip("ga103", 0x173, &GA10X),
    chip("ga104", 0x174, &GA10X),
    chip("ga106", 0x176, &GA10X),
    chip("ga107", 0x177, &GA10X),
    chip("gh100", 0x180, &GH100),
    chip("ad102", 0x192, &AD10X),
    chip("ad103", 0x193, &AD10X),
    chip("ad104", 0x194, &AD10X),
    chip("ad106", 0x196, &AD10X),
    chip("ad107", 0x197, &AD10X),
    chip("gb100", 0x1a0, &GB10X),
    chip("gb102", 0x1a2, &GB10X),
    chip("gb202", 0x1b2, &GB20X),
    chip("gb203", 0x1b3, &GB20X),
    chip("gb205", 0x1b5, &GB20X),
    chip("gb206", 0x1b6, &GB20X),
    chip("gb207", 0x1b7, &GB20X),
];

impl Chip {
    /// The chip with this number.
    pub fn numbered(number: u64) -> Option<&'static Self> {
        CHIPS.iter().find(|chip| chip.number == number)
    }

    /// The chip with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CHIPS.iter().find(|chip| chip.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chip_is_found() {
        for chip in &CHIPS {
            assert_eq!(Chip::numbered(chip.number), Some(chip));
            assert_eq!(Chip::named(chip.name), Some(chip));
        }
        assert_eq!(Chip::named("gv100"), None);
    }
}
