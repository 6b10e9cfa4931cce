// SPDX-License-Identifier: GPL-2.0

//! QEMU's command line.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use nova_hw::release::{r570_144, Release};

use crate::guest::{Guest, Kernel};
use crate::mock::{self, ANSWER_LIMIT};
use crate::{wake, Host};

/// MiB of memory for each GPU in addition to the kernel's: a driver keeps about 64 MiB of firmware
/// for it.
const MEMORY_PER_GPU: usize = 128;

/// Arguments of every kernel. On a busy machine the VM may get no CPU for tens of seconds, which
/// the kernel must not report as a bug: the time-outs of its watchdogs are longer than that, and
/// the emulated TSC is not checked. The kernel's own tests of its ciphers, with which it starts, are
/// not made.
const KERNEL_ARGUMENTS: [&str; 6] = [
    "watchdog_thresh=60",
    "rcupdate.rcu_cpu_stall_timeout=300",
    "sysctl.kernel.hung_task_timeout_secs=600",
    "no_timer_check",
    "tsc=nowatchdog",
    "cryptomgr.notests=1",
];

/// Additional arguments of the debug kernel: KASAN reports more than once, and DMA debugging has
/// entries for all mappings.
const DEBUG_ARGUMENTS: [&str; 3] = [
    "kasan_multi_shot=1",
    "dma_debug_entries=65536",
    "workqueue.watchdog_thresh=120",
];

/// What takes the flags for fast string instructions from a CPU. The kernel's `memset` looks at
/// FSRS alone, but the kernel sets that itself on a CPU with FSRM (arch/x86/kernel/cpu/amd.c).
/// With the flags the kernel and libc copy and zero by `rep movsb` and `rep stosb`, which QEMU
/// executes byte by byte. In the memory of a device, each of the bytes is an access that QEMU sends
/// to the mock (`memset_io`, `__memset` of arch/x86/lib/memset_64.S): nouveau zeroes more than half
/// a MiB when it is loaded.
const SLOW_STRINGS: &str = "-fsrm,-fsrs,-erms";

/// The command that starts the VM. QEMU runs with the libraries of the sysroot, not those of this
/// machine.
pub(crate) fn command(host: &Host, guest: &Guest, run: &Path) -> Command {
    let mut command = host.tool("qemu-system-x86_64");
    command.args(arguments(host, guest, run));
    command
}

/// Options and their values, in order.
#[derive(Default)]
struct CommandLine(Vec<OsString>);

impl CommandLine {
    fn flag(&mut self, name: &str) {
        self.0.push(name.into());
    }

    fn option(&mut self, name: &str, value: impl Into<OsString>) {
        self.flag(name);
        self.0.push(value.into());
    }

    /// A folder of this machine that the VM can mount.
    fn share(&mut self, path: &Path, tag: &str, options: &str) {
        let path = path.display();
        let value = format!("local,path={path},mount_tag={tag},security_model=none{options}");
        self.option("-virtfs", value);
    }
}

fn arguments(host: &Host, guest: &Guest, run: &Path) -> Vec<OsString> {
    let mut arguments = CommandLine::default();
    program(&mut arguments, host);
    machine(&mut arguments, host, guest);
    console(&mut arguments, guest);
    monitor(&mut arguments, run);
    arguments.share(run, "run", "");
    arguments.share(&guest.out, "out", "");
    if let Some(files) = &guest.files {
        arguments.share(files, "files", ",readonly=on");
    }
    gpus(&mut arguments, guest, run);
    arguments.0
}

/// The paths of QEMU's files. QEMU ends if this program is killed.
fn program(arguments: &mut CommandLine, host: &Host) {
    let sysroot = |path: &str| host.sysroot.join(path);
    arguments.option("-L", sysroot("usr/share/qemu"));
    arguments.option("-L", sysroot("usr/share/seabios"));
    arguments.flag("-nodefaults");
    arguments.flag("-no-user-config");
    arguments.option("-display", "none");
    arguments.flag("-no-reboot");
    arguments.option("-run-with", "exit-with-parent=on");
}

