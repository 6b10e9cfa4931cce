// SPDX-License-Identifier: GPL-2.0

//! Channels: their entries, headers and methods, and the doorbell.
//!
//! A channel has a ring of entries, the GPFIFO, that name segments of its push buffer. A segment
//! consists of headers and of the data that follows them; a header says to which methods the data
//! goes. The host executes the methods below 0x100 itself and sends the others to an engine.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt (`NV_PPBDMA_GP_ENTRY`, `NV_UDMA`)
//! and dev_ram.ref.txt (`NV_FIFO_DMA`, `NV_RAMUSERD`), manuals/turing/tu104/dev_pbdma.ref.txt,
//! classes/host/clc46f.h and clc56f.h; open-gpu-kernel-modules 570,
//! src/common/sdk/nvidia/inc/class/clc86f.h, clc96f.h and clca6f.h.

use bitfield_struct::bitfield;

/// Methods that the host executes, by their byte offset; [`ChannelClass::has_method`] says which
/// class has which.
pub mod method {
    numbers! {
        SET_OBJECT = 0x00,
        ILLEGAL = 0x04,
        NOP = 0x08,
        SEMAPHOREA = 0x10,
        SEMAPHOREB = 0x14,
        SEMAPHOREC = 0x18,
        SEMAPHORED = 0x1c,
        NON_STALL_INTERRUPT = 0x20,
        FB_FLUSH = 0x24,
        MEM_OP_A = 0x28,
        MEM_OP_B = 0x2c,
        MEM_OP_C = 0x30,
        MEM_OP_D = 0x34,
        SET_REFERENCE = 0x50,
        SEM_ADDR_LO = 0x5c,
        SEM_ADDR_HI = 0x60,
        SEM_PAYLOAD_LO = 0x64,
        SEM_PAYLOAD_HI = 0x68,
        SEM_EXECUTE = 0x6c,
        WFI = 0x78,
        CRC_CHECK = 0x7c,
        YIELD = 0x80,
        CLEAR_FAULTED = 0x84,
    }

    /// The methods from here on are those of the engines.
    pub const END: u32 = 0x100;
}

/// Class of a channel (`*_CHANNEL_GPFIFO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum ChannelClass {
    /// `TURING_CHANNEL_GPFIFO_A`.
    TuringA = 0xc46f,
    /// `AMPERE_CHANNEL_GPFIFO_A`; Ada has it, too.
    AmpereA = 0xc56f,
    /// `HOPPER_CHANNEL_GPFIFO_A`.
    HopperA = 0xc86f,
    /// `BLACKWELL_CHANNEL_GPFIFO_A`.
    BlackwellA = 0xc96f,
    /// `BLACKWELL_CHANNEL_GPFIFO_B`.
    BlackwellB = 0xca6f,
}

impl ChannelClass {
    /// All classes.
    pub const ALL: [Self; 5] = [
        Self::TuringA,
        Self::AmpereA,
        Self::HopperA,
        Self::BlackwellA,
        Self::BlackwellB,
    ];

    /// The class with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|&class| class as u32 == number)
    }

    /// The class has this method of the host.
    ///
    /// The headers from Hopper on have few methods. This takes from the others what NVIDIA's and
    /// Linux's drivers send to these chips, and Mesa: it waits for events with the old semaphores on
    /// all of them (src/nouveau/vulkan/nvk_event.c).
    pub const fn has_method(self, method: u32) -> bool {
        match method {
            method::CRC_CHECK => matches!(self, Self::TuringA),
            method::FB_FLUSH => !self.has_wide_addresses(),
            _ => method::name(method).is_some(),
        }
    }

    /// Addresses have 57 bits instead of 40.
    pub const fn has_wide_addresses(self) -> bool {
        !matches!(self, Self::TuringA | Self::AmpereA)
    }

    /// The host writes all of [`userd`], and not only [`userd::GP_GET`].
    ///
    /// Blackwell's headers have no field that the host writes. NVIDIA's driver reads this one on
    /// every chip (open-gpu-kernel-modules 570, mem_utils_gm107.c).
    pub const fn has_full_userd(self) -> bool {
        !matches!(self, Self::BlackwellA | Self::BlackwellB)
    }
}

