// SPDX-License-Identifier: GPL-2.0

//! The boot of Hopper and Blackwell: the driver sends the FSP, which has booted by itself, the
//! location of the FMC. The FSP checks the FMC and starts it on the GSP; the FMC computes the
//! layout of the frame buffer, sets up and fills WPR2, and starts GSP-RM. This boot uses neither
//! VBIOS, FWSEC nor booter.
//!
//! Source: open-gpu-kernel-modules 570, `kgspBootstrap_GH100`, `kgspSetupGspFmcArgs_GH100` and
//! `kgspTeardown_GH100` in src/nvidia/src/kernel/gpu/gsp/arch/hopper/kernel_gsp_gh100.c,
//! `kfspPrepareBootCommands_GH100`; Linux 7.3, drivers/gpu/nova-core/gsp/hal/gh100.rs.

use core::time::Duration;

use nova_firmware::fmc::Fmc;
use nova_hw::abi::GspFwWprMeta;
use nova_hw::chipset::Chipset;
use nova_hw::field::Fields;
use nova_hw::fsp::{Cot, CotMessage, Headers, NvdmType};
use nova_hw::release::{FmcArgumentsLayout, Release};
use nova_hw::size::MIB;
use zerocopy::little_endian::U32;
use zerocopy::{transmute_ref, IntoBytes};

use crate::boot::error::{Error, Failure};
use crate::boot::found::Found;
use crate::boot::progress::Progress;
use crate::boot::stage::Stage;
use crate::boot::wpr;
use crate::chip::FspBoot;
use crate::falcon::error::FalconError;
use crate::falcon::processors::Processors;
use crate::falcon::Falcon;
use crate::firmware::choice::{self, Chosen};
use crate::firmware::common::Common;
use crate::firmware::error::FirmwareError;
use crate::firmware::names::{FileSet, FMC};
use crate::fsp;
use crate::mmio::{Io, Timeout};
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, DmaMemory, Platform, Scratch};

/// Time-out for the FMC to release the GSP; Linux's.
const LOCKDOWN_LIMIT: Duration = Duration::from_secs(30);

/// Time-out for the GSP to halt after GSP-RM has stopped; Linux's.
const HALT_LIMIT: Duration = Duration::from_secs(5);

/// Alignment of the distance from the end of the frame buffer to the end of FRTS.
const FRTS_END_ALIGN: u64 = 2 * MIB;

/// Everything that this way to boot needs.
pub(crate) struct Plan<P: Platform> {
    /// The files that both ways to boot use.
    pub(crate) common: P::Boxed<Common<P>>,
    fmc: Files<P>,
    sizes: wpr::WprSizes,
    boot: FspBoot,
    chipset: Chipset,
}

/// The files that only this way to boot uses.
struct Files<P: Platform> {
    /// The FMC.
    image: P::Memory,
    /// Bytes of the FMC.
    size: usize,
    /// Message to the FSP, with the hash, the key and the signature of the FMC.
    message: P::Boxed<CotMessage>,
}

/// The memory that the GPU reads during the boot.
pub(crate) struct Load<P: Platform> {
    /// Message to the FSP.
    message: P::Boxed<CotMessage>,
    /// Arguments of the FMC.
    arguments: P::Memory,
    _metadata: P::Memory,
    _fmc: P::Memory,
    /// Bytes of the FMC.
    fmc_size: usize,
    _common: P::Boxed<Common<P>>,
}

/// The teardown: the FMC undoes the boot itself when GSP-RM has stopped.
pub(crate) struct Teardown;

