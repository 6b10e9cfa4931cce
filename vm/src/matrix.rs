// SPDX-License-Identifier: GPL-2.0

//! The test matrix: tests and chips of each VM.

use nova_hw::chipset::Chipset;
use nova_hw::release::Release;
use nova_vm::chips::Selection;
use nova_vm::Kernel;

/// The script that runs the tests in the VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// IGT.
    Igt,
    /// IGT with tests during which the system sleeps.
    Sleeping,
    /// IGT in a crash kernel, after a panic with the driver loaded.
    Killed,
}

/// The machine that the VM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// What is usual.
    Usual,
    /// The GPU's frame buffer does not fit into the processor's address space, of 40 bits in QEMU
    /// without KVM.
    WithoutRoom,
}

impl Machine {
    /// Additional arguments of the mock.
    pub(crate) fn mock_arguments(self) -> &'static [&'static str] {
        match self {
            Self::WithoutRoom => &["--bar1", "64T"],
            Self::Usual => &[],
        }
    }
}

/// The chips of a VM.
#[derive(Clone, Copy, Debug)]
enum Chips {
    /// The chips that the user has chosen.
    Chosen,
    /// This chip.
    Only(Chipset),
}

/// Tests, selected by the beginning of their names.
#[derive(Clone, Copy, Debug)]
enum Tests {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// A VM of the matrix. CHIP in its name is replaced by the user's choice.
#[derive(Clone, Copy, Debug)]
struct Line {
    name: &'static str,
    chips: Chips,
    runner: Runner,
    tests: Tests,
    machine: Machine,
}

const fn line(name: &'static str, chips: Chips, runner: Runner, tests: Tests) -> Line {
    Line {
        name,
        chips,
        runner,
        tests,
        machine: Machine::Usual,
    }
}

impl Line {
    const fn on(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }
}

/// All tests except those that need several GPUs or another machine, and those during which the
/// system sleeps.
const OTHERS: Tests = Tests::AllBut(&["igt@nova_bars", "igt@nova_multi", "igt@nova_pm"]);
const FILES: Tests = Tests::Only(&["igt@nova_gsp_files"]);
/// The rest of those in the debug kernel. Loading the modules takes so long there that it is not repeated twenty times:
/// nova_load@unload-load does it, too, and a leak is found after the first time.
const OTHERS_IN_DEBUG: Tests = Tests::AllBut(&[
    "igt@nova_bars",
    "igt@nova_gsp_files",
    "igt@nova_load@reload",
    "igt@nova_multi",
    "igt@nova_pm",
]);
const SLEEP: Tests = Tests::Only(&["igt@nova_pm"]);
const BOOT: Tests = Tests::Only(&["igt@nova_boot"]);
/// Also that NVK, which has tables of its own for the families, finds and uses each GPU.
const BOOT_OF_MANY: Tests = Tests::Only(&[
    "igt@nova_boot",
    "igt@nova_multi",
    "igt@nova_vulkan@each",
    "igt@nova_vulkan@enumerate",
]);
const BARS: Tests = Tests::Only(&["igt@nova_bars"]);
/// The tests of faults, and of the firmware files that are not read as GA102's are: Turing's falcons have no boot ROM, so
/// Booter has other parts and the generic bootloader loads FWSEC. One parser reads GSP-RM and its bootloader for every chip,
/// but a chip has a section of its own in the file of GSP-RM.
const PATHS: Tests = Tests::Only(&[
    "igt@nova_fault",
    "igt@nova_rpc",
    "igt@nova_gsp_files@missing",
    "igt@nova_gsp_files@empty",
    "igt@nova_gsp_files@other-chip",
    "igt@nova_gsp_files@other-release",
    "igt@nova_gsp_files@mixed-releases",
    "igt@nova_gsp_files@truncated-gsp",
    "igt@nova_gsp_files@truncated-booter",
    "igt@nova_gsp_files@header-booter",
    "igt@nova_gsp_files@truncated-gen-bootloader",
    "igt@nova_gsp_files@header-gen-bootloader",
    "igt@nova_gsp_files@older-release",
]);

/// The same for a chip that boots by the FSP, and what depends on the format of the page tables and on the classes of
/// channels, of which both differ from GA102's there.
const PATHS_AND_JOBS: Tests = Tests::Only(&[
    "igt@nova_fault",
    "igt@nova_rpc",
    "igt@nova_gsp_files@missing",
    "igt@nova_gsp_files@empty",
    "igt@nova_gsp_files@other-chip",
    "igt@nova_gsp_files@other-release",
    "igt@nova_gsp_files@mixed-releases",
    "igt@nova_gsp_files@truncated-gsp",
    "igt@nova_gsp_files@truncated-fmc",
    "igt@nova_gsp_files@header-fmc",
    "igt@nova_bind",
    "igt@nova_exec",
]);

const GA102: Chips = Chips::Only(Chipset::GA102);
/// A chip without function-level reset.
const TU104: Chips = Chips::Only(Chipset::TU104);
const GH100: Chips = Chips::Only(Chipset::GH100);

/// For `families` and `all`.
const MANY: &[Line] = &[
    line("ga102", GA102, Runner::Igt, OTHERS),
    line("ga102-pm", GA102, Runner::Sleeping, SLEEP),
    line("ga102-bar1", GA102, Runner::Igt, BARS).on(Machine::WithoutRoom),
    line("tu104", TU104, Runner::Igt, PATHS),
    line("gh100", GH100, Runner::Igt, PATHS_AND_JOBS),
    line("CHIP", Chips::Chosen, Runner::Igt, BOOT_OF_MANY),
    line("CHIP-killed", Chips::Chosen, Runner::Killed, BOOT),
];

/// For a chip.
const ONE: &[Line] = &[
    line("CHIP", Chips::Chosen, Runner::Igt, OTHERS),
    line("CHIP-pm", Chips::Chosen, Runner::Sleeping, SLEEP),
    line("CHIP-killed", Chips::Chosen, Runner::Killed, BOOT),
];

/// For a chip in the debug kernel, in which nova_gsp_files takes as long as all other tests.
const DEBUG: &[Line] = &[
    line("CHIP-debug", Chips::Chosen, Runner::Igt, OTHERS_IN_DEBUG),
    line("CHIP-debug-files", Chips::Chosen, Runner::Igt, FILES),
    line("CHIP-debug-pm", Chips::Chosen, Runner::Sleeping, SLEEP),
];

/// A VM, and the tests to run in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Name of the folder of its results.
    pub(crate) name: String,
    /// The GPUs.
    pub(crate) chips: Vec<Chipset>,
    /// The runner.
    pub(crate) runner: Runner,
    /// Options of igt_runner.
    pub(crate) options: Vec<String>,
    /// The machine.
    pub(crate) machine: Machine,
    /// The firmware that nouveau boots, if the tests are for it and not for Nova.
    pub(crate) nouveau: Option<&'static Release>,
}

