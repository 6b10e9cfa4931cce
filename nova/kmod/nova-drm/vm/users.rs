// SPDX-License-Identifier: GPL-2.0

//! The address spaces in which an object is mapped that is about to be moved.

use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Relaxed};
use kernel::sync::Arc;
use nova_core_module::{AddressSpace, Aperture, Change, Spare};
use nova_kernel::drm::exec::{with_locked, Exec};

use super::{Contents, MappingCopy, Pages};
use crate::driver::{NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::number::Number;

/// All address spaces of programs, of which some may have mapped an object.
pub(crate) struct Everybody(KVVec<(Number, Arc<Contents>)>);

impl Everybody {
    /// Those that there are now.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn of(gpu: &Gpu<'_>) -> Result<Self> {
        gpu.spaces.contents().map(Self)
    }

    /// Those that have mapped an object, or are about to.
    fn users(&self, object: &Object) -> Result<KVVec<(Number, Arc<Contents>)>> {
        let mut users = KVVec::new();
        for (number, contents) in &self.0 {
            if contents.gpuvm.has(object) {
                users.push((*number, contents.clone()), GFP_KERNEL)?;
            }
        }
        Ok(users)
    }

    /// What [`next_use`](crate::gem::next_use) was when a job came last that may use an object.
    pub(crate) fn last_job(&self, object: &Object) -> u64 {
        let users = self.0.iter().map(|(_, contents)| contents);
        let users = users.filter(|contents| contents.gpuvm.has(object));
        let last = users.map(|contents| contents.used.load(Relaxed)).max();
        last.unwrap_or(0)
    }

    /// Whether no job uses an object now, and no bind has found its memory, as far as is known without locks.
    pub(crate) fn let_go(&self, object: &Object) -> bool {
        let mut users = self.0.iter().map(|(_, contents)| contents);
        let is_used = |contents: &Arc<Contents>| contents.is_in_use() && contents.gpuvm.has(object);
        !object.is_active() && !users.any(is_used)
    }

    /// Calls `then` while no job uses an object, none can be submitted that does, and no bind changes where it is mapped, nor
    /// has found its memory; `None` if it is not so, or not known. The reservation locks of the object and its users are held
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `EIO` while GSP-RM does not run, `ENOMEM`, `ERESTARTSYS` if a signal came, and those of `then`.
    pub(crate) fn with_users<'a, R>(
        &self,
        gpu: &Gpu<'a>,
        object: &Object,
        then: impl FnOnce(&mut Users<'a>) -> Result<R>,
    ) -> Result<Option<R>> {
        let all = self.users(object)?;
        // Dropped without the locks: what it has may be gone by then but for that.
        let mut users = Users(KVVec::with_capacity(all.len(), GFP_KERNEL)?);
        let lock = |exec: &Exec<NovaDrmDriver>| {
            exec.object(object)?;
            all.iter()
                .try_for_each(|(_, contents)| exec.vm(&contents.gpuvm))
        };
        with_locked(lock, || match users.find(gpu, object, &all)? {
            true => then(&mut users).map(Some),
            false => Ok(None),
        })?
    }
}

/// An address space in which an object is mapped.
struct User<'a> {
    space: Arc<AddressSpace<'a>>,
    /// It is of this epoch. Another one is not used any more, and is replaced by one that is made from the mappings.
    is_current: bool,
    /// Where the object is mapped.
    mappings: KVVec<MappingCopy>,
    /// The tables that mapping it elsewhere takes.
    spare: Spare<'a>,
}

/// The address spaces in which an object is mapped that nobody uses.
pub(crate) struct Users<'a>(KVVec<User<'a>>);

impl<'a> Users<'a> {
    /// Finds the object's mappings; `false` if somebody uses it, or is about to.
    fn find(
        &mut self,
        gpu: &Gpu<'a>,
        object: &Object,
        all: &[(Number, Arc<Contents>)],
    ) -> Result<bool> {
        let epoch = gpu.core.epoch()?;
        // Others may be new, or gone without the GPU having been told yet. Those that come now wait for the object's lock.
        let known = all.iter().map(|(_, contents)| &contents.gpuvm);
        if object.is_active() || !object.is_only_in(known) {
            return Ok(false);
        }
        for (number, contents) in all {
            if contents.is_in_use() {
                return Ok(false);
            }
            let Some(space) = gpu.spaces.get(*number) else {
                return Ok(false);
            };
            let user = User {
                is_current: space.epoch() == epoch,
                space,
                mappings: contents.copy_of(object)?,
                spare: Spare::default(),
            };
            // There is room for all.
            self.0.push(user, GFP_KERNEL)?;
        }
        Ok(true)
    }

    /// Those whose page tables are in use.
    fn current(&mut self) -> impl Iterator<Item = &mut User<'a>> {
        self.0.iter_mut().filter(|user| user.is_current)
    }

    /// Gets what it takes to map system memory instead of VRAM.
    ///
    /// # Errors
    ///
    /// Those of [`AddressSpace::prepare`]; `ENOSPC` if the program would have less than half of its page tables left.
    pub(crate) fn prepare(&mut self) -> Result {
        let change = Change::Map {
            aperture: Aperture::System,
            page_shift: 12,
        };
        for user in self.current() {
            for mapping in &user.mappings {
                let range = mapping.range.clone();
                user.space.prepare(&mut user.spare, range, change)?;
            }
            // The owner's own changes need tables, too, also to unmap.
            if user.space.are_tables_short() {
                return Err(ENOSPC);
            }
        }
        Ok(())
    }

    /// Has the GPU not use the object's memory any more. The mappings stay.
    ///
    /// # Errors
    ///
    /// Those of [`AddressSpace::change`]: the GPU may use the memory until it is reset.
    pub(crate) fn unmap(&mut self) -> Result {
        for user in self.current() {
            // A mapping ends where pages end, so this takes no tables.
            user.space.change(&mut user.spare, &mut |tables| {
                for mapping in &user.mappings {
                    tables.unmap(mapping.range.clone());
                }
            })?;
        }
        Ok(())
    }

    /// Has the GPU use the memory that the object has now. If the epoch ends, that is left to the next one.
    pub(crate) fn map(&mut self, gpu: &Gpu<'_>) {
        for user in self.current() {
            // What fails is the invalidation, of addresses where nothing was mapped: then the GPU is reset.
            let _ = user.space.change(&mut user.spare, &mut |tables| {
                for mapping in &user.mappings {
                    let object = mapping.object.as_ref();
                    let object = object.map(|(object, offset)| (object, *offset));
                    match Pages::prepared(gpu, mapping.range.clone(), object, mapping.mapped) {
                        Ok(pages) => pages.map(tables),
                        Err(error) => {
                            debug_assert!(false, "the object's memory is not prepared");
                            gpu.report("an object that was moved is not mapped", error);
                        }
                    }
                }
            });
        }
    }
}

impl Contents {
    /// Whether a job may use what is mapped, also one that began before that was mapped; or a bind has found memory.
    fn is_in_use(&self) -> bool {
        // `Acquire` pairs with the end of a bind.
        self.gpuvm.is_active() || self.binds.load(Acquire) != 0
    }

    /// The mappings of an object. The caller has the reservation lock, and there are no binds.
    fn copy_of(&self, object: &Object) -> Result<KVVec<MappingCopy>> {
        let is_of = |other: &Object| core::ptr::eq(other.as_raw(), object.as_raw());
        let copies = self.try_copy(usize::MAX, |mapping| {
            mapping.object().is_some_and(|(other, _)| is_of(other))
        })?;
        copies.ok_or(EAGAIN)
    }
}