fn machine(arguments: &mut CommandLine, host: &Host, guest: &Guest) {
    let stock = guest.other_kernel.as_ref().unwrap_or(&host.guest);
    let (vmlinuz, cpu, memory) = match guest.kernel {
        Kernel::Stock => (stock.join("vmlinuz"), "max", 1920),
        Kernel::Debug => (host.debug_kernel.join("vmlinuz"), "max,la57=off", 2800),
    };
    let memory = memory + MEMORY_PER_GPU * guest.chips.len().max(1);
    let ram = format!("memory-backend-memfd,id=ram,size={memory}M,share=on");
    arguments.option("-machine", "q35,memory-backend=ram");
    arguments.option("-object", ram);
    arguments.option("-accel", "tcg,thread=multi");
    arguments.option("-cpu", format!("{cpu},{SLOW_STRINGS}"));
    arguments.option("-smp", "2");
    arguments.option("-kernel", vmlinuz);
    arguments.option("-initrd", stock.join("initramfs.zst"));
    arguments.option("-append", kernel_arguments(guest));
    let root = host.guest.join("root.erofs");
    let root = format!("file={},format=raw,if=virtio,readonly=on", root.display());
    arguments.option("-drive", root);
}

/// nouveau boots this release. By itself it takes the newest; on chips that have an older one, that has
/// the number 0 (`ga102_gsps` in Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/ga102.c).
fn nouveau_argument(release: &Release) -> &'static str {
    match *release == r570_144::RELEASE {
        true => "nouveau.config=NvGspRm=1",
        false => "nouveau.config=NvGspRm=1,NvGspFw=0",
    }
}

fn kernel_arguments(guest: &Guest) -> String {
    let mut words = vec!["console=ttyS0", "panic=-1", "mitigations=off"];
    words.extend(guest.nouveau.map(nouveau_argument));
    words.extend(guest.kernel_arguments.iter().map(String::as_str));
    words.extend(KERNEL_ARGUMENTS);
    if guest.kernel == Kernel::Debug {
        words.extend(DEBUG_ARGUMENTS);
    }
    words.join(" ")
}

/// The kernel's console is a file; the console of the script or the shell is this program's. A
/// shell handles Ctrl-C itself.
fn console(arguments: &mut CommandLine, guest: &Guest) {
    let signal = match guest.script {
        Some(_) => "on",
        None => "off",
    };
    let log = guest.out.join("console.log");
    arguments.option("-serial", format!("file:{}", log.display()));
    arguments.option("-device", "virtio-serial-pci,id=serial");
    arguments.option("-chardev", format!("stdio,id=console,signal={signal}"));
    arguments.option("-device", "virtconsole,bus=serial.0,chardev=console");
}

/// The monitor, with which [`Waker`](crate::wake::Waker) wakes the VM.
fn monitor(arguments: &mut CommandLine, run: &Path) {
    let socket = wake::socket(run);
    let options = "server=on,wait=off";
    arguments.option("-qmp", format!("unix:{},{options}", socket.display()));
}