/// The user's choice: the name of a chip, `families` or `all`.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) chips: Vec<Chipset>,
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (chips, _) = name.parse::<Selection>()?.split();
        let name = name.to_owned();
        Ok(Self { name, chips })
    }
}

impl Choice {
    fn is_group(&self) -> bool {
        ["families", "all"].contains(&self.name.as_str())
    }

    /// The jobs for these tests, or for all tests if none are named. In the debug kernel IGT
    /// continues after a report.
    pub(crate) fn jobs(&self, kernel: Kernel, tests: &[String]) -> Vec<Job> {
        let mut jobs = match kernel {
            _ if !tests.is_empty() => self.named(tests),
            Kernel::Stock if self.is_group() => self.of(MANY),
            Kernel::Stock => self.of(ONE),
            Kernel::Debug => self.of(DEBUG),
        };
        if kernel == Kernel::Debug {
            for job in &mut jobs {
                job.options.push("--abort-on-monitored-error=".into());
            }
        }
        jobs
    }

    /// A VM for these tests, one for those during which the VM sleeps, and one for those that need a
    /// machine without room.
    fn named(&self, tests: &[String]) -> Vec<Job> {
        let names = |name: &'static str| move |test: &&String| test.contains(name);
        let (sleeping, others): (Vec<_>, Vec<_>) = tests.iter().partition(names("nova_pm"));
        let (bars, others): (Vec<_>, Vec<_>) = others.into_iter().partition(names("nova_bars"));
        let job = |(name, runner, machine, tests): (&str, _, _, Vec<&String>)| Job {
            name: name.to_owned(),
            chips: self.chips.clone(),
            runner,
            options: options("--include-tests", tests),
            machine,
            nouveau: None,
        };
        [
            ("tests", Runner::Igt, Machine::Usual, others),
            ("tests-pm", Runner::Sleeping, Machine::Usual, sleeping),
            ("tests-bar1", Runner::Igt, Machine::WithoutRoom, bars),
        ]
        .into_iter()
        .filter(|(.., tests)| !tests.is_empty())
        .map(job)
        .collect()
    }

    fn of(&self, lines: &[Line]) -> Vec<Job> {
        let job = |line: &Line| Job {
            name: line.name.replace("CHIP", &self.name),
            chips: match line.chips {
                Chips::Chosen => self.chips.clone(),
                Chips::Only(chip) => vec![chip],
            },
            runner: line.runner,
            options: match line.tests {
                Tests::Only(tests) => options("--include-tests", tests),
                Tests::AllBut(tests) => options("--exclude-tests", tests),
            },
            machine: line.machine,
            nouveau: None,
        };
        lines.iter().map(job).collect()
    }
}

