// SPDX-License-Identifier: GPL-2.0

use super::*;

const CHANNEL: ChannelName = ChannelName {
    runlist: 1,
    channel: 3,
};

fn slice(name: &'static str, parts: Vec<Slice>) -> Slice {
    Slice {
        name: name.into(),
        args: Value::Null,
        parts,
    }
}

/// The events that are written.
fn events(write: impl FnOnce(&mut Timeline)) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.json");
    let mut timeline = Timeline::to_file(&path).unwrap();
    write(&mut timeline);
    timeline.finish().unwrap();
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Begin and end in nanoseconds, as Perfetto reads them.
fn time(event: &Value) -> (i64, i64) {
    let nanos = |name: &str| (event[name].as_f64().unwrap() * 1000.0) as i64;
    (nanos("ts"), nanos("ts") + nanos("dur"))
}

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn parts_lie_within_their_slice_and_do_not_overlap() {
    let methods = (0..64).map(|_| slice("method", vec![slice("copy", vec![]); 2]));
    let turn = slice("turn", methods.collect());
    let length = Duration::from_nanos(5000);
    let events = events(|timeline| {
        for start in (0..50).map(|at| Duration::from_nanos(7_777_777 * at + 5333)) {
            let middle = start + length;
            timeline.channel_did(CHANNEL, start, middle, &turn);
            timeline.channel_did(CHANNEL, middle, middle + length, &turn);
        }
    });
    let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert_eq!(slices.len(), 50 * 2 * (1 + 64 * 3));
    // The slices that have not ended, the innermost last.
    let mut open: Vec<(i64, i64)> = Vec::new();
    for slice in slices {
        let (since, until) = time(slice);
        assert!(since < until, "{slice}");
        open.retain(|&(_, end)| end > since);
        if let Some(&(begin, end)) = open.last() {
            assert!(begin <= since && until <= end, "{slice}");
        }
        assert_eq!(slice["name"], ["turn", "method", "copy"][open.len()]);
        open.push((since, until));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri runs without files")]
fn channels_take_a_limited_part_of_the_file() {
    let until = Duration::from_micros(5);
    let events = events(|timeline| {
        timeline.left = 1000;
        for _ in 0..1000 {
            timeline.channel_did(CHANNEL, Duration::ZERO, until, &slice("turn", vec![]));
        }
        timeline.channel_stopped(CHANNEL, until, Value::Null);
    });
    let count = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    assert!((5..20).contains(&count("turn")), "{}", count("turn"));
    assert_eq!(count("no more turns are shown"), 1);
    assert_eq!(count("stopped"), 1);
}

#[test]
fn each_track_is_a_thread_of_its_own() {
    let channel = |runlist, channel| Track::Channel(ChannelName { runlist, channel });
    let tracks = [
        Track::Driver,
        Track::Block(BlockId::ALL[0]),
        Track::Block(BlockId::ALL[BlockId::ALL.len() - 1]),
        channel(0, 0),
        channel(0, u16::MAX),
        channel(1, 0),
        channel(u8::MAX, u16::MAX),
    ];
    let ids = tracks.map(|track| track.ids().1);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}
