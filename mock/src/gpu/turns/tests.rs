// SPDX-License-Identifier: GPL-2.0

//! What a channel on a whole card leaves in the trace.

use std::collections::BTreeMap;
use std::fs;

use nova_hw::class::copy::offset;
use nova_hw::class::host::method;

use super::super::channels::testing::{
    acquires, copies, copy, releases, va, Tested, DATA, NOWHERE,
};
use super::*;
use crate::trace::Trace;

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn methods_are_logged_as_they_are_executed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("methods.log");
    let mut trace = Trace::default();
    trace.log_methods(&path).unwrap();
    let mut tested = Tested::with_trace(trace);
    tested.push(
        &[
            copy(method::SET_OBJECT as u16, &[0xc7b5]),
            copies(va(DATA), va(DATA + 0x100), 4),
            releases(va(DATA + 0x200), 7),
            copy(0x104, &[1]),
            copy(offset::NOP, &[0]),
        ]
        .concat(),
    );
    tested.settle();
    tested.card.trace_mut().finish().unwrap();
    let expected = "\
        1:0x3 c7b5 4 SET_OBJECT(0000) 0000c7b5\n\
        1:0x3 c7b5 4 OFFSET_IN_UPPER(0400) 00000001\n\
        1:0x3 c7b5 4 OFFSET_IN_LOWER(0404) 00240000\n\
        1:0x3 c7b5 4 OFFSET_OUT_UPPER(0408) 00000001\n\
        1:0x3 c7b5 4 OFFSET_OUT_LOWER(040c) 00240100\n\
        1:0x3 c7b5 4 LINE_LENGTH_IN(0418) 00000004\n\
        1:0x3 c7b5 4 LINE_COUNT(041c) 00000001\n\
        1:0x3 c7b5 4 LAUNCH_DMA(0300) 00000182\n\
        1:0x3 c56f 0 SEM_ADDR_LO(005c) 00240200\n\
        1:0x3 c56f 0 SEM_ADDR_HI(0060) 00000001\n\
        1:0x3 c56f 0 SEM_PAYLOAD_LO(0064) 00000007\n\
        1:0x3 c56f 0 SEM_PAYLOAD_HI(0068) 00000000\n\
        1:0x3 c56f 0 SEM_EXECUTE(006c) 00000001\n\
        1:0x3 c7b5 4 (0104) 00000001\n\
        # 1:0x3 stopped: class 0xc7b5, method 0x104 with 0x1: AMPERE_DMA_COPY_B has no method 0x104\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// Runs a card with a channel, and returns the events of the channel's track.
fn track(work: impl FnOnce(&mut Tested)) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.json");
    let mut tested = Tested::with_trace(Trace::to_file(&path).unwrap());
    work(&mut tested);
    tested.card.trace_mut().finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let events: Vec<Value> = serde_json::from_str(&text).unwrap();
    let is_channels = |event: &Value| event["pid"] == 2 && event["tid"] == 0x2_0003;
    events.into_iter().filter(is_channels).collect()
}