/// Options of igt_runner: `name` before each of the values.
pub(crate) fn options<T: ToString>(name: &str, values: impl IntoIterator<Item = T>) -> Vec<String> {
    let option = |value: T| [name.to_owned(), value.to_string()];
    values.into_iter().flat_map(option).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn choice(name: &str) -> Choice {
        name.parse().unwrap()
    }

    /// Name, chips or their number, runner and options.
    pub(crate) fn lines(jobs: &[Job]) -> Vec<String> {
        let line = |job: &Job| {
            let chips = match job.chips[..] {
                [chip] => chip.name().to_owned(),
                _ => job.chips.len().to_string(),
            };
            let mut words = vec![format!("{} {chips} {:?}", job.name, job.runner)];
            words.extend(job.options.iter().cloned());
            let machine = job.machine.mock_arguments();
            words.extend(machine.iter().map(|&word| word.to_owned()));
            words.extend(job.nouveau.map(|release| release.name.to_owned()));
            words.join(" ")
        };
        jobs.iter().map(line).collect()
    }

    #[test]
    fn groups_run_everything_on_one_chip_and_boot_all() {
        let expected = [
            "ga102 ga102 Igt --exclude-tests igt@nova_bars --exclude-tests igt@nova_multi --exclude-tests igt@nova_pm",
            "ga102-pm ga102 Sleeping --include-tests igt@nova_pm",
            "ga102-bar1 ga102 Igt --include-tests igt@nova_bars --bar1 64T",
            "tu104 tu104 Igt --include-tests igt@nova_fault --include-tests igt@nova_rpc \
             --include-tests igt@nova_gsp_files@missing --include-tests igt@nova_gsp_files@empty \
             --include-tests igt@nova_gsp_files@other-chip --include-tests igt@nova_gsp_files@other-release \
             --include-tests igt@nova_gsp_files@mixed-releases --include-tests igt@nova_gsp_files@truncated-gsp \
             --include-tests igt@nova_gsp_files@truncated-booter \
             --include-tests igt@nova_gsp_files@header-booter \
             --include-tests igt@nova_gsp_files@truncated-gen-bootloader \
             --include-tests igt@nova_gsp_files@header-gen-bootloader --include-tests igt@nova_gsp_files@older-release",
            "gh100 gh100 Igt --include-tests igt@nova_fault --include-tests igt@nova_rpc \
             --include-tests igt@nova_gsp_files@missing --include-tests igt@nova_gsp_files@empty \
             --include-tests igt@nova_gsp_files@other-chip --include-tests igt@nova_gsp_files@other-release \
             --include-tests igt@nova_gsp_files@mixed-releases --include-tests igt@nova_gsp_files@truncated-gsp \
             --include-tests igt@nova_gsp_files@truncated-fmc \
             --include-tests igt@nova_gsp_files@header-fmc --include-tests igt@nova_bind --include-tests igt@nova_exec",
            "families 8 Igt --include-tests igt@nova_boot --include-tests igt@nova_multi \
             --include-tests igt@nova_vulkan@each --include-tests igt@nova_vulkan@enumerate",
            "families-killed 8 Killed --include-tests igt@nova_boot",
        ];
        assert_eq!(
            lines(&choice("families").jobs(Kernel::Stock, &[])),
            expected
        );
        let all = choice("all").jobs(Kernel::Stock, &[]);
        assert_eq!(all[5].name, "all");
        assert_eq!(all[6].chips.len(), 24);
    }

    #[test]
    fn a_chip_runs_everything() {
        let jobs = choice("gh100").jobs(Kernel::Stock, &[]);
        let expected = [
            "gh100 gh100 Igt --exclude-tests igt@nova_bars --exclude-tests igt@nova_multi --exclude-tests igt@nova_pm",
            "gh100-pm gh100 Sleeping --include-tests igt@nova_pm",
            "gh100-killed gh100 Killed --include-tests igt@nova_boot",
        ];
        assert_eq!(lines(&jobs), expected);
    }

    #[test]
    fn igt_continues_after_a_report_of_the_debug_kernel() {
        let expected = [
            "ga102-debug ga102 Igt --exclude-tests igt@nova_bars --exclude-tests igt@nova_gsp_files --exclude-tests igt@nova_load@reload --exclude-tests igt@nova_multi --exclude-tests igt@nova_pm --abort-on-monitored-error=",
            "ga102-debug-files ga102 Igt --include-tests igt@nova_gsp_files --abort-on-monitored-error=",
            "ga102-debug-pm ga102 Sleeping --include-tests igt@nova_pm --abort-on-monitored-error=",
        ];
        assert_eq!(lines(&choice("ga102").jobs(Kernel::Debug, &[])), expected);
    }

    #[test]
    fn named_tests_run_alone() {
        let tests = [
            "igt@nova_fault@recover",
            "igt@nova_pm@suspend",
            "igt@nova_bars",
        ];
        let tests = tests.map(str::to_owned);
        let ga102 = choice("ga102");
        let expected = [
            "tests ga102 Igt --include-tests igt@nova_fault@recover",
            "tests-pm ga102 Sleeping --include-tests igt@nova_pm@suspend",
            "tests-bar1 ga102 Igt --include-tests igt@nova_bars --bar1 64T",
        ];
        assert_eq!(lines(&ga102.jobs(Kernel::Stock, &tests)), expected);
        assert_eq!(
            lines(&ga102.jobs(Kernel::Stock, &tests[1..])),
            expected[1..]
        );
        let debug = ga102.jobs(Kernel::Debug, &tests);
        assert!(debug[0]
            .options
            .contains(&"--abort-on-monitored-error=".into()));
    }

    #[test]
    fn an_unknown_chip_is_refused() {
        assert!("gv100".parse::<Choice>().is_err());
    }
}
