// SPDX-License-Identifier: GPL-2.0

//! A GSP-RM with a client, for tests of controls and classes.

use nova_hw::abi::class::{NV01_DEVICE_0, NV01_ROOT, NV20_SUBDEVICE_0};
use nova_hw::abi::{
    control, ChannelAllocParams, ChannelFlags, MemoryDescParams, Nv0080AllocParameters, PromoteCtx,
    PromoteEntry, RmAlloc, RmControl,
};
use nova_hw::chipset::Architecture;
use nova_hw::release::{Release, RELEASES};
use zerocopy::IntoBytes;

use crate::chips::{by_name, Chip, CHIPS};
use crate::gsp_rm::effects::Effect;
use crate::gsp_rm::objects::{Objects, INTERNAL_CLIENT, INTERNAL_SUBDEVICE};
use crate::gsp_rm::platform::Platform;
use crate::gsp_rm::{classes, controls};

/// The objects of a client with a device and a subdevice, and the effects of calls.
pub(crate) struct Scene {
    pub(crate) chip: &'static Chip,
    pub(crate) release: &'static Release,
    /// The client that calls.
    pub(crate) client: u32,
    pub(crate) objects: Objects,
    effects: Vec<Effect>,
}

impl Scene {
    pub(crate) const CLIENT: u32 = 0xc1d0_0000;
    pub(crate) const DEVICE: u32 = 0xde1d_0000;
    pub(crate) const SUBDEVICE: u32 = 0x5d1d_0000;
    /// Bytes of video memory that are the driver's.
    pub(crate) const VRAM: u64 = 23 << 30;

    pub(crate) fn new(chip: &str, release: &'static Release) -> Self {
        let mut scene = Self {
            chip: by_name(chip).unwrap(),
            release,
            client: Self::CLIENT,
            objects: classes::objects(),
            effects: Vec::new(),
        };
        scene.add_client();
        scene
    }

    /// Allocates the client that calls, with a device and a subdevice.
    pub(crate) fn add_client(&mut self) {
        let device = Nv0080AllocParameters::default();
        let (client, device_params) = (self.client, device.as_bytes());
        for (class, parent, handle, params) in [
            (NV01_ROOT, client, client, &[][..]),
            (NV01_DEVICE_0, client, Self::DEVICE, device_params),
            (NV20_SUBDEVICE_0, Self::DEVICE, Self::SUBDEVICE, &[]),
        ] {
            assert_eq!(self.alloc(class, parent, handle, params), Ok(handle));
        }
    }

