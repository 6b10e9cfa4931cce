// SPDX-License-Identifier: MIT

//! Any bytes as arguments, for the fuzzer and for a test.

use nova_uapi::{
    Array, BoundObject, Element, Elements, Engine, Exec, Fault, GemCreate, GemInfo, GemSetLabel,
    GetTime, MemoryRegion, Push, Query, QueryLimits, QueryVm, QueueCreate, QueueDestroy,
    QueueGetState, ReadError, Reader, Refused, Sync, Text, VmBind, VmBindOp, VmCreate, VmDestroy,
    VmGetFaults,
};
use zerocopy::FromBytes;

/// Bytes from which values are taken, one after the other, and zeros behind their end.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    fn value<T: FromBytes>(&mut self) -> T {
        if let Ok((value, rest)) = T::read_from_prefix(self.0) {
            self.0 = rest;
            return value;
        }
        T::new_zeroed()
    }
}

impl Reader for Bytes<'_> {
    type Error = ();

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), ()> {
        let (now, later) = self.0.split_at_checked(bytes.len()).ok_or(())?;
        bytes.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

/// What a check says.
type Check = Result<(), Refused>;

/// Gives every check any argument, and any facts of a GPU. Whatever the first check of an argument
/// says, the others are called, too: none may rely on another.
pub(crate) fn check_all(bytes: &mut Bytes<'_>) {
    gem(bytes);
    vm(bytes);
    queue(bytes);
    others(bytes);
    let array: Array = bytes.value();
    let limit = bytes.value();
    elements(array.check::<VmBindOp>(limit), bytes);
    elements(array.check::<Sync>(limit), bytes);
    elements(array.check::<Push>(limit), bytes);
    elements(array.check::<Fault>(limit), bytes);
}

fn elements<T: Element>(checked: Result<Elements<T>, Refused>, bytes: &mut Bytes<'_>) {
    let Ok(elements) = checked else { return };
    assert!(elements.bytes() >= u64::from(elements.count()));
    for _ in 0..elements.count() {
        match elements.read(bytes) {
            Ok(element) => assert_eq!(element.check(), Ok(())),
            Err(ReadError::Refused(refused)) => look(Err(refused)),
            Err(ReadError::Reader(())) => return,
        }
    }
}

/// Refusals can be printed.
fn look(check: Check) {
    if let Err(refused) = check {
        assert!(refused.to_string().contains(refused.member));
    }
}

fn gem(bytes: &mut Bytes<'_>) {
    let regions: [MemoryRegion; 3] = bytes.value();
    let create: GemCreate = bytes.value();
    look(create.check(&regions));
    match create.layout(&regions) {
        Ok(layout) => assert!(layout.size >= create.size && layout.size % 4096 == 0),
        Err(refused) => look(Err(refused)),
    }
    let _: GemInfo = bytes.value();
    look(bytes.value::<GemSetLabel>().check());
    look(GemSetLabel::check_label(bytes.0));
}

fn vm(bytes: &mut Bytes<'_>) {
    let vm: QueryVm = bytes.value();
    let limits: QueryLimits = bytes.value();
    let create: VmCreate = bytes.value();
    look(create.check());
    let hole = create.kernel_range(&vm).unwrap_or_else(|refused| {
        look(Err(refused));
        bytes.value()..bytes.value()
    });
    look(bytes.value::<VmDestroy>().check());
    let bind: VmBind = bytes.value();
    look(bind.check(&limits).map(|_| ()));
    look(bind.check_syncs());
    let op: VmBindOp = bytes.value();
    look(op.check());
    look(op.check_range(&vm, &hole));
    let object = BoundObject {
        size: bytes.value(),
        page_shift: bytes.value(),
        is_vram_only: bytes.value::<u8>() & 1 != 0,
        is_imported: bytes.value::<u8>() & 1 != 0,
    };
    look(op.check_object(&vm, &object));
    let faults: VmGetFaults = bytes.value();
    look(faults.check().map(|_| ()));
    let exec: Exec = bytes.value();
    look(exec.check(&limits).map(|_| ()));
    look(exec.check_pushes(bytes.value()));
    let push: Push = bytes.value();
    look(push.check());
    look(push.check_range(&limits, &vm, &hole));
}

fn queue(bytes: &mut Bytes<'_>) {
    let limits: QueryLimits = bytes.value();
    let engines: [Engine; 2] = bytes.value();
    let create: QueueCreate = bytes.value();
    look(create.check());
    look(create.check_limits(&limits));
    look(create.check_engine(&engines));
    let _ = create.needs_high_priority(&limits);
    let _ = create.needs_long_jobs(&limits);
    look(bytes.value::<QueueDestroy>().check());
    look(bytes.value::<QueueGetState>().check());
}

fn others(bytes: &mut Bytes<'_>) {
    let mut query: Query = bytes.value();
    let size = query.size;
    look(query.check());
    let answer: [u8; 200] = bytes.value();
    let copied = query.answer(&answer).len() as u64;
    assert!(copied <= size && (size == 0 || copied == query.size));
    look(bytes.value::<GetTime>().check());
    look(bytes.value::<Sync>().check());
    let text = Text::<16>::new(bytes.0);
    assert!(text.as_bytes_to_nul().len() < 16);
}
