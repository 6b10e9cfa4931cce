// SPDX-License-Identifier: GPL-2.0

//! The engines that channels feed, and the classes of the objects on them, by chip.
//!
//! Source: open-gpu-kernel-modules 570.144, src/nvidia/generated/g_gpu_class_list.c, which lists the
//! classes of each chip with their engines. A card may lack some of these: GH100 has those of an
//! H200 (docs/real-cards.md), and of GB100's 20 copy engines the model has the first ten, so that
//! its table of engines has no more rows than nouveau reads.
//!
//! The order of the engines on runlists is that of an H200, as far as it is known: graphics and two
//! copy engines on runlist 0, COPY2 on runlist 1. All others have a runlist of their own, which is
//! the model's choice, as are the runlists' numbers from 2 on and the PBDMAs.

use nova_hw::abi::class::*;
use nova_hw::abi::{engine_class, engine_type};
use nova_hw::chipset::{Architecture, Chipset};
use nova_hw::regs::ce::CeGrceMask;
use nova_hw::release::EngineBases;

/// An engine that channels feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Engine {
    /// Graphics and compute.
    Gr,
    /// A copy engine.
    Copy(u8),
    /// A video decoder.
    Nvdec(u8),
    /// A video encoder.
    Nvenc(u8),
    /// A JPEG decoder.
    Nvjpeg(u8),
    /// An optical flow accelerator.
    Ofa(u8),
    /// SEC2.
    Sec2,
}

/// The copy engines that share runlist 0 with graphics (*GRCE*), one bit each: those of GB20x, which
/// has a register for them, and those of all others.
const GRCES_GB20X: u32 = CeGrceMask::INIT as u32;
const GRCES: u32 = 0b11;

/// A row of the table of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) engine: Engine,
    /// Its runlist.
    pub(crate) runlist: u8,
    /// Its number in the runlist.
    pub(crate) position: u8,
    /// The PBDMAs of the runlist: the first one, and how many.
    pub(crate) pbdmas: (u32, u32),
    /// Vector of the non-stalling interrupt.
    pub(crate) nonstall: u32,
}

/// The engines of a chip.
#[derive(Debug)]
pub(crate) struct Engines {
    /// The engines of each kind, one bit each.
    copies: u32,
    /// The copy engines that share runlist 0 with graphics.
    pub(crate) grces: u32,
    nvdecs: u32,
    nvencs: u32,
    nvjpegs: u32,
    ofas: u32,
    /// Number of GPCs, and of TPCs in each.
    pub(crate) gpcs: u32,
    pub(crate) tpcs: u32,
    /// Its classes.
    pub(crate) classes: Classes,
}

/// The classes of a chip.
#[derive(Debug)]
pub(crate) struct Classes {
    /// Channels, the newest last.
    channels: &'static [u32],
    /// Pages with the doorbell, the newest last.
    usermodes: &'static [u32],
    copy: u32,
    threed: u32,
    compute: u32,
    inline_to_memory: u32,
    nvdec: u32,
    nvenc: Option<u32>,
    nvjpeg: Option<u32>,
    ofa: Option<u32>,
    display: Option<u32>,
}

/// Classes of channels and of pages with the doorbell, the oldest first.
const CHANNELS: [u32; 6] = [
    VOLTA_CHANNEL_GPFIFO_A,
    TURING_CHANNEL_GPFIFO_A,
    AMPERE_CHANNEL_GPFIFO_A,
    HOPPER_CHANNEL_GPFIFO_A,
    BLACKWELL_CHANNEL_GPFIFO_A,
    BLACKWELL_CHANNEL_GPFIFO_B,
];
const USERMODES: [u32; 5] = [
    VOLTA_USERMODE_A,
    TURING_USERMODE_A,
    AMPERE_USERMODE_A,
    HOPPER_USERMODE_A,
    BLACKWELL_USERMODE_A,
];

const TURING: Classes = Classes {
    channels: CHANNELS.split_at(2).0,
    usermodes: USERMODES.split_at(2).0,
    copy: TURING_DMA_COPY_A,
    threed: TURING_A,
    compute: TURING_COMPUTE_A,
    inline_to_memory: KEPLER_INLINE_TO_MEMORY_B,
    nvdec: NVC4B0_VIDEO_DECODER,
    nvenc: Some(NVC4B7_VIDEO_ENCODER),
    nvjpeg: None,
    ofa: None,
    display: Some(NVC570_DISPLAY),
};

