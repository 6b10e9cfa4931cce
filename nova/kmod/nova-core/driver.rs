// SPDX-License-Identifier: GPL-2.0

//! Binds GPUs: every step of it is undone in reverse when a later one fails, or at unbind.

use kernel::device::Core;
use kernel::dma::{Device as _, DmaMask};
use kernel::irq::{Flags, ThreadedRegistration};
use kernel::pci::{Class, ClassMask, IrqType, IrqTypes, IrqVectorRegistration, Vendor};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kernel::{auxiliary, pci};

use crate::gpu::{self, Gpu};
use crate::gsp::{Gsp, Interrupt};
use crate::gsp_file::GspFile;
use crate::lifecycle::Unload;
use crate::machine::Machine;
use crate::pci_enabled::Enabled;
use crate::pci_power;
use crate::rm_control;
use crate::status;

/// Numbers the auxiliary devices.
static NEXT_ID: Atomic<u32> = Atomic::new(0);

kernel::pci_device_table!(
    PCI_TABLE,
    <NovaCoreDriver as pci::Driver>::IdInfo,
    [
        (
            pci::DeviceId::from_class_and_vendor(
                Class::DISPLAY_VGA,
                ClassMask::ClassSubclass,
                Vendor::NVIDIA
            ),
            ()
        ),
        (
            pci::DeviceId::from_class_and_vendor(
                Class::DISPLAY_3D,
                ClassMask::ClassSubclass,
                Vendor::NVIDIA
            ),
            ()
        ),
    ]
);

/// The PCI driver.
pub(crate) struct NovaCoreDriver;

/// A bound GPU, dropped from top to bottom.
#[pin_data]
pub(crate) struct NovaCore<'bound> {
    /// Second-level drivers go before what they use.
    second_level: auxiliary::Registration<'bound, gpu::Data>,
    rm_control: Option<GspFile<'bound>>,
    status: [GspFile<'bound>; 2],
    /// The GSP is unloaded while its interrupt is still handled.
    unload: Unload<'bound>,
    #[pin]
    interrupt: ThreadedRegistration<'bound, Interrupt<'bound>>,
    vectors: IrqVectorRegistration<'bound>,
    gsp: Arc<Gsp<'bound>>,
    /// The device may write to memory until all that it writes to is free of it.
    enabled: Enabled<'bound>,
}

impl pci::Driver for NovaCoreDriver {
    type IdInfo = ();
    type Data<'bound> = NovaCore<'bound>;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        device: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        pin_init::pin_init_scope(move || {
            let enabled = Enabled::new(device)?;
            let gsp = Arc::pin_init(Gsp::new(Machine::new(device)), GFP_KERNEL)?;
            let msi = IrqTypes::default().with(IrqType::Msi);
            let vectors = device.alloc_irq_vectors(1, 1, msi)?;
            let found = gsp.identify()?;
            let mask = DmaMask::try_new(found.dma_address_bits())?;
            // The GPU is given pages, so a segment may be of any length.
            // SAFETY: No DMA memory of this device has been allocated yet.
            unsafe {
                device.dma_set_mask_and_coherent(mask)?;
                device.dma_set_max_seg_size(u32::MAX);
            }
            let unload = Unload(gsp.clone());
            let (gpu, irq) = gsp.boot(found)?;
            let rm_control = rm_control::file(&gsp)?;
            let status = status::files(&gsp)?;

            Ok(try_pin_init!(NovaCore {
                enabled,
                gsp,
                vectors,
                unload,
                rm_control,
                status,
                interrupt <- {
                    let handler = Interrupt { gsp: gsp.clone(), irq };
                    // SAFETY: `vectors` is initialized and pinned, and dropped after `interrupt`.
                    let vectors = unsafe { &*core::ptr::from_ref(vectors) };
                    // SAFETY: `interrupt` is dropped with `NovaCore`, which nobody forgets.
                    unsafe {
                        ThreadedRegistration::new(
                            vectors.index(0)?.into(),
                            Flags::TRIGGER_NONE,
                            c"nova-core",
                            Ok(handler),
                        )
                    }
                },
                second_level: {
                    irq.enable(gsp.machine());
                    gsp.service();
                    auxiliary::Registration::new(
                        device.as_ref(),
                        Gpu::DEVICE_NAME,
                        NEXT_ID.fetch_add(1, Relaxed),
                        crate::MODULE_NAME,
                        Ok::<_, Error>(gpu),
                    )?
                },
            }))
        })
    }
}

impl pci_power::Driver for NovaCoreDriver {
    fn stop(data: Pin<&NovaCore<'_>>) {
        data.gsp.stop();
    }

    fn start(data: Pin<&NovaCore<'_>>) {
        data.gsp.start();
    }
}
