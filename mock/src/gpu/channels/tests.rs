// SPDX-License-Identifier: GPL-2.0

//! Tests of channels and BARs on a whole card, without GSP-RM: its effects are given.

use nova_hw::class::host::{method, userd};
use nova_hw::gmmu::Format;
use nova_hw::regs::intr::CpuIntrLeaf;
use nova_hw::release::RELEASES;

use super::testing::*;
use super::*;
use crate::bus::machine::GuestMemory;
use crate::engines::mmu::testing::{Mapping, Tables};
use crate::gpu::tests::{card, pass};
use crate::gsp_rm::queue::driver::Driver;
use crate::gsp_rm::{GspRm, State};

mod bad_input;
mod errors;
mod faults;
mod timeout;

#[test]
fn a_doorbell_runs_the_channel() {
    let mut tested = Tested::new();
    tested.card.vram.write(DATA, &[1, 2, 3, 4]);
    let row = engines::of(tested.card.chip().chipset).row(ENGINE).unwrap();
    tested.push(
        &[
            copies(va(DATA), va(DATA + 0x100), 4),
            releases(va(DATA + 0x200), 7),
            host(method::NON_STALL_INTERRUPT, &[0]),
        ]
        .concat(),
    );
    assert_eq!(tested.word(DATA + 0x200), 0, "a doorbell only wakes");
    tested.settle();
    assert_eq!(tested.word(DATA + 0x100), 0x0403_0201);
    assert_eq!(tested.word(DATA + 0x200), 7);
    assert_eq!(tested.word(USERD + userd::GP_GET), 1);
    let leaf = CpuIntrLeaf::at(row.nonstall / 32).unwrap();
    assert_eq!(tested.card.read32(leaf), 1 << (row.nonstall % 32));
    assert!(tested.card.trace().refusals().is_empty());
}

#[test]
fn gsp_rm_writes_the_instance_block() {
    let tested = Tested::new();
    assert_eq!(tested.word(INSTANCE + 0x200), TABLES as u32 | 0xc00);
}

#[test]
fn gsp_rm_forgets_the_translations_of_a_page_directory() {
    let mut tested = Tested::new();
    tested.push(&releases(va(DATA), 1));
    tested.settle();
    assert_eq!(tested.word(DATA), 1);
    // The same root, now with the page elsewhere.
    let format = Format::of(tested.card.chip().chipset.arch());
    let mut tables = Tables::new(format, Aperture::Vram, TABLES);
    tested.card.vram.write(TABLES, &[0; 0x8000]);
    let (_, mut physical) = tested.card.memory();
    for (place, to) in [(GPFIFO, GPFIFO), (PUSH, PUSH), (DATA, DATA + 0x1000)] {
        tables.map(&mut physical, va(place), 12, Mapping::vram(to));
    }
    tested.push(&releases(va(DATA), 2));
    tested.settle();
    assert_eq!(tested.word(DATA), 2, "not invalidated");
    tested
        .card
        .apply(Effect::PageDirectoryUnset { space: SPACE });
    tested.push(&releases(va(DATA), 3));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x1000), 3);
}

#[test]
fn a_fault_stops_the_channel() {
    let mut tested = Tested::new();
    tested.push(&copies(NOWHERE, va(DATA), 4));
    tested.settle();
    let refusals = tested.card.trace().refusals();
    let reason = &refusals.last().unwrap().reason;
    assert!(
        reason.contains("MMU fault") && reason.contains("50000000"),
        "{reason}"
    );
    assert!(tested.status().contains("Stopped"), "{}", tested.status());
    tested.push(&releases(va(DATA), 1));
    tested.settle();
    assert_eq!(tested.word(DATA), 0, "nothing is executed after a fault");
}

#[test]
fn a_channel_that_waits_notices_the_cpu() {
    let mut tested = Tested::new();
    let at = va(DATA);
    tested.push(&[acquires(at, 5), releases(at + 4, 6)].concat());
    tested.settle();
    assert_eq!(tested.word(DATA + 4), 0);
    assert!(tested.status().contains("Waiting"), "{}", tested.status());
    // As through memory of the machine, without a doorbell.
    tested.card.vram.write(DATA, &[5]);
    tested.settle();
    assert_eq!(tested.word(DATA + 4), 6);

    tested.push(&[acquires(at, 7), releases(at + 4, 8)].concat());
    tested.settle();
    tested.card.write_bar1(DATA, &[7]);
    let next = tested.card.next_event().unwrap();
    assert!(next <= tested.card.now() + TURN, "at once");
    tested.settle();
    assert_eq!(tested.word(DATA + 4), 8);
}

