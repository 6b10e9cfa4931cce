// SPDX-License-Identifier: MIT

//! The actions, and the processes that perform them.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use igt::data::{assert_same, pattern};
use igt::device::{self, DrmDevice};
use igt::mock::Mock;
use igt::nova::bind_queue::BindQueue;
use igt::nova::client::Client;
use igt::nova::faults::get_faults;
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl, Sizes};
use igt::sleep::{self, State};
use igt::syncobj::{Signal, Syncobj};
use igt::sysfs::{self, PciDevice};
use igt::{drm, ExitHandler, HANG};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nova_uapi::{GemCreate, GemInfo, VmBindOp};

/// The state of a process for its actions.
pub(crate) struct Context<'a> {
    pub(crate) gpu: &'a Gpu,
    pub(crate) mock: &'a Mock,
    pub(crate) sizes: &'a Sizes,
    /// A file that is locked while the system sleeps and while a command is sent to the mock.
    pub(crate) mock_lock: &'a Path,
    pub(crate) rng: Rng,
}

/// An action of a process.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    /// Relative frequency among the actions of the process.
    pub(crate) weight: usize,
    pub(crate) run: fn(&mut Context<'_>) -> io::Result<()>,
}

/// Processes that perform the same actions, each in its own order.
pub(crate) struct Role {
    pub(crate) processes: usize,
    /// The longest pause of a process between two actions.
    pub(crate) pause: Duration,
    pub(crate) actions: Vec<Action>,
}

