// SPDX-License-Identifier: GPL-2.0

//! Programs that a compute class launches.

use nova_hw::class::graphics::{launch, Class, Generation};

use crate::engines::engine::{Context, Progress};
use crate::engines::graphics;
use crate::engines::memory::{Access, Address, FaultType, Memory, MmuFault};

/// Turns that a program gets, and the budget of each.
const TURNS: usize = 4;
const BUDGET: u64 = 1 << 16;

/// Where the program is.
const PROGRAM: usize = 0x1000;

/// 64 KiB of memory from address 0 on; there is none elsewhere.
struct Flat(Vec<u8>);

impl Flat {
    fn part(&mut self, at: Address, size: usize, access: Access) -> Result<&mut [u8], MmuFault> {
        let fault = MmuFault {
            address: at,
            access,
            reason: FaultType::Pte,
        };
        let Address::Virtual(first) = at else {
            return Err(fault);
        };
        let first = usize::try_from(first).map_err(|_| fault)?;
        let end = first.checked_add(size).ok_or(fault)?;
        self.0.get_mut(first..end).ok_or(fault)
    }
}

impl Memory for Flat {
    fn read(&mut self, at: Address, into: &mut [u8]) -> Result<(), MmuFault> {
        into.copy_from_slice(self.part(at, into.len(), Access::Read)?);
        Ok(())
    }

    fn write(&mut self, at: Address, from: &[u8]) -> Result<(), MmuFault> {
        self.part(at, from.len(), Access::Write)?
            .copy_from_slice(from);
        Ok(())
    }

    fn update(
        &mut self,
        at: Address,
        size: usize,
        change: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(), MmuFault> {
        let part = self.part(at, size, Access::Atomic)?;
        let mut word = [0; 8];
        word[..size].copy_from_slice(part);
        let changed = change(u64::from_le_bytes(word));
        part.copy_from_slice(&changed.to_le_bytes()[..size]);
        Ok(())
    }
}

/// Launches a QMD, which the first 384 bytes change, of a program, which is the rest: it takes no
/// more of a turn than that has.
pub fn programs(data: &[u8]) {
    let Some((&class, data)) = data.split_first() else {
        return;
    };
    let class = [
        Class::TuringComputeA,
        Class::AmpereComputeB,
        Class::HopperComputeA,
        Class::BlackwellComputeB,
    ][usize::from(class) % 4];
    let (qmd, program) = data.split_at(data.len().min(384));
    let mut memory = vec![0; 0x1_0000];
    memory[PROGRAM..PROGRAM + 384].copy_from_slice(&default_qmd(class));
    for (byte, change) in memory[PROGRAM..].iter_mut().zip(qmd) {
        *byte ^= change;
    }
    let program = &program[..program.len().min(0x8000)];
    memory[2 * PROGRAM..][..program.len()].copy_from_slice(program);
    let mut memory = Flat(memory);
    let mut engine = graphics::engine(class, graphics::Macros::default());
    let mut context = Context {
        memory: &mut memory,
        time: 0,
        is_privileged: false,
        budget: BUDGET,
        interrupt: false,
        work: Vec::new(),
    };
    let _ = engine.method(&mut context, launch::SEND_PCAS_A, PROGRAM as u32 >> 8);
    let schedule = match class {
        Class::TuringComputeA => launch::SEND_SIGNALING_PCAS_B,
        _ => launch::SEND_SIGNALING_PCAS2_B,
    };
    let mut progress = engine.method(&mut context, schedule, 3);
    for _ in 0..TURNS {
        if progress != Ok(Progress::Unfinished) {
            return;
        }
        context.budget = BUDGET;
        progress = engine.proceed(&mut context);
    }
}

/// A QMD of one block of 64 threads, which the program follows.
fn default_qmd(class: Class) -> [u8; 384] {
    // Bytes of the version, the grid, the block and the program.
    let (version, grid, block, program) = match class {
        Class::TuringComputeA => ((72, 0x22), [48, 52, 56], [74, 76, 78], (192, 0)),
        Class::AmpereComputeB => ((72, 0x30), [48, 52, 56], [74, 76, 78], (192, 0)),
        Class::HopperComputeA => ((72, 0x40), [128, 132, 136], [144, 146, 148], (152, 0)),
        _ => ((58, 0x50), [156, 160, 164], [136, 138, 140], (128, 4)),
    };
    let mut qmd = [0; 384];
    qmd[version.0] = version.1;
    for at in grid.into_iter().chain(block) {
        qmd[at] = 1;
    }
    qmd[block[0]] = 64;
    // QMD_TYPE: GRID_CTA.
    if class.generation() >= Generation::BlackwellA {
        qmd[19] = 1;
    }
    let address = ((2 * PROGRAM) >> program.1) as u16;
    qmd[program.0..program.0 + 2].copy_from_slice(&address.to_le_bytes());
    qmd
}
