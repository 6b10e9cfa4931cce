// SPDX-License-Identifier: GPL-2.0

//! Messages to GSP-RM with random handles, classes, numbers and lengths.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use nova_hw::abi::class::{
    FERMI_VASPACE_A, KEPLER_CHANNEL_GROUP_A, NV01_DEVICE_0, NV01_ROOT, NV20_SUBDEVICE_0,
};
use nova_hw::abi::{
    control, function, ChannelAllocParams, ChannelFlags, ChannelGroupAllocationParameters,
    MemoryDescParams, RmAlloc, RmControl, RmFree, SetPageDirectory, VaSpaceAllocationParameters,
};
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::{Release, RELEASES};
use zerocopy::IntoBytes;

use super::card::{card, check_wpr2};
use crate::chips::{by_name, engines, Chip};
use crate::gpu::Gpu;
use crate::gsp_rm::classes::{self, CLASSES};
use crate::gsp_rm::controls::CONTROLS;
use crate::gsp_rm::objects::{Kind, Params, INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
use crate::gsp_rm::queue::{Message, PAYLOAD_MAX};
use crate::gsp_rm::State;
use crate::machine::in_process::Arena;

mod suspend;

/// A chip of the oldest and the newest kind that each release knows.
const CARDS: [(&str, usize); 5] = [
    ("tu102", 0),
    ("ga102", 0),
    ("gb202", 0),
    ("tu102", 1),
    ("ad102", 1),
];

/// Pages of system memory that there are.
const PAGES: usize = 8;

/// A handle: few, so that they meet; those of GSP-RM; or any.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Handle {
    One(u8),
    Internal(u8),
    Any(u32),
}

/// Those that there are from the start.
const CLIENT: Handle = Handle::One(0);
const DEVICE: Handle = Handle::One(1);
const SUBDEVICE: Handle = Handle::One(2);
const SPACE: Handle = Handle::One(3);
/// System memory, and memory of the frame buffer.
const MEMORIES: [Handle; 2] = [Handle::One(10), Handle::One(11)];

impl Handle {
    fn number(self) -> u32 {
        match self {
            Self::One(number) => 0xc1d0_0000 + u32::from(number % 12),
            Self::Internal(number) => {
                let all = [INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE, 0];
                all[usize::from(number) % all.len()]
            }
            Self::Any(number) => number,
        }
    }
}

/// A number out of a list, or any.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Number {
    Known(u8),
    Any(u32),
}

/// Parameters: those that the driver would send, of the right size, with some words changed; or any.
#[derive(Debug, Arbitrary)]
enum Parameters {
    Changed(Vec<(u8, u32)>),
    Sized {
        len: u16,
        word: u32,
        is_hidden: bool,
    },
    Any(Vec<u8>),
}

/// Whose objects are meant.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Owner {
    Driver,
    GspRm,
}