const fn action(
    name: &'static str,
    weight: usize,
    run: fn(&mut Context<'_>) -> io::Result<()>,
) -> Action {
    Action { name, weight, run }
}

/// The roles that are possible on this machine.
pub(crate) fn roles() -> Vec<Role> {
    let mut roles = vec![binders(), sleepers(), breakers(), readers(), workers()];
    roles.retain(|role| !role.actions.is_empty());
    roles
}

/// Processes that bind, unbind and reset. They bind more often than they unbind, and pause for
/// about as long as a boot takes, so that the other processes find a working GPU.
fn binders() -> Role {
    Role {
        processes: 2,
        pause: Duration::from_secs(3),
        actions: vec![
            action("reset", 3, |context| context.gpu.pci().reset()),
            action("unbind", 2, |context| context.gpu.pci().unbind()),
            action("bind", 6, bind),
            action("remove", 1, |context| context.gpu.pci().remove()),
            action("rescan", 3, |_| rescan()),
            action("unload modules", 1, |_| unload_modules()),
            action("load modules", 6, |_| load_modules()),
        ],
    }
}

fn sleepers() -> Role {
    let all = [
        action("sleep: freezer", 1, |context| {
            test_sleep(context, "freezer")
        }),
        action("sleep: devices", 2, |context| {
            test_sleep(context, "devices")
        }),
        action("sleep: platform", 1, |context| {
            test_sleep(context, "platform")
        }),
        action("sleep: processors", 1, |context| {
            test_sleep(context, "processors")
        }),
        action("sleep: core", 1, |context| test_sleep(context, "core")),
        action("sleep: hibernation", 1, |context| {
            let _away = context.put_mock_away()?;
            let _test = State::Disk.test_up_to("devices")?;
            State::Disk.enter()
        }),
        action("sleep: until alarm", 2, |context| {
            let _away = context.put_mock_away()?;
            sleep::until_alarm()
        }),
    ];
    let is_possible = |action: &Action| match action.name.strip_prefix("sleep: ") {
        Some("until alarm") => State::Mem.is_known() && sleep::has_alarm(),
        Some("hibernation") => State::Disk.is_known() && sleep::can_test_up_to("devices"),
        Some(level) => State::Mem.is_known() && sleep::can_test_up_to(level),
        None => true,
    };
    let (possible, impossible): (Vec<_>, Vec<_>) = all.into_iter().partition(is_possible);
    for action in impossible {
        println!("{} is not possible on this machine", action.name);
    }
    Role {
        processes: 1,
        pause: Duration::from_secs(8),
        actions: possible,
    }
}

/// The process that injects faults: only one, since the mock serves one client. Most boots have no
/// fault.
fn breakers() -> Role {
    Role {
        processes: 1,
        pause: Duration::from_secs(6),
        actions: vec![
            action("fault: crash", 4, |context| {
                let after = context.rng.u32(0..8);
                context.broken(&format!("stage=gsp,kind=crash,after={after}"))
            }),
            action("fault: hang", 3, |context| {
                context.broken("stage=reply,kind=timeout")
            }),
            action("fault: refusals", 1, |context| {
                context.broken("stage=reply,kind=error")
            }),
            action("fault: interrupts lost", 2, |context| {
                context.broken("stage=interrupt,kind=lost")
            }),
            action("fault: interrupts late", 2, |context| {
                context.broken("stage=interrupt,kind=late")
            }),
            action("fault: bad message", 4, |context| {
                const KINDS: [&str; 7] = [
                    "checksum",
                    "length",
                    "elements",
                    "sequence",
                    "signature",
                    "write-pointer",
                    "read-pointer",
                ];
                let kind = KINDS[context.rng.usize(..KINDS.len())];
                context.broken(&format!("stage=message,kind={kind}"))
            }),
            action("fault: boot", 2, |context| {
                const FAULTS: [&str; 4] = [
                    "stage=init-done,kind=error",
                    "stage=wpr2,kind=up",
                    "stage=gsp-reset,kind=timeout",
                    "stage=suspend,kind=timeout",
                ];
                let fault = FAULTS[context.rng.usize(..FAULTS.len())];
                context.broken(fault)
            }),
            action("fault: job interrupt lost", 1, |context| {
                context.broken("stage=nonstall,kind=lost")
            }),
            action("fault: engine hangs", 1, |context| {
                context.broken("stage=engine,kind=hang,method=0x300")
            }),
            action("fault: gone", 1, |context| {
                context.broken("stage=card,kind=gone")
            }),
            action("event", 4, event),
        ],
    }
}

fn readers() -> Role {
    Role {
        processes: 3,
        pause: Duration::from_millis(100),
        actions: vec![
            action("read debugfs", 6, read_debugfs),
            action("control", 6, |context| {
                control(
                    context,
                    rm_control::GPU_GET_NAME_STRING,
                    rm_control::NAME_STRING_LEN,
                )
            }),
            action("long control", 1, |context| {
                control(
                    context,
                    rm_control::PGPU_ADD_VGPU_TYPE,
                    context.sizes.vgpu_types,
                )
            }),
            action("read coredump", 2, |_| {
                with_coredump(|data| fs::read(data).map(drop))
            }),
            action("dismiss coredump", 1, |_| {
                with_coredump(|data| sysfs::write(data, "1"))
            }),
            action("read config space", 4, |_| read_config_space()),
            action("use nodes", 6, use_nodes),
        ],
    }
}

/// Processes that have the GPU work. A hang or an error of an engine is for their jobs alone.
fn workers() -> Role {
    Role {
        processes: 2,
        pause: Duration::from_millis(200),
        actions: vec![
            action("copy", 4, |context| copies(context, true)),
            action("copy and leave", 2, |context| copies(context, false)),
            action("job that fails", 1, job_that_fails),
            action("bind", 3, |context| binds(context, true)),
            action("bind and leave", 2, |context| binds(context, false)),
        ],
    }
}

impl Context<'_> {
    /// Locks the mock and puts its port away while the system sleeps.
    fn put_mock_away(&self) -> io::Result<(ExitHandler, Flock<fs::File>)> {
        let locked = self.lock()?;
        Ok((self.mock.put_away()?, locked))
    }

    fn lock(&self) -> io::Result<Flock<fs::File>> {
        let file = OpenOptions::new().write(true).open(self.mock_lock)?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
    }

    fn tell(&self, command: &str) -> io::Result<String> {
        let _locked = self.lock()?;
        self.mock.ask(command)
    }

    /// Breaks the card for a while.
    fn broken(&mut self, fault: &str) -> io::Result<()> {
        let answer = self.tell(&format!("fault {fault}"))?;
        assert_eq!(answer, "ok", "{fault}");
        thread::sleep(Duration::from_millis(self.rng.u64(..2000)));
        let answer = self.tell("repair")?;
        assert_eq!(answer, "ok", "repair");
        Ok(())
    }
}

