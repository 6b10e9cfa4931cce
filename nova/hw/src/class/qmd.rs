// SPDX-License-Identifier: GPL-2.0

//! Queue metadata (QMD): what a compute class launches, which is in memory.
//!
//! Source: open-gpu-doc, classes/compute/clc5c0qmd.h (version 2.3), clc6c0qmd.h (3.0), clcbc0qmd.h
//! (4.0) and clcdc0qmd.h (5.0). Mesa (src/nouveau/compiler/nak/qmd.rs) fills Turing's as version
//! 2.2, where what is read here is in the same place.

use super::graphics::{Class, Generation, Kind};

/// Bytes that hold a QMD of any version.
pub const SIZE: usize = 384;

/// How many constant buffers there are.
pub const CONSTANT_BUFFERS: usize = 8;

/// What is to be launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qmd {
    /// Address of the program.
    pub program: u64,
    /// Blocks of threads in each dimension.
    pub grid: [u32; 3],
    /// Threads of a block in each dimension.
    pub block: [u32; 3],
    /// Bytes of shared memory for each block.
    pub shared_memory: u32,
    /// Bytes of local memory for each thread.
    pub local_memory: u32,
    /// The constant buffers that are valid.
    pub constant_buffers: [Option<ConstantBuffer>; CONSTANT_BUFFERS],
}

/// A constant buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantBuffer {
    /// Its address.
    pub address: u64,
    /// Its size in bytes.
    pub size: u32,
}

/// Why a QMD is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The class takes QMDs of another version.
    Version {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    },
    /// Something is asked for that has no definition here.
    Field(&'static str),
}

/// A field: its first bit, and its width.
type Field = (usize, usize);

/// A number whose lower bits are 0 and not stored.
type Shifted = (Field, u32);

/// A number of two fields, the lower one first.
type Halves = (Field, Field, u32);

/// Where a version has its fields.
struct Layout {
    major: u32,
    major_version: Field,
    minor_version: Field,
    program: Halves,
    grid: [Field; 3],
    block: [Field; 3],
    shared_memory: Shifted,
    local_memory: [Shifted; 2],
    /// Of constant buffer 0; that of the next ones is as many bits further.
    constant_valid: (usize, usize),
    /// The same; 64 bits further.
    constant_address: Halves,
    constant_size: Shifted,
    /// What is launched (`QMD_TYPE`), and the values for a grid of blocks, if the version has it.
    grid_type: Option<(Field, &'static [u32])>,
    /// What is to be 0: all else that decides what is executed, when, and what follows it.
    unsupported: &'static [(&'static str, Field)],
}

impl Qmd {
    /// What the QMD in these bytes means for a class.
    pub fn decode(class: Class, bytes: &[u8; SIZE]) -> Result<Self, Refused> {
        let layout = match class.generation() {
            _ if class.kind() != Kind::Compute => return Err(Refused::Field("class")),
            Generation::Turing => &VERSION_2,
            Generation::AmpereA | Generation::AmpereB | Generation::Ada => &VERSION_3,
            Generation::Hopper => &VERSION_4,
            Generation::BlackwellA | Generation::BlackwellB => &VERSION_5,
        };
        let (major, minor) = (
            get(bytes, layout.major_version),
            get(bytes, layout.minor_version),
        );
        if major != layout.major {
            return Err(Refused::Version { major, minor });
        }
        if let Some((field, grids)) = layout.grid_type {
            if !grids.contains(&get(bytes, field)) {
                return Err(Refused::Field("QMD_TYPE"));
            }
        }
        for &(name, field) in layout.unsupported {
            if get(bytes, field) != 0 {
                return Err(Refused::Field(name));
            }
        }
        let [low, high] = layout.local_memory.map(|field| shifted(bytes, field));
        let mut constant_buffers = [None; CONSTANT_BUFFERS];
        for (number, buffer) in constant_buffers.iter_mut().enumerate() {
            *buffer = layout.constant_buffer(bytes, number);
        }
        Ok(Self {
            program: halves(bytes, layout.program, 0),
            grid: layout.grid.map(|field| get(bytes, field)),
            block: layout.block.map(|field| get(bytes, field)),
            shared_memory: shifted(bytes, layout.shared_memory),
            local_memory: low + high,
            constant_buffers,
        })
    }
}

