// SPDX-License-Identifier: GPL-2.0

//! A grid of blocks that is launched.

use nova_hw::class::graphics::{Class, Generation};
use nova_hw::class::qmd::{self, Qmd};

use super::super::engine::{Context, Exception, Progress};
use super::super::memory::Address;
use super::block::Block;
use super::constants::Constants;
use super::program::Program;
use super::shared::Shared;

/// Threads that a block may have (CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability").
const MAX_THREADS: u64 = 1024;

/// Bytes of shared memory that a block may have (as above: 227 KiB, and 1 KiB for the system).
const MAX_SHARED_MEMORY: u32 = 228 << 10;

/// Bytes of local memory that a thread may have (as above).
const MAX_LOCAL_MEMORY: u32 = 512 << 10;

/// A launch that has not completed.
#[derive(Debug)]
pub(crate) struct Launch {
    qmd: Qmd,
    shared: Shared,
    /// The block that runs, or is to run next.
    index: [u32; 3],
    block: Option<Block>,
}

/// Why there is nothing to launch.
#[derive(Debug)]
pub(crate) enum Invalid {
    /// The QMD cannot be read.
    Exception(Exception),
    /// The QMD has a version that the class does not take, or asks for what hardware does not have.
    Value(String),
    /// The QMD asks for what is not modelled.
    NotModelled(String),
}

impl Launch {
    /// Reads and examines the QMD at an address.
    pub(crate) fn new(class: Class, context: &mut Context<'_>, at: u64) -> Result<Self, Invalid> {
        let mut bytes = [0; qmd::SIZE];
        let size = match class.generation() < Generation::Hopper {
            true => 256,
            false => qmd::SIZE,
        };
        context
            .memory
            .read(Address::Virtual(at), &mut bytes[..size])
            .map_err(|fault| Invalid::Exception(fault.into()))?;
        let qmd = Qmd::decode(class, &bytes).map_err(|refused| match refused {
            qmd::Refused::Version { major, minor } => {
                Invalid::Value(format!("a QMD of version {major}.{minor}"))
            }
            qmd::Refused::Field(name) => Invalid::NotModelled(format!("a QMD with {name}")),
        })?;
        check(&qmd)?;
        Ok(Self {
            shared: Shared {
                program: Program::new(class.generation(), qmd.program),
                constants: Constants::new(qmd.constant_buffers),
            },
            qmd,
            index: [0; 3],
            block: None,
        })
    }

    /// Threads of the whole grid.
    pub(crate) fn threads(&self) -> u64 {
        let sizes = self.qmd.grid.into_iter().chain(self.qmd.block);
        sizes.fold(1, |threads, size| threads.saturating_mul(size.into()))
    }

    /// The address of the program.
    pub(crate) fn program(&self) -> u64 {
        self.qmd.program
    }

    /// Executes until the grid has completed or the budget is used up.
    pub(crate) fn run(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        if self.threads() == 0 {
            return Ok(Progress::Done);
        }
        loop {
            let block = match &mut self.block {
                Some(block) => block,
                none => {
                    let Some(left) = context.budget.checked_sub(1) else {
                        return Ok(Progress::Unfinished);
                    };
                    // Its memory is made, too. A large block has a turn for itself.
                    context.budget = left.saturating_sub(memory_of_block(&self.qmd));
                    none.insert(Block::new(&self.qmd, self.index))
                }
            };
            if block.run(&mut self.shared, context)? == Progress::Unfinished {
                return Ok(Progress::Unfinished);
            }
            self.block = None;
            if !self.advance() {
                return Ok(Progress::Done);
            }
        }
    }

    /// Goes on to the next block; `false` if there is none.
    fn advance(&mut self) -> bool {
        for (index, size) in self.index.iter_mut().zip(self.qmd.grid) {
            *index += 1;
            if *index < size {
                return true;
            }
            *index = 0;
        }
        false
    }
}

/// Bytes of memory that a block has.
fn memory_of_block(qmd: &Qmd) -> u64 {
    let threads: u64 = qmd.block.map(u64::from).iter().product();
    threads
        .saturating_mul(qmd.local_memory.into())
        .saturating_add(qmd.shared_memory.into())
}

fn check(qmd: &Qmd) -> Result<(), Invalid> {
    let threads: u64 = qmd.block.map(u64::from).iter().product();
    let wrong = if threads > MAX_THREADS {
        format!("{threads} threads in a block")
    } else if qmd.shared_memory > MAX_SHARED_MEMORY {
        format!("{:#x} bytes of shared memory", qmd.shared_memory)
    } else if qmd.local_memory > MAX_LOCAL_MEMORY {
        format!("{:#x} bytes of local memory", qmd.local_memory)
    } else if qmd.program % nova_hw::sass::INSTRUCTION_SIZE != 0 {
        format!("a program at {:#x}", qmd.program)
    } else {
        return Ok(());
    };
    Err(Invalid::Value(wrong))
}