const GA100: Classes = Classes {
    channels: CHANNELS.split_at(3).0,
    usermodes: USERMODES.split_at(3).0,
    copy: AMPERE_DMA_COPY_A,
    threed: AMPERE_A,
    compute: AMPERE_COMPUTE_A,
    nvdec: NVC6B0_VIDEO_DECODER,
    nvenc: None,
    nvjpeg: Some(NVC4D1_VIDEO_NVJPG),
    ofa: Some(NVC6FA_VIDEO_OFA),
    display: None,
    ..TURING
};

const GA10X: Classes = Classes {
    copy: AMPERE_DMA_COPY_B,
    threed: AMPERE_B,
    compute: AMPERE_COMPUTE_B,
    nvdec: NVC7B0_VIDEO_DECODER,
    nvenc: Some(NVC7B7_VIDEO_ENCODER),
    nvjpeg: None,
    ofa: Some(NVC7FA_VIDEO_OFA),
    display: Some(NVC670_DISPLAY),
    ..GA100
};

const ADA: Classes = Classes {
    threed: ADA_A,
    compute: ADA_COMPUTE_A,
    nvdec: NVC9B0_VIDEO_DECODER,
    nvenc: Some(NVC9B7_VIDEO_ENCODER),
    nvjpeg: Some(NVC9D1_VIDEO_NVJPG),
    ofa: Some(NVC9FA_VIDEO_OFA),
    display: Some(NVC770_DISPLAY),
    ..GA10X
};

const HOPPER: Classes = Classes {
    channels: CHANNELS.split_at(4).0,
    usermodes: USERMODES.split_at(4).0,
    copy: HOPPER_DMA_COPY_A,
    threed: HOPPER_A,
    compute: HOPPER_COMPUTE_A,
    nvdec: NVB8B0_VIDEO_DECODER,
    nvenc: None,
    nvjpeg: Some(NVB8D1_VIDEO_NVJPG),
    ofa: Some(NVB8FA_VIDEO_OFA),
    display: None,
    ..ADA
};

const GB10X: Classes = Classes {
    channels: CHANNELS.split_at(5).0,
    copy: BLACKWELL_DMA_COPY_A,
    threed: BLACKWELL_A,
    compute: BLACKWELL_COMPUTE_A,
    inline_to_memory: BLACKWELL_INLINE_TO_MEMORY_A,
    nvdec: NVCDB0_VIDEO_DECODER,
    nvjpeg: Some(NVCDD1_VIDEO_NVJPG),
    ofa: Some(NVCDFA_VIDEO_OFA),
    ..HOPPER
};

const GB20X: Classes = Classes {
    channels: &CHANNELS,
    usermodes: &USERMODES,
    copy: BLACKWELL_DMA_COPY_B,
    threed: BLACKWELL_B,
    compute: BLACKWELL_COMPUTE_B,
    nvdec: NVCFB0_VIDEO_DECODER,
    nvenc: Some(NVCFB7_VIDEO_ENCODER),
    nvjpeg: Some(NVCFD1_VIDEO_NVJPG),
    ofa: Some(NVCFFA_VIDEO_OFA),
    display: Some(NVCA70_DISPLAY),
    ..GB10X
};

/// The first `count` bits.
const fn first(count: u32) -> u32 {
    (1 << count) - 1
}

/// The engines of a chip: how many copy engines, video decoders and encoders, JPEG decoders and
/// optical flow accelerators.
const fn engines(counts: [u32; 5], gpcs: u32, tpcs: u32, classes: Classes) -> Engines {
    let [copies, nvdecs, nvencs, nvjpegs, ofas] = counts;
    Engines {
        copies: first(copies),
        grces: match classes.copy {
            BLACKWELL_DMA_COPY_B => GRCES_GB20X,
            _ => GRCES,
        },
        nvdecs: first(nvdecs),
        nvencs: first(nvencs),
        nvjpegs: first(nvjpegs),
        ofas: first(ofas),
        gpcs,
        tpcs,
        classes,
    }
}

