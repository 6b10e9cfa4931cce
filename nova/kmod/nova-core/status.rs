// SPDX-License-Identifier: GPL-2.0

//! `state` and `last_calls` in a GPU's folder in debugfs: the GPU's health, and the last calls of GSP-RM.

use core::fmt::{self, Write as _};

use kernel::prelude::*;
use kernel::sync::Arc;

use crate::gsp::Gsp;
use crate::gsp_file::{GspFile, Operations, Snapshot};
use crate::health::Health;

/// The files' operations.
static STATE: Operations = Operations::snapshot::<State>();
static LAST_CALLS: Operations = Operations::snapshot::<LastCalls>();

/// Creates the files. They exist while the GPU is bound, whether GSP-RM runs or not.
pub(crate) fn files<'a>(gsp: &Arc<Gsp<'a>>) -> Result<[GspFile<'a>; 2]> {
    Ok([
        GspFile::new(gsp, c"state", 0o400, &STATE)?,
        GspFile::new(gsp, c"last_calls", 0o400, &LAST_CALLS)?,
    ])
}

/// The file `state`. Reading it does not wait for a boot.
struct State;

impl Snapshot for State {
    fn take(gsp: &Gsp<'_>, contents: &mut KVVec<u8>) -> Result {
        let mut text = Text::new(contents)?;
        let (health, recoveries) = gsp.listeners.health();
        let mut current = gsp.current.lock();
        let is_lost = current.is_lost();
        let running = current.running();
        let state = match (health, &running) {
            (Health::Dead, _) => "dead",
            (Health::Lost, _) => "recovering",
            (Health::Works, Some(_)) if is_lost => "lost",
            (Health::Works, Some(_)) => "running",
            (Health::Works, None) => "stopped",
        };
        writeln!(text, "state          {state}")?;
        writeln!(text, "recoveries     {recoveries}")?;
        if let Some(running) = running {
            writeln!(text, "events         {:?}", running.event_counts())?;
        }
        Ok(())
    }
}

/// The file `last_calls`, the oldest first; empty while GSP-RM does not run.
struct LastCalls;

impl Snapshot for LastCalls {
    fn take(gsp: &Gsp<'_>, contents: &mut KVVec<u8>) -> Result {
        let mut text = Text::new(contents)?;
        if let Some(running) = gsp.current.lock().running() {
            for call in running.last_calls() {
                writeln!(text, "{call}")?;
            }
        }
        Ok(())
    }
}

/// Maximum length of a text in bytes: twice what 32 calls with long names take.
const TEXT_MAX: usize = 8192;

/// Appends text to bytes, whose memory is allocated before `Gsp::current` is locked.
struct Text<'a>(&'a mut KVVec<u8>);

impl<'a> Text<'a> {
    fn new(contents: &'a mut KVVec<u8>) -> Result<Self> {
        contents.reserve(TEXT_MAX, GFP_KERNEL)?;
        Ok(Self(contents))
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Self(contents) = self;
        if text.len() > contents.capacity().saturating_sub(contents.len()) {
            return Err(fmt::Error);
        }
        contents
            .extend_from_slice(text.as_bytes(), GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}