/// Offsets in USERD, the memory that a channel's driver and the host share (`NV_RAMUSERD_*`).
pub mod userd {
    /// Bytes of USERD, and its alignment.
    pub const SIZE: u64 = 512;
    /// End of the current segment, low half.
    pub const PUT: u64 = 0x40;
    /// Next word to be processed, low half.
    pub const GET: u64 = 0x44;
    /// Data of the last SET_REFERENCE.
    pub const REFERENCE: u64 = 0x48;
    /// End of the current segment, high half.
    pub const PUT_HI: u64 = 0x4c;
    /// [`GET`], except in subroutines.
    pub const TOP_LEVEL_GET: u64 = 0x58;
    /// [`GET_HI`], except in subroutines, and [`TOP_LEVEL_GET_VALID`].
    pub const TOP_LEVEL_GET_HI: u64 = 0x5c;
    /// Next word to be processed, high half.
    pub const GET_HI: u64 = 0x60;
    /// Index of the next entry that the host begins to process.
    pub const GP_GET: u64 = 0x88;
    /// Index of the next entry that the driver writes.
    pub const GP_PUT: u64 = 0x8c;

    /// The segment is not a subroutine: the bit of [`TOP_LEVEL_GET_HI`].
    pub const TOP_LEVEL_GET_VALID: u32 = 1 << 31;
}

/// Bytes of a [`GpEntry`].
pub const GP_ENTRY_SIZE: u64 = 8;

/// The greatest number of entries of a GPFIFO is this power of two.
pub const MAX_LOG2_ENTRIES: u32 = 31;

/// An entry of a GPFIFO (`NV_PPBDMA_GP_ENTRY`).
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct GpEntry {
    /// The segment is skipped while the subdevice mask excludes the channel.
    pub conditional: bool,
    __: bool,
    /// Address of the segment, bits 31:2.
    #[bits(30)]
    pub get: u32,
    /// Address of the segment, bits 39:32; of a control entry, what it does.
    pub get_hi: u8,
    __: bool,
    /// The segment does not show in [`userd::TOP_LEVEL_GET`].
    pub subroutine: bool,
    /// Words of the segment; a control entry has none.
    #[bits(21)]
    pub length: u32,
    /// The segment is not fetched before the one before it has been processed.
    pub sync: bool,
}

impl GpEntry {
    /// Opcode of a control entry that does nothing.
    pub const NOP: u8 = 0;
    /// Opcode that is always an error.
    pub const ILLEGAL: u8 = 1;
    /// Opcode that compares the CRC of the entries since the last comparison.
    pub const GP_CRC: u8 = 2;
    /// Opcode that compares the CRC of the last segment.
    pub const PB_CRC: u8 = 3;
    /// Opcode that sets bits 56:40 of the addresses of segments; from Hopper on.
    pub const SET_PB_SEGMENT_EXTENDED_BASE: u8 = 4;

    /// An entry for a segment at `address`, of which bits 39:2 count, with `length` words.
    pub const fn segment(address: u64, length: u32) -> Self {
        Self::new()
            .with_get((address >> 2) as u32 & 0x3fff_ffff)
            .with_get_hi((address >> 32) as u8)
            .with_length(length)
    }

    /// A control entry.
    pub const fn control(opcode: u8, operand: u32) -> Self {
        Self::from_bits((opcode as u64) << 32 | operand as u64)
    }

    /// The control entry for segments at addresses that share bits 56:40 with `address`.
    pub const fn extended_base(address: u64) -> Self {
        let base = (address >> 40) as u32 & 0x1_ffff;
        Self::control(Self::SET_PB_SEGMENT_EXTENDED_BASE, base << 8)
    }

    /// Address of the segment, without the extended base.
    pub const fn address(self) -> u64 {
        (self.get_hi() as u64) << 32 | (self.get() as u64) << 2
    }

    /// The entry is a control entry.
    pub const fn is_control(self) -> bool {
        self.length() == 0
    }

    /// Operand of a control entry.
    pub const fn operand(self) -> u32 {
        self.into_bits() as u32
    }

    /// Bits 56:40 of addresses that [`Self::SET_PB_SEGMENT_EXTENDED_BASE`] has as its operand.
    pub const fn extended_base_operand(self) -> u64 {
        (self.operand() as u64 >> 8 & 0x1_ffff) << 40
    }
}

