// SPDX-License-Identifier: GPL-2.0

//! The calls that allocate and free objects.
//!
//! A failure is reported twice, as the result of the RPC and in its payload: NVIDIA's driver checks
//! the former for failure (`rpcRmApiAlloc_GSP` and `rpcRmApiFree_GSP` in open-gpu-kernel-modules
//! 570, src/nvidia/src/kernel/vgpu/rpc.c), and takes the status from the latter.

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_OK};
use nova_hw::abi::{RmAlloc, RmFree};
use zerocopy::{FromBytes, IntoBytes};

use super::classes;
use super::effects::Effect;
use super::objects::Freed;
use super::refused::Refused;
use super::{Card, GspRm, Next};
use crate::gsp_rm::queue::Message;

impl GspRm {
    /// Allocates an object; the answer returns its parameters in place.
    pub(super) fn alloc(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let Ok((mut request, params)) = RmAlloc::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            return Err(format!("allocation of {:#x} bytes", message.payload.len()));
        };
        let refused = card.faults.alloc_refused(self.allocations);
        self.allocations += 1;
        let mut params = params.to_vec();
        let result = match (refused, request.params_size as usize) {
            (Some(status), _) => Err((status, "as a fault wants it".into())),
            (None, len) if len <= params.len() => {
                params.truncate(len);
                self.alloc_object(card, &mut request, &mut params)
            }
            (None, len) => {
                let error = format!(
                    "{:#x} bytes of parameters, not the {len:#x} of the header",
                    params.len()
                );
                Err((NV_ERR_INVALID_ARGUMENT, error))
            }
        };
        request.status = result.as_ref().map_or_else(|refused| refused.0, |()| NV_OK);
        let payload = [request.as_bytes(), &params].concat();
        self.reply(card, message, request.status, payload);
        result.map(|()| Next::Wait).map_err(|(_, error)| {
            let RmAlloc {
                h_client,
                h_object,
                h_class,
                ..
            } = request;
            format!("class {h_class:#x} as {h_object:#x} of client {h_client:#x}: {error}")
        })
    }

    fn alloc_object(
        &mut self,
        card: &Card<'_>,
        request: &mut RmAlloc,
        params: &mut [u8],
    ) -> Result<(), Refused> {
        let platform = self.platform(card);
        let class = classes::numbered(request.h_class)?;
        let resource = self.objects.alloc(&platform, class, request, params)?;
        self.effects.extend(Effect::created(resource));
        Ok(())
    }

    /// Frees an object and all below it. If there is no such object, the call succeeds and the
    /// trace records the driver's error.
    pub(super) fn free(&mut self, card: &Card<'_>, message: &Message) -> Result<Next, String> {
        let Ok((mut request, _)) = RmFree::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            return Err(format!("free of {:#x} bytes", message.payload.len()));
        };
        let (client, object) = (request.h_root, request.h_object_old);
        let (status, error) = match self.objects.free(client, object) {
            Ok(freed) => {
                tracing::debug!("freed {freed:x?} of client {client:#x}");
                let effect = |(handle, resource): &Freed| Effect::freed(client, *handle, resource);
                self.effects.extend(freed.iter().filter_map(effect));
                (
                    NV_OK,
                    freed
                        .is_empty()
                        .then(|| "there is no such object".to_string()),
                )
            }
            Err((status, error)) => (status, Some(error)),
        };
        request.status = status;
        self.reply(card, message, status, request.as_bytes().to_vec());
        match error {
            None => Ok(Next::Wait),
            Some(error) => Err(format!(
                "free of {object:#x} of client {client:#x}: {error}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::config::ConfigSpace;
    use crate::chips::CHIPS;
    use crate::faults::{Fault, Faults};
    use crate::gsp_rm::queue::driver::Driver;
    use crate::gsp_rm::queue::Outgoing;
    use crate::gsp_rm::State;
    use nova_hw::abi::class::{NV01_ROOT, NV20_SUBDEVICE_0};
    use nova_hw::abi::function::{FREE, GSP_RM_ALLOC};
    use nova_hw::abi::status::{NV_ERR_INVALID_CLASS, NV_ERR_INVALID_OBJECT_HANDLE};
    use nova_hw::abi::GspFwWprMeta;
    use nova_hw::release::RELEASES;

    const CLIENT: u32 = 0xc1d0_0000;

    /// Has a GSP-RM that is ready handle these calls; returns the result and the reply of each.
    fn call(calls: &[(u32, Vec<u8>)]) -> Vec<(Result<Next, String>, Outgoing)> {
        call_with(&Faults::default(), calls)
    }

    /// The same with a GSP-RM that is broken.
    fn call_with(
        faults: &Faults,
        calls: &[(u32, Vec<u8>)],
    ) -> Vec<(Result<Next, String>, Outgoing)> {
        let queues = Driver::new().link().unwrap();
        let mut rm = GspRm::new(RELEASES[0], queues, 0);
        rm.state = State::Ready;
        let card = Card {
            chip: &CHIPS[0],
            config: &ConfigSpace::new(&CHIPS[0]),
            meta: &GspFwWprMeta::default(),
            faults,
        };
        let mut one = |(function, payload): &(u32, Vec<u8>)| {
            let message = Message {
                function: *function,
                sequence: 5,
                payload: payload.clone(),
                rest: Vec::new(),
            };
            let result = rm.handle(&card, message);
            (result, rm.queues.sent().pop().unwrap())
        };
        calls.iter().map(&mut one).collect()
    }

    fn alloc(class: u32, params: &[u8]) -> (u32, Vec<u8>) {
        let request = RmAlloc {
            h_client: CLIENT,
            h_parent: CLIENT,
            h_object: CLIENT,
            h_class: class,
            params_size: params.len() as u32,
            ..RmAlloc::default()
        };
        (GSP_RM_ALLOC, [request.as_bytes(), params].concat())
    }

    fn free(object: u32) -> (u32, Vec<u8>) {
        let request = RmFree {
            h_root: CLIENT,
            h_object_old: object,
            ..RmFree::default()
        };
        (FREE, request.as_bytes().to_vec())
    }

    #[test]
    fn parameters_come_back_in_place() {
        let params = vec![0x5a; RELEASES[0].root.size];
        let replies = call(&[alloc(NV01_ROOT, &params), free(CLIENT)]);
        let (result, reply) = &replies[0];
        assert_eq!(*result, Ok(Next::Wait));
        assert_eq!((reply.function, reply.sequence), (GSP_RM_ALLOC, 5));
        assert_eq!(reply.result, NV_OK);
        let (request, returned) = RmAlloc::read_from_prefix(&reply.payload).unwrap();
        assert_eq!((request.h_object, request.status), (CLIENT, NV_OK));
        assert_eq!(returned[..4], CLIENT.to_le_bytes());
        assert_eq!(returned[4..], params[4..]);

        let (result, reply) = &replies[1];
        assert_eq!((result, reply.result), (&Ok(Next::Wait), NV_OK));
        let request = RmFree::read_from_bytes(&reply.payload).unwrap();
        assert_eq!((request.h_object_old, request.status), (CLIENT, NV_OK));
    }

    #[test]
    fn a_refusal_is_in_the_rpc_result_and_in_the_payload() {
        let replies = call(&[
            alloc(0x1234, &[1, 2, 3]),
            alloc(NV20_SUBDEVICE_0, &[]),
            free(1),
        ]);
        let expected = [
            (NV_ERR_INVALID_CLASS, 16),
            (NV_ERR_INVALID_OBJECT_HANDLE, 16),
            (NV_ERR_INVALID_OBJECT_HANDLE, 12),
        ];
        for ((result, reply), (status, at)) in replies.iter().zip(expected) {
            assert!(result
                .as_ref()
                .is_err_and(|error| error.contains("0xc1d00000")));
            assert_eq!(reply.result, status);
            assert_eq!(reply.payload[at..][..4], status.to_le_bytes());
        }
        assert_eq!(replies[0].1.payload[32..], [1, 2, 3]);
    }

    #[test]
    fn one_allocation_is_refused_by_a_fault() {
        let status = 0x51;
        let fault = Fault::AllocRefused { after: 1, status };
        let calls = [
            alloc(NV01_ROOT, &[]),
            free(CLIENT),
            alloc(NV01_ROOT, &[]),
            alloc(NV01_ROOT, &[]),
        ];
        let replies = call_with(&Faults::from_iter([fault]), &calls);
        let results: Vec<_> = replies.iter().map(|(_, reply)| reply.result).collect();
        assert_eq!(results, [NV_OK, NV_OK, status, NV_OK]);
        assert!(replies[2]
            .0
            .as_ref()
            .is_err_and(|error| error.contains("fault")));
        assert_eq!(replies[2].1.payload[16..][..4], status.to_le_bytes());
    }

    #[test]
    fn messages_that_are_cut_off_are_refused() {
        let (function, mut payload) = alloc(NV01_ROOT, &[]);
        let header = call(&[(function, payload[1..].to_vec()), (FREE, vec![0; 15])]);
        payload[20] = 4;
        let params = call(&[(function, payload)]);
        for (result, reply) in header.iter().chain(&params) {
            assert!(result.is_err());
            assert_eq!(reply.result, NV_ERR_INVALID_ARGUMENT);
        }
    }

    #[test]
    fn a_free_without_an_object_succeeds_and_is_recorded() {
        let replies = call(&[alloc(NV01_ROOT, &[]), free(7)]);
        let (result, reply) = &replies[1];
        assert_eq!(reply.result, NV_OK);
        let error = "free of 0x7 of client 0xc1d00000: there is no such object";
        assert_eq!(*result, Err(error.into()));
    }
}
