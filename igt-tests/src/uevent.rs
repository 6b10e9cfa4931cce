// SPDX-License-Identifier: MIT

//! The kernel's uevents.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    bind, recv, socket, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
};

/// Netlink group of the kernel's own events, not udev's.
const KERNEL: u32 = 1;

/// Bytes of the longest event; more than `UEVENT_BUFFER_SIZE` and the header in front of it.
const LONGEST: usize = 8192;

/// Receives events.
#[derive(Debug)]
pub struct Uevents(OwnedFd);

impl Uevents {
    /// Receives events from now on.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn from_now() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL))?;
        Ok(Self(socket))
    }

    /// The events since the start or the last call.
    ///
    /// # Errors
    ///
    /// `ENOBUFS` if there were more events than room for them.
    pub fn events(&mut self) -> io::Result<Vec<Uevent>> {
        let mut events = Vec::new();
        let mut buffer = [0; LONGEST];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => events.push(Uevent::new(&buffer[..length])),
                Err(Errno::EAGAIN) => return Ok(events),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// An event: lines that each end with a NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent(String);

impl Uevent {
    fn new(raw: &[u8]) -> Self {
        Self(String::from_utf8_lossy(raw).into_owned())
    }

    /// The value of `key`, such as `ACTION`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut lines = self.0.split('\0');
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_key() {
        let event = Uevent::new(b"change@/devices/card0\0ACTION=change\0WEDGED=bus-reset\0");
        assert_eq!(event.get("WEDGED"), Some("bus-reset"));
        assert_eq!(event.get("ACTION"), Some("change"));
        assert_eq!(event.get("WEDGE"), None);
    }
}
