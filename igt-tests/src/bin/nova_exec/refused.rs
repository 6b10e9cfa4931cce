// SPDX-License-Identifier: MIT

//! Jobs that are refused: nothing is done, and no sync object has changed.

use igt::nova::calls::call;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::queue::{push, sync, Queue};
use igt::nova::{self, Gpu};
use igt::push::Push as Words;
use igt::syncobj::{Signal, Syncobj};
use igt::{Fixture, Tests};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{Exec, Push, Sync};

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest("unknown", "Queues and sync objects must be known.", || {
        unknown(gpu)
    });
    tests.subtest(
        "push-misaligned",
        "Pushes are of whole words, and of one at least.",
        || push_misaligned(gpu),
    );
    tests.subtest(
        "push-outside",
        "Pushes are where the GPU can read them for a program.",
        || push_outside(gpu),
    );
    tests.subtest("push-large", "Pushes have a largest size.", || {
        push_large(gpu)
    });
    tests.subtest(
        "one-of-many",
        "A push or a sync object that is refused stops all others of the call.",
        || one_of_many(gpu),
    );
    tests.subtest(
        "order-of-checks",
        "Of two mistakes, the first is reported.",
        || order_of_checks(gpu),
    );
}

/// A queue, a job that would be noticed, and a sync object that it would signal.
struct Scene<'a> {
    client: &'a Client,
    queue: Queue<'a>,
    counter: Buffer<'a>,
    push: Push,
    done: Syncobj<'a>,
}

impl<'a> Scene<'a> {
    fn new(client: &'a Client) -> Self {
        let queue = client.queue();
        let counter = client.bound(PAGE);
        let segment = queue.place(Words::new().add(counter.address, 1).words());
        Self {
            client,
            counter,
            push: push(&segment),
            done: client.syncobj(),
            queue,
        }
    }

    fn signal(&self) -> Sync {
        sync(&Signal::Binary(&self.done), uapi::SYNC_SIGNAL)
    }

    /// The job fails, and nothing is done.
    #[track_caller]
    fn fails(&self, pushes: &[Push], syncs: &[Sync], error: Errno) {
        let before = self.queue.state();
        let result = self.queue.exec_raw(pushes, syncs);
        let first = &pushes[..pushes.len().min(3)];
        assert_eq!(result, Err(error), "{first:x?} {syncs:x?}");
        assert_eq!(self.queue.state(), before);
        assert_eq!(self.done.is_signaled(), Err(Errno::EINVAL), "a fence");
    }

    /// What was refused has done nothing, and the queue works.
    fn ends(self) {
        self.queue.run(&Words::new().nops(1));
        assert_eq!(self.counter.word(), 0);
        assert_eq!(self.queue.exec_raw(&[self.push], &[self.signal()]), Ok(()));
        igt::syncobj::assert_done(&self.done);
        assert_eq!(self.counter.word(), 1);
    }
}

fn unknown(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let closed = client.syncobj().handle();
    for handle in [0, closed, u32::MAX] {
        for flags in [0, uapi::SYNC_SIGNAL] {
            let wrong = Sync {
                handle,
                flags,
                point: 0,
            };
            scene.fails(&[scene.push], &[scene.signal(), wrong], Errno::ENOENT);
            scene.fails(&[scene.push], &[wrong, scene.signal()], Errno::ENOENT);
            let flags = flags | uapi::SYNC_TIMELINE;
            let wrong = Sync {
                flags,
                point: 1,
                ..wrong
            };
            scene.fails(&[], &[scene.signal(), wrong], Errno::ENOENT);
        }
    }
    // A sync object of another file.
    let other = Client::new(gpu);
    let objects: Vec<_> = (0..20).map(|_| other.syncobj()).collect();
    let foreign = objects.last().expect("there are some").handle();
    let wrong = Sync {
        handle: foreign,
        flags: uapi::SYNC_SIGNAL,
        point: 0,
    };
    scene.fails(&[scene.push], &[scene.signal(), wrong], Errno::ENOENT);
    scene.ends();
}