/// The engines of this chip. Numbers of GPCs and TPCs are those of the whole chip, as in NVIDIA's
/// white papers, and evenly spread; cards have some less. GB100's and GB102's are the model's own.
pub(crate) const fn of(chipset: Chipset) -> &'static Engines {
    macro_rules! engines {
        ($($value:expr),*) => {{
            static ENGINES: Engines = engines($($value),*);
            &ENGINES
        }};
    }
    match chipset {
        Chipset::TU102 => engines!([5, 1, 1, 0, 0], 6, 6, TURING),
        Chipset::TU104 => engines!([5, 2, 1, 0, 0], 6, 4, TURING),
        Chipset::TU106 => engines!([5, 3, 1, 0, 0], 3, 6, TURING),
        Chipset::TU116 => engines!([5, 1, 1, 0, 0], 3, 4, TURING),
        Chipset::TU117 => engines!(
            [5, 1, 1, 0, 0],
            2,
            4,
            Classes {
                nvenc: Some(NVB4B7_VIDEO_ENCODER),
                ..TURING
            }
        ),
        Chipset::GA100 => engines!([10, 5, 0, 1, 1], 8, 8, GA100),
        Chipset::GA102 => engines!([5, 2, 1, 0, 1], 7, 6, GA10X),
        Chipset::GA103 => engines!([5, 2, 1, 0, 1], 6, 5, GA10X),
        Chipset::GA104 => engines!([5, 2, 1, 0, 1], 6, 4, GA10X),
        Chipset::GA106 => engines!([5, 2, 1, 0, 1], 3, 5, GA10X),
        Chipset::GA107 => engines!([5, 2, 1, 0, 1], 2, 5, GA10X),
        Chipset::AD102 => engines!([5, 4, 3, 4, 1], 12, 6, ADA),
        Chipset::AD103 => engines!([5, 4, 3, 4, 1], 7, 6, ADA),
        Chipset::AD104 => engines!([5, 4, 3, 4, 1], 5, 6, ADA),
        Chipset::AD106 => engines!([5, 4, 3, 4, 1], 3, 6, ADA),
        Chipset::AD107 => engines!([5, 4, 3, 4, 1], 3, 4, ADA),
        Chipset::GH100 => {
            static ENGINES: Engines = Engines {
                nvdecs: 0xfe,
                nvjpegs: 0xfd,
                ..engines([5, 8, 0, 8, 1], 8, 9, HOPPER)
            };
            &ENGINES
        }
        Chipset::GB100 => engines!([10, 8, 0, 8, 2], 8, 10, GB10X),
        Chipset::GB102 => engines!([10, 4, 0, 4, 1], 8, 10, GB10X),
        Chipset::GB202 => engines!([8, 4, 4, 4, 1], 12, 8, GB20X),
        Chipset::GB203 => engines!([8, 3, 2, 2, 1], 7, 6, GB20X),
        Chipset::GB205 => engines!([8, 1, 1, 1, 1], 5, 5, GB20X),
        Chipset::GB206 => engines!([8, 1, 1, 1, 1], 3, 6, GB20X),
        Chipset::GB207 => engines!(
            [8, 1, 1, 0, 1],
            2,
            5,
            Classes {
                nvjpeg: None,
                ..GB20X
            }
        ),
    }
}

impl Engines {
    /// The engines, in the order of the table. Graphics comes before the copy engines of its
    /// runlist, so that nouveau finds it when it looks at them.
    fn list(&self) -> impl Iterator<Item = Engine> + use<> {
        let each = |mask: u32, engine: fn(u8) -> Engine| {
            let bits = (0..u32::BITS as u8).filter(move |bit| mask >> bit & 1 != 0);
            bits.map(engine)
        };
        [Engine::Gr]
            .into_iter()
            .chain(each(self.copies, Engine::Copy))
            .chain(each(self.nvdecs, Engine::Nvdec))
            .chain(each(self.nvencs, Engine::Nvenc))
            .chain(each(self.nvjpegs, Engine::Nvjpeg))
            .chain(each(self.ofas, Engine::Ofa))
            .chain([Engine::Sec2])
    }