fn bind(context: &mut Context<'_>) -> io::Result<()> {
    let drivers = nova::core_module().pci_drivers();
    context
        .gpu
        .pci()
        .bind(drivers.first().ok_or(Errno::ENOENT)?)
}

/// Rescans the PCI bus.
pub(crate) fn rescan() -> io::Result<()> {
    sysfs::write("/sys/bus/pci/rescan", "1")
}

fn unload_modules() -> io::Result<()> {
    nova::drm_module().unload()?;
    Ok(nova::core_module().unload()?)
}

fn load_modules() -> io::Result<()> {
    let loaded = nova::drm_module().load();
    // Another process may unload the modules meanwhile; modprobe does not report the error number.
    loaded.map_err(|_| Errno::EBUSY.into())
}

fn test_sleep(context: &mut Context<'_>, level: &str) -> io::Result<()> {
    let _away = context.put_mock_away()?;
    let _test = State::Mem.test_up_to(level)?;
    State::Mem.enter()
}

/// Has GSP-RM send an event.
fn event(context: &mut Context<'_>) -> io::Result<()> {
    const EVENTS: [&str; 4] = [
        "os-error xid=79 text=stress",
        "rc-triggered xid=31 engine=1 channel=8 address=0x7f00001000",
        "mmu-fault",
        "other function=0x1fff",
    ];
    let event = EVENTS[context.rng.usize(..EVENTS.len())];
    match &*context.tell(&format!("event {event}"))? {
        "ok" => Ok(()),
        "error: GSP-RM does not run" => Err(Errno::ENODEV.into()),
        other => panic!("{event}: {other}"),
    }
}

/// Reads one of the read-only files in debugfs.
fn read_debugfs(context: &mut Context<'_>) -> io::Result<()> {
    let folder = context.gpu.debugfs();
    let names = sysfs::names(&folder);
    let mut names = names.iter().filter(|name| *name != "rm_control");
    let count = names.clone().count();
    if count == 0 {
        return Err(Errno::ENOENT.into());
    }
    let name = names.nth(context.rng.usize(..count)).ok_or(Errno::ENOENT)?;
    fs::read(folder.join(name)).map(drop)
}

fn control(context: &mut Context<'_>, cmd: u32, len: usize) -> io::Result<()> {
    let params = vec![0; len];
    let mut control = RmControl::try_open(context.gpu)?;
    control.call(rm_control::SUBDEVICE, cmd, &params)?;
    Ok(())
}

fn with_coredump(action: fn(PathBuf) -> io::Result<()>) -> io::Result<()> {
    let folder = Path::new("/sys/class/devcoredump");
    let names = sysfs::names(folder);
    let dump = names.iter().find(|name| name.starts_with("devcd"));
    action(folder.join(dump.ok_or(Errno::ENOENT)?).join("data"))
}

/// Reads the configuration of every PCI function, as lspci does.
fn read_config_space() -> io::Result<()> {
    for function in PciDevice::all() {
        fs::read(function.path().join("config"))?;
    }
    Ok(())
}

/// Opens a node, calls its ioctls, and closes it.
fn use_nodes(context: &mut Context<'_>) -> io::Result<()> {
    let DrmDevice {
        primary, render, ..
    } = context.gpu.drm().ok_or(Errno::ENOENT)?;
    let node = match render {
        Some(render) if context.rng.bool() => render,
        _ => primary,
    };
    let node = device::open(&node)?;
    drm::version(&node)?;
    nova::query_device(&node)?;
    nova::query_firmware(&node)?;
    nova::get_param(&node, nova_uapi::GETPARAM_VRAM_BAR_SIZE)?;
    let mut create = GemCreate {
        size: context.rng.u64(1..1 << 20),
        ..GemCreate::default()
    };
    nova::gem_create(&node, &mut create)?;
    let mut info = GemInfo {
        handle: create.handle,
        ..GemInfo::default()
    };
    nova::gem_info(&node, &mut info)?;
    assert!(info.size >= create.size, "{info:?} of {create:?}");
    // A handle that is not closed is freed with its file.
    if context.rng.bool() {
        drm::gem_close(&node, create.handle)?;
    }
    Ok(())
}

