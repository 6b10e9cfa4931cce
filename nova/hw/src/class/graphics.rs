// SPDX-License-Identifier: GPL-2.0

//! Classes of the graphics engine, from Turing on: 3D, compute, 2D and inline data to memory.
//!
//! Source: open-gpu-doc, classes/3d/clc597.h to clce97.h, classes/compute/clc5c0.h to clcec0.h,
//! classes/twod/cl902d.h and classes/inline-to-memory/cla140.h. open-gpu-kernel-modules has most of
//! them in src/common/sdk/nvidia/inc/class, but the 3D classes with fewer methods. No header lists
//! the methods of `BLACKWELL_INLINE_TO_MEMORY_A`: here it has those of the class before, less those
//! that the other Blackwell classes have lost.

use core::ops::RangeInclusive;

mod methods;
pub mod mme;

pub use methods::{effect, has_method, launch, method_name, offset, Effect};

/// What objects of a class are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Draws.
    ThreeD,
    /// Executes programs.
    Compute,
    /// Draws in two dimensions.
    TwoD,
    /// Writes data of methods to memory.
    InlineToMemory,
}

/// The oldest GPUs with a class, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// TU1xx. Classes that are older count as Turing's.
    Turing,
    /// GA100.
    AmpereA,
    /// GA10x.
    AmpereB,
    /// AD10x.
    Ada,
    /// GH100.
    Hopper,
    /// GB10x.
    BlackwellA,
    /// GB20x.
    BlackwellB,
}

/// Declares the classes.
macro_rules! classes {
    ($($name:ident = $number:literal, $nvidia:literal, $kind:ident, $generation:ident;)*) => {
        /// A class.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Class {
            $(#[doc = concat!("`", $nvidia, "`")] $name = $number,)*
        }

        impl Class {
            /// All classes.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// NVIDIA's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $nvidia,)*
                }
            }

            /// What it is for.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$name => Kind::$kind,)*
                }
            }

            /// The oldest GPUs that have it.
            pub const fn generation(self) -> Generation {
                match self {
                    $(Self::$name => Generation::$generation,)*
                }
            }
        }
    };
}

classes! {
    TuringA = 0xc597, "TURING_A", ThreeD, Turing;
    AmpereA = 0xc697, "AMPERE_A", ThreeD, AmpereA;
    AmpereB = 0xc797, "AMPERE_B", ThreeD, AmpereB;
    AdaA = 0xc997, "ADA_A", ThreeD, Ada;
    HopperA = 0xcb97, "HOPPER_A", ThreeD, Hopper;
    BlackwellA = 0xcd97, "BLACKWELL_A", ThreeD, BlackwellA;
    BlackwellB = 0xce97, "BLACKWELL_B", ThreeD, BlackwellB;
    TuringComputeA = 0xc5c0, "TURING_COMPUTE_A", Compute, Turing;
    AmpereComputeA = 0xc6c0, "AMPERE_COMPUTE_A", Compute, AmpereA;
    AmpereComputeB = 0xc7c0, "AMPERE_COMPUTE_B", Compute, AmpereB;
    AdaComputeA = 0xc9c0, "ADA_COMPUTE_A", Compute, Ada;
    HopperComputeA = 0xcbc0, "HOPPER_COMPUTE_A", Compute, Hopper;
    BlackwellComputeA = 0xcdc0, "BLACKWELL_COMPUTE_A", Compute, BlackwellA;
    BlackwellComputeB = 0xcec0, "BLACKWELL_COMPUTE_B", Compute, BlackwellB;
    FermiTwodA = 0x902d, "FERMI_TWOD_A", TwoD, Turing;
    KeplerInlineToMemoryB = 0xa140, "KEPLER_INLINE_TO_MEMORY_B", InlineToMemory, Turing;
    BlackwellInlineToMemoryA = 0xcd40, "BLACKWELL_INLINE_TO_MEMORY_A", InlineToMemory, BlackwellA;
}

impl Class {
    /// The class with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let mut classes = Self::ALL.iter().copied();
        classes.find(|class| class.number() == number)
    }

    /// The class's number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Bits of an address in `SET_REPORT_SEMAPHORE_A`, `SET_REPORT_SEMAPHORE_ADDRESS_UPPER` and
    /// `SET_I2M_SEMAPHORE_A`.
    pub fn semaphore_upper_mask(self) -> u32 {
        match self.has_wide_addresses() {
            true => 0x1ff_ffff,
            false => 0xff,
        }
    }

    /// Bits of an address in `OFFSET_OUT_UPPER`.
    pub fn offset_out_upper_mask(self) -> u32 {
        match self.kind() {
            _ if self.has_wide_addresses() => 0x1ff_ffff,
            Kind::Compute => 0x1_ffff,
            _ => 0xff,
        }
    }

    fn has_wide_addresses(self) -> bool {
        self.kind() == Kind::InlineToMemory || self.generation() >= Generation::Hopper
    }
}