/// As GSP-RM stops them before a suspend.
#[test]
fn channels_stop_and_go_on_together() {
    let mut tested = Tested::new();
    tested.card.apply(Effect::AllScheduled { run: false });
    tested.push(&releases(va(DATA), 7));
    tested.settle();
    assert_eq!(tested.word(DATA), 0);
    tested.card.write_bar1(DATA + 8, &[1]);
    assert_eq!(tested.card.next_event(), None);
    tested.card.apply(Effect::AllScheduled { run: true });
    tested.settle();
    assert_eq!(tested.word(DATA), 7);
}

#[test]
fn one_of_two_objects_can_be_freed() {
    let mut tested = Tested::new();
    let channel = tested.channel().number;
    let copy = |engine| (CopyClass::AmpereB as u32, engine);
    let (class, other) = copy(Engine::Copy(3));
    tested.card.apply(Effect::ObjectCreated {
        channel,
        class,
        engine: other,
    });
    let freed = |engine| Effect::ObjectFreed {
        channel,
        class,
        engine,
    };
    tested.card.apply(freed(other));
    tested.card.vram.write(DATA, &[1, 2, 3, 4]);
    tested.push(&copies(va(DATA), va(DATA + 0x100), 4));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x100), 0x0403_0201);
    tested.card.apply(Effect::ObjectCreated {
        channel,
        class,
        engine: other,
    });
    tested.card.apply(freed(ENGINE));
    tested.push(&copies(va(DATA), va(DATA + 0x200), 4));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x200), 0x0403_0201);
    tested.card.apply(freed(other));
    tested.card.apply(freed(other));
    tested.push(&copies(va(DATA), va(DATA + 0x300), 4));
    tested.settle();
    assert_eq!(tested.word(DATA + 0x300), 0);
    assert!(tested.status().contains("NoObject"), "{}", tested.status());
}

#[test]
fn graphics_needs_a_context() {
    for has_context in [false, true] {
        let mut tested = Tested::new();
        let at = tested.add(Engine::Gr, |_| {});
        let channel = tested.pushed[at].channel.number;
        tested.card.apply(Effect::ObjectCreated {
            channel,
            class: GraphicsClass::AmpereB.number(),
            engine: Engine::Gr,
        });
        // Neither the host nor the copy engine needs it.
        tested.push_to(at, &copies(va(DATA), va(DATA + 0x100), 4));
        tested.push_to(at, &releases(va(DATA + 0x200), 1));
        tested.settle();
        assert_eq!(tested.word(DATA + 0x200), 1);
        if has_context {
            tested.card.apply(Effect::ContextComplete(channel));
        }
        let nop = Header::of(Header::INC, 0, 0x100, 1);
        tested.push_to(at, &[nop.into(), 0]);
        tested.push_to(at, &releases(va(DATA + 0x200), 2));
        tested.settle();
        let expected = if has_context { 2 } else { 1 };
        assert_eq!(tested.word(DATA + 0x200), expected);
        let status = tested.status();
        assert_eq!(status.contains("NoContext"), !has_context, "{status}");
    }
}

#[test]
fn a_freed_channel_touches_nothing() {
    let mut tested = Tested::new();
    let at = va(DATA);
    tested.push(&[acquires(at, 5), releases(at + 4, 6)].concat());
    tested.settle();
    let id = tested.channel().number;
    tested.card.apply(Effect::ChannelFreed(id));
    tested.card.vram.write(DATA, &[5]);
    tested.settle();
    assert_eq!(tested.word(DATA + 4), 0);
    assert_eq!(tested.status(), "");
    let token = tested.token(0);
    tested.card.write32(DOORBELL, token);
    assert_eq!(tested.card.next_event(), None);
}

