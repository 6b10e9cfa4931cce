// SPDX-License-Identifier: GPL-2.0

//! A list of register accesses that GSP-RM asks for while it runs, apart from the GPU that it came
//! from: it is run without the lock of whoever calls GSP-RM.

use core::time::Duration;

use super::gpu::Gpu;
use crate::chip::FalconKind;
use crate::falcon::processors::Processors;
use crate::gsp::rpc::error::RpcError;
use crate::gsp::rpc::ListMessage;
use crate::gsp::sequencer::{Sequencer, SequencerError};
use crate::mmio::Io;
use crate::platform::Platform;

/// A list of register accesses, and what has to be known of the GPU to make them.
#[must_use = "GSP-RM waits for it"]
pub struct SequencerList<P: Platform> {
    list: ListMessage<P::Bytes>,
    falcon: FalconKind,
    boot0: u32,
    bar: u64,
    libos: u64,
    app_version: u32,
}

/// A list that was run, and what came of it.
#[must_use = "GSP-RM is not heard until it is given back"]
pub struct FinishedList<P: Platform> {
    list: ListMessage<P::Bytes>,
    result: Result<(), SequencerError>,
}

impl<P: Platform> SequencerList<P> {
    /// Takes the list that has come, if there is one.
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

    /// Makes the accesses; sleeps where the list says so. The GPU must be neither reset nor unloaded
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
    /// Gives the list back to where it was taken from.
    pub(super) fn give_back(self, gpu: &mut Gpu<P>, now: Duration) -> Result<(), RpcError> {
        gpu.rpc.finish_list(self.list, self.result, now)
    }
}