fn push_misaligned(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let right = scene.push;
    let signal = [scene.signal()];
    for by in 1..4 {
        let address = right.address + u64::from(by);
        scene.fails(&[Push { address, ..right }], &signal, Errno::EINVAL);
        let size = right.size + by;
        scene.fails(&[Push { size, ..right }], &signal, Errno::EINVAL);
    }
    scene.fails(&[Push { size: 0, ..right }], &signal, Errno::EINVAL);
    scene.ends();
}

fn push_outside(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let vm = nova::query_vm(client.file()).unwrap();
    let kernel = client.kernel();
    let signal = [scene.signal()];
    for (address, size) in [
        (0, 4),
        (vm.va_start - 4, 4),
        (vm.va_start - 4, 8),
        (vm.push_va_end, 4),
        (vm.push_va_end - 4, 8),
        (vm.va_end - 4, 4),
        (kernel.start, 4),
        (kernel.start - 4, 8),
        (kernel.end - 4, 4),
        (kernel.end - 4, 8),
        (0_u64.wrapping_sub(4), 4),
        (0_u64.wrapping_sub(4), 8),
        (1 << 63, 4),
    ] {
        let wrong = Push {
            address,
            size,
            flags: 0,
        };
        scene.fails(&[wrong], &signal, Errno::EINVAL);
    }
    scene.ends();
}

fn push_large(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let limits = nova::query_limits(client.file()).unwrap();
    let signal = [scene.signal()];
    for size in [
        limits.push_bytes_max + limits.push_align,
        1 << 31,
        u32::MAX - 3,
    ] {
        scene.fails(&[Push { size, ..scene.push }], &signal, Errno::EINVAL);
    }
    // The largest one is read to its end.
    let words = client.bound(limits.push_bytes_max.into());
    let last = Words::new().add(scene.counter.address, 1);
    let start = limits.push_bytes_max as usize - size_of_val(last.words());
    for (at, word) in (start..).step_by(4).zip(last.words()) {
        words.memory.set(at, *word);
    }
    let largest = Push {
        address: words.address,
        size: limits.push_bytes_max,
        flags: 0,
    };
    assert_eq!(scene.queue.exec_raw(&[largest], &[]), Ok(()));
    scene.queue.run(&Words::new().nops(1));
    assert_eq!(scene.counter.word(), 1);
    scene.counter.set_word(0);
    scene.ends();
}

fn one_of_many(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let (right, signal) = (scene.push, scene.signal());
    let wrong = Push { size: 0, ..right };
    for pushes in [
        [wrong, right, right],
        [right, wrong, right],
        [right, right, wrong],
    ] {
        scene.fails(&pushes, &[signal], Errno::EINVAL);
    }
    let missing = Sync { flags: 0, ..signal };
    for syncs in [
        [missing, signal, signal],
        [signal, missing, signal],
        [signal, signal, missing],
    ] {
        scene.fails(&[right], &syncs, Errno::EINVAL);
    }
    scene.ends();
}

fn order_of_checks(gpu: &Gpu) {
    let client = Client::new(gpu);
    let scene = Scene::new(&client);
    let (right, signal) = (scene.push, scene.signal());
    let misplaced = Push {
        address: 0,
        ..right
    };
    let flagged = Push {
        flags: 1 << 1,
        ..right
    };
    let unknown = Sync {
        handle: u32::MAX,
        ..signal
    };
    let missing = Sync { flags: 0, ..signal };
    // Elements, then handles, then addresses and limits.
    scene.fails(&[flagged], &[unknown], Errno::EINVAL);
    scene.fails(&[misplaced], &[signal, unknown], Errno::ENOENT);
    scene.fails(&[misplaced], &[missing, unknown], Errno::ENOENT);
    let most = scene.queue.created.pushes_max as usize;
    let many = vec![right; most + 1];
    scene.fails(&many, &[signal, unknown], Errno::ENOENT);
    scene.fails(&many, &[signal], Errno::EINVAL);
    // The queue is looked for after the arrays are read.
    let exec = |queue_id, push: &Push| Exec {
        queue_id,
        flags: 0,
        pushes: nova::calls::array(std::slice::from_ref(push)),
        syncs: uapi::Array::default(),
    };
    let file = scene.client.file();
    assert_eq!(
        call(file, &mut exec(u32::MAX, &flagged)),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        call(file, &mut exec(u32::MAX, &misplaced)),
        Err(Errno::ENOENT)
    );
    scene.ends();
}
