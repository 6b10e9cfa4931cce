// SPDX-License-Identifier: GPL-2.0

//! A warp: its registers, and which lanes execute together.

use nova_hw::class::qmd::Qmd;
use nova_hw::sass::{
    Condition, Instruction, Operand, Operation, Source, TRUE_PREDICATE, ZERO_REGISTER,
};

use super::super::engine::{Context, Exception};
use super::shared::Shared;
use super::{trap, LANES};

/// A value for each lane.
pub(super) type Values = [u32; LANES];

/// Barrier registers of a lane.
pub(super) const BARRIERS: usize = 16;

/// After so many instructions, the lanes that execute are not those with the lowest counter.
const FAIRNESS: u64 = 1024;

/// Whether a warp can execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// All lanes have ended or wait for other warps.
    Blocked,
}

/// Why a lane does not execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// It does.
    None,
    /// It waits for the lanes of a barrier register.
    Barrier(u8),
    /// It waits for the lanes of a mask.
    Lanes(u32),
    /// It waits for all threads of the block.
    Block,
}

/// A warp.
pub(super) struct Warp {
    /// Numbers of the first thread and of the block.
    pub(super) first_thread: u32,
    pub(super) block_size: [u32; 3],
    pub(super) block_index: [u32; 3],
    registers: Box<[Values; 256]>,
    uniform: Box<[u32; 256]>,
    /// The lanes where a predicate is true.
    predicates: [u32; 8],
    /// The uniform predicates that are true, all lanes or none.
    uniform_predicates: [u32; 8],
    pub(super) barriers: [[u32; LANES]; BARRIERS],
    /// Local memory of all lanes, one after the other.
    pub(super) local_memory: Vec<u8>,
    /// The lanes that have not ended.
    pub(super) live: u32,
    pub(super) waits: [Wait; LANES],
    counters: [u64; LANES],
    /// The lanes that execute, and where.
    group: u32,
    counter: u64,
    /// Where other lanes are to execute next.
    others: u64,
    /// Instructions that have been executed.
    pub(super) clock: u64,
}

impl std::fmt::Debug for Warp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warp")
            .field("first_thread", &self.first_thread)
            .field("live", &self.live)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// Numbers of the lanes in a mask.
pub(super) fn lanes(mask: u32) -> impl Iterator<Item = usize> {
    (0..LANES).filter(move |lane| mask >> lane & 1 == 1)
}

/// The mask of the lanes for which something holds.
pub(super) fn mask_of(holds: impl Fn(usize) -> bool) -> u32 {
    (0..LANES).fold(0, |mask, lane| mask | u32::from(holds(lane)) << lane)
}

impl Warp {
    /// The warp whose first thread has a number in its block.
    pub(super) fn new(qmd: &Qmd, block_index: [u32; 3], first_thread: u32) -> Self {
        let threads: u32 = qmd.block.iter().product();
        let mut predicates = [0; 8];
        predicates[usize::from(TRUE_PREDICATE)] = u32::MAX;
        Self {
            first_thread,
            block_size: qmd.block,
            block_index,
            registers: vec![[0; LANES]; 256].try_into().expect("256 registers"),
            uniform: Box::new([0; 256]),
            predicates,
            uniform_predicates: predicates,
            barriers: [[0; LANES]; BARRIERS],
            local_memory: vec![0; qmd.local_memory as usize * LANES],
            live: mask_of(|lane| first_thread + (lane as u32) < threads),
            waits: [Wait::None; LANES],
            counters: [qmd.program; LANES],
            group: 0,
            counter: 0,
            others: 0,
            clock: 0,
        }
    }

    /// Executes an instruction.
    pub(super) fn step(
        &mut self,
        shared: &mut Shared,
        context: &mut Context<'_>,
        block_memory: &mut [u8],
    ) -> Result<State, Exception> {
        if (self.group == 0 || self.counter >= self.others || self.clock % FAIRNESS == 0)
            && self.select()? == State::Blocked
        {
            return Ok(State::Blocked);
        }
        let at = self.counter;
        let instruction = shared.program.fetch(context, at)?;
        self.counter = at.wrapping_add(nova_hw::sass::INSTRUCTION_SIZE);
        self.clock += 1;
        self.execute(&instruction, shared, context, block_memory)?;
        Ok(State::Ready)
    }

