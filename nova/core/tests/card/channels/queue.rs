// SPDX-License-Identifier: GPL-2.0

//! A booted card with objects of GSP-RM, and channels on it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::space::{Instance, Space, Table};
use crate::adapter::{Coherent, Vram};
use crate::calls::execute;
use crate::common::Machine;
use nova_core::platform::{DmaAllocator, DmaMemory, Interrupts, TableMemory};
use nova_core::{
    Alloc, Caller, Channel, ChannelError, ChannelIds, ChannelLayout, ChannelObjects, ChannelWork,
    Classes, Client, Command, CopyBytes, CopyObject, Engine, Engines, Event, Free, GspEvent,
    Handles, NewChannel, Push, RpcError, Running, Scheduling, SubmitError, Token, Userd, Vectors,
    WindowTables, Words,
};

/// Where things are in VRAM. That it is the driver's is asserted.
pub(super) const CHANNELS: u64 = 0x110_0000;
pub(super) const DATA: u64 = 0x120_0000;
pub(super) const END: u64 = 0x200_0000;

/// The VRAM in which the driver allocates its own memory.
const OWN: std::ops::Range<u64> = 64 << 20..128 << 20;

/// A booted card, and the client that has all objects.
pub(super) struct Session<'m> {
    pub(super) machine: &'m Machine,
    pub(super) running: Running<Machine>,
    pub(super) client: Client,
    pub(super) instance: Instance<'m>,
    ids: ChannelIds,
    pub(super) engines: Engines,
    pub(super) errors: Vec<ChannelError>,
    /// The vectors that channels have raised.
    pub(super) raised: Vectors,
}

impl Caller for Session<'_> {
    type Error = RpcError;

    fn alloc(&mut self, alloc: &Alloc<'_>) -> Result<(), RpcError> {
        self.call(alloc)
    }

    fn call<C: Command>(&mut self, command: &C) -> Result<C::Reply, RpcError> {
        execute(self.machine, &mut self.running, command)
    }

    fn free(&mut self, object: Handles) -> Result<(), RpcError> {
        self.call(&Free(object))
    }
}

impl<'m> Session<'m> {
    pub(super) fn new(machine: &'m Machine) -> Self {
        machine.card().set_tlb(true);
        *machine.vram.borrow_mut() = Vram::new(OWN);
        let mut running = machine.boot().unwrap();
        let usable = running.report().info.usable_regions().next().unwrap();
        let is_usable = usable.start <= CHANNELS && OWN.end <= usable.end;
        assert!(is_usable, "{usable:x?}");
        let instance = open(machine, &mut running);
        let mut session = Self {
            machine,
            running,
            client: Client::new(0),
            instance,
            ids: ChannelIds::default(),
            engines: Engines::default(),
            errors: Vec::new(),
            raised: Vectors::default(),
        };
        let reader = session.running.engine_reader(machine);
        session.engines = reader.read(&mut session).unwrap();
        for alloc in session.client.allocs() {
            session.alloc(&alloc).unwrap();
        }
        machine.set_channels(session.engines.all_interrupts());
        session
    }

    /// A new address space.
    pub(super) fn space(&mut self, number: u32) -> Rc<Space<'m>> {
        Space::new(self, number)
    }

    /// The copy engines that graphics does not share.
    pub(super) fn engine(&self, n: usize) -> Engine {
        let mut engines = self.engines.copies().filter(|it| !it.shares_graphics);
        engines.nth(n).unwrap()
    }

    /// Waits for the next interrupt, which must come, and handles it.
    #[track_caller]
    pub(super) fn wait(&mut self) {
        let machine = self.machine;
        let messages = machine.wait(Duration::from_secs(1));
        let raised = machine.take_raised();
        let is_interrupted = messages || !raised.is_empty();
        assert!(is_interrupted, "no interrupt: {:?}", machine.refusals());
        self.raised = self.raised.union(&raised);
        if messages {
            let errors = &mut self.errors;
            let events = &mut |event: Event<'_>| {
                if let Event::Gsp(GspEvent::RcTriggered(error)) = event {
                    errors.push(error);
                }
            };
            self.running.service(machine, events).unwrap();
        }
    }

    /// Frees the client, and unloads.
    pub(super) fn end(mut self) {
        let [client, ..] = self.client.allocs();
        self.free(client.object).unwrap();
        let machine = self.machine;
        machine.set_channels(Vectors::default());
        let memory = self.instance.memory.take().unwrap();
        let closed = self.running.close_windows(machine, &memory, &mut |_| {});
        closed.unwrap();
        drop(memory);
        assert_eq!(machine.vram.borrow().blocks(), 0);
        machine.unload(self.running).unwrap();
        let lets_through = machine.card().lets_interrupts_through();
        assert!(!lets_through, "an interrupt is enabled");
    }
}

/// Takes the windows into use.
fn open<'m>(machine: &'m Machine, running: &mut Running<Machine>) -> Instance<'m> {
    let tables = WindowTables::new(machine, &running.memory_info()).unwrap();
    tables.write(machine);
    execute(machine, running, &tables.bind()).unwrap();
    let memory = tables.open(machine).map_err(|(_, error)| error).unwrap();
    Instance {
        machine,
        memory: Rc::new(RefCell::new(Some(memory))),
    }
}

