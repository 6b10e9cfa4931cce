// SPDX-License-Identifier: MIT

//! The devices under test, and lavapipe, which says what is right.

use std::cell::OnceCell;

use ash::vk;
use igt::data::assert_same;
use igt::nouveau;
use igt::nova::{self, Gpu};
use igt::vulkan::{Device, Physical, Vulkan};
use igt::{wait_for, Dynamic, HANG};

/// The variable that names another device to test: a part of its name, such as `llvmpipe`.
const OTHER: &str = "NOVA_VULKAN_DEVICE";

fn other() -> Option<String> {
    std::env::var(OTHER).ok()
}

/// Whether Linux's nouveau is to drive the GPUs, as IGT's variable says.
fn with_nouveau() -> bool {
    std::env::var("IGT_FORCE_DRIVER").is_ok_and(|driver| driver == "nouveau")
}

/// Loads the driver of the GPUs, if those are what is tested. Nova's ioctls are not for this process: on nova's files,
/// `nova-nvk` answers those of nouveau.
pub(crate) fn load() {
    if other().is_some() {
        return;
    }
    if with_nouveau() {
        nouveau::Gpu::require_running();
        return;
    }
    let gpu = Gpu::require();
    nova::load();
    if gpu.pci().driver().is_none() {
        gpu.bind();
    }
    wait_for(HANG, "the render node", || {
        let render = gpu.drm().and_then(|drm| drm.render);
        render.is_some_and(|node| node.exists())
    });
}

/// Whether nova drives a GPU.
pub(crate) fn is_with_nova(gpu: &Gpu) -> bool {
    nova::core_module().is_loaded() && gpu.pci().driver() == Some(nova::driver())
}

/// The GPU of a device, if nova drives it.
pub(crate) fn nova_gpu(physical: &Physical) -> Option<Gpu> {
    let is_it = |gpu: &Gpu| physical.pci == Some(gpu.pci().name()) && is_with_nova(gpu);
    Gpu::all().into_iter().find(is_it)
}

/// The series of Mesa that the tests are for, as `MESA` in vm/cache/plan; NVK pushes other methods in others.
const MESA: &str = "Mesa 26.1";

/// Whether a driver is of that series, such as "Mesa 26.1.6-1".
fn is_of_series(driver_info: &str) -> bool {
    let rest = driver_info.strip_prefix(MESA);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// The devices of the machine.
pub(crate) struct Devices {
    /// Those that are tested, at least one. Most subtests take the first one alone.
    pub(crate) tested: Vec<Physical>,
    reference: Physical,
}

impl Devices {
    /// Finds them; skips if one is missing.
    pub(crate) fn require(vulkan: &Vulkan) -> Self {
        let all = vulkan.devices();
        let is_tested = |physical: &&Physical| match other() {
            Some(name) => physical.name.contains(&name),
            None => physical.driver == vk::DriverId::MESA_NVK,
        };
        let tested: Vec<_> = all.iter().filter(is_tested).cloned().collect();
        let names: Vec<_> = all.iter().map(|physical| &physical.name).collect();
        igt::require!(!tested.is_empty(), "a device to test; there are {names:?}");
        let is_reference = |physical: &Physical| physical.driver == vk::DriverId::MESA_LLVMPIPE;
        let Some(reference) = all.iter().find(|it| is_reference(it)).cloned() else {
            igt::skip!("Nothing to compare with: no lavapipe among {names:?}.");
        };
        Self { tested, reference }
    }

    /// Skips if NVK is of another series of Mesa than the tests are for.
    pub(crate) fn require_series(&self) {
        let is_other = |physical: &&Physical| {
            physical.driver == vk::DriverId::MESA_NVK && !is_of_series(&physical.driver_info)
        };
        if let Some(other) = self.tested.iter().find(is_other) {
            let info = &other.driver_info;
            igt::skip!(
                "The tests are for {MESA}, and this is {info}: see docs/vulkan.md, What is tested."
            );
        }
    }

    /// The first device that is tested.
    pub(crate) fn first(&self) -> &Physical {
        &self.tested[0]
    }

    /// The driver to compare with.
    pub(crate) fn reference(&self) -> &Physical {
        &self.reference
    }

    /// Runs a part for each device, named after the chip as NVK names it: `… (NVK GA102)`.
    pub(crate) fn for_each(&self, parts: &mut Dynamic<'_>, body: impl Fn(&Physical)) {
        for (number, physical) in self.tested.iter().enumerate() {
            let mut words = physical.name.split(|c: char| !c.is_ascii_alphanumeric());
            let chip = words.rfind(|word| !word.is_empty());
            let name = format!("{}-{number}", chip.unwrap_or_default().to_lowercase());
            parts.dynamic(name, || body(physical));
        }
    }

    /// A pair for a family of a device.
    pub(crate) fn pair<'v>(
        &'v self,
        vulkan: &'v Vulkan,
        tested: &'v Physical,
        family: u32,
    ) -> Pair<'v> {
        Pair {
            tested: Device::new(vulkan, tested, family),
            reference: OnceCell::new(),
            devices: self,
        }
    }

    /// The first device with a queue for copies, which does nothing else if there is such a family.
    pub(crate) fn copies<'v>(&'v self, vulkan: &'v Vulkan) -> Pair<'v> {
        self.pair(vulkan, self.first(), copies(self.first()))
    }

    /// The first family of the first device whose queues run programs; skips if there is none.
    pub(crate) fn for_programs(&self) -> u32 {
        let first = self.first();
        let mut families = 0..first.families.len() as u32;
        let family = families.find(|&family| first.can(family, vk::QueueFlags::COMPUTE));
        family.unwrap_or_else(|| igt::skip!("No queue for programs."))
    }

    /// Runs a part for each family of queues of the first device that does all of this.
    pub(crate) fn for_each_queue(
        &self,
        vulkan: &Vulkan,
        parts: &mut Dynamic<'_>,
        flags: vk::QueueFlags,
        body: impl Fn(&Pair<'_>),
    ) {
        let tested = self.first();
        let families = 0..tested.families.len() as u32;
        for family in families.filter(|&family| does(tested, family, flags)) {
            parts.dynamic(name(tested, family), || {
                body(&self.pair(vulkan, tested, family))
            });
        }
    }
}