/// `LAUNCH_DMA`: begins to write `LINE_COUNT` lines of `LINE_LENGTH_IN` bytes, which
/// `LOAD_INLINE_DATA` brings.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct LaunchDma {
    /// The destination's lines are a pitch apart; else it is block-linear.
    pub dst_is_pitch: bool,
    /// The semaphore is not written, but reduced with the payload.
    pub reduction_enable: bool,
    /// [`ReductionFormat`].
    #[bits(2)]
    pub reduction_format: u8,
    /// [`CompletionType`].
    #[bits(2)]
    pub completion_type: u8,
    /// What has been written need not be visible to the system before the semaphore is.
    pub sysmembar_disable: bool,
    __: bool,
    /// 1: interrupts; 0: does not.
    #[bits(2)]
    pub interrupt_type: u8,
    #[bits(2)]
    __: u8,
    /// The semaphore has the payload alone; else also the time.
    pub semaphore_is_one_word: bool,
    /// [`ReductionOp`].
    #[bits(3)]
    pub reduction_op: u8,
    __: u16,
}

impl LaunchDma {
    /// The bits that are defined.
    pub const DEFINED: u32 = 0xf37f;
}

/// `LAUNCH_DMA_COMPLETION_TYPE_*`
#[derive(Debug)]
pub struct CompletionType;

impl CompletionType {
    /// Nothing.
    pub const FLUSH_DISABLE: u8 = 0;
    /// What has been written becomes visible.
    pub const FLUSH_ONLY: u8 = 1;
    /// And then a semaphore is released.
    pub const RELEASE_SEMAPHORE: u8 = 2;
}

/// `SET_DST_BLOCK_SIZE`: blocks of a block-linear destination, in groups of 64 bytes by 8 lines
/// (GOBs).
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
    #[bits(20)]
    __: u32,
}

impl BlockSize {
    /// 32 GOBs.
    pub const MAX: u8 = 5;
}

/// `SEND_SIGNALING_PCAS_B`: launches the QMD that `SEND_PCAS_A` has named.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SignalingPcasB {
    /// What is known of the QMD does not count any more.
    pub invalidate: bool,
    /// It is launched.
    pub schedule: bool,
    #[bits(30)]
    __: u32,
}

impl SignalingPcasB {
    /// The bits that are defined.
    pub const DEFINED: u32 = 0x3;
}

/// `SEND_SIGNALING_PCAS2_B`: does something with the QMD that `SEND_PCAS_A` has named.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SignalingPcas2B {
    /// [`PcasAction`].
    #[bits(4)]
    pub action: u8,
    #[bits(28)]
    __: u32,
}

/// `SEND_SIGNALING_PCAS2_B_PCAS_ACTION_*`
#[derive(Debug)]
pub struct PcasAction;

impl PcasAction {
    /// Nothing.
    pub const NOP: u8 = 0x0;
    /// What is known of the QMD does not count any more.
    pub const INVALIDATE: u8 = 0x1;
    /// Launches it.
    pub const SCHEDULE: u8 = 0x2;
    /// Both.
    pub const INVALIDATE_COPY_SCHEDULE: u8 = 0x3;
    /// Reads the program.
    pub const PREFETCH: u8 = 0x8;
    /// Reads the program and launches it.
    pub const PREFETCH_SCHEDULE: u8 = 0x9;
    /// All of that.
    pub const INVALIDATE_PREFETCH_COPY_SCHEDULE: u8 = 0xa;
}

