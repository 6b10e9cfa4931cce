// SPDX-License-Identifier: GPL-2.0

//! A log of all methods that channels execute, in order, for comparing two drivers on the same card.
//!
//! A line is a method: the channel as its runlist and its number there, the class, the subchannel,
//! the method with its byte offset, and the data. The class is that of the object, or of the channel
//! where the host executes the method or there is no object. All numbers but those of runlists and
//! subchannels are hexadecimal. A method that has no name in [`nova_hw::class`] is its offset alone.
//! There is no time, which differs from run to run. `#` begins the line of a channel that has
//! stopped:
//!
//! ```text
//! 1:0x3 c56f 0 SEM_EXECUTE(006c) 00000001
//! 1:0x3 c7b5 4 LAUNCH_DMA(0300) 00000182
//! 0:0x4 c797 0 (0110) 00000000
//! # 1:0x3 stopped: MMU fault: Read of Virtual(50000000): Pte
//! ```
//!
//! A method is logged when the channel begins it, so one that is refused is the channel's last. The
//! lines of one channel are in the order of its push buffers; how those of several channels are
//! mixed depends on when the driver rang.

use std::fmt::Display;
use std::io;
use std::path::Path;

use nova_hw::class;

use super::channel::ChannelName;
use super::lines::Lines;

/// The file.
#[derive(Debug)]
pub(crate) struct MethodLog(Lines);

impl MethodLog {
    pub(crate) fn to_file(path: &Path) -> io::Result<Self> {
        Ok(Self(Lines::to_file(path, "methods")?))
    }

    /// A channel has begun a method of a class, which is a byte offset and has data.
    pub(crate) fn method(
        &mut self,
        channel: ChannelName,
        class: u32,
        subchannel: u8,
        (offset, data): (u32, u32),
    ) {
        let name = class::method_name(class, offset).unwrap_or_default();
        self.0.line(format_args!(
            "{channel} {class:04x} {subchannel} {name}({offset:04x}) {data:08x}"
        ));
    }

    /// A channel has stopped.
    pub(crate) fn stopped(&mut self, channel: ChannelName, cause: &dyn Display) {
        self.0.line(format_args!("# {channel} stopped: {cause}"));
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri runs without files")]
    fn methods_and_stops_are_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("methods.log");
        let mut log = MethodLog::to_file(&path).unwrap();
        let channel = ChannelName {
            runlist: 12,
            channel: 0x1f,
        };
        log.method(channel, 0xc56f, 0, (0x6c, 1));
        log.method(channel, 0xc7b5, 4, (0x300, 0x182));
        log.method(channel, 0xc797, 0, (0x110, 0));
        log.stopped(channel, &"because");
        log.flush().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "12:0x1f c56f 0 SEM_EXECUTE(006c) 00000001\n\
             12:0x1f c7b5 4 LAUNCH_DMA(0300) 00000182\n\
             12:0x1f c797 0 (0110) 00000000\n\
             # 12:0x1f stopped: because\n"
        );
    }
}