/// Opens the render node, with an address space.
fn client(context: &Context<'_>) -> io::Result<Client> {
    let drm = context.gpu.drm().ok_or(Errno::ENOENT)?;
    let node = device::open(&drm.render.ok_or(Errno::ENOENT)?)?;
    Ok(Client::with(node)?)
}

/// Copies a few times, and compares what is done; or closes the file before it is.
fn copies(context: &mut Context<'_>, waits: bool) -> io::Result<()> {
    const SIZE: usize = 64 << 10;
    let client = client(context)?;
    let queue = Queue::try_new(&client, Queue::COPY)?;
    let [source, target] = [
        client.try_bound(SIZE as u64, 0)?,
        client.try_bound(SIZE as u64, 0)?,
    ];
    let done = Syncobj::new(client.file())?;
    for _ in 0..context.rng.u32(1..8) {
        let written = pattern(context.rng.u64(..), SIZE);
        source.memory.write(0, &written);
        let copy = queue
            .push()
            .copy(source.address, target.address, SIZE as u32);
        let signals = [Signal::Binary(&done)];
        queue.exec(&[queue.place(copy.words())], &[], &signals)?;
        if waits {
            done.wait(HANG)?;
            done.outcome()?.unwrap_or(Ok(()))?;
            assert_same(&target.memory.read(0, SIZE), &written, "a copy");
        }
    }
    Ok(())
}

/// Has a queue map an object for each of some jobs, which use it; or closes the file before they are done.
fn binds(context: &mut Context<'_>, waits: bool) -> io::Result<()> {
    let client = client(context)?;
    let queue = Queue::try_new(&client, Queue::COPY)?;
    let binds = BindQueue::try_new(client.file(), BindQueue::of(client.vm_id()))?;
    let buffers = [client.try_bound(4096, 0)?, client.try_bound(4096, 0)?];
    let at = client.reserve(4096);
    let (bound, done) = (Syncobj::new(client.file())?, Syncobj::new(client.file())?);
    let (bound, done) = ([Signal::Binary(&bound)], [Signal::Binary(&done)]);
    for round in 1..context.rng.u32(2..8) {
        let buffer = &buffers[(round % 2) as usize];
        let mapping = VmBindOp {
            op: nova_uapi::VM_BIND_OP_MAP,
            handle: buffer.handle(),
            address: at,
            size: 4096,
            ..VmBindOp::default()
        };
        // The first one waits for nothing.
        let after = if round == 1 { &[][..] } else { &done };
        binds.try_bind(&[mapping], after, &bound)?;
        let fill = queue.push().fill(at, round, 1);
        queue.exec(&[queue.place(fill.words())], &bound, &done)?;
        if waits {
            done[0].wait(HANG)?;
            let outcome = done[0].export()?.outcome()?;
            outcome.unwrap_or(Ok(()))?;
            assert_eq!(buffer.word(), round, "what a job has written");
        }
    }
    Ok(())
}

/// Has a job use an address at which there is nothing, and reads of that.
fn job_that_fails(context: &mut Context<'_>) -> io::Result<()> {
    let client = client(context)?;
    let queue = Queue::try_new(&client, Queue::COPY)?;
    let done = Syncobj::new(client.file())?;
    let nowhere = queue.push().fill(client.reserve(4096), 1, 1);
    let signals = [Signal::Binary(&done)];
    queue.exec(&[queue.place(nowhere.words())], &[], &signals)?;
    done.wait(HANG)?;
    match done.outcome()? {
        Some(Err(Errno::ECANCELED)) => {}
        Some(Err(error)) => return Err(error.into()),
        other => panic!("the job has ended with {other:?}"),
    }
    // There is none if the GPU was stopped before.
    let sequence = queue.state()?.fault_sequence;
    let told = get_faults(client.file(), client.vm_id(), 0, 2)?;
    let is_told = told.faults.iter().any(|fault| fault.sequence == sequence);
    assert!(is_told || sequence == u64::MAX, "{sequence}: {told:x?}");
    Ok(())
}