    fn platform(&self) -> Platform<'static> {
        Platform {
            chip: self.chip,
            release: self.release,
            vram: Self::VRAM,
        }
    }

    /// Allocates an object of the client; returns its handle or the status.
    pub(crate) fn alloc(
        &mut self,
        class: u32,
        parent: u32,
        handle: u32,
        params: &[u8],
    ) -> Result<u32, u32> {
        self.alloc_with(class, parent, handle, &mut params.to_vec())
    }

    /// Allocates an object of the client, with parameters that are changed in place.
    pub(crate) fn alloc_with(
        &mut self,
        class: u32,
        parent: u32,
        handle: u32,
        params: &mut [u8],
    ) -> Result<u32, u32> {
        let platform = self.platform();
        let mut request = RmAlloc {
            h_client: self.client,
            h_parent: parent,
            h_object: handle,
            h_class: class,
            ..RmAlloc::default()
        };
        let resource = classes::numbered(class)
            .and_then(|class| self.objects.alloc(&platform, class, &mut request, params))
            .map_err(|refused| refused.0)?;
        self.effects.extend(Effect::created(resource));
        Ok(request.h_object)
    }

    /// Frees an object of the client.
    pub(crate) fn free(&mut self, handle: u32) {
        for (handle, resource) in self.objects.free(self.client, handle).unwrap() {
            let effect = Effect::freed(self.client, handle, &resource);
            self.effects.extend(effect);
        }
    }

    /// Calls a control on an object of the client; returns the parameters of the answer.
    pub(crate) fn control(&mut self, object: u32, cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
        self.call(self.client, object, cmd, params)
    }

    /// Calls a control on the internal subdevice.
    pub(crate) fn internal(&mut self, cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
        self.call(INTERNAL_CLIENT, INTERNAL_SUBDEVICE, cmd, params)
    }

    fn call(&mut self, client: u32, object: u32, cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
        let header = RmControl {
            h_client: client,
            h_object: object,
            cmd,
            params_size: params.len() as u32,
            ..RmControl::default()
        };
        let platform = self.platform();
        let answer = controls::call(&platform, &mut self.objects, &header, params);
        let answer = answer.map_err(|refused| refused.0)?;
        self.effects.extend(answer.effects);
        Ok(answer.params)
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Parameters of a channel with number 3 for graphics, as nouveau has them for its own channels.
    pub(crate) fn channel_params(&self, change: impl FnOnce(&mut ChannelAllocParams)) -> Vec<u8> {
        let memory = |base, size| MemoryDescParams {
            base,
            size,
            address_space: MemoryDescParams::VIDEO,
            cache_attrib: 1,
        };
        let mut params = ChannelAllocParams {
            gp_fifo_offset: 0x1_1000,
            gp_fifo_entries: 0x400,
            flags: ChannelFlags(0x20).with_fixed_id(3).0,
            engine_type: 1,
            instance_mem: memory(0x10_0000, 0x1000),
            userd_mem: memory(0x8000, 0x200),
            ramfc_mem: memory(0x10_0000, 0x200),
            internal_flags: 0x15,
            ..ChannelAllocParams::default()
        };
        change(&mut params);
        let mut bytes = params.as_bytes().to_vec();
        bytes.resize(self.release.objects.channel, 0);
        bytes
    }

    /// The newest class of channels that the chip has.
    pub(crate) fn channel_class(&self) -> u32 {
        match self.chip.chipset.arch() {
            Architecture::Turing => 0xc46f,
            Architecture::Ampere | Architecture::Ada => 0xc56f,
            Architecture::Hopper => 0xc86f,
            Architecture::BlackwellGb10x => 0xc96f,
            Architecture::BlackwellGb20x => 0xca6f,
        }
    }

    /// Promotes buffers of the graphics context of a channel or a group.
    pub(crate) fn promote(&mut self, object: u32, entries: &[PromoteEntry]) -> Result<(), u32> {
        let mut params = PromoteCtx {
            engine_type: 1,
            h_chan_client: self.client,
            h_object: object,
            entry_count: entries.len() as u32,
            ..PromoteCtx::default()
        };
        params.promote_entry[..entries.len()].copy_from_slice(entries);
        let cmd = control::GPU_PROMOTE_CTX;
        let reply = self.control(Self::SUBDEVICE, cmd, params.as_bytes());
        reply.map(|_| ())
    }

    /// Allocates a channel with number 3 for graphics; returns its handle.
    pub(crate) fn channel(&mut self) -> u32 {
        let params = self.channel_params(|_| {});
        let (class, handle) = (self.channel_class(), 0xf1f0_0003);
        assert_eq!(self.alloc(class, Self::DEVICE, handle, &params), Ok(handle));
        handle
    }
}

/// Does something with a scene of each chip and release that go together.
pub(crate) fn on_each(mut act: impl FnMut(&mut Scene)) {
    // Miri is slow, and the chips of a family differ little.
    let step = if cfg!(miri) { 7 } else { 1 };
    for release in RELEASES {
        let chips = CHIPS.iter().step_by(step);
        for chip in chips.filter(|chip| release.is_for(chip.chipset)) {
            act(&mut Scene::new(chip.chipset.name(), release));
        }
    }
}

/// Calls a control on the internal subdevice of a GA102.
pub(crate) fn control(cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
    control_on(&mut Scene::new("ga102", RELEASES[0]), cmd, params)
}

/// Calls a control on the internal subdevice.
pub(crate) fn control_on(scene: &mut Scene, cmd: u32, params: &[u8]) -> Result<Vec<u8>, u32> {
    scene.internal(cmd, params)
}

/// Calls a control of a GA102, on what `change` makes of the internal subdevice.
pub(crate) fn control_of(
    cmd: u32,
    params: &[u8],
    change: impl FnOnce(&mut RmControl),
) -> Result<Vec<u8>, u32> {
    let mut header = RmControl {
        h_client: INTERNAL_CLIENT,
        h_object: INTERNAL_SUBDEVICE,
        cmd,
        params_size: params.len() as u32,
        ..RmControl::default()
    };
    change(&mut header);
    let mut scene = Scene::new("ga102", RELEASES[0]);
    let platform = scene.platform();
    let answer = controls::call(&platform, &mut scene.objects, &header, params);
    answer
        .map(|answer| answer.params)
        .map_err(|refused| refused.0)
}
