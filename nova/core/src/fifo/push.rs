// SPDX-License-Identifier: GPL-2.0

//! What the driver itself pushes: headers and data, and the segments that begin and end a job.
//!
//! Source: open-gpu-doc, manuals/ampere/ga100/dev_pbdma.ref.txt (`NV_UDMA_SEM_EXECUTE`,
//! `NV_UDMA_MEM_OP_D_OPERATION_MEMBAR`, `NV_UDMA_NON_STALL_INT`); Linux 7.3,
//! drivers/gpu/drm/nouveau/gv100_fence.c (`gv100_fence_emit32`).

use nova_hw::class::host::{method, Header, MemOpD, SemExecute};

use crate::mmio::halves;

/// There is no room for a method and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Writes a segment.
#[derive(Debug)]
pub struct Words<'b> {
    words: &'b mut [u32],
    len: usize,
}

impl<'b> Words<'b> {
    /// A segment of at most as many words as there are here.
    pub fn new(words: &'b mut [u32]) -> Self {
        Self { words, len: 0 }
    }

    /// What has been written.
    pub fn written(&self) -> &[u32] {
        self.words.get(..self.len).unwrap_or_default()
    }

    /// Words for which there is room.
    pub fn room(&self) -> usize {
        self.words.len().saturating_sub(self.len)
    }

    /// Writes a header that sends `data` to the method at this byte offset and to the ones after it.
    ///
    /// # Errors
    ///
    /// There is no room; nothing is written then.
    pub fn methods(&mut self, subchannel: u8, first: u32, data: &[u32]) -> Result<(), Full> {
        // 13 bits.
        const COUNT_MAX: usize = 0x1fff;
        let count = u16::try_from(data.len()).map_err(|_| Full)?;
        let rest = self.words.get_mut(self.len..).unwrap_or_default();
        let place = rest.get_mut(..data.len().saturating_add(1));
        let (header, to) = place
            .filter(|_| data.len() <= COUNT_MAX)
            .and_then(<[u32]>::split_first_mut)
            .ok_or(Full)?;
        *header = Header::of(Header::INC, subchannel, first, count).into();
        to.copy_from_slice(data);
        self.len = self.len.saturating_add(data.len()).saturating_add(1);
        Ok(())
    }
}

/// Words of a release.
const RELEASE: usize = 6;

/// Words of [`beginning`].
pub(crate) const BEGINNING: usize = RELEASE;

/// Words of [`completion`].
pub(crate) const COMPLETION: usize = 2 * RELEASE + 7;

/// Writes a release: `payload`, and the time behind it, go to `semaphore`, which is aligned to 16 bytes, before or
/// after the engine is idle.
fn release(
    words: &mut Words<'_>,
    semaphore: u64,
    payload: u64,
    waits_for_idle: bool,
) -> Result<(), Full> {
    let [address_lo, address_hi] = halves(semaphore);
    let [payload_lo, payload_hi] = halves(payload);
    let release = SemExecute::new()
        .with_operation(SemExecute::RELEASE)
        .with_release_wfi(waits_for_idle)
        .with_is_64bit(true)
        .with_release_timestamp(true);
    let data = [
        address_lo,
        address_hi,
        payload_lo,
        payload_hi,
        release.into(),
    ];
    words.methods(0, method::SEM_ADDR_LO, &data)
}

/// The segment that writes `payload`, and when the job begins, to `stamp`, which is aligned to 16 bytes.
pub(crate) fn beginning(stamp: u64, payload: u64) -> [u32; BEGINNING] {
    let mut segment = [0; BEGINNING];
    let mut words = Words::new(&mut segment);
    let written = release(&mut words, stamp, payload, false);
    debug_assert!(written.is_ok() && words.room() == 0);
    segment
}

/// The segment that tells the CPU that all before it in the channel is done: it writes `payload`, and
/// the time behind it, to `stamp` and then to `semaphore`, both aligned to 16 bytes, and raises an interrupt.
///
/// A release waits until the engine is idle, and then for a barrier: whoever sees the payload sees
/// all that the engine has written, in VRAM and in system memory. The payload itself may be on its
/// way then, so a second barrier has it arrive before the interrupt does.
pub(crate) fn completion(stamp: u64, semaphore: u64, payload: u64) -> [u32; COMPLETION] {
    // Zeros in MEM_OP_C are a barrier for the whole system, and not only for the GPU.
    let barrier = MemOpD::new().with_operation(MemOpD::MEMBAR);
    let mut segment = [0; COMPLETION];
    let mut words = Words::new(&mut segment);
    let written = release(&mut words, stamp, payload, true)
        .and_then(|()| release(&mut words, semaphore, payload, true))
        .and_then(|()| words.methods(0, method::MEM_OP_A, &[0, 0, 0, barrier.into()]))
        .and_then(|()| words.methods(0, method::NON_STALL_INTERRUPT, &[0]));
    debug_assert!(written.is_ok() && words.room() == 0);
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_written_as_a_whole_or_not_at_all() {
        let mut segment = [7; 5];
        let mut words = Words::new(&mut segment);
        assert_eq!(words.methods(4, 0x400, &[1, 2]), Ok(()));
        assert_eq!(words.methods(4, 0x400, &[1, 2]), Err(Full));
        assert_eq!(
            (words.written(), words.room()),
            (&[0x2002_8100, 1, 2][..], 2)
        );
        assert_eq!(words.methods(0, 0x20, &[3]), Ok(()));
        assert_eq!(words.room(), 0);
        assert_eq!(segment, [0x2002_8100, 1, 2, 0x2001_0008, 3]);
        let mut many = std::vec![0; 0x1_0002];
        for len in [0x2000, 0x1_0000] {
            let written = Words::new(&mut many).methods(0, 0, &std::vec![0; len]);
            assert_eq!(written, Err(Full), "{len:#x}");
        }
    }

    #[test]
    fn a_completion_is_two_releases_a_barrier_and_an_interrupt() {
        let segment = completion(0x34_0000_0010, 0x12_3456_7890, 0x1_0000_0002);
        let expected = [
            0x2005_0017,
            0x10,
            0x34,
            2,
            1,
            0x0310_0001,
            0x2005_0017,
            0x3456_7890,
            0x12,
            2,
            1,
            0x0310_0001,
            0x2004_000a,
            0,
            0,
            0,
            5 << 27,
            0x2001_0008,
            0,
        ];
        assert_eq!(segment, expected);
    }

    /// It does not wait for what the engine still does.
    #[test]
    fn a_beginning_is_a_release() {
        let expected = [0x2005_0017, 0x10, 0x34, 2, 1, 0x0300_0001];
        assert_eq!(beginning(0x34_0000_0010, 0x1_0000_0002), expected);
    }
}