/// Requires what not all drivers have, but NVK has: with NVK, a test that lacks it fails.
#[track_caller]
pub(crate) fn require(physical: &Physical, is_there: bool, what: &str) {
    let is_nvk = physical.driver == vk::DriverId::MESA_NVK;
    assert!(is_there || !is_nvk, "NVK without {what}");
    igt::require!(is_there, "{what}");
}

/// The family for copies: one that does nothing else, or else the first one. NVK has one.
pub(crate) fn copies(physical: &Physical) -> u32 {
    let mut families = 0..physical.families.len() as u32;
    let family = families.find(|&family| name(physical, family) == "transfer");
    let is_nvk = physical.driver == vk::DriverId::MESA_NVK;
    assert!(family.is_some() || !is_nvk, "{:?}", physical.families);
    family.unwrap_or(0)
}

/// Whether queues of a family do all of this. Those that draw or compute copy, too, without saying so.
fn does(physical: &Physical, family: u32, flags: vk::QueueFlags) -> bool {
    let copies = vk::QueueFlags::TRANSFER;
    match flags == copies {
        true => ["universal", "compute", "transfer"].contains(&name(physical, family)),
        false => physical.can(family, flags),
    }
}

/// What a family is for.
fn name(physical: &Physical, family: u32) -> &'static str {
    let kinds = [
        (vk::QueueFlags::GRAPHICS, "universal"),
        (vk::QueueFlags::COMPUTE, "compute"),
        (vk::QueueFlags::VIDEO_DECODE_KHR, "decode"),
        (vk::QueueFlags::VIDEO_ENCODE_KHR, "encode"),
        (vk::QueueFlags::TRANSFER, "transfer"),
    ];
    let kind = kinds.iter().find(|(flags, _)| physical.can(family, *flags));
    kind.map_or("other", |(_, name)| name)
}

/// A device under test, and lavapipe.
pub(crate) struct Pair<'v> {
    pub(crate) tested: Device<'v>,
    reference: OnceCell<Device<'v>>,
    devices: &'v Devices,
}

impl<'v> Pair<'v> {
    /// A device of lavapipe, which is made when it is first asked for: that takes about a second.
    pub(crate) fn reference(&self) -> &Device<'v> {
        let make = || Device::new(self.tested.vulkan, &self.devices.reference, 0);
        self.reference.get_or_init(make)
    }

    /// Has both do the same work, and asserts that the results are the same.
    #[track_caller]
    pub(crate) fn assert_same(&self, what: &str, work: impl Fn(&Device<'_>) -> Vec<u8>) {
        assert_same(&work(&self.tested), &work(self.reference()), what);
    }
}
