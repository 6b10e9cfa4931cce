// SPDX-License-Identifier: MIT

//! Mappings.

use std::borrow::Cow;
use std::ops::Range;

use nouveau_uapi as nouveau;
use nova_uapi::{VmBindOp, VM_BIND_OP_MAP, VM_BIND_OP_MAP_SPARSE, VM_BIND_OP_UNMAP};
use zerocopy::{FromZeros, IntoBytes};

use super::Call;
use crate::device::{Bind, Device, Errno, Result};
use crate::sparse::Ranges;
use crate::syncs::{List, Syncs};

/// The kind of the pages in [`nouveau::VmBindOp::flags`].
const KIND: u32 = 0xff;

impl<D: Device> Call<'_, D> {
    pub(super) fn vm_bind(&self, bind: &nouveau::VmBind) -> Result {
        if bind.flags & !nouveau::RUN_ASYNC != 0 {
            return Err(Errno::INVAL);
        }
        let space = self.space()?;
        let syncs = Syncs {
            waits: List {
                pointer: bind.wait_ptr,
                count: bind.wait_count,
            },
            signals: List {
                pointer: bind.sig_ptr,
                count: bind.sig_count,
            },
            max: space.syncs_max,
        };
        let queue_id = if bind.flags & nouveau::RUN_ASYNC != 0 {
            self.bind_queue(&space)?
        } else if (bind.wait_count, bind.sig_count) == (0, 0) {
            0
        } else {
            return Err(Errno::INVAL);
        };
        let asked = self.operations(bind)?;
        let Operations { ops, regions } = self
            .table
            .with(self.id, |file| translated(&file.sparse, &asked))?;
        let mut regions = regions.into_iter().peekable();
        let mut done = 0_usize;
        let parts = ops.chunks(space.bind_ops_max.max(1));
        syncs.submit(self.device, parts, |ops, syncs| {
            let ops = ops.unwrap_or_default();
            self.device.vm_bind(Bind {
                vm_id: space.vm_id,
                queue_id,
                ops,
                syncs,
            })?;
            done = done.saturating_add(ops.len());
            while let Some((_, op)) = regions.next_if(|(at, _)| *at < done) {
                self.note(op)?;
            }
            Ok(())
        })
    }

    fn operations(&self, bind: &nouveau::VmBind) -> Result<Vec<nouveau::VmBindOp>> {
        let count = bind.op_count as usize;
        let mut ops = Vec::new();
        ops.try_reserve_exact(count).map_err(|_| Errno::NOMEM)?;
        ops.resize(count, nouveau::VmBindOp::new_zeroed());
        if count != 0 {
            self.device.read(bind.op_ptr, ops.as_mut_bytes())?;
        }
        Ok(ops)
    }

    /// Notes what an operation on a sparse range has done.
    fn note(&self, op: &nouveau::VmBindOp) -> Result {
        self.table.change(self.id, |file| {
            change(&mut file.sparse, op, range(op)?);
            Ok(())
        })
    }
}

/// nova's operations for some of nouveau's.
struct Operations<'a> {
    ops: Vec<VmBindOp>,
    /// Those that make a range sparse or end that, each with the index of nova's operation for it.
    regions: Vec<(usize, &'a nouveau::VmBindOp)>,
}

fn is_sparse(op: &nouveau::VmBindOp) -> bool {
    op.flags & nouveau::SPARSE != 0
}

/// Adds the range of an operation on a sparse range, or removes it; whether it could.
fn change(ranges: &mut Ranges, op: &nouveau::VmBindOp, range: Range<u64>) -> bool {
    match op.op {
        nouveau::OP_MAP => ranges.insert(range),
        _ => ranges.remove(&range),
    }
}

fn range(op: &nouveau::VmBindOp) -> Result<Range<u64>> {
    let end = op.addr.checked_add(op.range).ok_or(Errno::INVAL)?;
    match op.range {
        0 => Err(Errno::INVAL),
        _ => Ok(op.addr..end),
    }
}

/// nova's operations for nouveau's. Of these, later ones see what earlier ones do to sparse ranges.
fn translated<'a>(sparse: &Ranges, asked: &'a [nouveau::VmBindOp]) -> Result<Operations<'a>> {
    let mut sparse = Cow::Borrowed(sparse);
    let (mut ops, mut regions) = (Vec::new(), Vec::new());
    ops.try_reserve(asked.len()).map_err(|_| Errno::NOMEM)?;
    for op in asked {
        if op.flags & !(KIND | nouveau::SPARSE) != 0 {
            return Err(Errno::INVAL);
        }
        let range = range(op)?;
        match (op.op, is_sparse(op)) {
            (nouveau::OP_MAP, false) => ops.push(map(op)),
            (nouveau::OP_UNMAP, false) => sparse.split(range, |is_sparse, piece| {
                ops.push(over(unmap(is_sparse), piece));
            }),
            (nouveau::OP_MAP, true) => {
                let is_free = change(sparse.to_mut(), op, range.clone());
                is_free.then_some(()).ok_or(Errno::EXIST)?;
                regions.push((ops.len(), op));
                ops.push(over(VM_BIND_OP_MAP_SPARSE, range));
            }
            (nouveau::OP_UNMAP, true) => {
                let was_there = change(sparse.to_mut(), op, range.clone());
                was_there.then_some(()).ok_or(Errno::NOENT)?;
                regions.push((ops.len(), op));
                ops.push(over(VM_BIND_OP_UNMAP, range));
            }
            _ => return Err(Errno::INVAL),
        }
    }
    Ok(Operations { ops, regions })
}

/// What is unmapped in a sparse range is sparse again.
fn unmap(is_sparse: bool) -> u32 {
    match is_sparse {
        true => VM_BIND_OP_MAP_SPARSE,
        false => VM_BIND_OP_UNMAP,
    }
}

fn map(op: &nouveau::VmBindOp) -> VmBindOp {
    VmBindOp {
        op: VM_BIND_OP_MAP,
        handle: op.handle,
        kind: (op.flags & KIND) as u8,
        offset: op.bo_offset,
        address: op.addr,
        size: op.range,
        ..VmBindOp::default()
    }
}

fn over(op: u32, range: Range<u64>) -> VmBindOp {
    VmBindOp {
        op,
        address: range.start,
        size: range.end.saturating_sub(range.start),
        ..VmBindOp::default()
    }
}