impl<P: Platform> Plan<P> {
    /// Waits until the FSP has booted, loads the files and computes the sizes of regions.
    pub(super) fn make(
        platform: &P,
        io: &Io<'_>,
        found: &Found,
        boot: FspBoot,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        progress.run(io, Stage::FspBoot, || Ok(boot.status.wait(io)?))?;
        let Chosen { files, passed_over } = progress.run(io, Stage::Firmware, || {
            choice::newest(platform, found.identity.chipset, found.pinned, |set| {
                let fmc = Files::load(platform, set)?;
                Ok((fmc, Common::load(platform, set)?))
            })
        })?;
        let (fmc, mut common) = files;
        common.passed_over = passed_over;
        let sizes = progress.run(io, Stage::Layout, || {
            let chip = &found.chip;
            let fb = chip.fb.usable_size(io);
            Ok(wpr::WprSizes {
                heap: chip.heap.size(&common.release.heap, fb),
                non_wpr_heap: chip.non_wpr_heap_size,
                frts: chip.frts_size,
                pmu_reserved: boot.pmu_reserved,
            })
        })?;
        Ok(Self {
            common,
            fmc,
            sizes,
            boot,
            chipset: found.identity.chipset,
        })
    }

    /// Writes the memory that the FSP, the FMC and GSP-RM read.
    #[inline(never)]
    pub(super) fn write(
        self,
        platform: &P,
        libos: u64,
    ) -> Result<(P::Boxed<Load<P>>, Teardown), Error> {
        let Files {
            image,
            size,
            mut message,
        } = self.fmc;
        let metadata = metadata(platform, &self.common, &self.sizes)?;
        let at = arguments_of(self.common.release, self.chipset)?;
        let arguments = arguments(platform, at, metadata.dma_addr(), libos)?;
        let cot = &mut message.cot;
        cot.version = self.boot.cot_version.into();
        cot.gsp_fmc_sysmem_offset = image.dma_addr().into();
        cot.frts_vidmem_offset = self.boot.frts_end().into();
        // FRTS is 1 MiB.
        cot.frts_vidmem_size = (self.sizes.frts as u32).into();
        cot.gsp_boot_args_sysmem_offset = arguments.dma_addr().into();
        let load = Load {
            message,
            arguments,
            _metadata: metadata,
            _fmc: image,
            fmc_size: size,
            _common: self.common,
        };
        Ok((
            memory::boxed(platform, "what the GSP boots from", load)?,
            Teardown,
        ))
    }
}

impl FspBoot {
    /// Distance from the end of the frame buffer to the end of FRTS.
    fn frts_end(&self) -> u64 {
        match self.pmu_reserved {
            0 => self.end_reserved,
            pmu => self
                .end_reserved
                .saturating_add(pmu.into())
                .next_multiple_of(FRTS_END_ALIGN),
        }
    }
}

impl<P: Platform> Files<P> {
    /// Loads the FMC of `set`.
    fn load(platform: &P, set: FileSet) -> Result<Self, Error> {
        let file = set.file(FMC);
        let bytes = file.load(platform)?;
        let fmc = file.parse(bytes.as_ref(), Fmc::parse, Fmc::from_tlv)?;
        let mut message = memory::zeroed::<_, CotMessage>(platform, "the message to the FSP")?;
        message.headers = Headers::of(NvdmType::Cot);
        message.cot.size = (size_of::<Cot>() as u16).into();
        fill(&mut message.cot.hash384, fmc.hash());
        fill(&mut message.cot.public_key, fmc.public_key());
        fill(&mut message.cot.signature, fmc.signature());
        Ok(Self {
            image: memory::copy_to_dma(platform, "the FMC", fmc.image())?,
            size: fmc.image().len(),
            message,
        })
    }
}

/// Copies `from` to the start of `to`; the file's parser has checked that it fits.
fn fill(to: &mut [u8], from: &[u8]) {
    debug_assert!(from.len() <= to.len());
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// WPR metadata, with the sizes of regions from which the FMC computes the layout.
#[inline(never)]
fn metadata<P: Platform>(
    platform: &P,
    common: &Common<P>,
    sizes: &wpr::WprSizes,
) -> Result<P::Memory, Error> {
    let metadata = wpr::metadata_of_sizes(sizes, &common.images());
    Ok(memory::copy_to_dma(
        platform,
        "the WPR metadata",
        metadata.as_bytes(),
    )?)
}

/// Layout of the FMC's arguments of `release`.
fn arguments_of(
    release: &'static Release,
    chipset: Chipset,
) -> Result<&'static FmcArgumentsLayout, FirmwareError> {
    let branch = release.branch().unwrap_or_default();
    let arguments = release.fmc_arguments.as_ref();
    arguments.ok_or_else(|| choice::no_release(chipset, branch))
}

