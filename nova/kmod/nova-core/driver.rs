// SPDX-License-Identifier: GPL-2.0

//! Binds GPUs: every step of it is undone in reverse when a later one fails, and at unbind.

use kernel::device::Core;
use kernel::dma::{Device as _, DmaMask};
use kernel::irq::{Flags, ThreadedRegistration};
use kernel::pci::{Class, ClassMask, IrqType, IrqTypes, IrqVectorRegistration, Vendor};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::{auxiliary, pci};

use crate::gpu::{self, Gpu};
use crate::gsp::{Gsp, Interrupt};
use crate::gsp_file::GspFile;
use crate::lifecycle::Unload;
use crate::rm_control;
use crate::status;
use nova_kernel::pci::enabled::Enabled;
use nova_kernel::pci::power;

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

/// A bound GPU, made from bottom to top and dropped from top to bottom. The first two fields talk to the
/// card, which is done in `unbind` already, in the same order.
#[pin_data]
pub(crate) struct NovaCore<'bound> {
    /// They go before what they use.
    #[pin]
    users: Mutex<Option<Users<'bound>>>,
    /// The GSP is unloaded while its interrupt is still handled.
    unload: Unload<'bound>,
    #[pin]
    interrupt: ThreadedRegistration<'bound, Interrupt<'bound>>,
    vectors: IrqVectorRegistration<'bound>,
    gsp: Arc<Gsp<'bound>>,
    /// The device may write to memory until all that it writes to is free of it.
    enabled: Enabled<'bound>,
}

/// Those who make use of the GSP.
struct Users<'bound> {
    _second_level: auxiliary::Registration<'bound, gpu::Data>,
    /// Removing a file waits for those who are in it.
    _rm_control: Option<GspFile<'bound>>,
    _status: [GspFile<'bound>; 2],
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
            let gsp = Arc::pin_init(Gsp::new(device), GFP_KERNEL)?;
            let found = gsp.identify()?;
            let mask = DmaMask::try_new(found.dma_address_bits())?;
            // The GPU is given pages, so a segment may be of any length.
            // SAFETY: No DMA memory of this device has been allocated yet.
            unsafe {
                device.dma_set_mask_and_coherent(mask)?;
                device.dma_set_max_seg_size(u32::MAX);
            }

            Ok(try_pin_init!(NovaCore {
                enabled,
                gsp,
                vectors: device.alloc_irq_vectors(1, 1, IrqTypes::default().with(IrqType::Msi))?,
                interrupt <- {
                    let handler = Interrupt(gsp.clone());
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
                unload: Unload(gsp.clone()),
                users <- {
                    let gpu = gsp.boot(found)?;
                    new_mutex!(Some(Users {
                        _status: status::files(gsp)?,
                        _rm_control: rm_control::file(gsp)?,
                        // SAFETY: It is dropped in `unbind`, or with `NovaCore`, which nobody forgets.
                        _second_level: unsafe {
                            auxiliary::Registration::new_with_lt(
                                device.as_ref(),
                                Gpu::DEVICE_NAME,
                                NEXT_ID.fetch_add(1, Relaxed),
                                crate::MODULE_NAME,
                                Ok::<_, Error>(gpu),
                            )?
                        },
                    }))
                },
            }))
        })
    }

    fn unbind<'bound>(_device: &'bound pci::Device<Core<'_>>, data: Pin<&NovaCore<'bound>>) {
        data.gsp.boot_no_more();
        let users = data.users.lock().take();
        drop(users);
        data.unload.unload();
    }
}

impl power::Driver for NovaCoreDriver {
    fn stop(data: Pin<&NovaCore<'_>>) {
        data.gsp.stop();
    }

    fn start(data: Pin<&NovaCore<'_>>) {
        data.gsp.start();
    }
}