/// Header of methods in a push buffer (`NV_FIFO_DMA_*`). All zero does nothing.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Header {
    /// Offset of the first method, in words.
    #[bits(12)]
    pub address: u16,
    __: bool,
    /// Subchannel.
    #[bits(3)]
    pub subchannel: u8,
    /// Words of data; with [`Self::IMMD`] the data.
    #[bits(13)]
    pub count: u16,
    /// What kind of header it is.
    #[bits(3)]
    pub operation: u8,
}

impl Header {
    /// Operation: a [`SubdeviceHeader`].
    pub const SUBDEVICE: u8 = 0;
    /// Operation: the data goes to methods in a row.
    pub const INC: u8 = 1;
    /// Operation: the data goes to one method.
    pub const NON_INC: u8 = 3;
    /// Operation: the header has the data.
    pub const IMMD: u8 = 4;
    /// Operation: the first word goes to a method, all others to the next method.
    pub const ONE_INC: u8 = 5;
    /// Operation: what follows in the segment is ignored.
    pub const END_PB_SEGMENT: u8 = 7;

    /// The subchannel of objects of this class, where subchannels have a fixed class.
    ///
    /// Source: open-gpu-kernel-modules 570, kernel-open/nvidia-uvm/cla06fsubch.h.
    pub const fn subchannel_of(class: u16) -> Option<u8> {
        match class as u8 {
            // 3D, compute, inline to memory, 2D, copy.
            0x97 => Some(0),
            0xc0 => Some(1),
            0x40 => Some(2),
            0x2d => Some(3),
            0xb5 => Some(4),
            _ => None,
        }
    }

    /// Subchannels from here on are software's: their methods stop the channel.
    pub const SOFTWARE_SUBCHANNELS: u8 = 5;

    /// A header for the method at this byte offset.
    pub const fn of(operation: u8, subchannel: u8, method: u32, count: u16) -> Self {
        Self::new()
            .with_operation(operation)
            .with_subchannel(subchannel)
            .with_address((method >> 2) as u16 & 0xfff)
            .with_count(count)
    }
}

/// A header that restricts what follows to some of the GPUs that share the push buffer.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SubdeviceHeader {
    #[bits(4)]
    __: u8,
    /// A bit per GPU.
    #[bits(12)]
    pub mask: u16,
    /// What is done with the mask.
    pub opcode: u16,
}

impl SubdeviceHeader {
    /// Opcode: use this mask.
    pub const SET: u16 = 1;
    /// Opcode: store this mask.
    pub const STORE: u16 = 2;
    /// Opcode: use the stored mask.
    pub const USE: u16 = 3;
}

/// Data of SEM_EXECUTE.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SemExecute {
    /// What is done with the semaphore.
    #[bits(3)]
    pub operation: u8,
    #[bits(9)]
    __: u16,
    /// While an acquire fails, other channel groups may run.
    pub acquire_switch_tsg: bool,
    #[bits(7)]
    __: u8,
    /// A release waits until the engine is idle.
    pub release_wfi: bool,
    #[bits(3)]
    __: u8,
    /// The payload has 64 bits.
    pub is_64bit: bool,
    /// A release writes the time, too.
    pub release_timestamp: bool,
    __: bool,
    /// What a reduction does.
    #[bits(4)]
    pub reduction: u8,
    /// A reduction takes the values as unsigned.
    pub is_unsigned: bool,
}

impl SemExecute {
    /// Operation: wait until the semaphore equals the payload.
    pub const ACQUIRE: u8 = 0;
    /// Operation: write the payload.
    pub const RELEASE: u8 = 1;
    /// Operation: wait until the semaphore is at least the payload, both unsigned.
    pub const ACQ_STRICT_GEQ: u8 = 2;
    /// Operation: wait until the semaphore is less than half of all values past the payload.
    pub const ACQ_CIRC_GEQ: u8 = 3;
    /// Operation: wait until semaphore and payload have a bit in common.
    pub const ACQ_AND: u8 = 4;
    /// Operation: wait until neither semaphore nor payload has some bit.
    pub const ACQ_NOR: u8 = 5;
    /// Operation: compute the semaphore from its value and the payload.
    pub const REDUCTION: u8 = 6;
}