#[test]
fn a_turn_ends_before_the_card_is_held_for_long() {
    let mut tested = Tested::new();
    let nothing = host(method::NOP, &[0]).repeat(100);
    tested.push(&[nothing, releases(va(DATA), 1)].concat());
    pass(&mut tested.card, SECOND);
    assert_eq!(tested.word(DATA), 0, "one turn, however late it is");
    pass(&mut tested.card, TURN);
    pass(&mut tested.card, TURN);
    assert_eq!(tested.word(DATA), 1);
}

/// A card with a channel, and GSP-RM, whose messages stay in its own list.
fn with_gsp_rm() -> Tested {
    let mut tested = Tested::new();
    let mut rm = GspRm::new(RELEASES[0], Driver::new().link().unwrap(), 0);
    rm.state = State::Ready;
    tested.card.programs.rm = Some(rm);
    tested.card.blocks.gsp.falcon.riscv.active = true;
    tested.card.config_mut().set_bus_master(false);
    tested
}

/// Functions and payloads of what GSP-RM has to send.
fn sent(tested: &mut Tested) -> Vec<(u32, Vec<u8>)> {
    let rm = tested.card.programs.rm.as_mut().unwrap();
    let messages = rm.queues.sent().into_iter();
    messages.map(|it| (it.function, it.payload)).collect()
}

#[test]
fn channels_end_with_gsp_rm() {
    for end in [Gpu::reset, Gpu::end_gsp_rm] {
        let mut tested = with_gsp_rm();
        tested.push(&acquires(va(DATA), 5));
        tested.settle();
        end(&mut tested.card);
        assert_eq!(tested.status(), "");
        tested.settle();
        assert!(!tested.card.channels.host.is_waiting());
    }
}

#[test]
fn bars_are_windows_into_address_spaces() {
    let mut card = card();
    let mut bytes = [0; 4];
    card.vram.write(0x5000, &[1, 2, 3, 4]);
    card.read_bar1(0x5000, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 4], "the frame buffer as it is");
    card.read_bar2(0x5000, &mut bytes);
    assert_eq!(bytes, [0xff; 4], "nothing");

    let meta = nova_hw::abi::GspFwWprMeta {
        non_wpr_heap_offset: 0x80_0000,
        ..Default::default()
    };
    card.programs.meta = Some(meta);
    card.bind_windows(&meta);
    card.read_bar1(0x5000, &mut bytes);
    assert_eq!(bytes, [0xff; 4], "not mapped");
    assert_eq!(card.trace().refusals().len(), 1);

    let format = Format::of(card.chip().chipset.arch());
    let mut tables = Tables::new(format, Aperture::Vram, TABLES);
    let system = card.machine.place(&[7; 0x1000]);
    let (_, mut physical) = card.memory();
    tables.map(&mut physical, 0, 12, Mapping::vram(0x5000));
    tables.map(&mut physical, 0x1000, 12, Mapping::system(system));
    let mut entry = [0; 8];
    card.vram.read(TABLES, &mut entry);
    for bar in [Bar::Bar1, Bar::Bar2] {
        let entry = u64::from_le_bytes(entry);
        card.apply(Effect::BarPde { bar, entry });
    }
    card.read_bar2(0xffe, &mut bytes);
    assert_eq!(bytes, [0, 0, 7, 7]);
    card.write_bar1(0x1ffc, &[8; 4]);
    card.machine.read(system + 0xffc, &mut bytes).unwrap();
    assert_eq!(bytes, [8; 4]);

    // As tinygrad takes BAR1 out of its address space.
    card.write32(0x1704, 0);
    card.read_bar1(0x5000, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 4]);
}

#[test]
fn bar1_shows_the_address_space_of_an_instance_block() {
    let mut card = card();
    let format = Format::of(card.chip().chipset.arch());
    let mut tables = Tables::new(format, Aperture::Vram, TABLES);
    let (_, mut physical) = card.memory();
    tables.map(&mut physical, 0, 12, Mapping::vram(0x5000));
    tables.bind(&mut physical, Aperture::Vram, INSTANCE);
    card.vram.write(0x5000, &[1, 2, 3, 4]);
    card.write32(0x1704, 1 << 31 | (INSTANCE >> 12) as u32);
    let mut bytes = [0; 4];
    card.read_bar1(0, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 4]);
    card.write32(0x1704, 1 << 31 | 0x300);
    let refusals = card.trace().refusals();
    assert!(refusals.last().unwrap().reason.contains("BAR1"));
}
