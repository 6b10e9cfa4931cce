// SPDX-License-Identifier: GPL-2.0

//! The VMs for Linux's nouveau, which is Debian's. Nothing of it is changed, so that what fails is a
//! mistake of the mock, unless it is one of nouveau.

use nova_hw::chipset::Chipset;
use nova_hw::release::{Release, RELEASES};

use crate::matrix::{options, Choice, Job, Machine, Runner};

/// A chip of each combination of address spaces and classes. Turing to Ada have one format of page
/// tables, Hopper and later another; AD102 has GA102's copy engine, but graphics of its own.
const GENERATIONS: [Chipset; 7] = [
    Chipset::TU102,
    Chipset::GA100,
    Chipset::GA102,
    Chipset::AD102,
    Chipset::GH100,
    Chipset::GB100,
    Chipset::GB202,
];

/// A chip of each way to boot, and so to sleep.
const SLEEPERS: [Chipset; 2] = [Chipset::GA102, Chipset::GH100];

/// The tests during which the VM sleeps.
const PM: &str = "nouveau_pm";

/// The tests that use nouveau through Mesa's NVK.
const VULKAN: &str = "igt@nova_vulkan";

/// Those of them that take most of the time, and that GA102 runs through Nova in the same check.
const LONG: [&str; 2] = ["igt@nova_vulkan@compute", "igt@nova_vulkan@image"];

/// The VMs for the chips of `choice`, with all releases that nouveau has for them; of `families`, a
/// chip of each generation, and GA102 alone with all releases. A chip has two VMs for a release, the
/// second for the tests during which it sleeps, which take longer than all others; of `families`,
/// only a chip of each way to boot sleeps, and only GA102 runs Vulkan programs, without the longest. With `tests`, only
/// those VMs that have one of these.
pub(crate) fn jobs(choice: &Choice, tests: &[String]) -> Vec<Job> {
    let (chips, with_all, sleepers): (&[_], &[_], &[_]) = match choice.name.as_str() {
        "families" => (&GENERATIONS, &[Chipset::GA102], &SLEEPERS),
        _ => (&choice.chips, &choice.chips, &choice.chips),
    };
    let [newest, older] = RELEASES;
    let newest = chips.iter().map(|&chip| (chip, newest));
    let older = with_all
        .iter()
        .filter(|&&chip| older.is_for(chip))
        .map(|&chip| (chip, older));
    let runs = runs(tests);
    let runs = runs.iter().filter(|(.., options)| !options.is_empty());
    let vms = newest
        .chain(older)
        .flat_map(|(chip, release)| runs.clone().map(move |run| (chip, release, run)));
    let vms = vms
        .filter(|(chip, _, (_, runner, _))| *runner != Runner::Sleeping || sleepers.contains(chip));
    vms.map(|(chip, release, run)| {
        let mut job = job(chip, release, run);
        if tests.is_empty() && run.1 == Runner::Igt && choice.name == "families" {
            let left_out: &[_] = match (chip, release) == (Chipset::GA102, RELEASES[0]) {
                true => &LONG,
                false => &[VULKAN],
            };
            job.options.extend(options("--exclude-tests", left_out));
        }
        job
    })
    .collect()
}

/// The suffix of a VM's name, its runner, and options that select its tests.
type Run = (&'static str, Runner, Vec<String>);

fn runs(tests: &[String]) -> [Run; 2] {
    let (sleeping, others) = match tests {
        [] => (
            options("--include-tests", [PM]),
            options("--exclude-tests", [PM]),
        ),
        tests => {
            let (sleeping, others): (Vec<_>, Vec<_>) =
                tests.iter().partition(|test| test.contains(PM));
            let include = |tests| options("--include-tests", tests);
            (include(sleeping), include(others))
        }
    };
    [
        ("", Runner::Igt, others),
        ("-pm", Runner::Sleeping, sleeping),
    ]
}

/// A VM. Its tests find the chip's name in `NOVA_CHIP`.
fn job(chip: Chipset, release: &'static Release, run: &Run) -> Job {
    let (suffix, runner, selection) = run;
    let name = chip.name();
    let branch = match release.branch() {
        Some(branch) if release != RELEASES[0] => format!("-{branch}"),
        _ => String::new(),
    };
    let environment = options("--environment", [format!("NOVA_CHIP={name}")]);
    Job {
        name: format!("nouveau-{name}{branch}{suffix}"),
        chips: vec![chip],
        runner: *runner,
        options: [&selection[..], &environment].concat(),
        machine: Machine::Usual,
        nouveau: Some(release),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::tests::{choice, lines};

    #[test]
    fn a_chip_has_two_vms_for_a_release() {
        let expected = [
            "nouveau-ga102 ga102 Igt --exclude-tests nouveau_pm --environment NOVA_CHIP=ga102 \
             570.144",
            "nouveau-ga102-pm ga102 Sleeping --include-tests nouveau_pm --environment NOVA_CHIP=ga102 \
             570.144",
            "nouveau-ga102-535 ga102 Igt --exclude-tests nouveau_pm --environment NOVA_CHIP=ga102 \
             535.113.01",
            "nouveau-ga102-535-pm ga102 Sleeping --include-tests nouveau_pm --environment \
             NOVA_CHIP=ga102 535.113.01",
        ];
        assert_eq!(lines(&jobs(&choice("ga102"), &[])), expected);
        assert_eq!(jobs(&choice("gh100"), &[]).len(), 2);
    }

    #[test]
    fn named_tests_have_the_vms_that_they_need() {
        let names = |tests: &[&str]| {
            let tests: Vec<_> = tests.iter().map(|&test| test.to_owned()).collect();
            let jobs = jobs(&choice("gb202"), &tests);
            jobs.into_iter().map(|job| job.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["igt@nouveau_exec@copy"]), ["nouveau-gb202"]);
        assert_eq!(names(&["igt@nouveau_pm"]), ["nouveau-gb202-pm"]);
        let both = names(&["igt@nouveau_exec", "igt@nouveau_pm"]);
        assert_eq!(both, ["nouveau-gb202", "nouveau-gb202-pm"]);
    }

    #[test]
    fn generations_are_among_the_families() {
        let families = choice("families");
        assert!(GENERATIONS.iter().all(|chip| families.chips.contains(chip)));
        assert!(SLEEPERS.iter().all(|chip| GENERATIONS.contains(chip)));
        let names = jobs(&families, &[]).into_iter().map(|job| job.name);
        let (sleeping, others): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with("-pm"));
        let expected = [
            "nouveau-ga102-pm",
            "nouveau-gh100-pm",
            "nouveau-ga102-535-pm",
        ];
        assert_eq!(sleeping, expected);
        assert_eq!(others.len(), GENERATIONS.len() + 1);
        let with_vulkan = lines(&jobs(&families, &[])).into_iter();
        let with_vulkan: Vec<_> = with_vulkan.filter(|line| line.contains(LONG[0])).collect();
        let expected =
            "nouveau-ga102 ga102 Igt --exclude-tests nouveau_pm --environment NOVA_CHIP=ga102 \
            --exclude-tests igt@nova_vulkan@compute --exclude-tests igt@nova_vulkan@image 570.144";
        assert_eq!(with_vulkan, [expected]);
        assert_eq!(jobs(&choice("all"), &[]).len(), 2 * (24 + 16));
    }
}