/// Data of SEMAPHORED. Its reductions are those of [`reduction`].
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct SemaphoreD {
    /// What is done with the semaphore.
    #[bits(5)]
    pub operation: u8,
    #[bits(7)]
    __: u8,
    /// While an acquire fails, other channel groups may run.
    pub acquire_switch: bool,
    #[bits(7)]
    __: u8,
    /// A release does not wait until the engine is idle.
    pub release_wfi_disable: bool,
    #[bits(3)]
    __: u8,
    /// A release writes 4 bytes instead of 16 with the time.
    pub release_4byte: bool,
    #[bits(2)]
    __: u8,
    /// What a reduction does.
    #[bits(4)]
    pub reduction: u8,
    /// A reduction takes the values as unsigned.
    pub is_unsigned: bool,
}

impl SemaphoreD {
    /// Operation: wait until the semaphore equals the payload.
    pub const ACQUIRE: u8 = 1;
    /// Operation: write the payload.
    pub const RELEASE: u8 = 2;
    /// Operation: wait until the semaphore has reached the payload.
    pub const ACQ_GEQ: u8 = 4;
    /// Operation: wait until semaphore and payload have a bit in common.
    pub const ACQ_AND: u8 = 8;
    /// Operation: compute the semaphore from its value and the payload.
    pub const REDUCTION: u8 = 16;
}

/// What a reduction of a semaphore does (`*_REDUCTION_*`).
pub mod reduction {
    /// Minimum.
    pub const MIN: u8 = 0;
    /// Maximum.
    pub const MAX: u8 = 1;
    /// Exclusive or.
    pub const XOR: u8 = 2;
    /// And.
    pub const AND: u8 = 3;
    /// Or.
    pub const OR: u8 = 4;
    /// Sum.
    pub const ADD: u8 = 5;
    /// Increment up to the payload, then start at zero.
    pub const INC: u8 = 6;
    /// Decrement down to zero, then start at the payload.
    pub const DEC: u8 = 7;
}

/// Data of MEM_OP_A, for operations on TLBs.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MemOpA {
    #[bits(11)]
    __: u16,
    /// A barrier for system memory follows.
    pub sysmembar: bool,
    /// Address of the page, bits 31:12.
    #[bits(20)]
    pub target_addr_lo: u32,
}

/// Data of MEM_OP_C, for operations on TLBs.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MemOpC {
    /// All address spaces instead of one.
    pub pdb_all: bool,
    /// Only the hub's TLBs.
    pub gpc_disable: bool,
    /// What is done with faults that wait to be replayed.
    #[bits(3)]
    pub replay: u8,
    /// What is waited for.
    #[bits(2)]
    pub ack_type: u8,
    /// Levels of the page tables: 1 is the last, and 0 is for all.
    #[bits(3)]
    pub page_table_level: u8,
    /// Where the page directory is: 0 in the frame buffer, 2 and 3 in system memory.
    #[bits(2)]
    pub pdb_aperture: u8,
    /// Address of the page directory, bits 31:12.
    #[bits(20)]
    pub pdb_addr_lo: u32,
}

/// Data of MEM_OP_D, which starts the operation.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MemOpD {
    /// Address of the page directory, bits 58:32.
    #[bits(27)]
    pub pdb_addr_hi: u32,
    /// The operation.
    #[bits(5)]
    pub operation: u8,
}

impl MemOpD {
    /// Operation: a barrier.
    pub const MEMBAR: u8 = 0x5;
    /// Operation: invalidate TLBs. Privileged.
    pub const MMU_TLB_INVALIDATE: u8 = 0x9;
    /// Operation: invalidate one page in TLBs. Privileged.
    pub const MMU_TLB_INVALIDATE_TARGETED: u8 = 0xa;
    /// Operation: other requests to the MMU; from Hopper on.
    pub const MMU_OPERATION: u8 = 0xb;
    /// Operation: invalidate what the L2 cache has of peers' memory.
    pub const L2_PEERMEM_INVALIDATE: u8 = 0xd;
    /// Operation: invalidate what the L2 cache has of system memory.
    pub const L2_SYSMEM_INVALIDATE: u8 = 0xe;
    /// Operation: clean the cache of compression tags.
    pub const L2_CLEAN_COMPTAGS: u8 = 0xf;
    /// Operation: write back the L2 cache.
    pub const L2_FLUSH_DIRTY: u8 = 0x10;
    /// Operation: wait until reads of system memory are past later writes.
    pub const L2_WAIT_FOR_SYS_PENDING_READS: u8 = 0x15;
    /// Operation: clear access counters. Privileged.
    pub const ACCESS_COUNTER_CLR: u8 = 0x16;
}

