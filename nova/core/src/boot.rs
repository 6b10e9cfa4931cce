// SPDX-License-Identifier: GPL-2.0

//! From a prepared GPU to one that runs, and back.

use crate::error::{Error, Failure};
use crate::gpu::Gpu;
use crate::intr::Irq;
use crate::io::Io;
use crate::platform::Platform;
use crate::prepare::Prepared;
use crate::report::{BootReport, Progress, Stage};
use crate::rpc::{Event, Events};

/// A GPU on which GSP-RM runs.
pub struct Running<P: Platform> {
    gpu: P::Boxed<Gpu<P>>,
    irq: Irq,
}

impl<P: Platform> Prepared<P> {
    /// Boots the GSP until GSP-RM has initialized itself and described the GPU.
    ///
    /// # Errors
    ///
    /// Whatever keeps the GSP from running. What was done to the GPU has been undone then; where
    /// that failed too, [`Event::NotPutBack`] says so.
    pub fn boot(self, platform: &P, events: Events<'_>) -> Result<Running<P>, Failure> {
        let io = &Io::new(platform);
        let Self { mut gpu, load } = self;
        let hardware = gpu.hardware(io);
        gpu.flush.register(io);
        match gpu.start(hardware, &load, events) {
            Ok(irq) => Ok(Running { gpu, irq }),
            Err(failure) => {
                if failure.error != Error::CardGone {
                    if let Err(failure) = gpu.way_back.walk(hardware, &mut Progress::default()) {
                        events(Event::NotPutBack(&failure));
                    }
                    gpu.flush.unregister(io);
                }
                Err(failure)
            }
        }
    }
}

impl<P: Platform> Running<P> {
    /// What the boot did and found.
    pub fn report(&self) -> &BootReport {
        &self.gpu.report
    }

    /// The logs of the GSP, to be shown as they are: it takes a tool of NVIDIA's to read them.
    pub fn logs(&self) -> [(&'static str, &P::Memory); 3] {
        self.gpu.libos.logs()
    }

    /// The GSP's interrupt, still held back.
    pub fn irq(&self) -> Irq {
        self.irq
    }

    /// Handles the messages that have arrived; what arrives meanwhile is announced by another
    /// interrupt.
    ///
    /// # Errors
    ///
    /// A message that cannot be understood; those behind it are handled by the next call.
    pub fn service(&mut self, platform: &P, events: Events<'_>) -> Result<(), Error> {
        let io = &Io::new(platform);
        let sequencer = self.gpu.sequencer(self.gpu.hardware(io));
        self.gpu.rpc.handle(&sequencer, events)
    }

    /// Stops GSP-RM and puts the GPU back as it was before the boot.
    ///
    /// The adapter keeps handling the interrupt meanwhile; on return it is held back.
    ///
    /// # Errors
    ///
    /// What failed first; the steps behind it have been tried nevertheless.
    pub fn unload(self, platform: &P, events: Events<'_>) -> Result<(), Failure> {
        let io = &Io::new(platform);
        let Self { mut gpu, irq } = self;
        let hardware = gpu.hardware(io);
        let mut progress = Progress::default();
        let shutdown = progress.run(io, Stage::Shutdown, || {
            gpu.shut_down(platform, hardware, events)
        });
        irq.disable(platform);
        let back = gpu.way_back.walk(hardware, &mut progress);
        gpu.flush.unregister(io);
        shutdown.and(back)
    }
}
