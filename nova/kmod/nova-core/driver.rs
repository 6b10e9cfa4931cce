// SPDX-License-Identifier: GPL-2.0

//! Binds GPUs. If a step of probe fails, and at unbind, all earlier steps are undone in reverse order.

use kernel::device::{Bound, Core};
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

/// ID of the next auxiliary device.
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

/// A bound GPU. The fields are initialized from the last to the first, and dropped from the first to
/// the last. `unbind` drops the contents of `users` and unloads the GSP before that.
#[pin_data]
pub(crate) struct NovaCore<'bound> {
    /// Dropped before the GSP, which they use.
    #[pin]
    users: Mutex<Option<Users<'bound>>>,
    /// Dropped before `interrupt`, since the unload needs the GSP's interrupt.
    unload: Unload<'bound>,
    #[pin]
    interrupt: ThreadedRegistration<'bound, Interrupt<'bound>>,
    vectors: IrqVectorRegistration<'bound>,
    gsp: Arc<Gsp<'bound>>,
    /// Dropped last, since everything above needs the device enabled.
    enabled: Enabled<'bound>,
}

/// Users of the GSP.
struct Users<'bound> {
    _second_level: auxiliary::Registration<'bound, gpu::Data>,
    /// The drop of a file waits for the threads that read or write it.
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
            let enabled = Enabled::new(device).inspect_err(failed(device, "BARs"))?;
            let gsp = Arc::pin_init(Gsp::new(device), GFP_KERNEL)?;
            let found = gsp.identify().inspect_err(|_| gsp.log_silence())?;
            let mask = DmaMask::try_new(found.dma_address_bits())?;
            // The GPU gets a list of single pages, so a segment may have any length.
            // SAFETY: No DMA memory of this device has been allocated yet.
            unsafe {
                let set = device.dma_set_mask_and_coherent(mask);
                set.inspect_err(failed(device, "DMA mask"))?;
                device.dma_set_max_seg_size(u32::MAX);
            }

            Ok(try_pin_init!(NovaCore {
                enabled,
                gsp,
                vectors: device
                    .alloc_irq_vectors(1, 1, IrqTypes::default().with(IrqType::Msi))
                    .inspect_err(failed(device, "no MSI (pci=nomsi?)"))?,
                interrupt <- {
                    let handler = Interrupt::new(gsp);
                    // SAFETY: `vectors` is initialized and pinned, and dropped after `interrupt`.
                    let vectors = unsafe { &*core::ptr::from_ref(vectors) };
                    // SAFETY: The driver core drops `NovaCore`, and `interrupt` with it, so the
                    // registration is not leaked.
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
                        // SAFETY: `unbind` drops the registration, or else the driver core with
                        // `NovaCore`, so it is not leaked.
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

/// Logs which step of the probe failed. What the portable driver does is logged where it fails.
fn failed<'a>(device: &'a pci::Device<Bound>, what: &'a str) -> impl Fn(&Error) + 'a {
    #[inline(never)]
    fn log(device: &pci::Device<Bound>, what: &str, error: Error) {
        dev_err!(device, "{what}: {error:?}\n");
    }
    move |&error| log(device, what, error)
}

impl power::Driver for NovaCoreDriver {
    fn stop(data: Pin<&NovaCore<'_>>) {
        data.gsp.stop();
    }

    fn start(data: Pin<&NovaCore<'_>>) {
        data.gsp.start();
    }
}