/// What YIELD gives up, in bits 1:0 of its data.
pub mod yield_op {
    /// Nothing.
    pub const NOP: u32 = 0;
    /// Nothing; from Ampere on.
    pub const NOP1: u32 = 1;
    /// The time of the channel group.
    pub const RUNLIST_TIMESLICE: u32 = 2;
    /// The turn in the channel group.
    pub const TSG: u32 = 3;
}

/// What is written to the doorbell, NV_VIRTUAL_FUNCTION_DOORBELL.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_usermode.ref.txt
/// (`NV_USERMODE_NOTIFY_CHANNEL_PENDING`); open-gpu-kernel-modules 570,
/// src/common/inc/swref/published/turing/tu102/dev_ctrl.h, blackwell/gb100/dev_vm.h and
/// blackwell/gb202/dev_vm.h.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct WorkSubmitToken {
    /// The channel.
    #[bits(12)]
    pub channel: u16,
    #[bits(4)]
    __: u8,
    /// The runlist that has the channel.
    #[bits(7)]
    pub runlist: u8,
    #[bits(7)]
    __: u8,
    /// The token is for a channel: set on GB20x, zero on other chips.
    pub runlist_doorbell: bool,
    __: bool,
}

impl WorkSubmitToken {
    /// The token without its reserved bits, which must be zero.
    pub const fn without_reserved(self) -> Self {
        Self::new()
            .with_channel(self.channel())
            .with_runlist(self.runlist())
            .with_runlist_doorbell(self.runlist_doorbell())
    }
}

/// Why GSP-RM has stopped a channel (`ROBUST_CHANNEL_*`), also known as Xid.
///
/// Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/nverror.h.
pub mod exception {
    /// Exception of the graphics engine.
    pub const GR_EXCEPTION: u32 = 13;
    /// An access failed.
    pub const FIFO_ERROR_MMU_ERR_FLT: u32 = 31;
    /// The host has found an error.
    pub const PBDMA_ERROR: u32 = 32;
    /// The channel was stopped by a request.
    pub const RESETCHANNEL_VERIF_ERROR: u32 = 43;
    /// Context switch of the graphics engine failed.
    pub const GR_FAULT_DURING_CTXSW: u32 = 44;
    /// The channel was removed while it was in use.
    pub const PREEMPTIVE_REMOVAL: u32 = 45;
    /// Memory has an uncorrectable error.
    pub const GPU_ECC_DBE: u32 = 48;
    /// Error of the graphics engine's class.
    pub const GR_CLASS_ERROR: u32 = 69;
    /// A push buffer differs from its CRC.
    pub const PBDMA_PUSHBUFFER_CRC_MISMATCH: u32 = 80;
    /// Memory has an uncorrectable error, whose effects stay where they are.
    pub const CONTAINED_ERROR: u32 = 94;
    /// Memory has an uncorrectable error, whose effects may be anywhere.
    pub const UNCONTAINED_ERROR: u32 = 95;
    /// An engine was not given to the next channel in time. nverror.h has no name for it; NVIDIA's
    /// list of Xids does (docs.nvidia.com/deploy/xid-errors).
    pub const CTXSW_TIMEOUT_ERROR: u32 = 109;

