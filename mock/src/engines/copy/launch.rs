// SPDX-License-Identifier: GPL-2.0

//! What a launch is to do, made from the state.

use nova_hw::class::copy::{
    offset, BlockSize, Class, CopyType, InterruptType, LaunchDma, PhysMode, RenderEnable,
    SetRenderEnableC, Target, TransferType,
};

use super::super::engine::{Context, Exception, Progress};
use super::super::memory::{Address, Aperture};
use super::super::surface::{BlockLinear, Gob, Layout, Surface, GOB_SIZE};
use super::elements::{Elements, Remap};
use super::report::{self, not_modelled, refused};
use super::semaphore::Release;
use super::state::State;
use super::transfer::Transfer;

/// What the scrubber's destination is aligned to.
///
/// Source: open-gpu-kernel-modules 570.144, kernel-open/nvidia-uvm/uvm_hopper_ce.c,
/// `hopper_scrub_enable`.
const SCRUB_ALIGNMENT: u64 = 0x1000;

/// A launch in progress.
#[derive(Debug)]
pub(super) struct Launch {
    /// `None` if nothing is to be copied.
    transfer: Option<Transfer>,
    release: Option<Release>,
    interrupt: bool,
}

impl Launch {
    pub(super) fn run(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        if let Some(transfer) = &mut self.transfer {
            if transfer.run(context)? == Progress::Unfinished {
                return Ok(Progress::Unfinished);
            }
        }
        if let Some(release) = &self.release {
            release.run(context)?;
        }
        context.interrupt |= self.interrupt;
        Ok(Progress::Done)
    }
}

/// The methods for one side of a copy, and what is reported about it.
struct Side {
    name: &'static str,
    address: u16,
    phys_mode: u16,
    pitch: u16,
    block_size: u16,
    width: u16,
    height: u16,
    depth: u16,
    layer: u16,
    origin_x: u16,
    origin_y: u16,
    line_exceeds_pitch: &'static str,
    line_exceeds_negative_pitch: &'static str,
}

const SOURCE: Side = Side {
    name: "source",
    address: offset::OFFSET_IN_UPPER,
    phys_mode: offset::SET_SRC_PHYS_MODE,
    pitch: offset::PITCH_IN,
    block_size: offset::SET_SRC_BLOCK_SIZE,
    width: offset::SET_SRC_WIDTH,
    height: offset::SET_SRC_HEIGHT,
    depth: offset::SET_SRC_DEPTH,
    layer: offset::SET_SRC_LAYER,
    origin_x: offset::SRC_ORIGIN_X,
    origin_y: offset::SRC_ORIGIN_Y,
    line_exceeds_pitch: report::SRC_LINE_EXCEEDS_PITCH,
    line_exceeds_negative_pitch: report::SRC_LINE_EXCEEDS_NEG_PITCH,
};

const DESTINATION: Side = Side {
    name: "destination",
    address: offset::OFFSET_OUT_UPPER,
    phys_mode: offset::SET_DST_PHYS_MODE,
    pitch: offset::PITCH_OUT,
    block_size: offset::SET_DST_BLOCK_SIZE,
    width: offset::SET_DST_WIDTH,
    height: offset::SET_DST_HEIGHT,
    depth: offset::SET_DST_DEPTH,
    layer: offset::SET_DST_LAYER,
    origin_x: offset::DST_ORIGIN_X,
    origin_y: offset::DST_ORIGIN_Y,
    line_exceeds_pitch: report::DST_LINE_EXCEEDS_PITCH,
    line_exceeds_negative_pitch: report::DST_LINE_EXCEEDS_NEG_PITCH,
};

/// What is copied, in elements of a side.
#[derive(Clone, Copy)]
struct Area {
    element_size: u64,
    length: u64,
    lines: u64,
}

impl State {
    /// Examines the launch that has just been set.
    pub(super) fn launch(&self, context: &mut Context<'_>) -> Result<Launch, Exception> {
        let launch = self.launch_dma();
        let undefined = u32::from(launch) & !LaunchDma::defined(self.class);
        if undefined != 0 {
            let what = format!("{} has no bits {undefined:#x}", self.class.name());
            return Err(refused(report::INVALID_UNUSED_FIELD, what));
        }
        let interrupt = match launch.interrupt_type() {
            InterruptType::NONE => false,
            InterruptType::NON_BLOCKING => true,
            InterruptType::BLOCKING => return Err(not_modelled("a blocking interrupt")),
            other => return Err(refused(report::INVALID_VALUE, format!("interrupt {other}"))),
        };
        let release = Release::new(self, launch)?;
        let transfer = match launch.data_transfer_type() {
            TransferType::NONE => None,
            TransferType::PIPELINED | TransferType::NON_PIPELINED => {
                self.transfer(launch, context.is_privileged)?
            }
            _ if self.class >= Class::BlackwellB => {
                return Err(not_modelled("a prefetch into the L2 cache"));
            }
            other => return Err(refused(report::INVALID_VALUE, format!("transfer {other}"))),
        };
        let transfer = match transfer {
            Some(transfer) if self.is_enabled(context)? => Some(transfer),
            _ => None,
        };
        context.work.extend(transfer.as_ref().map(Transfer::work));
        Ok(Launch {
            transfer,
            release,
            interrupt,
        })
    }