/// A channel, and what it pushes.
pub(super) struct Queue<'m> {
    space: Rc<Space<'m>>,
    pub(super) objects: ChannelObjects,
    pub(super) id: u16,
    pub(super) engine: Engine,
    channel: Channel<Machine>,
    memory: Coherent,
    userd: Userd,
    /// The instance block and USERD.
    _tables: [Table<'m>; 2],
    pub(super) classes: Classes,
    /// The channel's own, while it exists.
    _methods: Coherent,
    /// The segments of each job.
    pushed: Vec<Coherent>,
}

impl<'m> Queue<'m> {
    pub(super) fn new(
        session: &mut Session<'m>,
        space: &Rc<Space<'m>>,
        engine: Engine,
        entries: u32,
    ) -> Self {
        Self::scheduled(session, space, engine, entries, Scheduling::default())
    }

    /// One that runs like this.
    pub(super) fn scheduled(
        session: &mut Session<'m>,
        space: &Rc<Space<'m>>,
        engine: Engine,
        entries: u32,
        scheduling: Scheduling,
    ) -> Self {
        let classes = Classes::of(session.machine.card().chip().chipset);
        let work = ChannelWork::Copy(CopyObject {
            class: classes.copy,
            engine: engine.number(),
        });
        Self::with_work(session, space, engine, entries, scheduling, work).unwrap()
    }

    /// One that sends methods to these objects.
    pub(super) fn with_work(
        session: &mut Session<'m>,
        space: &Rc<Space<'m>>,
        engine: Engine,
        entries: u32,
        scheduling: Scheduling,
        work: ChannelWork<'_>,
    ) -> Result<Self, RpcError> {
        let machine = session.machine;
        let classes = Classes::of(machine.card().chip().chipset);
        let layout = ChannelLayout::new(entries).unwrap();
        // Mapping the ring completes what is written here.
        let tables = [(); 2].map(|()| session.instance.zeroed());
        let memory = space.alloc(layout.size() as usize);
        let va = memory.dma_addr();
        let channel = Channel::new(machine, classes.channel, layout, va).unwrap();
        let bytes = session.engines.method_buffer();
        let methods = machine.alloc_dma(bytes as usize).unwrap();
        let id = session.ids.take(session.running.release()).unwrap();
        let [instance, userd] = &tables;
        let token = Token::new(classes.channel, engine.runlist, id);
        let userd_at = Userd::new(userd.piece(), 0, token);
        let new = NewChannel {
            class: classes.channel,
            id,
            space: space.object.handle(),
            scheduling,
            is_privileged: matches!(work, ChannelWork::Golden { .. }),
            engine: engine.number(),
            ring: va,
            entries: layout.entries(),
            instance: instance.address(),
            userd: userd.address(),
            method_buffer: (methods.dma_addr(), bytes),
        };
        let objects = ChannelObjects::new(session.client, id);
        if let Err(error) = objects.allocate(session, &new, work) {
            session.ids.give_back(id);
            return Err(error);
        }
        Ok(Self {
            space: space.clone(),
            objects,
            id,
            engine,
            channel,
            memory,
            userd: userd_at,
            _tables: tables,
            classes,
            _methods: methods,
            pushed: Vec::new(),
        })
    }

    /// A copy for this queue's engine.
    pub(super) fn copy(&self, from: u64, to: u64, bytes: usize) -> CopyBytes {
        CopyBytes {
            class: self.classes.copy,
            from,
            to,
            bytes: bytes as u64,
        }
    }

    /// Submits a job that copies.
    pub(super) fn submit(
        &mut self,
        machine: &Machine,
        copies: &mut [CopyBytes],
    ) -> Result<u64, SubmitError> {
        let mut segment = [0; 64];
        let mut words = Words::new(&mut segment);
        assert!(copies.iter_mut().all(|copy| copy.write(&mut words)));
        self.submit_words(machine, words.written())
    }

    pub(super) fn submit_words(
        &mut self,
        machine: &Machine,
        words: &[u32],
    ) -> Result<u64, SubmitError> {
        let memory = self.space.alloc(0x1000);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.write(0, &bytes).unwrap();
        // In two pieces, which divide a method from its data.
        let first = words.len() as u32 / 2;
        let rest = words.len() as u32 - first;
        let push = |at: u32, words| Push {
            address: memory.dma_addr() + 4 * u64::from(at),
            words,
            no_prefetch: false,
        };
        let submitted = self
            .channel
            .submit(&self.memory, &[push(0, first), push(first, rest)])?;
        self.pushed.push(memory);
        self.userd.put(machine, submitted.gp_put);
        Ok(submitted.job)
    }

    pub(super) fn completed(&mut self) -> u64 {
        self.channel.poll(&self.memory)
    }

    /// Waits until a job has completed, for interrupts alone.
    pub(super) fn wait(&mut self, session: &mut Session<'_>, job: u64) {
        while self.completed() < job {
            session.wait();
        }
    }

    pub(super) fn free(self, session: &mut Session<'_>) {
        self.objects.free(session).unwrap();
        session.ids.give_back(self.id);
    }
}
