// SPDX-License-Identifier: GPL-2.0

//! A list of register accesses that GSP-RM requests while it runs. It is separate from the GPU, so
//! that it can be run without the lock for calls of GSP-RM.

use core::time::Duration;

use super::gpu::Gpu;
use crate::chip::FalconKind;
use crate::falcon::processors::Processors;
use crate::gsp::rpc::error::RpcError;
use crate::gsp::rpc::ListMessage;
use crate::gsp::sequencer::{Sequencer, SequencerError};
use crate::mmio::Io;
use crate::platform::Platform;

/// A list of register accesses, and the parameters for running it.
#[must_use = "GSP-RM waits until it is run and returned"]
pub struct SequencerList<P: Platform> {
    list: ListMessage<P::Bytes>,
    falcon: FalconKind,
    boot0: u32,
    bar: u64,
    libos: u64,
    app_version: u32,
}

/// A list that was run, and its result.
#[must_use = "messages of GSP-RM are not handled until it is returned"]
pub struct FinishedList<P: Platform> {
    list: ListMessage<P::Bytes>,
    result: Result<(), SequencerError>,
}

impl<P: Platform> SequencerList<P> {
    /// Takes the pending list, if there is one.
    pub(super) fn take(gpu: &mut Gpu<P>) -> Option<Self> {
        Some(Self {
            list: gpu.rpc.take_list()?,
            falcon: gpu.chip.falcon,
            boot0: gpu.boot0,
            bar: gpu.bar,
            libos: gpu.libos.dma_addr(),
            app_version: gpu.app_version,
        })
    }

    /// Makes the accesses; sleeps if the list says so. The GPU must be neither reset nor unloaded
    /// meanwhile.
    pub fn run(self, platform: &P) -> FinishedList<P> {
        let io = &Io::new(platform);
        let sequencer = Sequencer {
            processors: Processors::new(io, self.falcon, self.boot0),
            bar: self.bar,
            libos: self.libos,
            app_version: self.app_version,
        };
        FinishedList {
            result: sequencer.run(self.list.payload()),
            list: self.list,
        }
    }
}

impl<P: Platform> FinishedList<P> {
    /// Returns the list to the GPU that it was taken from.
    pub(super) fn return_to(self, gpu: &mut Gpu<P>, now: Duration) -> Result<(), RpcError> {
        gpu.rpc.finish_list(self.list, self.result, now)
    }
}
