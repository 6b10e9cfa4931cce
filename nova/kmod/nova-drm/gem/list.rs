// SPDX-License-Identifier: GPL-2.0

//! The list of all objects that have handles: the file `gems` in debugfs.
//!
//! An object has the letters c if the CPU may map it, r if it has pages of system memory, e if it has been exported or i if
//! it has been imported from another driver, and a if a job uses it.

use kernel::seq_file::{seq_print, SeqFile};
use nova_uapi::GEM_CPU_ACCESS;

use crate::driver::{Device, Object};
use crate::gem;
use crate::limits::NAMES;

/// Prints a line for each handle. The numbers of the clients are those of the file `clients`, and of fdinfo.
pub(crate) fn show(device: &Device, to: &SeqFile) {
    seq_print!(
        to,
        "{:>8} {:>8} {:>14} {:8} {:6} {}\n",
        "client",
        "handle",
        "size",
        "region",
        "state",
        "label"
    );
    device.each_file(|file| {
        file.each_object(|handle, object| show_object(file.client(), handle, object, to));
    });
}

fn show_object(client: u64, handle: u32, object: &Object, to: &SeqFile) {
    let stored = object.data();
    let region = NAMES
        .get(stored.region() as usize)
        .and_then(|name| name.to_str().ok());
    let mark = |is: bool, mark: char| if is { mark } else { '-' };
    let share = match object.is_imported() {
        true => 'i',
        false => mark(object.is_exported(), 'e'),
    };
    seq_print!(
        to,
        "{client:8} {handle:8} {:14} {:8} {}{}{}{}   ",
        object.size(),
        region.unwrap_or_default(),
        mark(stored.flags & GEM_CPU_ACCESS != 0, 'c'),
        mark(gem::is_resident(object), 'r'),
        share,
        mark(object.is_active(), 'a')
    );
    stored.with_label(|label| seq_print!(to, "{label}\n"));
}
