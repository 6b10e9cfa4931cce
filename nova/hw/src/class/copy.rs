// SPDX-License-Identifier: GPL-2.0

//! Classes of the copy engine, `*_DMA_COPY_*`, from Turing on.
//!
//! Source: open-gpu-doc, classes/dma-copy/clc5b5.h to clcab5.h. open-gpu-kernel-modules has the same
//! in src/common/sdk/nvidia/inc/class, but less of it from clc8b5.h on.

/// A class, the oldest first.
///
/// A class has all methods of the older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Class {
    /// `TURING_DMA_COPY_A`
    TuringA = 0xc5b5,
    /// `AMPERE_DMA_COPY_A`
    AmpereA = 0xc6b5,
    /// `AMPERE_DMA_COPY_B`
    AmpereB = 0xc7b5,
    /// `HOPPER_DMA_COPY_A`
    HopperA = 0xc8b5,
    /// `BLACKWELL_DMA_COPY_A`
    BlackwellA = 0xc9b5,
    /// `BLACKWELL_DMA_COPY_B`
    BlackwellB = 0xcab5,
}

impl Class {
    /// All classes, the oldest first.
    pub const ALL: [Self; 6] = [
        Self::TuringA,
        Self::AmpereA,
        Self::AmpereB,
        Self::HopperA,
        Self::BlackwellA,
        Self::BlackwellB,
    ];

    /// The class with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// The class's number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// NVIDIA's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TuringA => "TURING_DMA_COPY_A",
            Self::AmpereA => "AMPERE_DMA_COPY_A",
            Self::AmpereB => "AMPERE_DMA_COPY_B",
            Self::HopperA => "HOPPER_DMA_COPY_A",
            Self::BlackwellA => "BLACKWELL_DMA_COPY_A",
            Self::BlackwellB => "BLACKWELL_DMA_COPY_B",
        }
    }

    /// Bits of an address in the method with its upper half, `*_UPPER` and `SET_SEMAPHORE_A`.
    pub const fn upper_mask(self) -> u32 {
        if (self as u16) < Self::HopperA as u16 {
            0x1_ffff
        } else {
            0x1ff_ffff
        }
    }

    /// Bits of an address in `SET_RENDER_ENABLE_A`.
    pub const fn render_enable_upper_mask(self) -> u32 {
        if (self as u16) < Self::HopperA as u16 {
            0xff
        } else {
            0x1ff_ffff
        }
    }
}

/// A method of the copy engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// NVIDIA's name, without the prefix of the class.
    pub name: &'static str,
    /// Byte offset.
    pub offset: u16,
    /// The oldest class that has it.
    pub since: Class,
}

/// The method at a byte offset, if the class has it.
pub fn method(class: Class, offset: u16) -> Option<&'static Method> {
    let at = METHODS.binary_search_by_key(&offset, |method| method.offset);
    METHODS.get(at.ok()?).filter(|found| found.since <= class)
}

