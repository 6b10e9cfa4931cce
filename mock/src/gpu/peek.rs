// SPDX-License-Identifier: GPL-2.0

//! A test reads and writes memory at addresses of an address space, as the work of a channel without
//! privileges does: through the TLBs and the page tables that the driver has written. It also asks
//! for the page there.

use super::Gpu;
use crate::bus::machine::Machine;
use crate::engines::memory::{Address, FaultType, Memory};
use crate::engines::mmu::space::Space;
use crate::engines::mmu::{Root, Translation};
use crate::gsp_rm::resource::{Resource, SpaceId};

impl<M: Machine> Gpu<M> {
    /// Reads a word of 64 bits, or says why that faults.
    ///
    /// # Errors
    ///
    /// If GSP-RM has no such address space.
    pub(crate) fn peek(
        &mut self,
        space: SpaceId,
        address: u64,
    ) -> Result<Result<u64, FaultType>, String> {
        let mut bytes = [0; 8];
        let read = self
            .space(space)?
            .read(Address::Virtual(address), &mut bytes);
        Ok(read
            .map(|()| u64::from_le_bytes(bytes))
            .map_err(|fault| fault.reason))
    }

    /// Writes a word of 64 bits, or says why that faults.
    ///
    /// # Errors
    ///
    /// As [`Self::peek`].
    pub(crate) fn poke(
        &mut self,
        space: SpaceId,
        address: u64,
        value: u64,
    ) -> Result<Result<(), FaultType>, String> {
        let written = self
            .space(space)?
            .write(Address::Virtual(address), &value.to_le_bytes());
        Ok(written.map_err(|fault| fault.reason))
    }

    /// The page at an address, or why there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::peek`].
    pub(crate) fn page(
        &mut self,
        space: SpaceId,
        address: u64,
    ) -> Result<Result<Translation, FaultType>, String> {
        let space = self.space(space)?;
        let translate = |root| space.mmu.translate(&space.physical, root, address);
        Ok(space.root.and_then(translate))
    }

    /// The memory of an address space.
    fn space(&mut self, id: SpaceId) -> Result<Space<'_>, String> {
        let rm = self.programs.rm.as_ref();
        let client = rm.ok_or("there is no GSP-RM")?.objects.client(id.client);
        let object = client.and_then(|client| client.find(id.handle));
        let directory = match &object.map_err(|(_, reason)| reason)?.resource {
            Resource::Space(space) => space.directory,
            _ => return Err(format!("object {:#x} is no address space", id.handle)),
        };
        let root = directory.map(|directory| Root {
            aperture: directory.aperture,
            address: directory.address,
        });
        let (mmu, physical) = self.memory();
        Ok(Space {
            mmu,
            physical,
            root: root.ok_or(FaultType::UnboundInstance),
            is_privileged: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::memory::Aperture;
    use crate::engines::mmu::testing::{Mapping, Tables};
    use crate::gpu::tests::card;
    use crate::gsp_rm::queue::driver::Driver;
    use crate::gsp_rm::testing::Scene;
    use crate::gsp_rm::GspRm;
    use nova_hw::abi::class::FERMI_VASPACE_A;
    use nova_hw::abi::{SetPageDirectory, VaSpaceAllocationParameters};
    use nova_hw::gmmu::Format;
    use nova_hw::release::RELEASES;
    use zerocopy::IntoBytes;

    const SPACE: SpaceId = SpaceId {
        client: Scene::CLIENT,
        handle: 0x90f1_0000,
    };

    /// GSP-RM with an address space, and its page tables at 1 MiB if it has any.
    fn rm(has_tables: bool) -> GspRm {
        let mut scene = Scene::new("ga102", RELEASES[0]);
        let params = VaSpaceAllocationParameters {
            flags: VaSpaceAllocationParameters::IS_EXTERNALLY_OWNED,
            ..VaSpaceAllocationParameters::default()
        };
        let params = params.as_bytes();
        let space = scene.alloc(FERMI_VASPACE_A, Scene::DEVICE, SPACE.handle, params);
        assert_eq!(space, Ok(SPACE.handle));
        if has_tables {
            let request = SetPageDirectory {
                phys_address: 0x10_0000,
                num_entries: 4,
                h_va_space: SPACE.handle,
                ..SetPageDirectory::default()
            };
            let set = scene.control(Scene::DEVICE, 0x80_1813, request.as_bytes());
            assert!(set.is_ok());
        }
        let mut rm = GspRm::new(RELEASES[0], Driver::new().link().unwrap(), 0);
        rm.objects = scene.objects;
        rm
    }

    #[test]
    fn an_access_goes_through_the_page_tables() {
        let mut card = card();
        let format = Format::of(card.chip().chipset.arch());
        let mut tables = Tables::new(format, Aperture::Vram, 0x10_0000);
        let page = Mapping::vram(0x20_0000);
        let read_only = Mapping {
            read_only: true,
            ..page
        };
        let (_, mut physical) = card.memory();
        tables.map(&mut physical, 0x40_0000, 12, page);
        tables.map(&mut physical, 0x40_1000, 12, read_only);
        card.programs.rm = Some(rm(true));

        assert_eq!(card.poke(SPACE, 0x40_0008, 0x1234), Ok(Ok(())));
        assert_eq!(card.peek(SPACE, 0x40_1008), Ok(Ok(0x1234)));
        let written = card.poke(SPACE, 0x40_1008, 1);
        assert_eq!(written, Ok(Err(FaultType::ReadOnly)));
        assert_eq!(card.peek(SPACE, 0x40_2000), Ok(Err(FaultType::Pte)));
        let found = card.page(SPACE, 0x40_1008).unwrap().unwrap();
        assert_eq!((found.size(), found.attributes.kind), (0x1000, 6));
        assert!(found.attributes.read_only && !found.is_sparse());
        assert_eq!(card.page(SPACE, 0x40_2000), Ok(Err(FaultType::Pte)));
    }

    #[test]
    fn there_must_be_such_an_address_space_and_it_may_have_no_tables() {
        let mut card = card();
        let error = "there is no GSP-RM";
        assert_eq!(card.peek(SPACE, 0), Err(error.into()));
        card.programs.rm = Some(rm(false));
        let read = card.peek(SPACE, 0);
        assert_eq!(read, Ok(Err(FaultType::UnboundInstance)));
        let device = SpaceId {
            handle: Scene::DEVICE,
            ..SPACE
        };
        let error = "object 0xde1d0000 is no address space";
        assert_eq!(card.poke(device, 0, 1), Err(error.into()));
    }
}