/// The GPUs, and the control port of each mock. The ports are on a device of their own, which a
/// test can unbind while the system sleeps.
fn gpus(arguments: &mut CommandLine, guest: &Guest, run: &Path) {
    arguments.option("-device", "virtio-serial-pci,id=mocks");
    let limit = ANSWER_LIMIT.as_millis();
    for gpu in 0..guest.chips.len() {
        let socket = mock::socket(run, gpu);
        let control = mock::control(run, gpu);
        let socket = format!(r#"{{"type":"unix","path":"{}"}}"#, socket.display());
        let device =
            format!(r#"{{"driver":"vfio-user-pci","socket":{socket},"x-msg-timeout":{limit}}}"#);
        arguments.option("-device", device);
        let control = format!("socket,id=mock{gpu},path={}", control.display());
        arguments.option("-chardev", control);
        let port = format!("virtserialport,bus=mocks.0,chardev=mock{gpu},name=nova.mock.{gpu}");
        arguments.option("-device", port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::host;
    use crate::Script;
    use nova_hw::chipset::Chipset;
    use nova_hw::release::r535_113_01;

    fn line(guest: &Guest) -> String {
        let arguments = arguments(&host(Path::new("/host")), guest, Path::new("/run"));
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        words.join(" ")
    }

    fn has(guest: &Guest, words: &str) {
        let line = line(guest);
        assert!(
            format!(" {line} ").contains(&format!(" {words} ")),
            "{words:?} is not in {line}"
        );
    }

    #[test]
    fn a_vm_with_one_gpu() {
        let mut guest = Guest::new("/out");
        guest.chips = vec![Chipset::GA102];
        guest.script = Some(Script::new("/script"));
        let expected = "-L /host/sysroot/usr/share/qemu -L /host/sysroot/usr/share/seabios \
            -nodefaults -no-user-config -display none -no-reboot -run-with exit-with-parent=on \
            -machine q35,memory-backend=ram -object memory-backend-memfd,id=ram,size=2048M,share=on \
            -accel tcg,thread=multi -cpu max,-fsrm,-fsrs,-erms -smp 2 -kernel /host/guest/vmlinuz -initrd /host/guest/initramfs.zst \
            -append console=ttyS0 panic=-1 mitigations=off watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300 \
            sysctl.kernel.hung_task_timeout_secs=600 no_timer_check tsc=nowatchdog cryptomgr.notests=1 \
            -drive file=/host/guest/root.erofs,format=raw,if=virtio,readonly=on \
            -serial file:/out/console.log -device virtio-serial-pci,id=serial -chardev stdio,id=console,signal=on \
            -device virtconsole,bus=serial.0,chardev=console \
            -qmp unix:/run/monitor,server=on,wait=off \
            -virtfs local,path=/run,mount_tag=run,security_model=none \
            -virtfs local,path=/out,mount_tag=out,security_model=none \
            -device virtio-serial-pci,id=mocks \
            -device {\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"/run/gpu\"},\"x-msg-timeout\":600000} \
            -chardev socket,id=mock0,path=/run/control \
            -device virtserialport,bus=mocks.0,chardev=mock0,name=nova.mock.0";
        assert_eq!(line(&guest), expected);
    }

    #[test]
    fn memory_grows_with_the_gpus() {
        let mut guest = Guest::new("/out");
        has(
            &guest,
            "-object memory-backend-memfd,id=ram,size=2048M,share=on",
        );
        guest.chips = vec![Chipset::GA102, Chipset::GH100, Chipset::TU102];
        has(
            &guest,
            "-object memory-backend-memfd,id=ram,size=2304M,share=on",
        );
        has(&guest, "-chardev socket,id=mock2,path=/run/control.2");
        has(
            &guest,
            "-device virtserialport,bus=mocks.0,chardev=mock2,name=nova.mock.2",
        );
        assert!(line(&guest).contains("\"/run/gpu.2\""));
    }

    #[test]
    fn the_debug_kernel_has_more_memory_and_continues_after_a_report() {
        let mut guest = Guest::new("/out");
        guest.kernel = Kernel::Debug;
        has(
            &guest,
            "-cpu max,la57=off,-fsrm,-fsrs,-erms -smp 2 -kernel /host/debug-kernel/vmlinuz",
        );
        has(
            &guest,
            "-object memory-backend-memfd,id=ram,size=2928M,share=on",
        );
        has(&guest, "tsc=nowatchdog cryptomgr.notests=1 kasan_multi_shot=1 dma_debug_entries=65536 workqueue.watchdog_thresh=120");
    }

    #[test]
    fn nouveau_boots_its_release() {
        let mut guest = Guest::new("/out");
        guest.nouveau = Some(&r570_144::RELEASE);
        has(&guest, "nouveau.config=NvGspRm=1");
        guest.nouveau = Some(&r535_113_01::RELEASE);
        has(&guest, "nouveau.config=NvGspRm=1,NvGspFw=0");
    }

    #[test]
    fn another_kernel_has_its_own_initramfs() {
        let mut guest = Guest::new("/out");
        guest.other_kernel = Some("/other".into());
        has(
            &guest,
            "-kernel /other/vmlinuz -initrd /other/initramfs.zst",
        );
    }

    #[test]
    fn a_shell_gets_signals_and_files_are_shared() {
        let mut guest = Guest::new("/out");
        has(&guest, "-chardev stdio,id=console,signal=off");
        guest.files = Some("/files".into());
        guest.kernel_arguments = vec!["crashkernel=576M nokaslr".into()];
        has(
            &guest,
            "-virtfs local,path=/files,mount_tag=files,security_model=none,readonly=on",
        );
        has(
            &guest,
            "mitigations=off crashkernel=576M nokaslr watchdog_thresh=60",
        );
    }
}