impl Owner {
    /// Client and device.
    fn handles(self) -> [u32; 2] {
        match self {
            Self::Driver => [CLIENT, DEVICE].map(Handle::number),
            Self::GspRm => [INTERNAL_CLIENT, INTERNAL_DEVICE],
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Step {
    Alloc {
        client: Handle,
        parent: Handle,
        object: Handle,
        class: Number,
        params: Parameters,
    },
    /// A channel of the newest class that the chip has.
    Channel {
        parent: Option<Handle>,
        object: Handle,
        changes: Vec<(u8, u32)>,
    },
    Control {
        client: Handle,
        object: Handle,
        control: Number,
        params: Parameters,
    },
    Free {
        client: Handle,
        object: Handle,
    },
    /// Memory by a list of its pages.
    Memory {
        owner: Owner,
        object: Handle,
        is_video: bool,
        pages: Vec<Number>,
        changes: Vec<(u8, u32)>,
    },
    /// The memory for a suspend, or a part of the frame buffer that is to be saved there.
    Backup {
        owner: Owner,
        memory: Handle,
        is_region: bool,
        changes: Vec<(u8, u32)>,
    },
    /// An unload, or a suspend and the resume.
    Unload {
        is_suspend: bool,
        changes: Vec<(u8, u32)>,
    },
    /// A message with another function, or one that its header does not fit.
    Other {
        function: u32,
        payload: Vec<u8>,
        rest: Vec<u8>,
        is_long: bool,
    },
}

/// Sends messages made from `data`: each gets one answer at most, the card has the channels that
/// GSP-RM has, a resume finds the objects of before, and once all objects are freed, nothing is left
/// of them.
pub fn messages(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(&(chip, release)) = input.choose(&CARDS) else {
        return;
    };
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(input) else {
        return;
    };
    let mut driver = Driver::new(chip, RELEASES[release]);
    for step in steps {
        driver.step(step);
        if driver.is_over {
            return check_wpr2(&driver.card);
        }
    }
    driver.free_all();
    check_wpr2(&driver.card);
}

struct Driver {
    chip: &'static Chip,
    release: &'static Release,
    card: Gpu<Arena>,
    sequence: u32,
    /// Numbers of pages of system memory.
    pages: Vec<u64>,
    /// Bus address of GSP-RM's arguments.
    arguments: u64,
    /// GSP-RM has ended.
    is_over: bool,
}

impl Driver {
    fn new(chip: &str, release: &'static Release) -> Self {
        let chip = by_name(chip).expect("a chip");
        let mut card = card(chip, release);
        let memory = card.machine_mut();
        let arguments = memory.place(&vec![0; release.arguments.size]);
        let pages = (0..PAGES).map(|_| memory.place(&[0; PAGE_SIZE]) / PAGE_SIZE as u64);
        let pages = pages.collect();
        let rm = card.programs.rm.as_mut().expect("GSP-RM");
        rm.started.arguments = arguments;
        let mut driver = Self {
            chip,
            release,
            card,
            sequence: 0,
            pages,
            arguments,
            is_over: false,
        };
        let space = VaSpaceAllocationParameters {
            flags: VaSpaceAllocationParameters::IS_EXTERNALLY_OWNED,
            ..VaSpaceAllocationParameters::default()
        };
        for (class, parent, object) in [
            (NV01_ROOT, CLIENT, CLIENT),
            (NV01_DEVICE_0, CLIENT, DEVICE),
            (NV20_SUBDEVICE_0, DEVICE, SUBDEVICE),
        ] {
            let params = (driver.template(class), Vec::new());
            driver.alloc(class, [CLIENT, parent, object], params);
        }
        let params = (space.as_bytes().to_vec(), Vec::new());
        driver.alloc(FERMI_VASPACE_A, [CLIENT, DEVICE, SPACE], params);
        let directory = SetPageDirectory {
            phys_address: 0x20_0000,
            num_entries: 2,
            h_va_space: SPACE.number(),
            ..SetPageDirectory::default()
        };
        let params = (directory.as_bytes().to_vec(), Vec::new());
        driver.call(control::DMA_SET_PAGE_DIRECTORY, [CLIENT, DEVICE], params);
        for (object, is_video) in MEMORIES.into_iter().zip([false, true]) {
            driver.step(Step::Memory {
                owner: Owner::Driver,
                object,
                is_video,
                pages: (0..PAGES as u8).map(Number::Known).collect(),
                changes: Vec::new(),
            });
        }
        driver
    }

    fn alloc(&mut self, class: u32, handles: [Handle; 3], (params, rest): (Vec<u8>, Vec<u8>)) {
        let [h_client, h_parent, h_object] = handles.map(Handle::number);
        let request = RmAlloc {
            h_client,
            h_parent,
            h_object,
            h_class: class,
            params_size: (params.len() + rest.len()) as u32,
            ..RmAlloc::default()
        };
        let payload = [request.as_bytes(), &params].concat();
        self.send(function::GSP_RM_ALLOC, payload, rest);
    }

    fn call(&mut self, cmd: u32, handles: [Handle; 2], (params, rest): (Vec<u8>, Vec<u8>)) {
        let [h_client, h_object] = handles.map(Handle::number);
        let request = RmControl {
            h_client,
            h_object,
            cmd,
            params_size: (params.len() + rest.len()) as u32,
            ..RmControl::default()
        };
        let payload = [request.as_bytes(), &params].concat();
        self.send(function::GSP_RM_CONTROL, payload, rest);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Alloc {
                client,
                parent,
                object,
                class,
                params,
            } => {
                let class = match class {
                    Number::Known(index) => CLASSES[usize::from(index) % CLASSES.len()].number,
                    Number::Any(number) => number,
                };
                let params = self.params(params, self.template(class));
                self.alloc(class, [client, parent, object], params);
            }
            Step::Channel {
                parent,
                object,
                changes,
            } => {
                let class = self.channel_class();
                let params = self.params(Parameters::Changed(changes), self.template(class));
                let handles = [CLIENT, parent.unwrap_or(DEVICE), object];
                self.alloc(class, handles, params);
            }
            Step::Control {
                client,
                object,
                control,
                params,
            } => {
                let (cmd, size) = self.control(control);
                let params = self.params(params, vec![0; size]);
                self.call(cmd, [client, object], params);
            }
            Step::Free { client, object } => self.free(client.number(), object.number()),
            Step::Memory {
                owner,
                object,
                is_video,
                pages,
                changes,
            } => {
                let pages: Vec<u64> = pages.iter().map(|page| self.page(page, is_video)).collect();
                let [client, device] = owner.handles();
                let list = suspend::memory([client, device, object.number()], is_video, &pages);
                let (payload, rest) = self.params(Parameters::Changed(changes), list);
                self.send(function::ALLOC_MEMORY, payload, rest);
            }
            Step::Backup {
                owner,
                memory,
                is_region,
                changes,
            } => {
                let names = match is_region {
                    true => suspend::region,
                    false => suspend::init,
                };
                let [client, _] = owner.handles();
                let (cmd, params) = names(self.release, client, memory.number());
                let params = self.params(Parameters::Changed(changes), params);
                let handles = [Handle::Internal(0), Handle::Internal(2)];
                self.call(cmd, handles, params);
            }
            Step::Unload {
                is_suspend,
                changes,
            } => {
                let request = suspend::unloading(is_suspend);
                let (payload, rest) = self.params(Parameters::Changed(changes), request);
                self.send(function::UNLOADING_GUEST_DRIVER, payload, rest);
                self.unload();
            }
            Step::Other {
                function,
                mut payload,
                rest,
                is_long,
            } => {
                if is_long {
                    payload.resize(PAYLOAD_MAX, 0x11);
                }
                self.send(function, payload, rest);
                self.unload();
            }
        }
    }

    /// If GSP-RM is to end, it does, and resumes with the objects that it had if that was a suspend.
    fn unload(&mut self) {
        let rm = self.card.programs.rm.as_ref().expect("GSP-RM");
        if rm.state != State::Unloading {
            return;
        }
        let before = rm.objects.to_string();
        self.is_over = !suspend::end_and_resume(&mut self.card, self.arguments);
        if !self.is_over {
            assert_eq!(self.objects(), before);
            self.check_channels();
        }
    }

    /// The number of a page.
    fn page(&self, number: &Number, is_video: bool) -> u64 {
        match *number {
            Number::Known(index) if is_video => index.into(),
            Number::Known(index) => self.pages[usize::from(index) % self.pages.len()],
            Number::Any(number) => number.into(),
        }
    }

    fn channel_class(&self) -> u32 {
        let classes = &engines::of(self.chip.chipset).classes;
        let channels = CLASSES
            .iter()
            .filter(|class| class.family.kind == Kind::Channel && classes.has(class.number));
        channels.map(|class| class.number).max().unwrap_or_default()
    }

    /// Number and size of a control.
    fn control(&self, number: Number) -> (u32, usize) {
        match number {
            Number::Known(index) => {
                let controls: Vec<_> = CONTROLS.iter().copied().flatten().collect();
                let control = controls[usize::from(index) % controls.len()];
                let number = (control.cmd)(self.release).unwrap_or_default();
                (number, (control.size)(self.release))
            }
            Number::Any(number) => (number, 0),
        }
    }

    /// Parameters with which a class may be allocated.
    fn template(&self, class: u32) -> Vec<u8> {
        let Ok(class) = classes::numbered(class) else {
            return Vec::new();
        };
        let size = match class.family.params {
            Params::None => 0,
            Params::Optional(size) | Params::Required(size) => size(self.release),
        };
        let mut params = match class.number {
            KEPLER_CHANNEL_GROUP_A => ChannelGroupAllocationParameters {
                engine_type: 1,
                ..ChannelGroupAllocationParameters::default()
            }
            .as_bytes()
            .to_vec(),
            _ if class.family.kind == Kind::Channel => channel().as_bytes().to_vec(),
            _ => Vec::new(),
        };
        params.resize(size, 0);
        params
    }

    /// What is in the message, and behind it.
    fn params(&self, params: Parameters, mut template: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        match params {
            Parameters::Changed(words) => {
                for (at, word) in words {
                    let place = template.chunks_exact_mut(4).nth(at.into());
                    if let Some(place) = place {
                        place.copy_from_slice(&word.to_le_bytes());
                    }
                }
                (template, Vec::new())
            }
            Parameters::Sized {
                len,
                word,
                is_hidden,
            } => {
                let words = word.to_le_bytes().repeat(usize::from(len) / 4 + 1);
                match is_hidden {
                    true => (Vec::new(), words),
                    false => (words, Vec::new()),
                }
            }
            Parameters::Any(bytes) => (bytes, Vec::new()),
        }
    }

    fn free(&mut self, client: u32, object: u32) {
        let request = RmFree {
            h_root: client,
            h_object_old: object,
            ..RmFree::default()
        };
        self.send(function::FREE, request.as_bytes().to_vec(), Vec::new());
    }

    /// Sends a message, and takes the answer.
    fn send(&mut self, function: u32, payload: Vec<u8>, rest: Vec<u8>) {
        self.sequence += 1;
        let sent = payload.len();
        // As much as the queue takes from a driver.
        let mut records = payload.chunks(PAYLOAD_MAX);
        let message = Message {
            function,
            sequence: self.sequence,
            payload: records.next().unwrap_or_default().to_vec(),
            rest,
        };
        self.serve(message);
        for record in records {
            self.serve(Message {
                function: function::CONTINUATION_RECORD,
                sequence: self.sequence,
                payload: record.to_vec(),
                rest: Vec::new(),
            });
        }
        let rm = self.card.programs.rm.as_mut().expect("GSP-RM");
        let answers = rm.queues.sent();
        let (mut first, mut answered) = (0, 0);
        for answer in answers {
            first += usize::from(answer.function == function && answer.sequence == self.sequence);
            answered += answer.payload.len();
        }
        assert!(first <= 1, "{first} answers to function {function:#x}");
        // The longest answers are tables whose size the release fixes.
        assert!(answered <= sent + 0x1_0000, "{answered:#x} bytes");
        self.check_channels();
    }

    fn serve(&mut self, message: Message) {
        self.card.serve_message(Ok(message));
    }

    /// The card has the channels that GSP-RM has.
    fn check_channels(&self) {
        let rm = self.card.programs.rm.as_ref().expect("GSP-RM");
        let known: BTreeSet<String> = rm
            .objects
            .channels()
            .map(|channel| format!("{:#x}", channel.number.0))
            .collect();
        let lines = self.card.channels();
        let made: BTreeSet<String> = lines
            .lines()
            .filter_map(|line| line.split(' ').next())
            .map(String::from)
            .collect();
        assert_eq!(made, known, "channels of {}", self.chip.chipset);
    }

    /// Frees all objects but those of GSP-RM, the newest listed ones first.
    fn free_all(&mut self) {
        let before = self.objects();
        let field = |line: &str, name: &str| {
            let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
            let found = fields.find(|(found, _)| *found == name);
            let digits = found.and_then(|(_, value)| value.strip_prefix("0x"));
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        // A message that was begun is given up.
        self.free(0, 0);
        for line in before.lines().rev() {
            let names = ["client", "handle"].map(|name| field(line, name).expect("a number"));
            self.free(names[0], names[1]);
        }
        let left = self.objects();
        assert_eq!(left.lines().count(), 3, "GSP-RM's own, not {left}");
        assert_eq!(self.card.channels(), "", "channels");
    }

    fn objects(&self) -> String {
        self.card.objects().expect("GSP-RM")
    }
}

/// Parameters of a channel for graphics.
fn channel() -> ChannelAllocParams {
    let memory = |base, size| MemoryDescParams {
        base,
        size,
        address_space: MemoryDescParams::VIDEO,
        cache_attrib: 1,
    };
    ChannelAllocParams {
        gp_fifo_offset: 0x1_1000,
        gp_fifo_entries: 0x400,
        flags: ChannelFlags(0x20).0,
        h_va_space: SPACE.number(),
        engine_type: 1,
        instance_mem: memory(0x10_0000, 0x1000),
        userd_mem: memory(0x8000, 0x200),
        ramfc_mem: memory(0x10_0000, 0x200),
        internal_flags: 0x15,
        ..ChannelAllocParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps do what they say: otherwise the fuzzer would see nothing.
    #[test]
    fn a_step_is_executed() {
        for (chip, release) in CARDS {
            let mut driver = Driver::new(chip, RELEASES[release]);
            let object = Handle::One(4);
            driver.step(Step::Channel {
                parent: None,
                object,
                changes: Vec::new(),
            });
            assert_eq!(driver.card.channels().lines().count(), 1, "{chip}");
            let client = CLIENT;
            driver.step(Step::Free { client, object });
            assert_eq!(driver.card.channels(), "", "{chip}");
            driver.free_all();
        }
    }

    #[test]
    fn a_suspend_is_executed() {
        for (chip, release) in CARDS {
            let mut driver = Driver::new(chip, RELEASES[release]);
            for (memory, is_region) in MEMORIES.into_iter().zip([false, true]) {
                driver.step(Step::Backup {
                    owner: Owner::Driver,
                    memory,
                    is_region,
                    changes: Vec::new(),
                });
            }
            let before = driver.objects();
            for (unloads, is_suspend) in [(1, true), (2, false)] {
                let changes = Vec::new();
                assert_eq!(driver.objects(), before, "{chip}");
                driver.step(Step::Unload {
                    is_suspend,
                    changes,
                });
                assert_eq!(driver.card.unloads(), unloads, "{chip}");
                assert_eq!(driver.is_over, !is_suspend, "{chip}");
            }
        }
    }
}