    /// Error of a copy engine; there are 20.
    pub const fn copy_engine(number: u32) -> u32 {
        match number {
            0..=2 => 39 + number,
            3..=5 => 70 + (number - 3),
            6..=8 => 75 + (number - 6),
            9 => 85,
            _ => 126 + (number - 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_fields_of_the_manual() {
        let entry = GpEntry::segment(0xab_1234_5678, 3).with_sync(true);
        assert_eq!(u64::from(entry), 0x8000_0cab_1234_5678);
        assert_eq!(entry.address(), 0xab_1234_5678);
        let entry = entry.with_subroutine(true).with_conditional(true);
        assert_eq!(u64::from(entry), 0x8000_0eab_1234_5679);
        assert!(!entry.is_control());
        let entry = GpEntry::extended_base(0xfdab_cdef_0123_4567);
        assert_eq!(u64::from(entry), 0x4_01ab_cd00);
        assert_eq!(entry.extended_base_operand(), 0x1ab_cd00_0000_0000);
        assert!(entry.is_control());
    }

    #[test]
    fn headers_have_the_fields_of_the_manual() {
        let header = Header::of(Header::INC, 4, method::SEM_EXECUTE, 1);
        assert_eq!(u32::from(header), 0x2001_801b);
        let header = Header::of(Header::IMMD, 0, 0x300, 0x386);
        assert_eq!(u32::from(header), 0x8386_00c0);
        let subchannels = [0xc597, 0xc7c0, 0xa140, 0x902d, 0xcab5, 0xc56f];
        let subchannels = subchannels.map(Header::subchannel_of);
        assert_eq!(
            subchannels,
            [Some(0), Some(1), Some(2), Some(3), Some(4), None]
        );
        let mask = SubdeviceHeader::new().with_mask(0xfff).with_opcode(1);
        assert_eq!(u32::from(mask), 0x1_fff0);
    }

    #[test]
    fn semaphores_have_the_fields_of_the_headers() {
        let execute = SemExecute::from(0xb310_1006);
        assert_eq!(execute.operation(), SemExecute::REDUCTION);
        assert!(execute.acquire_switch_tsg() && execute.release_wfi());
        assert!(execute.is_64bit() && execute.release_timestamp() && execute.is_unsigned());
        assert_eq!(execute.reduction(), reduction::INC);
        let old = SemaphoreD::from(0xa910_1010);
        assert_eq!(old.operation(), SemaphoreD::REDUCTION);
        assert!(old.acquire_switch() && old.release_wfi_disable());
        assert!(old.release_4byte() && old.is_unsigned());
        assert_eq!(old.reduction(), reduction::ADD);
    }

    #[test]
    fn memory_operations_have_the_fields_of_the_headers() {
        let c = MemOpC::from(0xabcd_ec01);
        assert!(c.pdb_all() && !c.gpc_disable());
        assert_eq!((c.pdb_aperture(), c.pdb_addr_lo()), (3, 0xa_bcde));
        let d = MemOpD::from(0x2800_0001);
        assert_eq!((d.operation(), d.pdb_addr_hi()), (MemOpD::MEMBAR, 1));
        let a = MemOpA::from(0x1234_5800);
        assert!(a.sysmembar());
        assert_eq!(a.target_addr_lo(), 0x1_2345);
    }

    #[test]
    fn tokens_have_the_fields_of_the_doorbell() {
        let token = WorkSubmitToken::from(0x4013_0abc);
        assert_eq!((token.channel(), token.runlist()), (0xabc, 0x13));
        assert!(token.runlist_doorbell());
        assert_eq!(token.without_reserved(), token);
        let reserved = WorkSubmitToken::from(0xbf80_f000);
        assert_eq!(u32::from(reserved.without_reserved()), 0);
    }

    #[test]
    fn classes_have_their_methods() {
        use ChannelClass::*;
        assert_eq!(ChannelClass::from_number(0xc86f), Some(HopperA));
        assert_eq!(ChannelClass::from_number(0xc06f), None);
        let having = |method| ChannelClass::ALL.map(|class| class.has_method(method));
        assert_eq!(having(method::SEM_EXECUTE), [true; 5]);
        assert_eq!(having(method::END), [false; 5]);
        assert_eq!(having(0x38), [false; 5]);
        assert_eq!(having(method::SEMAPHORED), [true; 5]);
        assert_eq!(having(method::FB_FLUSH), [true, true, false, false, false]);
        assert_eq!(
            having(method::CRC_CHECK),
            [true, false, false, false, false]
        );
        let full = ChannelClass::ALL.map(ChannelClass::has_full_userd);
        assert_eq!(full, [true, true, true, false, false]);
        assert_eq!(method::name(0x6c), Some("SEM_EXECUTE"));
    }

    #[test]
    fn copy_engines_have_their_exceptions() {
        let numbers = [0, 2, 3, 5, 6, 8, 9, 10, 19].map(exception::copy_engine);
        assert_eq!(numbers, [39, 41, 70, 72, 75, 77, 85, 126, 135]);
    }
}
