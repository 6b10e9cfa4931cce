# SPDX-License-Identifier: GPL-2.0
"""Has tinygrad drive a mocked GPU: judge.py SOCKET, with DEV=PCI+NV in the environment.

tinygrad itself is as its authors published it. It has a class for each way to reach a PCI card:
sysfs, a USB bridge, another machine. Here is one more, for a card at a socket of vfio-user.
"""

import mmap
import os
import sys
import traceback

from tinygrad.helpers import round_up
from tinygrad.runtime.autogen import pci
from tinygrad.runtime.ops_nv import NVDevice
from tinygrad.runtime.support.hcq import FileIOInterface, MMIOInterface
from tinygrad.runtime.support.system import RemotePCIDevice, System

from vfio_user import CONFIG_REGION, Client

# The second time, tinygrad finds the card as it left it, and resets it.
TIMES = 2

# Addresses on the bus: those of the card's BARs, by number, and that of the machine's memory.
BARS = {0: 0x8000_0000, 1: 0x40_0000_0000, 3: 0x40_1000_0000}
MEMORY = 0x1_0000_0000


class Card(RemotePCIDevice):
    """The card. What tinygrad does to a card of another machine, it does by these methods."""

    def __init__(self, path):
        self.client, self.pcibus, self.peer_group = Client(path), "0000:01:00.0", "vfio-user"
        self.memory = MEMORY
        # The machine's firmware gives the BARs their addresses.
        for bar, address in BARS.items():
            self.write_config(pci.PCI_BASE_ADDRESS_0 + 4 * bar, address & 0xffff_ffff, 4)
            if address >> 32:
                self.write_config(pci.PCI_BASE_ADDRESS_0 + 4 * bar + 4, address >> 32, 4)
        self.write_config(pci.PCI_COMMAND, pci.PCI_COMMAND_MEMORY, 2)

    def _bulk_read(self, cmd, idx, offset, size):
        return self.client.read(idx, offset, size)

    def _bulk_write(self, cmd, idx, offset, data):
        self.client.write(idx, offset, data)

    def read_config(self, offset, size):
        return int.from_bytes(self.client.read(CONFIG_REGION, offset, size), "little")

    def write_config(self, offset, value, size):
        self.client.write(CONFIG_REGION, offset, value.to_bytes(size, "little"))

    def bar_info(self, bar_idx):
        return BARS[bar_idx], self.client.region_size(bar_idx)

    def resize_bar(self, bar_idx):
        raise RuntimeError("the BARs cannot be resized")

    def reset(self):
        self.client.reset()

    def alloc_sysmem(self, size, vaddr=0, contiguous=False):
        """Memory that the card can reach: a file, at contiguous bus addresses."""
        length, address = round_up(size, mmap.PAGESIZE), self.memory
        self.memory += length
        file = FileIOInterface(fd=os.memfd_create("memory"))
        os.ftruncate(file.fd, length)
        self.client.map(address, length, file.fd)
        where = file.mmap(0, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, 0)
        return MMIOInterface(where, size), list(range(address, address + length, 0x1000))


def find(card):
    """Makes what takes the place of tinygrad's scan of the PCI bus."""
    vendor = card.read_config(pci.PCI_VENDOR_ID, 2)
    device = card.read_config(pci.PCI_DEVICE_ID, 2)
    base_class = card.read_config(pci.PCI_CLASS_DEVICE, 2) >> 8

    def list_devices(of_vendor, devices, of_class=None):
        known = any(device & mask in values for mask, values in devices)
        found = known and vendor == of_vendor and of_class in (None, base_class)
        return [(lambda *_: card, card.pcibus)] if found else []

    return list_devices


def copy(device):
    """Copies within the frame buffer, and from and to the machine's memory; returns a report."""
    sizes = [1, 4096, (1 << 20) + 3]
    for size in sizes:
        data = os.urandom(size)
        first, second = (device.allocator.alloc(size) for _ in range(2))
        device.allocator._copyin(first, memoryview(bytearray(data)))
        queue = device.hw_copy_queue_t()
        queue.wait(device.timeline_signal, device.timeline_value - 1)
        queue.copy(second, first, size)
        queue.signal(device.timeline_signal, device.next_timeline()).submit(device)
        found = bytearray(size)
        device.allocator._copyout(memoryview(found), second)
        if found != data:
            raise RuntimeError(f"{size} bytes were not copied")
    return f"copied {len(sizes)} buffers"


def main():
    card = Card(sys.argv[1])
    System.list_devices = find(card)
    for time in range(TIMES):
        # Devices of a group share memory, which these cannot: one is the other after a reset.
        card.peer_group = f"vfio-user-{time}"
        try:
            device = NVDevice("NV")
            report = copy(device)
            device.finalize()
            print(report)
        except Exception:
            traceback.print_exc()


if __name__ == "__main__":
    main()