    fn is_grce(&self, engine: Engine) -> bool {
        matches!(engine, Engine::Copy(index) if self.grces >> index & 1 != 0)
    }

    /// The table of engines.
    pub(crate) fn table(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (engine, nonstall) in self.list().zip(0..) {
            let row = match rows.last() {
                // Two for graphics, so that its runlist has two run queues.
                None => Row {
                    engine,
                    runlist: 0,
                    position: 0,
                    pbdmas: (0, 2),
                    nonstall,
                },
                Some(last) if self.is_grce(engine) => Row {
                    engine,
                    position: last.position + 1,
                    nonstall,
                    ..*last
                },
                Some(last) => Row {
                    engine,
                    runlist: last.runlist + 1,
                    position: 0,
                    pbdmas: (last.pbdmas.0 + last.pbdmas.1, 1),
                    nonstall,
                },
            };
            rows.push(row);
        }
        rows
    }

    /// The GPCs, one bit each.
    pub(crate) const fn gpc_mask(&self) -> u32 {
        first(self.gpcs)
    }

    /// The TPCs of a GPC, one bit each.
    pub(crate) const fn tpc_mask(&self, gpc: u32) -> u32 {
        match gpc < self.gpcs {
            true => first(self.tpcs),
            false => 0,
        }
    }

    /// The row of an engine, if the chip has the engine.
    pub(crate) fn row(&self, engine: Engine) -> Option<Row> {
        self.table().into_iter().find(|row| row.engine == engine)
    }
}

/// Version of a chip's SMs, and the most warps of one.
///
/// Source: `NV2080_CTRL_GR_INFO_SM_VERSION_*` in open-gpu-kernel-modules 570,
/// src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080gr.h, and an H200; GA100's is not there, and is
/// CUDA's compute capability. The warps are from the CUDA programming guide.
pub(crate) const fn sms(chipset: Chipset) -> (u32, u32) {
    match (chipset, chipset.arch()) {
        (_, Architecture::Turing) => (0x705, 32),
        (Chipset::GA100, _) => (0x800, 64),
        (_, Architecture::Ampere) => (0x806, 48),
        (_, Architecture::Ada) => (0x809, 48),
        (_, Architecture::Hopper) => (0x900, 64),
        (_, Architecture::BlackwellGb10x) => (0xa00, 64),
        (_, Architecture::BlackwellGb20x) => (0xa04, 48),
    }
}

impl Classes {
    /// Whether the chip has this class of objects on engines, channels, displays or usermode pages.
    pub(crate) fn has(&self, class: u32) -> bool {
        let single = [
            self.copy,
            self.threed,
            self.compute,
            self.inline_to_memory,
            self.nvdec,
            FERMI_TWOD_A,
        ];
        let optional = [self.nvenc, self.nvjpeg, self.ofa, self.display];
        let lists = [self.channels, self.usermodes, &single];
        optional.contains(&Some(class)) || lists.iter().any(|list| list.contains(&class))
    }
}

impl Engine {
    /// Its number among those of its kind.
    pub(crate) fn instance(self) -> u8 {
        match self {
            Self::Gr | Self::Sec2 => 0,
            Self::Copy(index)
            | Self::Nvdec(index)
            | Self::Nvenc(index)
            | Self::Nvjpeg(index)
            | Self::Ofa(index) => index,
        }
    }

    /// Its number in parameters (`NV2080_ENGINE_TYPE_*`).
    pub(crate) fn number(self) -> u32 {
        use engine_type::*;
        match self {
            Self::Gr => GR0,
            Self::Copy(index @ 10..) => COPY10 + u32::from(index - 10),
            Self::Copy(index) => COPY0 + u32::from(index),
            Self::Nvdec(index) => NVDEC0 + u32::from(index),
            Self::Nvenc(index @ 3..) => NVENC3 + u32::from(index - 3),
            Self::Nvenc(index) => NVENC0 + u32::from(index),
            Self::Nvjpeg(index) => NVJPEG0 + u32::from(index),
            Self::Ofa(index @ 1..) => OFA1 + u32::from(index - 1),
            Self::Ofa(_) => OFA0,
            Self::Sec2 => SEC2,
        }
    }