/// Arguments of the FMC: the locations of the WPR metadata and of the libos arguments.
fn arguments<A: DmaAllocator + Scratch>(
    allocator: &A,
    at: &FmcArgumentsLayout,
    metadata: u64,
    libos: u64,
) -> Result<A::Memory, MemoryError> {
    let what = "the FMC's arguments";
    let mut arguments = memory::alloc_bytes(allocator, what, at.size)?;
    Fields(arguments.as_mut())
        .set(at.metadata_target, at.coherent_system)
        .set(at.metadata_size, size_of::<GspFwWprMeta>() as u32)
        .set(at.metadata, metadata)
        .set(at.boots_gsp_rm, 1)
        .set(at.libos_target, at.noncoherent_system)
        .set(at.libos, libos);
    memory::copy_to_dma(allocator, what, arguments.as_ref())
}

impl<P: Platform> Load<P> {
    /// Bytes of firmware that were copied, without those of [`Common`].
    pub(super) fn copied(&self) -> usize {
        self.fmc_size
    }

    /// Has the FSP start the FMC, and waits until the FMC releases the GSP.
    pub(super) fn start(
        &self,
        processors: Processors<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Processors { io, gsp, .. } = processors;
        let message: &[U32; size_of::<CotMessage>() / size_of::<U32>()] =
            transmute_ref!(&*self.message);
        progress.run(io, Stage::ChainOfTrust, || {
            Ok(fsp::command(io, NvdmType::Cot, message)?)
        })?;
        progress.run(io, Stage::Lockdown, || {
            wait_released(io, &gsp, self.arguments.dma_addr())
        })
    }
}

/// Waits until the FMC has released the GSP. The mailboxes have the address of the FMC's arguments
/// until the FMC has fetched them, and then zero; any other value is an error code.
fn wait_released(io: &Io<'_>, gsp: &Falcon<'_>, arguments: u64) -> Result<(), Error> {
    let mut pacer = io.slow_pacer(LOCKDOWN_LIMIT);
    loop {
        // The FMC takes longer than one pause.
        pacer.pause();
        let last = pacer.expired();
        let hwcfg2 = gsp.hwcfg2();
        if hwcfg2.readable() {
            let released = !hwcfg2.riscv_br_priv_lockdown();
            match gsp.mailbox0() {
                0 if released => return Ok(()),
                0 => (),
                low if gsp.mailbox_address(low) == arguments => (),
                found => {
                    return Err(FalconError::Failed {
                        ucode: "FMC",
                        register: "GSP mailbox 0",
                        found,
                    }
                    .into())
                }
            }
        }
        if last {
            return Err(Error::Timeout(Timeout {
                awaited: "the FMC to release the GSP",
                seen: hwcfg2.into(),
                after: LOCKDOWN_LIMIT,
            }));
        }
    }
}

impl Teardown {
    /// Waits until the GSP has halted; the FMC has undone the boot before.
    pub(super) fn run(
        &self,
        processors: Processors<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Processors { io, gsp, .. } = processors;
        progress.run(io, Stage::Halt, || {
            let mut pacer = io.slow_pacer(HALT_LIMIT);
            loop {
                let last = pacer.expired();
                let hwcfg2 = gsp.hwcfg2();
                if hwcfg2.readable() && gsp.riscv_halted() {
                    return no_wpr2(io, "the GSP halted");
                }
                if last {
                    return Err(Error::Timeout(Timeout {
                        awaited: "RISC-V core of the GSP to halt",
                        seen: hwcfg2.into(),
                        after: HALT_LIMIT,
                    }));
                }
                pacer.pause();
            }
        })
    }
}

/// Fails if there is leftover state, which only a reset of the function removes.
pub(super) fn stop_leftovers(processors: Processors<'_>) -> Result<bool, Error> {
    no_wpr2(processors.io, "an earlier boot").map(|()| false)
}