/// Names and arguments of events. The arguments are sorted: whether `Value` keeps an order depends on
/// what other crates of the build want.
fn lines(events: &[Value]) -> Vec<String> {
    let line = |event: &Value| {
        let name = event["name"].as_str().unwrap();
        let args: BTreeMap<&str, &Value> = match &event["args"] {
            Value::Object(args) => args.iter().map(|(key, arg)| (key.as_str(), arg)).collect(),
            other => panic!("arguments {other}"),
        };
        format!("{name} {}", serde_json::to_string(&args).unwrap())
    };
    events.iter().map(line).collect()
}

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn a_track_shows_turns_copies_and_semaphores() {
    let events = track(|tested| {
        let work = [
            copies(va(DATA), va(DATA + 0x100), 4),
            releases(va(DATA + 0x200), 7),
        ];
        tested.push(&work.concat());
        tested.settle();
        tested.push(&copies(NOWHERE, va(DATA), 4));
        tested.settle();
    });
    let launch = |from: [&str; 2], to: [&str; 2]| {
        let [[a, b], [c, d]] = [from, to];
        format!(
            "LAUNCH_DMA {{\"class\":\"0xc7b5\",\"methods\":[\"OFFSET_IN_UPPER {a}\",\
             \"OFFSET_IN_LOWER {b}\",\"OFFSET_OUT_UPPER {c}\",\"OFFSET_OUT_LOWER {d}\",\
             \"LINE_LENGTH_IN 0x4\",\"LINE_COUNT 0x1\",\"LAUNCH_DMA 0x182\"],\"subchannel\":4}}"
        )
    };
    let expected = [
        r#"thread_name {"name":"1:0x3 Copy(2)"}"#,
        r#"thread_sort_index {"sort_index":131075}"#,
        r#"turn {"methods":12}"#,
        &launch(["0x1", "0x240000"], ["0x1", "0x240100"]),
        r#"copy {"bytes":4,"from":"0x100240000","to":"0x100240100"}"#,
        r#"SEM_EXECUTE {"class":"0xc56f","methods":["SEM_ADDR_LO 0x240200","SEM_ADDR_HI 0x1","SEM_PAYLOAD_LO 0x7","SEM_PAYLOAD_HI 0x0","SEM_EXECUTE 0x1"],"subchannel":0}"#,
        r#"release {"at":"0x100240200","payload":"0x7"}"#,
        r#"turn {"methods":7}"#,
        &launch(["0x0", "0x50000000"], ["0x1", "0x240000"]),
        r#"copy {"bytes":4,"from":"0x50000000","to":"0x100240000"}"#,
    ];
    let mut found = lines(&events);
    let stopped = found.pop().unwrap();
    assert_eq!(found, expected);
    let fault = r#"stopped {"error":"MMU fault: Read of Virtual(50000000): "#;
    assert!(stopped.starts_with(fault), "{stopped}");
    assert!(stopped.ends_with(r#","xid":31}"#), "{stopped}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn a_track_shows_how_long_a_channel_waits() {
    let at = va(DATA);
    let mut times = Vec::new();
    let events = track(|tested| {
        for end in 0..3 {
            tested.push(&[acquires(at, end + 1), releases(at + 4, end)].concat());
            tested.settle();
            times.push(tested.card.now());
            match end {
                0 => tested.card.vram.write(DATA, &[1]),
                1 => tested.card.vram.write(DATA, &[2]),
                _ => tested.card.stop_channel(3, 43),
            }
            tested.settle();
        }
    });
    let named = |name: &str| {
        let events = events.iter().filter(move |event| event["name"] == name);
        events.cloned().collect::<Vec<_>>()
    };
    assert_eq!(lines(&named("wait")).len(), 3);
    let acquired = [1, 2].map(|it| format!(r#"acquire {{"at":"{at:#x}","payload":"{it:#x}"}}"#));
    assert_eq!(lines(&named("acquire")), acquired);
    assert_eq!(lines(&named("waited")), ["waited {}"; 2]);
    // Each wait contains the time at which the memory changed, or the stop.
    let waits = named("waits");
    assert_eq!(waits.len(), 3);
    for (wait, time) in waits.iter().zip(times) {
        let (since, lasts) = (wait["ts"].as_f64().unwrap(), wait["dur"].as_f64().unwrap());
        let time = time.as_micros() as f64;
        assert!(since < time && time <= since + lasts + 1.0, "{wait} {time}");
    }
}

#[test]
fn methods_are_together_up_to_the_one_that_does_something() {
    let method = |class, subchannel, method| Method {
        class,
        subchannel,
        method,
        data: 1,
    };
    let at = Address::Physical(Aperture::Vram, 0x1000);
    let release = Step::Work(Work::Reduce { at, payload: 2 });
    let steps = [
        Step::Proceeded(method(Some(0xc7b5), 4, 0x300)),
        release,
        Step::Method(method(Some(0xc797), 0, 0x110)),
        Step::Method(method(Some(0xc797), 0, 0x10c)),
        Step::Method(method(Some(0xc7c0), 1, 0x100)),
        Step::Method(method(None, 1, 0x8)),
        Step::Method(method(None, 1, 0x78)),
    ];
    let turn = turn_slice(&steps, 0xc56f);
    assert_eq!(turn.args, json!({"methods": 6}));
    let group = |slice: &Slice| {
        let class = slice.args["class"].as_str().unwrap();
        format!("{} {class} {}", slice.name, slice.args["methods"])
    };
    let groups: Vec<_> = turn.parts.iter().map(group).collect();
    let expected = [
        r#"LAUNCH_DMA 0xc7b5 ["LAUNCH_DMA goes on"]"#,
        r#"NOTIFY 0xc797 ["0x110 0x1","NOTIFY 0x1"]"#,
        r#"0x100 0xc7c0 ["0x100 0x1"]"#,
        r#"WFI 0xc56f ["NOP 0x1","WFI 0x1"]"#,
    ];
    assert_eq!(groups, expected);
    let args = json!({"at": "VRAM 0x1000", "payload": "0x2"});
    assert_eq!(turn.parts[0].parts, [part("reduce", args)]);
}

#[test]
fn constants_come_from_no_memory() {
    let copy = Work::Copy {
        bytes: 8,
        source: None,
        destination: Address::Physical(Aperture::System, 0x2000),
    };
    let args = json!({"bytes": 8, "from": "no memory", "to": "system memory 0x2000"});
    assert_eq!(work_slice(&copy), part("copy", args));
}