    /// Its number in a release's tables.
    pub(crate) fn number_in(self, bases: &EngineBases) -> u16 {
        let base = match self {
            Self::Gr => bases.gr,
            Self::Copy(_) => bases.copy,
            Self::Nvdec(_) => bases.nvdec,
            Self::Nvenc(_) => bases.nvenc,
            Self::Nvjpeg(_) => bases.nvjpeg,
            Self::Ofa(_) => bases.ofa,
            Self::Sec2 => bases.sec2,
        };
        base + u16::from(self.instance())
    }

    /// Its descriptor.
    pub(crate) fn descriptor(self) -> u32 {
        let class = match self {
            Self::Gr => engine_class::GR,
            Self::Copy(_) => engine_class::COPY,
            Self::Nvdec(_) => engine_class::NVDEC,
            Self::Nvenc(_) => engine_class::NVENC,
            Self::Nvjpeg(_) => engine_class::NVJPEG,
            Self::Ofa(_) => engine_class::OFA,
            Self::Sec2 => engine_class::SEC2,
        };
        class << 8 | u32::from(self.instance())
    }

    /// Its kind in PTOP's table.
    ///
    /// Source: nouveau, nvkm/subdev/top/ga100.c.
    pub(crate) fn top_type(self) -> u32 {
        match self {
            Self::Gr => 0x00,
            Self::Copy(_) => 0x13,
            Self::Nvdec(_) => 0x10,
            Self::Nvenc(_) => 0x0e,
            Self::Nvjpeg(_) => 0x15,
            Self::Ofa(_) => 0x16,
            Self::Sec2 => 0x0d,
        }
    }

    /// Its name in the table of engines; the model's choice.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Gr => "graphics".into(),
            Self::Copy(index) => format!("ce{index}"),
            Self::Nvdec(index) => format!("nvdec{index}"),
            Self::Nvenc(index) => format!("nvenc{index}"),
            Self::Nvjpeg(index) => format!("nvjpg{index}"),
            Self::Ofa(index) => format!("ofa{index}"),
            Self::Sec2 => "sec2".into(),
        }
    }

    /// Its number in MMU faults, for those engines whose numbers are public for all chips.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/*/*/dev_fault.h
    /// (`NV_PFAULT_MMU_ENG_ID_*`).
    pub(crate) fn mmu_fault_id(self, arch: Architecture) -> Option<u32> {
        let (gr, copy) = match arch {
            Architecture::Turing | Architecture::Ampere | Architecture::Ada => (64, 15),
            Architecture::Hopper => (384, 43),
            Architecture::BlackwellGb10x | Architecture::BlackwellGb20x => (384, 65),
        };
        match self {
            Self::Gr => Some(gr),
            Self::Copy(index) => Some(copy + u32::from(index)),
            _ => None,
        }
    }
}