    /// Whether the condition allows to copy.
    ///
    /// Two values of 64 bits, 16 bytes apart, are compared. Source: Mesa,
    /// src/nouveau/vulkan/nvk_cmd_draw.c, `nvk_CmdBeginConditionalRenderingEXT`, on classes with the
    /// same methods.
    fn is_enabled(&self, context: &mut Context<'_>) -> Result<bool, Exception> {
        let set = SetRenderEnableC::from(self.get(offset::SET_RENDER_ENABLE_C));
        let equal = match set.mode() {
            RenderEnable::FALSE => return Ok(false),
            RenderEnable::TRUE => return Ok(true),
            RenderEnable::CONDITIONAL => {
                return Err(not_modelled("a copy that depends on a report in memory"));
            }
            RenderEnable::IF_EQUAL => true,
            RenderEnable::IF_NOT_EQUAL => false,
            other => return Err(refused(report::INVALID_VALUE, format!("condition {other}"))),
        };
        let at = Address::Virtual(self.address(offset::SET_RENDER_ENABLE_A));
        let values = [
            context.memory.read_u64(at)?,
            context.memory.read_u64(at.plus(16))?,
        ];
        Ok((values[0] == values[1]) == equal)
    }

    /// The copy; `None` if there is nothing to copy.
    fn transfer(
        &self,
        launch: LaunchDma,
        is_privileged: bool,
    ) -> Result<Option<Transfer>, Exception> {
        self.check_protection(launch)?;
        let mut length = self.get_u64(offset::LINE_LENGTH_IN);
        let elements = if self.class >= Class::HopperA && launch.memory_scrub_enable() {
            self.check_scrub(launch)?;
            length /= 8;
            Elements::Remapped(Remap::constants(self))
        } else if launch.remap_enable() {
            Elements::Remapped(Remap::new(self)?)
        } else {
            Elements::Bytes
        };
        let lines = match launch.multi_line_enable() {
            true => self.get_u64(offset::LINE_COUNT),
            false => 1,
        };
        if length == 0 || lines == 0 {
            return Ok(None);
        }
        let surface = |side, is_physical, is_pitch, element_size| {
            let area = Area {
                element_size,
                length,
                lines,
            };
            Ok::<_, Exception>(Surface {
                base: self.base(side, is_physical, is_privileged)?,
                layout: match is_pitch {
                    true => self.pitch(side, area)?,
                    false => self.block_linear(side, area)?,
                },
            })
        };
        let source = match elements.use_source() {
            true => Some(surface(
                &SOURCE,
                launch.src_is_physical(),
                launch.src_is_pitch(),
                elements.source_size(),
            )?),
            false => None,
        };
        let destination = surface(
            &DESTINATION,
            launch.dst_is_physical(),
            launch.dst_is_pitch(),
            elements.destination_size(),
        )?;
        let area = (length, lines);
        Ok(Some(Transfer::new(source, destination, elements, area)))
    }

    /// Refuses copies that involve protected memory, which the model does not have.
    fn check_protection(&self, launch: LaunchDma) -> Result<(), Exception> {
        let is_hopper = self.class >= Class::HopperA;
        if !is_hopper && launch.memory_scrub_enable() {
            return Err(refused(report::INVALID_VALUE, "upper bit of VPRMODE"));
        }
        if launch.vprmode() {
            return Err(not_modelled("a copy in the video protected region"));
        }
        match launch.copy_type() {
            // The L2 cache is bypassed or not.
            _ if !is_hopper => Ok(()),
            CopyType::DEFAULT => Ok(()),
            CopyType::SECURE => Err(not_modelled("a copy that encrypts or decrypts")),
            CopyType::NONPROT2NONPROT => Err(not_modelled("a copy in unprotected memory")),
            other => Err(refused(report::INVALID_VALUE, format!("copy type {other}"))),
        }
    }