/// `SET_REPORT_SEMAPHORE_D` of 3D classes.
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ReportSemaphoreD {
    /// [`SemaphoreOperation`].
    #[bits(2)]
    pub operation: u8,
    /// What has been written need not be visible before the semaphore is.
    pub flush_disable: bool,
    /// The semaphore is not written, but reduced with the payload.
    pub reduction_enable: bool,
    /// A release comes after all writes, not only all reads, have completed.
    pub release_after_writes: bool,
    /// The stream that a report is about.
    #[bits(3)]
    pub sub_report: u8,
    /// An acquire holds back reads, not only writes.
    pub acquire_before_reads: bool,
    /// [`ReductionOp`].
    #[bits(3)]
    pub reduction_op: u8,
    /// The stage at which all this happens.
    #[bits(4)]
    pub pipeline_location: u8,
    /// An acquire waits for a value that is not less; else for an equal one.
    pub comparison_is_ge: bool,
    /// [`ReductionFormat`].
    #[bits(2)]
    pub reduction_format: u8,
    /// Traps if a condition holds.
    pub conditional_trap: bool,
    /// Interrupts.
    pub awaken_enable: bool,
    /// The word of a report that has two which a semaphore of one word gets.
    pub report_dword_number: bool,
    __: bool,
    /// [`Report`].
    #[bits(5)]
    pub report: u8,
    /// Has the payload alone; else also a report and the time.
    pub is_one_word: bool,
    #[bits(3)]
    __: u8,
}

impl ReportSemaphoreD {
    /// The bits that are defined.
    pub const DEFINED: u32 = 0x1fbf_ffff;

    /// The bits that are defined in compute classes, where they have the same meaning.
    pub const DEFINED_COMPUTE: u32 = 0x101e_0e0f;
}

/// `REPORT_SEMAPHORE_EXECUTE` of 3D classes, since [`Generation::AmpereB`].
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ReportSemaphoreExecute {
    /// [`SemaphoreOperation`].
    #[bits(2)]
    pub operation: u8,
    /// The stage at which all this happens.
    #[bits(4)]
    pub pipeline_location: u8,
    /// Interrupts.
    pub awaken_enable: bool,
    /// [`Report`].
    #[bits(5)]
    pub report: u8,
    __: bool,
    /// [`StructureSize`].
    #[bits(2)]
    pub structure_size: u8,
    /// The stream that a report is about.
    #[bits(3)]
    pub sub_report: u8,
    /// What has been drawn need not be visible before the semaphore is.
    pub rop_flush_disable: bool,
    /// What has been written need not be visible before the semaphore is.
    pub flush_disable: bool,
    /// The semaphore is not written, but reduced with the payload.
    pub reduction_enable: bool,
    /// [`ReductionOp`].
    #[bits(3)]
    pub reduction_op: u8,
    /// [`ReductionFormat`].
    #[bits(2)]
    pub reduction_format: u8,
    __: bool,
    /// The payload has 64 bits.
    pub payload_is_64_bits: bool,
    /// 0: does not trap.
    #[bits(2)]
    pub trap_type: u8,
    #[bits(2)]
    __: u8,
}

impl ReportSemaphoreExecute {
    /// The bits that are defined.
    pub const DEFINED: u32 = 0x3bff_efff;
}

/// `REPORT_SEMAPHORE_EXECUTE` of compute classes, since [`Generation::AmpereB`].
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct ComputeReportSemaphoreExecute {
    /// [`SemaphoreOperation`].
    #[bits(2)]
    pub operation: u8,
    /// Interrupts.
    pub awaken_enable: bool,
    /// [`StructureSize`].
    #[bits(2)]
    pub structure_size: u8,
    /// What has been written need not be visible before the semaphore is.
    pub flush_disable: bool,
    /// The semaphore is not written, but reduced with the payload.
    pub reduction_enable: bool,
    /// [`ReductionOp`].
    #[bits(3)]
    pub reduction_op: u8,
    /// [`ReductionFormat`].
    #[bits(2)]
    pub reduction_format: u8,
    /// The payload has 64 bits.
    pub payload_is_64_bits: bool,
    /// 0: does not trap.
    #[bits(2)]
    pub trap_type: u8,
    #[bits(17)]
    __: u32,
}

impl ComputeReportSemaphoreExecute {
    /// The bits that are defined.
    pub const DEFINED: u32 = 0x7fff;
}

/// `SET_REPORT_SEMAPHORE_D_OPERATION_*`
#[derive(Debug)]
pub struct SemaphoreOperation;

impl SemaphoreOperation {
    /// Writes the semaphore.
    pub const RELEASE: u8 = 0;
    /// Waits for the semaphore.
    pub const ACQUIRE: u8 = 1;
    /// Writes a report.
    pub const REPORT_ONLY: u8 = 2;
    /// Traps.
    pub const TRAP: u8 = 3;
}

/// `REPORT_SEMAPHORE_EXECUTE_STRUCTURE_SIZE_*`
#[derive(Debug)]
pub struct StructureSize;

impl StructureSize {
    /// The payload, and the time.
    pub const FOUR_WORDS: u8 = 0;
    /// A payload of 32 bits.
    pub const ONE_WORD: u8 = 1;
    /// A payload of 64 bits.
    pub const TWO_WORDS: u8 = 2;
}