impl Layout {
    fn constant_buffer(&self, bytes: &[u8; SIZE], number: usize) -> Option<ConstantBuffer> {
        let (valid, step) = self.constant_valid;
        let ((first, width), shift) = self.constant_size;
        let is_valid = get(bytes, (valid + number * step, 1)) == 1;
        is_valid.then(|| ConstantBuffer {
            address: halves(bytes, self.constant_address, number * 64),
            size: shifted(bytes, ((first + number * 64, width), shift)),
        })
    }
}

/// A field of up to 32 bits.
fn get(bytes: &[u8; SIZE], (first, width): Field) -> u32 {
    let bits = (first..first + width).rev();
    bits.fold(0, |value, bit| {
        let byte = bytes.get(bit / 8).copied().unwrap_or(0);
        value << 1 | u32::from(byte >> (bit % 8) & 1)
    })
}

fn shifted(bytes: &[u8; SIZE], (field, shift): Shifted) -> u32 {
    get(bytes, field) << shift
}

fn halves(bytes: &[u8; SIZE], (lower, upper, shift): Halves, further: usize) -> u64 {
    let part = |(first, width)| u64::from(get(bytes, (first + further, width)));
    (part(upper) << lower.1 | part(lower)) << shift
}

/// A grid of blocks without clusters (`QMD_TYPE`).
const GRID_CTA: u32 = 2;

const VERSION_2: Layout = Layout {
    major: 2,
    major_version: (580, 4),
    minor_version: (576, 4),
    program: ((1536, 32), (1568, 17), 0),
    grid: [(384, 32), (416, 16), (448, 16)],
    block: [(592, 16), (608, 16), (624, 16)],
    shared_memory: ((544, 18), 0),
    local_memory: [((928, 24), 0), ((960, 24), 0)],
    constant_valid: (640, 1),
    constant_address: ((1024, 32), (1056, 17), 0),
    constant_size: ((1075, 13), 4),
    grid_type: None,
    unsupported: &[
        ("IS_QUEUE", (136, 1)),
        ("SEMAPHORE_RELEASE_ENABLE0", (138, 1)),
        ("SEMAPHORE_RELEASE_ENABLE1", (139, 1)),
        ("DEPENDENT_QMD_SCHEDULE_ENABLE", (141, 1)),
        ("CTA_RASTER_WIDTH_RESUME", (192, 32)),
        ("CTA_RASTER_HEIGHT_RESUME", (224, 16)),
        ("CTA_RASTER_DEPTH_RESUME", (240, 16)),
        ("CWD_REFERENCE_COUNT_INCR_ENABLE", (367, 1)),
        ("CWD_REFERENCE_COUNT_DECR_ENABLE", (371, 1)),
    ],
};

const VERSION_3: Layout = Layout {
    major: 3,
    local_memory: [((736, 24), 0), ((1600, 24), 0)],
    unsupported: &[
        ("IS_QUEUE", (136, 1)),
        ("DEPENDENCE_COUNTER", (142, 16)),
        ("SELF_COPY_ON_COMPLETION", (158, 1)),
        ("CTA_RASTER_WIDTH_RESUME", (192, 32)),
        ("CTA_RASTER_HEIGHT_RESUME", (224, 16)),
        ("CTA_RASTER_DEPTH_RESUME", (240, 16)),
        ("CWD_REFERENCE_COUNT_INCR_ENABLE", (367, 1)),
        ("CWD_REFERENCE_COUNT_DECR_ENABLE", (371, 1)),
        ("DEPENDENT_QMD0_ENABLE", (512, 1)),
        ("DEPENDENT_QMD1_ENABLE", (517, 1)),
        ("RELEASE0_ENABLE", (823, 1)),
        ("RELEASE1_ENABLE", (951, 1)),
        ("RELEASE2_ENABLE", (1719, 1)),
        ("HW_ONLY_DEPENDENCE_COUNTER", (1952, 7)),
    ],
    ..VERSION_2
};