/// Number of a PBDMA in MMU faults; not public for Hopper.
///
/// Source: as for [`Engine::mmu_fault_id`], and nouveau, nvkm/engine/fifo/tu102.c.
pub(crate) fn pbdma_fault_id(arch: Architecture, pbdma: u32) -> Option<u32> {
    match arch {
        Architecture::Turing | Architecture::Ampere | Architecture::Ada => Some(32 + pbdma),
        Architecture::Hopper => None,
        Architecture::BlackwellGb10x | Architecture::BlackwellGb20x => Some(85 + pbdma),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What nouveau assumes of the table (r535_fifo_runl_ctor and ga100_fifo_nonstall_ctor).
    #[test]
    fn nouveau_can_use_every_table() {
        for &chipset in Chipset::ALL {
            let table = of(chipset).table();
            assert!(table.len() <= 32, "{chipset}: {} rows", table.len());
            assert_eq!(table[0].engine, Engine::Gr);
            assert!(table.iter().all(|row| row.runlist < 64));
            let is_free = |row: &&Row| row.runlist != 0 && matches!(row.engine, Engine::Copy(_));
            assert!(table.iter().any(|row| is_free(&row)), "{chipset}");
            // An engine that nouveau has no driver for takes its whole runlist away.
            let sec2 = of(chipset).row(Engine::Sec2).unwrap().runlist;
            assert_eq!(table.iter().filter(|row| row.runlist == sec2).count(), 1);
            for row in &table {
                let (first, count) = row.pbdmas;
                assert!((1..=2).contains(&count) && first < 32);
            }
            let vectors: BTreeSet<_> = table.iter().map(|row| row.nonstall).collect();
            assert_eq!(vectors.len(), table.len());
            assert!(vectors.iter().all(|&vector| vector < 32), "one leaf");
            let numbers: BTreeSet<_> = table.iter().map(|row| row.engine.number()).collect();
            assert_eq!(numbers.len(), table.len());
        }
    }

    /// The engines of an H200, and the runlist of its COPY2 (docs/real-cards.md).
    #[test]
    fn gh100_has_the_engines_of_an_h200() {
        let table = of(Chipset::GH100).table();
        let numbers: Vec<_> = table.iter().map(|row| row.engine.number()).collect();
        let expected: Vec<u32> = (0x01..=0x01)
            .chain(0x09..=0x0d)
            .chain(0x14..=0x1a)
            .chain([0x2b])
            .chain(0x2d..=0x32)
            .chain([0x33, 0x26])
            .collect();
        assert_eq!(numbers, expected);
        let copy = |index| of(Chipset::GH100).row(Engine::Copy(index));
        assert_eq!([0, 1, 2].map(|n| copy(n).unwrap().runlist), [0, 0, 1]);
        assert_eq!(copy(5), None);
    }

    #[test]
    fn gb20x_has_four_copy_engines_with_graphics() {
        let copy = |index| of(Chipset::GB202).row(Engine::Copy(index)).unwrap();
        assert_eq!([3, 4, 5].map(|n| copy(n).runlist), [0, 1, 2]);
    }

    #[test]
    fn classes_are_those_of_the_chip() {
        for (chipset, has, lacks) in [
            (Chipset::TU102, 0xc46f, 0xc56f),
            (Chipset::TU117, 0xb4b7, 0xc4b7),
            (Chipset::GA100, 0xc6b5, 0xc7b5),
            (Chipset::GA102, 0xc36f, 0xc86f),
            (Chipset::GA102, 0xc670, 0xc570),
            (Chipset::AD102, 0xc997, 0xc797),
            (Chipset::GH100, 0xc661, 0xc761),
            (Chipset::GB100, 0xcd40, 0xa140),
            (Chipset::GB202, 0xca6f, 0xcdc0),
            (Chipset::GB202, 0xc96f, 0xc9b5),
            (Chipset::GB207, 0xcfb7, 0xcfd1),
        ] {
            let classes = &of(chipset).classes;
            assert!(classes.has(has), "{chipset} {has:#x}");
            assert!(!classes.has(lacks), "{chipset} {lacks:#x}");
            assert!(classes.has(0x902d));
        }
    }

    #[test]
    fn an_engine_has_the_numbers_of_its_release() {
        use nova_hw::release::{r535_113_01, r570_144};
        let (new, old) = (&r570_144::RELEASE.engines, &r535_113_01::RELEASE.engines);
        for (engine, rm, mc) in [
            (Engine::Gr, [0x01, 0x01], [84, 82]),
            (Engine::Copy(3), [0x0c, 0x0c], [18, 18]),
            (Engine::Nvdec(1), [0x1e, 0x1e], [66, 65]),
            (Engine::Nvenc(0), [0x25, 0x25], [38, 38]),
            (Engine::Nvjpeg(2), [0x38, 0x37], [53, 52]),
            (Engine::Ofa(0), [0x3e, 0x3d], [81, 80]),
            (Engine::Sec2, [0x31, 0x30], [47, 46]),
        ] {
            assert_eq!([new, old].map(|bases| engine.number_in(&bases.rm)), rm);
            assert_eq!([new, old].map(|bases| engine.number_in(&bases.mc)), mc);
        }
        for (engine, number) in [
            (Engine::Copy(19), 0x3d),
            (Engine::Nvenc(3), 0x3f),
            (Engine::Ofa(1), 0x3e),
        ] {
            assert_eq!(engine.number(), number);
        }
        assert_eq!(Engine::Copy(2).descriptor(), 0x793c_eb02);
    }
}