    fn execute(
        &mut self,
        instruction: &Instruction,
        shared: &mut Shared,
        context: &mut Context<'_>,
        block_memory: &mut [u8],
    ) -> Result<(), Exception> {
        let is_uniform = instruction.is_uniform;
        let lanes = self.group & self.condition(instruction.guard, is_uniform);
        if lanes == 0 {
            return Ok(());
        }
        let mut sources = Sources { shared, context };
        match &instruction.operation {
            Operation::Integer(integer) => self.integer(integer, is_uniform, lanes, &mut sources),
            Operation::Float(float) => self.float(float, lanes, &mut sources),
            Operation::Double(double) => self.double(double, lanes, &mut sources),
            Operation::Half(half) => self.half(half, lanes, &mut sources),
            Operation::Convert(convert) => self.convert(convert, lanes, &mut sources),
            Operation::Memory(memory) => {
                self.memory(memory, is_uniform, lanes, &mut sources, block_memory)
            }
            Operation::Warp(warp) => self.exchange(warp, is_uniform, lanes, &mut sources),
            Operation::Control(control) => self.control(control, lanes, &mut sources),
        }
    }

    /// Chooses the lanes that execute next.
    fn select(&mut self) -> Result<State, Exception> {
        self.leave();
        let mut ready = mask_of(|lane| self.waits[lane] == Wait::None) & self.live;
        if ready == 0 && self.meet() {
            ready = mask_of(|lane| self.waits[lane] == Wait::None) & self.live;
        }
        if ready == 0 {
            return match mask_of(|lane| self.waits[lane] != Wait::Block) & self.live {
                0 => Ok(State::Blocked),
                waiting => Err(trap(format!(
                    "lanes {waiting:#x} wait for others, which do not come"
                ))),
            };
        }
        let lowest = lanes(ready).map(|lane| self.counters[lane]).min();
        let mut counter = lowest.unwrap_or(0);
        if self.clock > 0 && self.clock % FAIRNESS == 0 {
            let lane = (self.clock / FAIRNESS) as usize % LANES;
            if ready >> lane & 1 == 1 {
                counter = self.counters[lane];
            }
        }
        self.counter = counter;
        self.group = ready & mask_of(|lane| self.counters[lane] == counter);
        let others = lanes(ready & !self.group).map(|lane| self.counters[lane]);
        // Lanes that are behind have had to wait, and do so for a while.
        let others = others.filter(|&other| other > counter);
        self.others = others.min().unwrap_or(u64::MAX);
        Ok(State::Ready)
    }

    /// The lanes that execute no longer do so together.
    pub(super) fn leave(&mut self) {
        let (group, counter) = (self.group, self.counter);
        for lane in lanes(group) {
            self.counters[lane] = counter;
        }
        self.group = 0;
    }

    /// Lanes of the group go on elsewhere.
    pub(super) fn branch(&mut self, to: u64, branching: u32) {
        if branching == self.group && to < self.others {
            self.counter = to;
            return;
        }
        self.leave();
        for lane in lanes(branching) {
            self.counters[lane] = to;
        }
    }

    /// The address of the instruction behind the one that is executed.
    pub(super) fn next_counter(&self) -> u64 {
        self.counter
    }

    /// The lanes where a predicate or its opposite is true.
    pub(super) fn condition(&self, condition: Condition, is_uniform: bool) -> u32 {
        let predicates = match is_uniform {
            true => &self.uniform_predicates,
            false => &self.predicates,
        };
        let holds = predicates[usize::from(condition.predicate) & 7];
        match condition.is_negated {
            true => !holds,
            false => holds,
        }
    }