const VERSION_4: Layout = Layout {
    major: 4,
    program: ((1216, 32), (1248, 25), 0),
    grid: [(1024, 32), (1056, 16), (1088, 16)],
    block: [(1152, 16), (1168, 16), (1184, 16)],
    shared_memory: ((584, 18), 0),
    local_memory: [((512, 24), 0), ((544, 24), 0)],
    constant_valid: (416, 4),
    constant_address: ((1536, 32), (1568, 19), 6),
    constant_size: ((1587, 13), 4),
    // Mesa leaves 0, QUEUE.
    grid_type: Some(((23, 3), &[0, GRID_CTA])),
    unsupported: &[
        ("DEPENDENCE_COUNTER", (0, 16)),
        ("ARRIVE_AT_LATCH_VALID", (28, 1)),
        ("WAIT_ON_LATCH_VALID", (29, 1)),
        ("HW_ONLY_DEPENDENCE_COUNTER", (288, 16)),
        ("RELEASE_ENABLE(0)", (320, 1)),
        ("RELEASE_ENABLE(1)", (336, 1)),
        ("RELEASE_ENABLE(2)", (352, 1)),
        ("DEPENDENT_QMD_ENABLE(0)", (368, 1)),
        ("DEPENDENT_QMD_ENABLE(1)", (373, 1)),
        ("SELF_COPY_ON_COMPLETION", (378, 1)),
        ("CWD_REFERENCE_COUNT_INCR_ENABLE", (1134, 1)),
        ("CWD_REFERENCE_COUNT_DECR_ENABLE", (1135, 1)),
        ("GRID_WIDTH_RESUME", (1408, 32)),
        ("GRID_HEIGHT_RESUME", (1440, 16)),
        ("GRID_DEPTH_RESUME", (1456, 16)),
    ],
    ..VERSION_2
};

const VERSION_5: Layout = Layout {
    major: 5,
    major_version: (468, 4),
    minor_version: (464, 4),
    program: ((1024, 32), (1056, 21), 4),
    grid: [(1248, 32), (1280, 16), (1312, 16)],
    block: [(1088, 16), (1104, 16), (1120, 8)],
    shared_memory: ((1152, 11), 7),
    local_memory: [((1184, 16), 4), ((1200, 16), 4)],
    constant_valid: (1856, 4),
    constant_address: ((1344, 32), (1376, 19), 6),
    constant_size: ((1395, 13), 4),
    grid_type: Some(((151, 3), &[GRID_CTA])),
    unsupported: &[
        ("DEPENDENCE_COUNTER", (128, 16)),
        ("NUM_SUB_TASKS_PER_TASK", (154, 4)),
        ("HW_ONLY_DEPENDENCE_COUNTER", (192, 16)),
        ("RESUME_SUB_TASK_ID", (208, 3)),
        ("COMPLETED_SUB_TASK_MASK", (211, 8)),
        ("GRID_WIDTH_RESUME", (224, 32)),
        ("GRID_HEIGHT_RESUME", (256, 16)),
        ("GRID_DEPTH_RESUME", (272, 16)),
        ("RELEASE_ENABLE(0)", (288, 1)),
        ("RELEASE_ENABLE(1)", (304, 1)),
        ("RELEASE_ENABLE(2)", (320, 1)),
        ("DEPENDENT_QMD0_ENABLE", (336, 1)),
        ("SELF_COPY_ON_COMPLETION", (341, 1)),
        ("DEPENDENT_QMD1_ENABLE", (344, 1)),
        ("CWD_REFERENCE_COUNT_INCR_ENABLE", (622, 1)),
        ("CWD_REFERENCE_COUNT_DECR_ENABLE", (623, 1)),
        ("ARRIVE_AT_LATCH_VALID", (730, 1)),
        ("WAIT_ON_LATCH_VALID", (731, 1)),
        ("SHARED_MEM_BARRIER_INIT_ENABLE", (1181, 1)),
    ],
};

#[cfg(test)]
mod tests;