/// Checks that WPR2 is not set up; a crashed GSP-RM leaves it behind.
fn no_wpr2(io: &Io<'_>, after: &'static str) -> Result<(), Error> {
    match wpr::wpr2(io) {
        None => Ok(()),
        Some(range) => Err(Error::Wpr2 {
            after,
            expected: None,
            found: Some(range.start),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::FalconKind;
    use crate::falcon::Engine;
    use crate::testing::{Allocator, Card};
    use nova_hw::release::RELEASES;
    use zerocopy::FromBytes;

    const ARGUMENTS: u64 = 0x1_2345_6000;

    /// Waits for a GSP with these values of HWCFG2 and the mailboxes.
    fn wait_for(hwcfg2: u32, mailboxes: [u32; 2]) -> Result<(), Error> {
        let card = Card::default();
        card.set(0x1100f4, hwcfg2);
        card.set(0x110040, mailboxes[0]);
        card.set(0x110044, mailboxes[1]);
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0);
        wait_released(io, &gsp, ARGUMENTS)
    }

    #[test]
    fn the_gsp_is_released_when_the_lockdown_ends() {
        assert_eq!(wait_for(1 << 10, [0; 2]), Ok(()));
    }

    #[test]
    fn a_gsp_that_is_never_released_causes_a_timeout() {
        // Not readable yet, locked down, and released or locked down before the FMC has fetched its
        // arguments.
        let cases = [
            (0, [0; 2]),
            (0xbadf_4100, [7; 2]),
            (0xbadf_41ff, [7; 2]),
            (1 << 13, [0; 2]),
            (1 << 13, [0x2345_6000, 1]),
            (1 << 10, [0x2345_6000, 1]),
        ];
        for (hwcfg2, mailboxes) in cases {
            let expected = Error::Timeout(Timeout {
                awaited: "the FMC to release the GSP",
                seen: hwcfg2,
                after: LOCKDOWN_LIMIT,
            });
            assert_eq!(wait_for(hwcfg2, mailboxes), Err(expected));
        }
    }

    #[test]
    fn an_error_of_the_fmc_is_returned() {
        for hwcfg2 in [1 << 10, 1 << 13] {
            // An error code, and an address with a wrong half.
            for mailboxes in [[0x31, 1], [0x2345_6000, 2]] {
                let expected = FalconError::Failed {
                    ucode: "FMC",
                    register: "GSP mailbox 0",
                    found: mailboxes[0],
                };
                assert_eq!(wait_for(hwcfg2, mailboxes), Err(expected.into()));
            }
        }
    }

    #[test]
    fn frts_ends_before_the_reserved_regions() {
        let variant = FspBoot {
            status: crate::chip::FspStatus::Gh100,
            cot_version: 1,
            end_reserved: 0x20_0000,
            pmu_reserved: 0,
        };
        assert_eq!(variant.frts_end(), 0x20_0000);
        let blackwell = FspBoot {
            end_reserved: 0x22_0000,
            pmu_reserved: 0x182_0000,
            ..variant
        };
        // 2 MiB, 128 KiB, 24 MiB and 128 KiB, rounded up to 2 MiB.
        assert_eq!(blackwell.frts_end(), 28 << 20);
    }

    #[test]
    fn the_arguments_have_the_locations_of_metadata_and_libos() {
        let [newest, oldest] = RELEASES;
        let at = arguments_of(newest, Chipset::GH100).unwrap();
        let memory = arguments(&Allocator::default(), at, 0x1_0000_2000, 0x1_0000_3000).unwrap();
        let mut bytes = std::vec![0; at.size];
        memory.read(0, &mut bytes).unwrap();
        let bytes = &*bytes;
        assert_eq!(at.metadata.read(bytes), Some(0x1_0000_2000));
        assert_eq!(at.metadata_size.read(bytes), Some(256));
        assert_eq!(at.libos.read(bytes), Some(0x1_0000_3000));
        assert!(arguments_of(oldest, Chipset::GH100).is_err());
        let words = <[u32; 20]>::read_from_bytes(bytes).unwrap();
        // Targets as in Linux: coherent for the metadata, non-coherent for the libos arguments.
        assert_eq!((words[2], words[10], words[9]), (1, 2, 1));
    }
}