    /// Writes a predicate of some lanes, or of the warp, which has the value of the lowest one.
    pub(super) fn set_predicate(&mut self, to: u8, values: u32, is_uniform: bool, lanes: u32) {
        if to == TRUE_PREDICATE {
            return;
        }
        if is_uniform {
            let value = values >> lanes.trailing_zeros() & 1;
            self.uniform_predicates[usize::from(to) & 7] = 0u32.wrapping_sub(value);
            return;
        }
        let predicate = &mut self.predicates[usize::from(to) & 7];
        *predicate = *predicate & !lanes | values & lanes;
    }

    /// A register of all lanes.
    pub(super) fn register(&self, register: u8) -> &Values {
        &self.registers[usize::from(register)]
    }

    /// The 64 bits of two uniform registers.
    pub(super) fn uniform_base(&self, register: u8) -> u64 {
        let [lower, upper] = [0, 1].map(|by| self.uniform[usize::from(next(register, by))]);
        u64::from(upper) << 32 | u64::from(lower)
    }

    /// Writes a register of some lanes, or of the warp, which has the value of the lowest one.
    pub(super) fn set(&mut self, to: u8, values: &Values, is_uniform: bool, lanes: u32) {
        if to == ZERO_REGISTER {
            return;
        }
        if is_uniform {
            self.uniform[usize::from(to)] = values[lanes.trailing_zeros() as usize % LANES];
            return;
        }
        let register = &mut self.registers[usize::from(to)];
        if lanes == u32::MAX {
            *register = *values;
            return;
        }
        for lane in self::lanes(lanes) {
            register[lane] = values[lane];
        }
    }

    /// Writes the halves of values of 64 bits to two registers.
    pub(super) fn set_wide(&mut self, to: u8, values: &[u64; LANES], is_uniform: bool, lanes: u32) {
        self.set(to, &values.map(|value| value as u32), is_uniform, lanes);
        let upper = values.map(|value| (value >> 32) as u32);
        self.set(next(to, 1), &upper, is_uniform, lanes);
    }

    /// An operand of all lanes, without its modifiers.
    pub(super) fn operand(
        &self,
        operand: Operand,
        sources: &mut Sources<'_, '_>,
    ) -> Result<Values, Exception> {
        Ok(match operand {
            Operand::Register(register) => self.registers[usize::from(register)],
            Operand::Uniform(register) => [self.uniform[usize::from(register)]; LANES],
            Operand::Immediate(value) => [value; LANES],
            Operand::Constant { bank, offset } => [sources.constant(bank, offset.into())?; LANES],
        })
    }

    /// An operand of 64 bits, which has two registers; an immediate value has the upper half.
    pub(super) fn wide_operand(
        &self,
        source: Source,
        sources: &mut Sources<'_, '_>,
    ) -> Result<[u64; LANES], Exception> {
        let lower = match source.operand {
            Operand::Immediate(_) => [0; LANES],
            operand => self.operand(operand, sources)?,
        };
        let upper = match source.operand {
            Operand::Immediate(value) => [value; LANES],
            Operand::Register(register) => *self.register(next(register, 1)),
            Operand::Uniform(register) => [self.uniform[usize::from(next(register, 1))]; LANES],
            Operand::Constant { bank, offset } => {
                [sources.constant(bank, u32::from(offset) + 4)?; LANES]
            }
        };
        Ok(std::array::from_fn(|lane| {
            u64::from(upper[lane]) << 32 | u64::from(lower[lane])
        }))
    }
}

/// The register that is so many further; those behind the last one are zero, as that is.
pub(super) fn next(register: u8, by: u8) -> u8 {
    register.saturating_add(by)
}

/// What an instruction reads that is not in the warp.
pub(super) struct Sources<'a, 'b> {
    pub(super) shared: &'a mut Shared,
    pub(super) context: &'a mut Context<'b>,
}

impl Sources<'_, '_> {
    pub(super) fn constant(&mut self, bank: u8, offset: u32) -> Result<u32, Exception> {
        self.shared.constants.word(self.context, bank, offset)
    }
}
