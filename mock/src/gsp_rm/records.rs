// SPDX-License-Identifier: GPL-2.0

//! Messages that are longer than their length says: what is longer than one message may be follows
//! in continuation records, and the parameters of GSP_RM_ALLOC may lie behind the message.
//!
//! Source: open-gpu-kernel-modules 570, `_issueRpcLarge` and `rpcRmApiAlloc_GSP` in
//! src/nvidia/src/kernel/vgpu/rpc.c.

use nova_hw::abi::function::{CONTINUATION_RECORD, GSP_RM_ALLOC, GSP_RM_CONTROL, SET_REGISTRY};
use nova_hw::abi::{PackedRegistryTable, RmAlloc, RmControl};
use zerocopy::FromBytes;

use crate::gsp_rm::queue::{Message, PAYLOAD_MAX};

/// Longest payload that GSP-RM has memory for.
const TOTAL_MAX: usize = 1 << 20;

/// A message of which something is still to come.
#[derive(Debug)]
pub(crate) struct Partial {
    message: Message,
    total: usize,
}

/// Adds a record to what is there; returns the message once it is whole.
pub(crate) fn assemble(
    partial: &mut Option<Partial>,
    record: Message,
) -> Result<Option<Message>, String> {
    match (partial.take(), record.function) {
        (None, CONTINUATION_RECORD) => Err("a continuation of nothing".into()),
        (None, _) => begin(partial, record),
        (Some(begun), CONTINUATION_RECORD) => proceed(partial, begun, record),
        (Some(begun), function) => Err(format!(
            "function {function:#x} where {:#x} bytes of function {:#x} are missing",
            begun.total - begun.message.payload.len(),
            begun.message.function
        )),
    }
}

fn begin(partial: &mut Option<Partial>, mut message: Message) -> Result<Option<Message>, String> {
    let total = total(&message);
    take_params(&mut message, total);
    if message.payload.len() < PAYLOAD_MAX || total <= PAYLOAD_MAX {
        return Ok(Some(message));
    }
    if total > TOTAL_MAX {
        return Err(format!(
            "function {:#x} of {total:#x} bytes",
            message.function
        ));
    }
    *partial = Some(Partial { message, total });
    Ok(None)
}

/// Adds the parameters of GSP_RM_ALLOC that lie behind the message: NVIDIA's driver has the length
/// cover the fixed part alone, and tells in `paramsSize` how many bytes follow it.
fn take_params(message: &mut Message, total: usize) {
    let missing = total.saturating_sub(message.payload.len());
    match message.rest.get(..missing) {
        Some(params) if message.function == GSP_RM_ALLOC => message.payload.extend(params),
        _ => {}
    }
}

fn proceed(
    partial: &mut Option<Partial>,
    mut begun: Partial,
    record: Message,
) -> Result<Option<Message>, String> {
    let missing = begun.total - begun.message.payload.len();
    let expected = missing.min(PAYLOAD_MAX);
    if record.payload.len() != expected {
        return Err(format!(
            "a continuation of {:#x} bytes, {expected:#x} were expected",
            record.payload.len()
        ));
    }
    begun.message.payload.extend(record.payload);
    if missing > expected {
        *partial = Some(begun);
        return Ok(None);
    }
    Ok(Some(begun.message))
}

/// Bytes of the payload as it begins to say.
fn total(message: &Message) -> usize {
    let payload = &message.payload;
    let total = match message.function {
        GSP_RM_CONTROL => RmControl::read_from_prefix(payload)
            .ok()
            .map(|(control, _)| size_of::<RmControl>() + control.params_size as usize),
        GSP_RM_ALLOC => RmAlloc::read_from_prefix(payload)
            .ok()
            .map(|(alloc, _)| size_of::<RmAlloc>() + alloc.params_size as usize),
        SET_REGISTRY => PackedRegistryTable::read_from_prefix(payload)
            .ok()
            .map(|(table, _)| table.size as usize),
        _ => None,
    };
    total.unwrap_or(payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn record(function: u32, payload: Vec<u8>) -> Message {
        Message {
            function,
            sequence: 1,
            payload,
            rest: Vec::new(),
        }
    }

    /// The first record of a control with parameters of this size.
    fn first(params_size: usize) -> Message {
        let control = RmControl {
            params_size: params_size as u32,
            ..RmControl::default()
        };
        let mut payload = control.as_bytes().to_vec();
        payload.resize((payload.len() + params_size).min(PAYLOAD_MAX), 1);
        record(GSP_RM_CONTROL, payload)
    }

    #[test]
    fn what_fits_is_not_continued() {
        for params_size in [0, 100, PAYLOAD_MAX - 24] {
            let message = assemble(&mut None, first(params_size)).unwrap().unwrap();
            assert_eq!(message.payload.len(), 24 + params_size);
        }
    }

    #[test]
    fn parameters_may_lie_behind_an_allocation() {
        let received = |function, fixed: &[u8]| {
            let mut message = record(function, fixed.to_vec());
            message.rest = vec![7; 10];
            assemble(&mut None, message).unwrap().unwrap().payload
        };
        let params = |params_size| {
            let alloc = RmAlloc {
                params_size,
                ..RmAlloc::default()
            };
            received(GSP_RM_ALLOC, alloc.as_bytes())[size_of::<RmAlloc>()..].to_vec()
        };
        assert_eq!(params(0).len(), 0);
        assert_eq!(params(4), [7; 4]);
        assert_eq!(params(11).len(), 0, "10 bytes are there");
        assert_eq!(params(u32::MAX).len(), 0);

        let control = RmControl {
            params_size: 4,
            ..RmControl::default()
        };
        let control = control.as_bytes();
        assert_eq!(received(GSP_RM_CONTROL, control), control);
    }

    #[test]
    fn records_are_joined() {
        let partial = &mut None;
        let rest = 2 * PAYLOAD_MAX + 10 - PAYLOAD_MAX;
        assert_eq!(
            assemble(partial, first(2 * PAYLOAD_MAX + 10 - 24)),
            Ok(None)
        );
        let full = record(CONTINUATION_RECORD, vec![2; PAYLOAD_MAX]);
        assert_eq!(assemble(partial, full), Ok(None));
        let last = record(CONTINUATION_RECORD, vec![3; 10]);
        let message = assemble(partial, last).unwrap().unwrap();
        assert_eq!(message.payload.len(), PAYLOAD_MAX + rest);
        assert_eq!(message.payload.last(), Some(&3));
        assert!(partial.is_none());
    }

    #[test]
    fn what_does_not_continue_is_refused() {
        let nothing = record(CONTINUATION_RECORD, vec![0; 8]);
        let error = assemble(&mut None, nothing).unwrap_err();
        assert!(error.contains("nothing"), "{error}");

        let partial = &mut None;
        assemble(partial, first(PAYLOAD_MAX)).unwrap();
        let error = assemble(partial, first(0)).unwrap_err();
        assert!(error.contains("0x18 bytes of function 0x4c"), "{error}");

        assemble(partial, first(PAYLOAD_MAX)).unwrap();
        let short = record(CONTINUATION_RECORD, vec![0; 23]);
        let error = assemble(partial, short).unwrap_err();
        assert!(error.contains("0x17 bytes, 0x18"), "{error}");

        let error = assemble(&mut None, first(TOTAL_MAX)).unwrap_err();
        assert!(error.contains("0x100018 bytes"), "{error}");
    }
}