/// Declares methods by offset: a constant for each in [`offset`], and [`METHODS`].
macro_rules! methods {
    ($($(#[$attr:meta])* $name:ident @ $offset:literal since $since:ident;)*) => {
        /// Byte offsets of the methods.
        pub mod offset {
            $($(#[$attr])* pub const $name: u16 = $offset;)*
        }

        /// All methods, by offset.
        pub const METHODS: &[Method] = &[$(Method {
            name: stringify!($name),
            offset: $offset,
            since: Class::$since,
        },)*];
    };
}

methods! {
    /// Nothing.
    NOP @ 0x100 since TuringA;
    /// Performance counters.
    PM_TRIGGER @ 0x140 since TuringA;
    /// What [`SemaphoreType::CONDITIONAL_INTR`](super::SemaphoreType::CONDITIONAL_INTR) compares.
    SET_MONITORED_FENCE_TYPE @ 0x21c since AmpereB;
    /// Address of what it compares, upper half.
    SET_MONITORED_FENCE_SIGNAL_ADDR_BASE_UPPER @ 0x220 since AmpereB;
    /// Address of what it compares, lower half.
    SET_MONITORED_FENCE_SIGNAL_ADDR_BASE_LOWER @ 0x224 since AmpereB;
    /// Address of the semaphore, upper half.
    SET_SEMAPHORE_A @ 0x240 since TuringA;
    /// Address of the semaphore, lower half.
    SET_SEMAPHORE_B @ 0x244 since TuringA;
    /// What the semaphore is released with.
    SET_SEMAPHORE_PAYLOAD @ 0x248 since TuringA;
    /// The upper half of a payload of two words.
    SET_SEMAPHORE_PAYLOAD_UPPER @ 0x24c since AmpereB;
    /// Address of the condition, upper half.
    SET_RENDER_ENABLE_A @ 0x254 since TuringA;
    /// Address of the condition, lower half.
    SET_RENDER_ENABLE_B @ 0x258 since TuringA;
    /// [`RenderEnable`](super::RenderEnable).
    SET_RENDER_ENABLE_C @ 0x25c since TuringA;
    /// [`PhysMode`](super::PhysMode) of a physical source.
    SET_SRC_PHYS_MODE @ 0x260 since TuringA;
    /// [`PhysMode`](super::PhysMode) of a physical destination.
    SET_DST_PHYS_MODE @ 0x264 since TuringA;
    /// [`LaunchDma`](super::LaunchDma).
    LAUNCH_DMA @ 0x300 since TuringA;
    /// Address of the source, upper half.
    OFFSET_IN_UPPER @ 0x400 since TuringA;
    /// Address of the source, lower half.
    OFFSET_IN_LOWER @ 0x404 since TuringA;
    /// Address of the destination, upper half.
    OFFSET_OUT_UPPER @ 0x408 since TuringA;
    /// Address of the destination, lower half.
    OFFSET_OUT_LOWER @ 0x40c since TuringA;
    /// Bytes from a line of a pitch-linear source to the next; signed.
    PITCH_IN @ 0x410 since TuringA;
    /// Bytes from a line of a pitch-linear destination to the next; signed.
    PITCH_OUT @ 0x414 since TuringA;
    /// Length of a line: in bytes, or in elements if components are remapped.
    LINE_LENGTH_IN @ 0x418 since TuringA;
    /// Number of lines.
    LINE_COUNT @ 0x41c since TuringA;
    /// Whether a secure copy encrypts (0) or decrypts (1).
    SET_SECURE_COPY_MODE @ 0x500 since HopperA;
    /// Address of the tag that a decryption compares, upper half.
    SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_UPPER @ 0x514 since HopperA;
    /// Address of the tag that a decryption compares, lower half.
    SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_LOWER @ 0x518 since HopperA;
    /// Where an encryption writes its tag, upper half.
    SET_ENCRYPT_AUTH_TAG_ADDR_UPPER @ 0x530 since HopperA;
    /// Where an encryption writes its tag, lower half.
    SET_ENCRYPT_AUTH_TAG_ADDR_LOWER @ 0x534 since HopperA;
    /// Where an encryption writes its initialization vector, upper half.
    SET_ENCRYPT_IV_ADDR_UPPER @ 0x538 since HopperA;
    /// Where an encryption writes its initialization vector, lower half.
    SET_ENCRYPT_IV_ADDR_LOWER @ 0x53c since HopperA;
    /// Bit 0: scrubbed memory may be discarded.
    SET_MEMORY_SCRUB_PARAMETERS @ 0x6fc since HopperA;
    /// A constant for components.
    SET_REMAP_CONST_A @ 0x700 since TuringA;
    /// Another constant for components.
    SET_REMAP_CONST_B @ 0x704 since TuringA;
    /// [`RemapComponents`](super::RemapComponents).
    SET_REMAP_COMPONENTS @ 0x708 since TuringA;
    /// [`BlockSize`](super::BlockSize) of the destination.
    SET_DST_BLOCK_SIZE @ 0x70c since TuringA;
    /// Width of the destination, in the unit of `LINE_LENGTH_IN`.
    SET_DST_WIDTH @ 0x710 since TuringA;
    /// Lines of the destination.
    SET_DST_HEIGHT @ 0x714 since TuringA;
    /// Layers of the destination.
    SET_DST_DEPTH @ 0x718 since TuringA;
    /// Layer of the destination that is written.
    SET_DST_LAYER @ 0x71c since TuringA;
    /// [`Origin`](super::Origin) in the destination.
    SET_DST_ORIGIN @ 0x720 since TuringA;
    /// [`BlockSize`](super::BlockSize) of the source.
    SET_SRC_BLOCK_SIZE @ 0x728 since TuringA;
    /// Width of the source, in the unit of `LINE_LENGTH_IN`.
    SET_SRC_WIDTH @ 0x72c since TuringA;
    /// Lines of the source.
    SET_SRC_HEIGHT @ 0x730 since TuringA;
    /// Layers of the source.
    SET_SRC_DEPTH @ 0x734 since TuringA;
    /// Layer of the source that is read.
    SET_SRC_LAYER @ 0x738 since TuringA;
    /// [`Origin`](super::Origin) in the source.
    SET_SRC_ORIGIN @ 0x73c since TuringA;
    /// Origin in the source with more bits, in the unit of `LINE_LENGTH_IN`.
    SRC_ORIGIN_X @ 0x744 since TuringA;
    /// Line of the origin in the source with more bits.
    SRC_ORIGIN_Y @ 0x748 since TuringA;
    /// Origin in the destination with more bits, in the unit of `LINE_LENGTH_IN`.
    DST_ORIGIN_X @ 0x74c since TuringA;
    /// Line of the origin in the destination with more bits.
    DST_ORIGIN_Y @ 0x750 since TuringA;
    /// Bits 1:0: how long the L2 cache keeps what a prefetch reads.
    ///
    /// Source: open-gpu-kernel-modules 570.144, src/common/sdk/nvidia/inc/class/clcab5.h;
    /// open-gpu-doc does not have it.
    REQ_ATTR @ 0x754 since BlackwellB;
    /// Performance counters.
    PM_TRIGGER_END @ 0x1114 since TuringA;
}

/// `LAUNCH_DMA`: starts a copy with the state that the other methods have set.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct LaunchDma {
    /// [`TransferType`].
    #[bits(2)]
    pub data_transfer_type: u8,
    /// What the copy has written is visible before the semaphore is.
    pub flush_enable: bool,
    /// [`SemaphoreType`].
    #[bits(2)]
    pub semaphore_type: u8,
    /// [`InterruptType`].
    #[bits(2)]
    pub interrupt_type: u8,
    /// The source's lines are a pitch apart; else it is block-linear.
    pub src_is_pitch: bool,
    /// The destination's lines are a pitch apart; else it is block-linear.
    pub dst_is_pitch: bool,
    /// There are `LINE_COUNT` lines; else one.
    pub multi_line_enable: bool,
    /// Elements are put together from components.
    pub remap_enable: bool,
    /// Never reads the destination to write a part of it; not since [`Class::BlackwellA`].
    pub force_rmwdisable: bool,
    /// The source is in physical memory.
    pub src_is_physical: bool,
    /// The destination is in physical memory.
    pub dst_is_physical: bool,
    /// [`Reduction`].
    #[bits(4)]
    pub semaphore_reduction: u8,
    /// The reduction's operands have no sign.
    pub semaphore_reduction_is_unsigned: bool,
    /// The semaphore is not written, but reduced with the payload.
    pub semaphore_reduction_enable: bool,
    /// [`CopyType`] since [`Class::HopperA`]; in [`Class::TuringA`] two bits with which reads (1)
    /// and writes (2) bypass the L2 cache.
    #[bits(2)]
    pub copy_type: u8,
    /// Copies within the video protected region.
    pub vprmode: bool,
    /// Scrubs the destination, since [`Class::HopperA`]; before, the upper bit of `vprmode`, for
    /// which no value is defined.
    pub memory_scrub_enable: bool,
    __: bool,
    /// The flush reaches the GPU alone; else also the system.
    pub flush_type_is_gl: bool,
    /// Keeps the destination from being compressed after the copy.
    pub disable_plc: bool,
    /// The payload has two words; since [`Class::AmpereB`].
    pub semaphore_payload_is_two_words: bool,
    #[bits(4)]
    __: u8,
}

impl LaunchDma {
    /// The bits that a class defines for use by others than the hardware.
    pub const fn defined(class: Class) -> u32 {
        match class {
            Class::TuringA => 0x06ff_ffff,
            Class::AmpereA => 0x06cf_ffff,
            Class::AmpereB => 0x0ecf_ffff,
            Class::HopperA => 0x0eff_ffff,
            Class::BlackwellA | Class::BlackwellB => 0x0eff_f7ff,
        }
    }
}

/// `LAUNCH_DMA_DATA_TRANSFER_TYPE_*`
#[derive(Debug)]
pub struct TransferType;

impl TransferType {
    /// Copies nothing.
    pub const NONE: u8 = 0;
    /// Copies, maybe before earlier copies have completed.
    pub const PIPELINED: u8 = 1;
    /// Copies when earlier copies have completed.
    pub const NON_PIPELINED: u8 = 2;
    /// Reads the source into the L2 cache; since [`Class::BlackwellB`].
    pub const PREFETCH: u8 = 3;
}

/// `LAUNCH_DMA_SEMAPHORE_TYPE_*`
#[derive(Debug)]
pub struct SemaphoreType;

impl SemaphoreType {
    /// Releases none.
    pub const NONE: u8 = 0;
    /// Writes the payload; since [`Class::AmpereB`] also `RELEASE_SEMAPHORE_NO_TIMESTAMP`.
    pub const ONE_WORD: u8 = 1;
    /// Writes the payload, extended to 64 bits, and the time; since [`Class::AmpereB`] also
    /// `RELEASE_SEMAPHORE_WITH_TIMESTAMP`.
    pub const FOUR_WORDS: u8 = 2;
    /// Writes the payload, and interrupts if a fence says so.
    pub const CONDITIONAL_INTR: u8 = 3;
}

/// `LAUNCH_DMA_INTERRUPT_TYPE_*`
#[derive(Debug)]
pub struct InterruptType;

impl InterruptType {
    /// Interrupts not.
    pub const NONE: u8 = 0;
    /// Interrupts, and waits until that has been handled.
    pub const BLOCKING: u8 = 1;
    /// Interrupts.
    pub const NON_BLOCKING: u8 = 2;
}

/// `LAUNCH_DMA_SEMAPHORE_REDUCTION_*`
#[derive(Debug)]
pub struct Reduction;

impl Reduction {
    /// The lesser one.
    pub const IMIN: u8 = 0x0;
    /// The greater one.
    pub const IMAX: u8 = 0x1;
    /// Exclusive or.
    pub const IXOR: u8 = 0x2;
    /// And.
    pub const IAND: u8 = 0x3;
    /// Or.
    pub const IOR: u8 = 0x4;
    /// The sum.
    pub const IADD: u8 = 0x5;
    /// One more, or 0 if that is more than the payload.
    pub const INC: u8 = 0x6;
    /// One less, or the payload if it was 0 or is more than the payload.
    pub const DEC: u8 = 0x7;
    /// The sum of floating-point numbers.
    pub const FADD: u8 = 0xa;
    /// The lesser floating-point number; since [`Class::AmpereB`].
    pub const FMIN: u8 = 0xb;
    /// The greater floating-point number; since [`Class::AmpereB`].
    pub const FMAX: u8 = 0xc;
}

/// `LAUNCH_DMA_COPY_TYPE_*`
#[derive(Debug)]
pub struct CopyType;

impl CopyType {
    /// Copies within protected memory, or where there is no other.
    pub const DEFAULT: u8 = 0;
    /// Encrypts or decrypts.
    pub const SECURE: u8 = 1;
    /// Copies within unprotected memory.
    pub const NONPROT2NONPROT: u8 = 2;
}

/// `SET_RENDER_ENABLE_C_MODE_*`
#[derive(Debug)]
pub struct RenderEnable;

impl RenderEnable {
    /// Copies nothing.
    pub const FALSE: u8 = 0;
    /// Copies.
    pub const TRUE: u8 = 1;
    /// Copies if what is in memory is not 0.
    pub const CONDITIONAL: u8 = 2;
    /// Copies if two values in memory are equal.
    pub const IF_EQUAL: u8 = 3;
    /// Copies if two values in memory are not equal.
    pub const IF_NOT_EQUAL: u8 = 4;
}

/// `SET_RENDER_ENABLE_C`
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SetRenderEnableC {
    /// [`RenderEnable`].
    #[bits(3)]
    pub mode: u8,
    #[bits(29)]
    __: u32,
}

/// `SET_SRC_PHYS_MODE` and `SET_DST_PHYS_MODE`
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct PhysMode {
    /// [`Target`].
    #[bits(2)]
    pub target: u8,
    /// Kind of the memory.
    #[bits(4)]
    pub basic_kind: u8,
    /// The peer whose memory it is; since [`Class::AmpereA`].
    #[bits(3)]
    pub peer_id: u8,
    /// The address is one of NVLink's fabric; since [`Class::AmpereA`].
    pub fla: bool,
    #[bits(22)]
    __: u32,
}

/// `SET_SRC_PHYS_MODE_TARGET_*`
#[derive(Debug)]
pub struct Target;

impl Target {
    /// The GPU's memory.
    pub const LOCAL_FB: u8 = 0;
    /// The system's memory, coherent with the CPU's caches.
    pub const COHERENT_SYSMEM: u8 = 1;
    /// The system's memory, not coherent.
    pub const NONCOHERENT_SYSMEM: u8 = 2;
    /// A peer's memory; since [`Class::AmpereA`].
    pub const PEERMEM: u8 = 3;
}

/// `SET_REMAP_COMPONENTS`: what an element of the destination is put together from.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct RemapComponents {
    /// [`Component`] that is the first one.
    #[bits(3)]
    pub dst_x: u8,
    __: bool,
    /// [`Component`] that is the second one.
    #[bits(3)]
    pub dst_y: u8,
    __: bool,
    /// [`Component`] that is the third one.
    #[bits(3)]
    pub dst_z: u8,
    __: bool,
    /// [`Component`] that is the fourth one.
    #[bits(3)]
    pub dst_w: u8,
    __: bool,
    /// Bytes of a component, less one.
    #[bits(2)]
    pub component_size: u8,
    #[bits(2)]
    __: u8,
    /// Components of the source's elements, less one.
    #[bits(2)]
    pub num_src_components: u8,
    #[bits(2)]
    __: u8,
    /// Components of the destination's elements, less one.
    #[bits(2)]
    pub num_dst_components: u8,
    #[bits(6)]
    __: u8,
}

/// `SET_REMAP_COMPONENTS_DST_X_*`
#[derive(Debug)]
pub struct Component;

impl Component {
    /// The source's first component; the others follow.
    pub const SRC_X: u8 = 0;
    /// The source's last component.
    pub const SRC_W: u8 = 3;
    /// `SET_REMAP_CONST_A`.
    pub const CONST_A: u8 = 4;
    /// `SET_REMAP_CONST_B`.
    pub const CONST_B: u8 = 5;
    /// What the destination has.
    pub const NO_WRITE: u8 = 6;
}

/// `SET_SRC_BLOCK_SIZE` and `SET_DST_BLOCK_SIZE`: blocks of a block-linear surface, in groups of 64
/// bytes by 8 lines (GOBs).
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct BlockSize {
    /// Binary logarithm of the GOBs beside each other; 0 alone is defined.
    #[bits(4)]
    pub width: u8,
    /// Binary logarithm of the GOBs below each other, up to [`BlockSize::MAX`].
    #[bits(4)]
    pub height: u8,
    /// Binary logarithm of the GOBs behind each other, up to [`BlockSize::MAX`].
    #[bits(4)]
    pub depth: u8,
    /// [`BlockSize::GOB_HEIGHT_FERMI_8`].
    #[bits(4)]
    pub gob_height: u8,
    /// [`KindBpp`]; since [`Class::BlackwellB`].
    #[bits(2)]
    pub kind_bpp: u8,
    #[bits(14)]
    __: u16,
}

impl BlockSize {
    /// 32 GOBs.
    pub const MAX: u8 = 5;

    /// GOBs have 8 lines.
    pub const GOB_HEIGHT_FERMI_8: u8 = 1;
}

/// `SET_SRC_BLOCK_SIZE_KIND_BPP_*`: bits of an element, on which the order of bytes in a GOB depends.
#[derive(Debug)]
pub struct KindBpp;

impl KindBpp {
    /// 32 or more.
    pub const BL_32: u8 = 0;
    /// 8.
    pub const BL_8: u8 = 1;
    /// 16.
    pub const BL_16: u8 = 2;
    /// 24, with a depth.
    pub const BL_24: u8 = 3;
}

/// `SET_SRC_ORIGIN` and `SET_DST_ORIGIN`
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Origin {
    /// In the unit of `LINE_LENGTH_IN`.
    pub x: u16,
    /// Line.
    pub y: u16,
}

#[cfg(test)]
mod tests;
