// SPDX-License-Identifier: GPL-2.0

//! What a dump has of mappings.

use core::fmt;
use core::ops::Range;

use nova_core_module::{About, AboutObject, Binding, BindingPlace, Source, Text};

use super::MappingCopy;
use crate::driver::Object;
use crate::gem::{self, Memory};

impl Source for MappingCopy {
    fn read(&self, offset: u64, into: &mut [u8]) -> fmt::Result {
        let Some((object, start)) = &self.object else {
            return Err(fmt::Error);
        };
        let offset = usize::try_from(start.saturating_add(offset));
        let offset = offset.map_err(|_| fmt::Error)?;
        match gem::memory(object) {
            Memory::System(pages) => pages.read(offset, into).map_err(|_| fmt::Error),
            Memory::Vram(_) => Err(fmt::Error),
        }
    }
}

impl Binding for MappingCopy {
    fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn about(&self) -> About {
        About {
            read_only: self.mapped.read_only,
            dumpable: self.mapped.dumpable,
            kind: self.mapped.kind,
            object: self.object.as_ref().map(|(object, offset)| AboutObject {
                offset: *offset,
                size: object.size() as u64,
                place: place(object),
            }),
        }
    }

    fn label(&self) -> Text<64> {
        let Some((object, _)) = &self.object else {
            return Text::EMPTY;
        };
        let stored = object.data();
        stored.with_label(|label| Text::format(format_args!("{label}")))
    }
}

fn place(object: &Object) -> BindingPlace {
    match gem::memory(object) {
        Memory::Vram(_) => BindingPlace::Vram,
        Memory::System(_) if object.is_imported() => BindingPlace::Import,
        Memory::System(_) => BindingPlace::System,
    }
}
