// SPDX-License-Identifier: GPL-2.0

//! Which methods the classes have.
//!
//! The headers have thousands of methods, and most of them only set what later ones use. So they
//! are ranges of offsets here. Where a header has an array, it does not say how long that is; here
//! it is as long as there is space for it before the next method. Arrays with much space behind
//! them end with the last viewport (scissors, variable rates of shading), or where other classes
//! have the next method (the scratch of macros).

use super::mme::Call;
use super::{Class, Generation, Kind, Methods};
use crate::layout;

/// Declares methods by offset: a constant for each in [`offset`], and their names.
macro_rules! offsets {
    ($($(#[$attr:meta])* $name:ident @ $offset:literal;)*) => {
        /// Byte offsets of methods that have an effect here, or decide about one.
        pub mod offset {
            $($(#[$attr])* pub const $name: u16 = $offset;)*
        }

        const NAMES: &[layout::Name] = &[$(($offset, stringify!($name)),)*];
        const _: () = layout::check_unique(NAMES);
    };
}

offsets! {
    /// Word of the instruction RAM that is loaded next.
    LOAD_MME_INSTRUCTION_RAM_POINTER @ 0x114;
    /// A word of an [`Instruction`](super::super::mme::Instruction).
    LOAD_MME_INSTRUCTION_RAM @ 0x118;
    /// Macro that gets its start address next.
    LOAD_MME_START_ADDRESS_RAM_POINTER @ 0x11c;
    /// Word of the instruction RAM at which a macro starts.
    LOAD_MME_START_ADDRESS_RAM @ 0x120;
    /// [`MmeShadowRamControl`](super::super::MmeShadowRamControl).
    SET_MME_SHADOW_RAM_CONTROL @ 0x124;
    /// [`SetRenderEnableC`](super::super::SetRenderEnableC), for all subchannels.
    SET_GLOBAL_RENDER_ENABLE_C @ 0x138;
    /// Payload of `REPORT_SEMAPHORE_EXECUTE`, lower half.
    SET_REPORT_SEMAPHORE_PAYLOAD_LOWER @ 0x158;
    /// Payload of `REPORT_SEMAPHORE_EXECUTE`, upper half.
    SET_REPORT_SEMAPHORE_PAYLOAD_UPPER @ 0x15c;
    /// Address of the semaphore, lower half.
    SET_REPORT_SEMAPHORE_ADDRESS_LOWER @ 0x160;
    /// Address of the semaphore, upper half.
    SET_REPORT_SEMAPHORE_ADDRESS_UPPER @ 0x164;
    /// [`ReportSemaphoreExecute`](super::super::ReportSemaphoreExecute) or
    /// [`ComputeReportSemaphoreExecute`](super::super::ComputeReportSemaphoreExecute).
    REPORT_SEMAPHORE_EXECUTE @ 0x168;
    /// Bytes of a line of inline data.
    LINE_LENGTH_IN @ 0x180;
    /// Lines of inline data.
    LINE_COUNT @ 0x184;
    /// Address of the destination, upper half.
    OFFSET_OUT_UPPER @ 0x188;
    /// Address of the destination, lower half.
    OFFSET_OUT @ 0x18c;
    /// Bytes from a line of a pitch-linear destination to the next.
    PITCH_OUT @ 0x190;
    /// [`BlockSize`](super::super::BlockSize) of the destination.
    SET_DST_BLOCK_SIZE @ 0x194;
    /// Width of the destination in bytes.
    SET_DST_WIDTH @ 0x198;
    /// Lines of the destination.
    SET_DST_HEIGHT @ 0x19c;
    /// Layers of the destination.
    SET_DST_DEPTH @ 0x1a0;
    /// Layer of the destination that is written.
    SET_DST_LAYER @ 0x1a4;
    /// Bytes before the first one that is written, in a line of the destination.
    SET_DST_ORIGIN_BYTES_X @ 0x1a8;
    /// First line of the destination that is written.
    SET_DST_ORIGIN_SAMPLES_Y @ 0x1ac;
    /// [`LaunchDma`](super::super::LaunchDma).
    LAUNCH_DMA @ 0x1b0;
    /// Four bytes of inline data.
    LOAD_INLINE_DATA @ 0x1b4;
    /// Address of the semaphore of inline data, upper half.
    SET_I2M_SEMAPHORE_A @ 0x1dc;
    /// Address of the semaphore of inline data, lower half.
    SET_I2M_SEMAPHORE_B @ 0x1e0;
    /// Payload of the semaphore of inline data.
    SET_I2M_SEMAPHORE_C @ 0x1e4;
    /// Address for the DMA of macros, upper half.
    SET_MME_MEM_ADDRESS_A @ 0x550;
    /// Address for the DMA of macros, lower half.
    SET_MME_MEM_ADDRESS_B @ 0x554;
    /// Word of the data RAM for the DMA of macros.
    SET_MME_DATA_RAM_ADDRESS @ 0x558;
    /// Reads words from memory into the data RAM.
    MME_DMA_READ @ 0x55c;
    /// Reads words from memory into the FIFO that macros load from.
    MME_DMA_READ_FIFOED @ 0x560;
    /// Writes words of the data RAM to memory.
    MME_DMA_WRITE @ 0x564;
    /// Makes its data a word of the data RAM when the DMA before has completed.
    MME_DMA_SYNC @ 0x570;
    /// [`DataFifoConfig`](super::super::mme::DataFifoConfig); until [`Generation::Hopper`].
    SET_MME_DATA_FIFO_CONFIG @ 0x574;
    /// [`SetRenderEnableC`](super::super::SetRenderEnableC); not in 2D classes.
    SET_RENDER_ENABLE_C @ 0x1558;
    /// 0: the other methods decide; 1: draws; 2: draws not. Not in 2D classes.
    SET_RENDER_ENABLE_OVERRIDE @ 0x1944;
    /// Address of the semaphore, upper half.
    SET_REPORT_SEMAPHORE_A @ 0x1b00;
    /// Address of the semaphore, lower half.
    SET_REPORT_SEMAPHORE_B @ 0x1b04;
    /// Payload of the semaphore.
    SET_REPORT_SEMAPHORE_C @ 0x1b08;
    /// [`ReportSemaphoreD`](super::super::ReportSemaphoreD).
    SET_REPORT_SEMAPHORE_D @ 0x1b0c;
    /// A register that changes as [`falcon`](super::super::mme::falcon) says; in 3D classes.
    SET_FALCON04 @ 0x2310;
    /// Bytes of the constant buffer that is written; in 3D classes.
    SET_CONSTANT_BUFFER_SELECTOR_A @ 0x2380;
    /// Address of the constant buffer, upper half.
    SET_CONSTANT_BUFFER_SELECTOR_B @ 0x2384;
    /// Address of the constant buffer, lower half.
    SET_CONSTANT_BUFFER_SELECTOR_C @ 0x2388;
    /// Offset in the constant buffer that is written next.
    LOAD_CONSTANT_BUFFER_OFFSET @ 0x238c;
    /// Four bytes for the constant buffer: the first of an array of such methods.
    LOAD_CONSTANT_BUFFER @ 0x2390;
}

/// Byte offsets of methods with which compute classes launch programs. Other classes have other
/// methods there.
pub mod launch {
    /// Address of the [QMD](crate::class::qmd), in units of 256 bytes.
    pub const SEND_PCAS_A: u16 = 0x2b4;
    /// [`SignalingPcasB`](super::super::SignalingPcasB).
    pub const SEND_SIGNALING_PCAS_B: u16 = 0x2bc;
    /// [`SignalingPcas2B`](super::super::SignalingPcas2B); since
    /// [`Generation::AmpereA`](super::super::Generation::AmpereA).
    pub const SEND_SIGNALING_PCAS2_B: u16 = 0x2c0;
}

const LAUNCH_NAMES: &[layout::Name] = &[
    (launch::SEND_PCAS_A as u32, "SEND_PCAS_A"),
    (
        launch::SEND_SIGNALING_PCAS_B as u32,
        "SEND_SIGNALING_PCAS_B",
    ),
    (
        launch::SEND_SIGNALING_PCAS2_B as u32,
        "SEND_SIGNALING_PCAS2_B",
    ),
];

/// Whether a class has a method at a byte offset.
pub fn has_method(class: Class, offset: u16) -> bool {
    let methods = match class.kind() {
        Kind::ThreeD => THREE_D,
        Kind::Compute => COMPUTE,
        Kind::TwoD => TWO_D,
        Kind::InlineToMemory => INLINE_TO_MEMORY,
    };
    let mut ranges = methods.iter();
    ranges.any(|methods| methods.has(class.generation(), offset))
}

/// A method that does more than to set what later methods use, and to wait for earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// NVIDIA's name, without the prefix of the class and the number in an array.
    pub name: &'static str,
    first: u16,
    last: u16,
    until: Generation,
}

/// What a method of a class draws, dispatches, or otherwise does; `None` if it only sets something
/// has a constant in [`offset`] or [`launch`], or is a [`Call`].
pub fn effect(class: Class, offset: u16) -> Option<&'static Effect> {
    let effects = match class.kind() {
        Kind::ThreeD => THREE_D_EFFECTS,
        Kind::Compute => COMPUTE_EFFECTS,
        Kind::TwoD => TWO_D_EFFECTS,
        Kind::InlineToMemory => INLINE_TO_MEMORY_EFFECTS,
    };
    effects.iter().find(|effect| {
        (effect.first..=effect.last).contains(&offset) && class.generation() <= effect.until
    })
}

/// NVIDIA's name of a method of a class, without the prefix of the class and the number in an array;
/// `None` if the class has no such method, or nothing here is about it.
pub fn method_name(class: Class, offset: u16) -> Option<&'static str> {
    if !has_method(class, offset) {
        return None;
    }
    let effect = effect(class, offset).map(|effect| effect.name);
    let names = match class.kind() {
        Kind::Compute => LAUNCH_NAMES,
        _ => &[],
    };
    let call = || Call::of_method(offset).map(Call::name);
    effect
        .or_else(call)
        .or_else(|| layout::find(names, offset.into()))
        .or_else(|| layout::find(NAMES, offset.into()))
}

impl Methods {
    fn has(&self, generation: Generation, offset: u16) -> bool {
        let (first, last) = (*self.offsets.start(), *self.offsets.end());
        let Some(from_first) = offset.checked_sub(first) else {
            return false;
        };
        let index = match self.by {
            0 => 0,
            by => (from_first / by).min(self.times - 1),
        };
        from_first - index * self.by <= last - first
            && offset % 4 == 0
            && (self.since..=self.until).contains(&generation)
    }
}

/// Declares ranges of methods.
macro_rules! methods {
    ($(
        $first:literal ..= $last:literal $(times $times:literal by $by:literal)?
        $(since $since:ident)? $(until $until:ident)?;
    )*) => {
        &[$(Methods {
            offsets: $first..=$last,
            times: 1 $(* $times)?,
            by: 0 $(+ $by)?,
            since: generation!(Turing $($since)?),
            until: generation!(BlackwellB $($until)?),
        }),*]
    };
}

/// A generation, or the one that stands for none.
macro_rules! generation {
    ($none:ident) => {
        Generation::$none
    };
    ($none:ident $generation:ident) => {
        Generation::$generation
    };
}

/// Declares methods with an effect.
macro_rules! effects {
    ($($name:ident @ $first:literal $(..= $last:literal)? $(until $until:ident)?;)*) => {
        &[$(Effect {
            name: stringify!($name),
            first: $first,
            last: last!($first $($last)?),
            until: generation!(BlackwellB $($until)?),
        }),*]
    };
}

/// The end of a range, which may have one element.
macro_rules! last {
    ($first:literal) => {
        $first
    };
    ($first:literal $last:literal) => {
        $last
    };
}

/// Methods of the 3D classes.
const THREE_D: &[Methods] = methods! {
    0x100..=0x154; 0x158..=0x168 since AmpereB; 0x180..=0x190; 0x194..=0x1ac until Hopper;
    0x1b0..=0x1b4; 0x1dc..=0x1e4; 0x1ec..=0x1ec since AmpereB; 0x1f0..=0x274; 0x27c..=0x2bc;
    0x2c8..=0x2c8; 0x2cc..=0x2d0 since AmpereB; 0x2d4..=0x390; 0x3a0..=0x3b0 times 3 by 0x20;
    0x400..=0x508; 0x550..=0x570; 0x574..=0x574 until Hopper; 0x600..=0x708;
    0x710..=0x718 times 4 by 0x10; 0x754..=0x754; 0x77c..=0x77c; 0x790..=0x7a8;
    0x7ac..=0x7ac since Hopper; 0x7b0..=0x7b0; 0x7c0..=0x7cc; 0x7dc..=0x7f8;
    0x7fc..=0x7fc since AmpereB; 0x800..=0x824 times 8 by 0x40; 0xa00..=0xdb4; 0xdbc..=0xdd8;
    0xde0..=0xde8; 0xdec..=0xdec since AmpereB; 0xdf0..=0xdfc; 0xe00..=0xe08 times 16 by 0x10;
    0xf00..=0xf0c since BlackwellA; 0xf14..=0xf5c; 0xf84..=0xf90; 0xf98..=0xff8; 0x1000..=0x107c;
    0x10b0..=0x1104; 0x110c..=0x1158; 0x1160..=0x11fc; 0x1204..=0x1208;
    0x120c..=0x1210 since BlackwellA; 0x1214..=0x1234; 0x123c..=0x1274; 0x1280..=0x1288;
    0x1290..=0x1290; 0x12a4..=0x12ec; 0x1300..=0x1328; 0x1330..=0x139c; 0x13a4..=0x13b4;
    0x1418..=0x1418; 0x1424..=0x1428; 0x1434..=0x1438; 0x1450..=0x1454;
    0x1458..=0x1460 since BlackwellB; 0x1464..=0x1464; 0x1480..=0x1488 times 8 by 0x10;
    0x1500..=0x1520; 0x1528..=0x1528; 0x1530..=0x153c; 0x1550..=0x1564; 0x156c..=0x157c;
    0x1590..=0x15a4; 0x15b8..=0x15bc; 0x15c8..=0x15d0; 0x15e4..=0x1604; 0x1610..=0x1624;
    0x162c..=0x162c; 0x1638..=0x1638; 0x1644..=0x164c; 0x1658..=0x165c; 0x1668..=0x1690;
    0x16a0..=0x16a8; 0x16b4..=0x16b4; 0x16bc..=0x1794; 0x179c..=0x179c; 0x17c8..=0x17cc;
    0x17d8..=0x17f8; 0x187c..=0x1910; 0x1918..=0x1924; 0x192c..=0x192c;
    0x1930..=0x1938 since BlackwellB; 0x193c..=0x1950; 0x1958..=0x1958; 0x1968..=0x1970;
    0x1978..=0x1984; 0x19bc..=0x19d4; 0x19e0..=0x1a3c; 0x1b00..=0x1b0c; 0x1c00..=0x1e18;
    0x1e20..=0x1e38 times 15 by 0x20; 0x2000..=0x2000 times 12 by 0x40;
    0x2004..=0x2004 times 12 by 0x40 since AmpereA; 0x2008..=0x2020 times 12 by 0x40;
    0x2300..=0x2410; 0x2420..=0x2430 times 15 by 0x20; 0x25f8..=0x2600;
    0x2608..=0x2608 until Turing; 0x2a00..=0x2afc; 0x32f4..=0x33ec; 0x3400..=0x3ffc;
};

/// Methods of the compute classes.
const COMPUTE: &[Methods] = methods! {
    0x100..=0x110; 0x114..=0x124 since AmpereB; 0x130..=0x154; 0x158..=0x168 since AmpereB;
    0x180..=0x190; 0x194..=0x1ac until Hopper; 0x1b0..=0x1b4; 0x1dc..=0x1e8;
    0x1ec..=0x1ec since AmpereB; 0x1f0..=0x208; 0x20c..=0x20c since BlackwellB; 0x210..=0x210;
    0x214..=0x218 until Hopper; 0x21c..=0x23c; 0x244..=0x268; 0x270..=0x270 until Ada;
    0x280..=0x288; 0x290..=0x290 until Ada; 0x298..=0x298; 0x29c..=0x29c until Hopper;
    0x2a0..=0x2a4; 0x2a8..=0x2a8 until Ada; 0x2b0..=0x2bc; 0x2c0..=0x2c0 since AmpereA;
    0x2cc..=0x2cc; 0x2e4..=0x2ec; 0x310..=0x310; 0x318..=0x53c; 0x540..=0x57c until Turing;
    0x550..=0x570 since AmpereB; 0x574..=0x574 since AmpereB until Hopper;
    0x74c..=0x74c since BlackwellA; 0x75c..=0x75c since BlackwellA; 0x790..=0x794;
    0x7ac..=0x7ac since Hopper; 0x7b0..=0x7b4; 0x7b8..=0x7bc since Hopper;
    0x7fc..=0x7fc since AmpereB; 0xd94..=0xd94; 0xda0..=0xde4; 0xdec..=0xdec since AmpereB;
    0xf10..=0xf10 since BlackwellB; 0xffc..=0xffc since BlackwellA; 0x1288..=0x1288;
    0x12a8..=0x12a8; 0x1330..=0x1338; 0x1424..=0x1424; 0x1458..=0x1464 since BlackwellB;
    0x1528..=0x1528; 0x1550..=0x1564; 0x1574..=0x157c; 0x1698..=0x1698;
    0x1930..=0x1938 since BlackwellB; 0x1944..=0x1944; 0x1a2c..=0x1a3c; 0x1b00..=0x1b0c;
    0x25f8..=0x25fc; 0x2608..=0x2608; 0x32f4..=0x33ec; 0x3400..=0x37fc;
    0x3800..=0x3ffc since AmpereB;
};

/// Methods of the 2D class.
const TWO_D: &[Methods] = methods! {
    0x100..=0x124; 0x130..=0x140; 0x150..=0x154; 0x1ec..=0x1ec; 0x200..=0x574; 0x580..=0x58c;
    0x5e0..=0x5e0; 0x600..=0x81c; 0x838..=0x860; 0x870..=0x870; 0x880..=0x88c; 0x8b0..=0x95c;
    0xdec..=0xdec; 0x3400..=0x3ffc;
};

/// Methods of the classes for inline data.
const INLINE_TO_MEMORY: &[Methods] = methods! {
    0x100..=0x110; 0x130..=0x144; 0x150..=0x154; 0x180..=0x190; 0x194..=0x1ac until Hopper;
    0x1b0..=0x1b4; 0x1dc..=0x1e4; 0x1f0..=0x27c; 0x1550..=0x1558; 0x1944..=0x1944;
    0x3400..=0x37fc;
};

const THREE_D_EFFECTS: &[Effect] = effects! {
    NOTIFY @ 0x10c;
    DRAW_INDEX_BUFFER_BEGIN_END @ 0x268..=0x26c;
    DRAW_VERTEX_ARRAY_BEGIN_END @ 0x270..=0x274;
    INCREMENT_SYNC_POINT @ 0x2c8;
    DECOMPRESS_SURFACE @ 0x2e0;
    PEER_SEMAPHORE_RELEASE @ 0x2f0;
    DRAW_ZERO_INDEX @ 0x304;
    MME_DMA_REDUCTION @ 0x568;
    DRAW_VERTEX_ARRAY @ 0xd78;
    DECOMPRESS_ZETA_SURFACE @ 0x11fc;
    DRAW_VERTEX_ARRAY_BEGIN_END_INSTANCE_FIRST @ 0x1214;
    DRAW_VERTEX_ARRAY_BEGIN_END_INSTANCE_SUBSEQUENT @ 0x1218;
    DRAW_AUTO @ 0x123c;
    CLEAR_ZCULL_REGION @ 0x12c8;
    DRAW_INLINE_INDEX4X8 @ 0x1304;
    STORE_ZCULL @ 0x1464;
    LOAD_ZCULL @ 0x1500;
    DRAW_INLINE_INDEX @ 0x15e8;
    DRAW_INLINE_INDEX2X16 @ 0x15f0;
    END @ 0x1614;
    BEGIN @ 0x1618;
    DRAW_INDEX_BUFFER @ 0x17e0;
    DRAW_INDEX_BUFFER32_BEGIN_END_INSTANCE_FIRST @ 0x17e4;
    DRAW_INDEX_BUFFER16_BEGIN_END_INSTANCE_FIRST @ 0x17e8;
    DRAW_INDEX_BUFFER8_BEGIN_END_INSTANCE_FIRST @ 0x17ec;
    DRAW_INDEX_BUFFER32_BEGIN_END_INSTANCE_SUBSEQUENT @ 0x17f0;
    DRAW_INDEX_BUFFER16_BEGIN_END_INSTANCE_SUBSEQUENT @ 0x17f4;
    DRAW_INDEX_BUFFER8_BEGIN_END_INSTANCE_SUBSEQUENT @ 0x17f8;
    CLEAR_SURFACE @ 0x19d0;
    CLEAR_CLIP_ID_SURFACE @ 0x19d4;
    SET_FALCON @ 0x2300..=0x230c;
    SET_FALCON @ 0x2314..=0x237c;
    LOAD_CONSTANT_BUFFER @ 0x2394..=0x23fc;
};

const COMPUTE_EFFECTS: &[Effect] = effects! {
    NOTIFY @ 0x10c;
    PERFMON_TRANSFER @ 0x210;
    SEND_PCAS_B @ 0x2b8;
    LOAD_INLINE_QMD_DATA @ 0x320..=0x4fc;
    SET_FALCON @ 0x500..=0x57c until AmpereA;
    SET_FALCON @ 0x500..=0x53c;
    MME_DMA_REDUCTION @ 0x568;
};

const TWO_D_EFFECTS: &[Effect] = effects! {
    NOTIFY @ 0x10c;
    MME_DMA_REDUCTION @ 0x568;
    RENDER_SOLID_PRIM_POINT_X_Y @ 0x5e0;
    RENDER_SOLID_PRIM_POINT @ 0x600..=0x7fc;
    PIXELS_FROM_CPU_DATA @ 0x860;
    PIXELS_FROM_MEMORY_SRC_Y0_INT @ 0x8dc;
    SET_FALCON @ 0x8e0..=0x95c;
};

const INLINE_TO_MEMORY_EFFECTS: &[Effect] = effects! {
    NOTIFY @ 0x10c;
    SET_FALCON @ 0x200..=0x27c;
};