/// `*_REDUCTION_OP_*`
#[derive(Debug)]
pub struct ReductionOp;

impl ReductionOp {
    /// The sum.
    pub const ADD: u8 = 0;
    /// The lesser one.
    pub const MIN: u8 = 1;
    /// The greater one.
    pub const MAX: u8 = 2;
    /// One more, or 0 if that is more than the payload.
    pub const INC: u8 = 3;
    /// One less, or the payload if it was 0 or is more than the payload.
    pub const DEC: u8 = 4;
    /// And.
    pub const AND: u8 = 5;
    /// Or.
    pub const OR: u8 = 6;
    /// Exclusive or.
    pub const XOR: u8 = 7;
}

/// `*_REDUCTION_FORMAT_*`
#[derive(Debug)]
pub struct ReductionFormat;

impl ReductionFormat {
    /// Operands without a sign.
    pub const UNSIGNED: u8 = 0;
    /// Operands with a sign.
    pub const SIGNED: u8 = 1;
}

/// `SET_REPORT_SEMAPHORE_D_REPORT_*`
#[derive(Debug)]
pub struct Report;

impl Report {
    /// None.
    pub const NONE: u8 = 0x00;
    /// Samples that have passed the depth test; 32 bits.
    pub const ZPASS_PIXEL_CNT: u8 = 0x02;
    /// The time; since [`Generation::AmpereB`].
    pub const TIMESTAMP: u8 = 0x14;

    /// Whether a report is a counter of 64 bits, of what has been drawn.
    ///
    /// Source for their size: Mesa, src/gallium/drivers/nouveau/nvc0/nvc0_query_hw.c and
    /// src/nouveau/vulkan/nvk_query_pool.c.
    pub const fn is_counter(report: u8) -> bool {
        matches!(
            report,
            // DA_VERTICES_GENERATED, DA_PRIMITIVES_GENERATED, VS_INVOCATIONS
            0x01 | 0x03 | 0x05
            // STREAMING_PRIMITIVES_NEEDED_MINUS_SUCCEEDED, GS_INVOCATIONS, GS_PRIMITIVES_GENERATED
            | 0x06 | 0x07 | 0x09
            // STREAMING_PRIMITIVES_SUCCEEDED, STREAMING_PRIMITIVES_NEEDED, CLIPPER_INVOCATIONS
            | 0x0b | 0x0d | 0x0f
            // CLIPPER_PRIMITIVES_GENERATED, VTG_PRIMITIVES_OUT, PS_INVOCATIONS, ZPASS_PIXEL_CNT64
            | 0x11
                ..=0x13 | 0x15
            // TI_INVOCATIONS, TS_INVOCATIONS
            | 0x1b | 0x1d
            // TOTAL_STREAMING_PRIMITIVES_NEEDED_MINUS_SUCCEEDED, TS_PRIMITIVES_GENERATED
            | 0x1e | 0x1f
        )
    }

    /// Whether the headers have a report.
    pub fn is_defined(generation: Generation, report: u8) -> bool {
        match report {
            0x16 | 0x20.. => false,
            Self::TIMESTAMP => generation >= Generation::AmpereB,
            _ => true,
        }
    }
}

/// `SET_RENDER_ENABLE_C_MODE_*`
#[derive(Debug)]
pub struct RenderEnable;

impl RenderEnable {
    /// Draws.
    pub const TRUE: u8 = 1;
}

/// `SET_RENDER_ENABLE_C` and `SET_GLOBAL_RENDER_ENABLE_C`
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SetRenderEnableC {
    /// [`RenderEnable`].
    #[bits(3)]
    pub mode: u8,
    #[bits(29)]
    __: u32,
}

/// `SET_MME_SHADOW_RAM_CONTROL`
#[bitfield_struct::bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MmeShadowRamControl {
    /// [`MmeShadowRamControl::METHOD_REPLAY`], or how methods are recorded.
    #[bits(2)]
    pub mode: u8,
    #[bits(30)]
    __: u32,
}

impl MmeShadowRamControl {
    /// Methods are not recorded.
    pub const METHOD_PASSTHROUGH: u8 = 2;
    /// Methods do not take their data, but what has been recorded.
    pub const METHOD_REPLAY: u8 = 3;
}

/// Methods beside each other, which the same classes have.
struct Methods {
    /// The first and the last offset.
    offsets: RangeInclusive<u16>,
    /// How often there are such methods, this far apart.
    times: u16,
    by: u16,
    since: Generation,
    until: Generation,
}

#[cfg(test)]
mod tests;
