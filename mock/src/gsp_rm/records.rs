// SPDX-License-Identifier: GPL-2.0

//! Assembles messages that are longer than their length field says: a long payload is split into
//! continuation records, and the parameters of GSP_RM_ALLOC may lie behind the message.
//!
//! Source: open-gpu-kernel-modules 570, `_issueRpcLarge` and `rpcRmApiAlloc_GSP` in
//! src/nvidia/src/kernel/vgpu/rpc.c.

use nova_hw::abi::function::{
    ALLOC_MEMORY, CONTINUATION_RECORD, GSP_RM_ALLOC, GSP_RM_CONTROL, SET_REGISTRY,
};
use nova_hw::abi::{PackedRegistryTable, RmAlloc, RmControl, RpcAllocMemory};
use zerocopy::FromBytes;

use crate::gsp_rm::queue::{Message, PAYLOAD_MAX};

/// Bytes of the longest payload that is assembled; the model's own limit.
const TOTAL_MAX: usize = 1 << 20;

/// A message with continuation records missing.
#[derive(Debug)]
pub(crate) struct Partial {
    message: Message,
    total: usize,
}

/// Adds a record to the partial message; returns the message once it is complete.
pub(crate) fn assemble(
    partial: &mut Option<Partial>,
    record: Message,
) -> Result<Option<Message>, String> {
    match (partial.take(), record.function) {
        (None, CONTINUATION_RECORD) => Err("a continuation record without a message".into()),
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

/// Adds the parameters of GSP_RM_ALLOC that lie behind the message: in NVIDIA's driver the length
/// covers the fixed part alone, and `paramsSize` gives the number of bytes that follow.
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

/// Total bytes of the payload, as its first record gives them.
fn total(message: &Message) -> usize {
    let payload = &message.payload;
    let total = match message.function {
        GSP_RM_CONTROL => RmControl::read_from_prefix(payload)
            .ok()
            .map(|(control, _)| size_of::<RmControl>() + control.params_size as usize),
        GSP_RM_ALLOC => RmAlloc::read_from_prefix(payload)
            .ok()
            .map(|(alloc, _)| size_of::<RmAlloc>() + alloc.params_size as usize),
        ALLOC_MEMORY => RpcAllocMemory::read_from_prefix(payload)
            .ok()
            .map(|(memory, _)| size_of::<RpcAllocMemory>() + 8 * (memory.pte_desc >> 16) as usize),
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
    fn a_short_payload_takes_one_record() {
        for params_size in [0, 100, PAYLOAD_MAX - 24] {
            let message = assemble(&mut None, first(params_size)).unwrap().unwrap();
            assert_eq!(message.payload.len(), 24 + params_size);
        }
    }

    /// As nvidia.ko of 535 and 570 sends them (`rpcRmApiAlloc_GSP`); tinygrad, nouveau and nova-core
    /// have the length cover them.
    #[test]
    fn parameters_may_follow_an_allocation() {
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
        assert_eq!(params(11).len(), 0, "there are only 10 bytes");
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
    fn unexpected_records_are_refused() {
        let nothing = record(CONTINUATION_RECORD, vec![0; 8]);
        let error = assemble(&mut None, nothing).unwrap_err();
        assert!(error.contains("without a message"), "{error}");

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
