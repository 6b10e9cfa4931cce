# SPDX-License-Identifier: GPL-2.0
"""A client of vfio-user: a PCI card that a program serves at a socket.

Source: vfio-user specification 0.9.2 (QEMU, docs/interop/vfio-user.rst).
"""

import json
import socket
import struct

VERSION, DMA_MAP, REGION_INFO, REGION_READ, REGION_WRITE, RESET = 1, 2, 5, 9, 10, 13
REPLY_ERROR = 1 << 5

# The most bytes that a server takes at once, unless it says otherwise (max_data_xfer_size).
TRANSFER_MAX = 1 << 20

# Regions 0 to 5 are the BARs (linux/vfio.h).
CONFIG_REGION = 7


class Client:
    """The only client of a card."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        capabilities = json.dumps({"capabilities": {"max_msg_fds": 1}})
        self.call(VERSION, struct.pack("<HH", 0, 0) + capabilities.encode() + b"\0")

    def call(self, command, payload=b"", fds=()):
        """Sends a message, and returns what follows the header of the reply."""
        header = struct.pack("<HHIII", 0, command, 16 + len(payload), 0, 0)
        if fds:
            socket.send_fds(self.sock, [header + payload], fds)
        else:
            self.sock.sendall(header + payload)
        _, _, size, flags, error = struct.unpack("<HHIII", self.receive(16))
        reply = self.receive(size - 16)
        if flags & REPLY_ERROR:
            raise OSError(error, f"vfio-user command {command}")
        return reply

    def receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise ConnectionError("the card's program has ended")
            data += part
        return bytes(data)

    def region_size(self, region):
        reply = self.call(REGION_INFO, struct.pack("<IIIIQQ", 32, 0, region, 0, 0, 0))
        return struct.unpack_from("<IIIIQQ", reply)[4]

    def read(self, region, offset, size):
        data = bytearray()
        while len(data) < size:
            part = min(size - len(data), TRANSFER_MAX)
            access = struct.pack("<QII", offset + len(data), region, part)
            data += self.call(REGION_READ, access)[16:]
        return bytes(data)

    def write(self, region, offset, data):
        data = bytes(data)
        for at in range(0, len(data), TRANSFER_MAX):
            part = data[at:at + TRANSFER_MAX]
            access = struct.pack("<QII", offset + at, region, len(part))
            self.call(REGION_WRITE, access + part)

    def map(self, address, size, fd):
        """Lets the card read and write a file at a bus address."""
        self.call(DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, address, size), [fd])

    def reset(self):
        self.call(RESET)
