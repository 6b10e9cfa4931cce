// SPDX-License-Identifier: GPL-2.0

//! The graphics engine: what GSP-RM tells of it, and the golden context, which is made when an epoch first needs it.

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core::{
    ChannelError, ErrorKind, GraphicsInfo, GraphicsReader, Internal, RpcError, Scheduling,
};
use nova_hw::abi::ZcullInfo;

use crate::address_space::AddressSpace;
use crate::calls::{CallError, Epoch};
use crate::channel::{Channel, ChannelEvents, End, NewChannel, NewGraphics, Parts};
use crate::context::{Context, SharedContext};
use crate::gsp::Gsp;
use crate::table_limit::TableLimit;
use nova_kernel::sync::wait_queue::TaskState;

/// The range of the golden channel, behind that of GSP-RM and in the same directories.
const HOLE: u64 = 1 << 33;

/// Page tables of the golden channel: more than map its context.
const TABLES_MAX: u64 = 256;

/// Entries of its ring, which is never used.
const ENTRIES: u32 = 64;

/// What GSP-RM tells of the graphics engine.
pub struct Graphics {
    /// What it consists of.
    pub info: GraphicsInfo,
    /// What programs have to know to use ZCULL; `None` on a GPU without.
    pub zcull: Option<ZcullInfo>,
}

/// What is known of the graphics engine.
#[pin_data]
pub(crate) struct GraphicsState {
    /// As GSP-RM has told first; it stays the same.
    #[pin]
    told: Mutex<Option<Arc<Graphics>>>,
    /// GSP-RM and the GPU use it until the end of the epoch.
    #[pin]
    shared: Mutex<Option<Shared>>,
}

/// What contexts share in an epoch.
struct Shared {
    epoch: Epoch,
    context: Arc<SharedContext>,
    /// The golden context has been made. Where that failed, GSP-RM may have been told of the memory nevertheless.
    has_golden: bool,
}

impl GraphicsState {
    /// Nothing.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            told <- new_mutex!(None),
            shared <- new_mutex!(None),
        })
    }

    /// Frees what contexts have shared in an epoch that has ended: the GPU has been reset, or GSP-RM unloaded.
    pub(crate) fn end(&self) {
        let shared = self.shared.lock().take();
        drop(shared);
    }
}

/// What graphics needs of a GPU. This is a trait for the reason of [`Rm`](crate::rm::Rm).
pub(crate) trait GraphicsEngine: Send + Sync {
    /// What GSP-RM tells of the engine. Asks it if that has not been done before.
    fn graphics(&self) -> Result<Arc<Graphics>>;

    /// What contexts share in an epoch, once it is there, and whether the golden context has been made.
    fn shared_context(&self, epoch: Epoch) -> Option<(Arc<SharedContext>, bool)>;

    /// Keeps what contexts share until the end of an epoch, in which there is nothing of that yet.
    fn keep_shared_context(&self, epoch: Epoch, context: &Arc<SharedContext>) -> Result;

    /// Notes that the golden context of an epoch has been made.
    fn set_golden(&self, epoch: Epoch) -> Result;
}

impl Gsp<'_> {
    fn read_graphics(&self) -> Result<Graphics, CallError> {
        let target = self.target()?;
        let reader = GraphicsReader::new(self.internal(target, Internal::Subdevice)?);
        let calls = &mut self.in_epoch(target.epoch, TaskState::Killable);
        let info = reader.read(calls)?;
        let zcull = match reader.read_zcull(calls) {
            Ok(zcull) => Some(zcull),
            // What GSP-RM says on a GPU without is not known; but not that it has no room for the call.
            Err(CallError::Rpc(error @ RpcError::Refused { .. }))
                if error.kind() != ErrorKind::NoSpace =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Graphics { info, zcull })
    }
}

impl GraphicsEngine for Gsp<'_> {
    fn graphics(&self) -> Result<Arc<Graphics>> {
        let mut told = self.graphics.told.lock();
        if let Some(told) = &*told {
            return Ok(told.clone());
        }
        let graphics = Arc::new(self.read_graphics()?, GFP_KERNEL)?;
        *told = Some(graphics.clone());
        Ok(graphics)
    }

    fn shared_context(&self, epoch: Epoch) -> Option<(Arc<SharedContext>, bool)> {
        let shared = self.graphics.shared.lock();
        let shared = shared.as_ref().filter(|shared| shared.epoch == epoch)?;
        Some((shared.context.clone(), shared.has_golden))
    }

    fn keep_shared_context(&self, epoch: Epoch, context: &Arc<SharedContext>) -> Result {
        let mut shared = self.graphics.shared.lock();
        // Whoever ends an epoch raises it before taking the lock that is held here.
        if self.current.lock().epoch != epoch {
            return Err(EIO);
        }
        debug_assert!(shared.is_none());
        *shared = Some(Shared {
            epoch,
            context: context.clone(),
            has_golden: false,
        });
        Ok(())
    }

    fn set_golden(&self, epoch: Epoch) -> Result {
        let mut shared = self.graphics.shared.lock();
        match &mut *shared {
            Some(shared) if shared.epoch == epoch => {
                shared.has_golden = true;
                Ok(())
            }
            _ => Err(EIO),
        }
    }
}

/// Nobody wants to know what happens to the golden channel, which does nothing.
struct NoEvents;

impl ChannelEvents for NoEvents {
    fn completed(&self) {}

    fn failed(&self, _error: ChannelError) {}

    fn ended(&self, _end: End) {}
}

/// Has GSP-RM make the golden context, on a channel with this one.
pub(crate) fn make_golden<'a>(
    space: &Arc<AddressSpace<'a>>,
    parts: Parts<'_, 'a>,
    context: Context,
) -> Result {
    let engine = parts
        .host
        .open(space.epoch())?
        .graphics()
        .ok_or(EOPNOTSUPP)?;
    let new = NewChannel {
        engine,
        entries: ENTRIES,
        scheduling: Scheduling::default(),
        hole: HOLE..HOLE + NewChannel::HOLE,
        graphics: Some(NewGraphics {
            context,
            draws: true,
        }),
    };
    let channel = Channel::new(parts, new, Arc::new(NoEvents, GFP_KERNEL)?)?;
    channel.stop()
}

/// The limit of its page tables.
pub(crate) fn table_limit() -> Result<Arc<TableLimit>> {
    TableLimit::new(TABLES_MAX)
}
