// SPDX-License-Identifier: MIT

//! A GPU that misbehaves while the system goes to sleep, or when it wakes up.

use igt::mock::{Broken, Mock};
use igt::nova::client::{Client, PAGE};
use igt::nova::object::{mappable_in, Object, VRAM};
use igt::nova::queue::Plug;
use igt::nova::{self, Gpu, IS_LOST};
use igt::push::Push;
use igt::sleep::{self, State};
use igt::syncobj::assert_ended;
use igt::{kmsg, wait_for, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "suspend-list",
        "GSP-RM can have registers accessed while a channel is stopped for the sleep.",
        || list(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "suspend-vram-gsp-lost",
        "VRAM keeps its contents if the GSP is lost after the sleep, and a program that touches it waits for them.",
        || gsp_lost(gpu, &Mock::require(gpu)),
    );
    tests.subtest(
        "suspend-vram-not-restored",
        "Where VRAM cannot be restored, objects say so, and can be used.",
        || not_restored(gpu, &Mock::require(gpu)),
    );
}

/// The job does not end, so its channel is stopped.
fn list(gpu: &Gpu, mock: &Mock) {
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let plug = Plug::new(&client);
    let _broken = mock.broken("stage=sequencer,kind=free");
    let away = mock.put_away().unwrap();
    super::sleep(gpu, State::Mem);
    drop(away);
    assert_ended(&plug.done, Err(Errno::ECANCELED));
    client.queue().run(&Push::new().nops(1));
}

/// Puts the system to sleep, and breaks the GPU before the contents of VRAM are restored, of which the kernel says what
/// is `expected`.
fn wake_broken<'a>(mock: &'a Mock, fault: &str, expected: &[&str]) -> Broken<'a> {
    kmsg::expect(&[&sleep::OF_OTHERS[..], expected].concat());
    let broken = mock.broken_after_boot(fault);
    let _away = mock.put_away().unwrap();
    let _bound = Timeout::new(HANG, "a sleep");
    State::Mem.enter().expect("the system sleeps");
    broken
}

/// An engine hangs that restores, and then the GSP stops.
fn gsp_lost(gpu: &Gpu, mock: &Mock) {
    let _test = super::test_sleep(State::Mem, "devices");
    let file = gpu.open_render();
    let object = Object::new(&file, mappable_in(VRAM, PAGE));
    let memory = object.map();
    memory.set(0, 1_u64);
    let before = nova::query_status(&file).unwrap();
    let _broken = wake_broken(mock, "stage=engine,kind=hang,method=0x300", &[IS_LOST]);
    wait_for(HANG, "the engine to hang", || {
        let channels = mock.channels().unwrap();
        channels.iter().any(|channel| channel.ends_with("Hanging"))
    });
    mock.tell("fault stage=gsp,kind=stop");
    let _bound = Timeout::new(HANG, "a touch of VRAM");
    assert_eq!(memory.get::<u64>(0), 1);
    memory.set(0, 2_u64);
    gpu.assert_running();
    assert_eq!((object.info().state, memory.get::<u64>(0)), (0, 2));
    let after = nova::query_status(&file).unwrap();
    assert_eq!(after.resets, before.resets + 2);
    assert_eq!(after.vram_losses, before.vram_losses);
}

/// GSP-RM stops the channel that restores.
fn not_restored(gpu: &Gpu, mock: &Mock) {
    let _test = super::test_sleep(State::Mem, "devices");
    let file = gpu.open_render();
    let [touched, other] = [(); 2].map(|()| Object::new(&file, mappable_in(VRAM, PAGE)));
    let memory = [&touched, &other].map(Object::map);
    memory.iter().for_each(|memory| memory.set(0, 1_u64));
    let before = nova::query_status(&file).unwrap();
    let expected = [
        // The debug kernel has no names of errors.
        "contents of VRAM are lost, since they cannot be restored: (EIO|Error[(]5[)])",
        "Xid 43",
    ];
    let _broken = wake_broken(mock, "stage=channel,kind=error,code=43", &expected);
    let _bound = Timeout::new(HANG, "a touch of VRAM");
    assert_eq!([memory[0].get::<u64>(0), memory[1].get::<u64>(0)], [0; 2]);
    for object in [&touched, &other] {
        assert_eq!(object.info().state, uapi::GEM_STATE_CONTENT_LOST);
    }
    gpu.assert_running();
    let after = nova::query_status(&file).unwrap();
    assert_eq!(after.resets, before.resets + 1);
    assert_eq!(after.vram_losses, before.vram_losses + 1);
}