    /// Refuses to scrub what NVIDIA's driver says that the scrubber cannot; source as of
    /// [`SCRUB_ALIGNMENT`]. It writes the two constants, which that driver and its resource manager
    /// set.
    fn check_scrub(&self, launch: LaunchDma) -> Result<(), Exception> {
        let mode = PhysMode::from(self.get(offset::SET_DST_PHYS_MODE));
        let is_in_vram = launch.dst_is_physical() && mode.target() == Target::LOCAL_FB;
        let address = self.address(offset::OFFSET_OUT_UPPER);
        let length = self.get_u64(offset::LINE_LENGTH_IN);
        let is_aligned = (address | length) % SCRUB_ALIGNMENT == 0;
        let is_line = launch.dst_is_pitch() && !launch.multi_line_enable();
        if !is_in_vram || !is_aligned || !is_line || launch.remap_enable() {
            return Err(not_modelled(
                "to scrub other than pages of physical video memory",
            ));
        }
        if self.get(offset::SET_MEMORY_SCRUB_PARAMETERS) & 1 != 0 {
            return Err(not_modelled("to scrub memory that may be discarded"));
        }
        Ok(())
    }

    /// Where a side begins.
    fn base(
        &self,
        side: &Side,
        is_physical: bool,
        is_privileged: bool,
    ) -> Result<Address, Exception> {
        let address = self.address(side.address);
        if !is_physical {
            return Ok(Address::Virtual(address));
        }
        let name = side.name;
        if !is_privileged {
            let what = format!("physical {name} of a channel that is not privileged");
            return Err(refused(report::INVALID_OPERATION, what));
        }
        let mode = PhysMode::from(self.get(side.phys_mode));
        let has_peers = self.class >= Class::AmpereA;
        if has_peers && (mode.target() == Target::PEERMEM || mode.fla()) {
            return Err(not_modelled(format!("{name} in a peer's memory")));
        }
        let aperture = match mode.target() {
            Target::LOCAL_FB => Aperture::Vram,
            Target::COHERENT_SYSMEM | Target::NONCOHERENT_SYSMEM => Aperture::System,
            other => {
                let what = format!("target {other} of the {name}");
                return Err(refused(report::INVALID_VALUE, what));
            }
        };
        Ok(Address::Physical(aperture, address))
    }

    /// The layout of a side whose lines are a pitch apart.
    fn pitch(&self, side: &Side, area: Area) -> Result<Layout, Exception> {
        let pitch = self.get(side.pitch) as i32;
        let line = area.length * area.element_size;
        if area.lines > 1 && line > pitch.unsigned_abs().into() {
            let report = match pitch {
                ..0 => side.line_exceeds_negative_pitch,
                _ => side.line_exceeds_pitch,
            };
            return Err(refused(
                report,
                format!("{line:#x} bytes, {pitch:#x} apart"),
            ));
        }
        Ok(Layout::Pitch(pitch))
    }

    /// The layout of a side in blocks.
    fn block_linear(&self, side: &Side, area: Area) -> Result<Layout, Exception> {
        let name = side.name;
        let block = BlockSize::from(self.get(side.block_size));
        let is_valid = block.width() == 0
            && block.height() <= BlockSize::MAX
            && block.depth() <= BlockSize::MAX
            && block.gob_height() == BlockSize::GOB_HEIGHT_FERMI_8;
        if !is_valid {
            let what = format!("blocks {:#x} of the {name}", u32::from(block));
            return Err(refused(report::INVALID_VALUE, what));
        }
        if self.class < Class::BlackwellB && block.kind_bpp() != 0 {
            let what = format!("{} has no kinds of blocks", self.class.name());
            return Err(refused(report::INVALID_UNUSED_FIELD, what));
        }
        let Some(gob) = Gob::new(block.kind_bpp()) else {
            return Err(not_modelled(format!(
                "{name} in blocks with a depth of 24 bits"
            )));
        };
        let address = self.address(side.address);
        if address % GOB_SIZE != 0 {
            let what = format!("{name} in blocks at {address:#x}");
            return Err(refused(report::INVALID_ALIGNMENT, what));
        }
        let (depth, layer) = (self.get_u64(side.depth), self.get_u64(side.layer));
        if layer >= depth {
            let what = format!("layer {layer} of {depth} of the {name}");
            return Err(refused(report::LAYER_EXCEEDS_DEPTH, what));
        }
        let (width, height) = (self.get_u64(side.width), self.get_u64(side.height));
        let (x, y) = (self.get_u64(side.origin_x), self.get_u64(side.origin_y));
        let (right, bottom) = (x + area.length, y + area.lines);
        if right > width || bottom > height {
            let what = format!("to {right}, {bottom} of {width}, {height} of the {name}");
            return Err(refused(report::RECT_OUT_OF_BOUNDS, what));
        }
        Ok(Layout::BlockLinear(BlockLinear {
            width: width * area.element_size,
            height,
            block_height: block.height(),
            block_depth: block.depth(),
            x: x * area.element_size,
            y,
            layer,
            gob,
        }))
    }
}
