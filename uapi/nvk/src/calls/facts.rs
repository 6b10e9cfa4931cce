// SPDX-License-Identifier: MIT

//! What nova says of the GPU.

use nova_uapi::{
    Engine, MemoryRegion, QueryDevice, QueryGraphics, QueryLimits, QueryList, QueryZcull,
    MEMORY_REGION_SYSTEM, MEMORY_REGION_VRAM, QUERY_DEVICE, QUERY_ENGINES, QUERY_GRAPHICS,
    QUERY_LIMITS, QUERY_MEMORY_REGIONS, QUERY_ZCULL,
};
use zerocopy::{FromBytes, IntoBytes};

use super::Call;
use crate::argument;
use crate::device::{Device, Errno, Result};

impl<D: Device> Call<'_, D> {
    pub(super) fn query_device(&self) -> Result<QueryDevice> {
        self.query(QUERY_DEVICE)
    }

    pub(super) fn limits(&self) -> Result<QueryLimits> {
        self.query(QUERY_LIMITS)
    }

    pub(super) fn query_graphics(&self) -> Result<QueryGraphics> {
        self.query(QUERY_GRAPHICS)
    }

    pub(super) fn query_zcull(&self) -> Result<QueryZcull> {
        self.query(QUERY_ZCULL)
    }

    pub(super) fn engines(&self) -> Result<Vec<Engine>> {
        self.list(QUERY_ENGINES)
    }

    /// An engine of a class.
    pub(super) fn engine(&self, class: u32) -> Result<Engine> {
        let mut engines = self.engines()?.into_iter();
        let engine = engines.find(|engine| engine.engine_class == class);
        engine.ok_or(Errno::NODEV)
    }

    pub(super) fn vram(&self) -> Result<MemoryRegion> {
        self.region(MEMORY_REGION_VRAM)
    }

    pub(super) fn system(&self) -> Result<MemoryRegion> {
        self.region(MEMORY_REGION_SYSTEM)
    }

    fn region(&self, class: u32) -> Result<MemoryRegion> {
        let mut regions = self.list(QUERY_MEMORY_REGIONS)?.into_iter();
        let region = regions.find(|region: &MemoryRegion| region.region_class == class);
        region.ok_or(Errno::NODEV)
    }

    fn query<T: FromBytes + IntoBytes>(&self, query: u32) -> Result<T> {
        let mut answer = T::new_zeroed();
        self.device.query(query, answer.as_mut_bytes())?;
        Ok(answer)
    }

    /// A list, of whose elements this nova may know an older or a newer version.
    fn list<T: FromBytes + IntoBytes>(&self, query: u32) -> Result<Vec<T>> {
        let size = self.device.query(query, &mut [])?;
        let mut answer = vec![0; size];
        let size = self.device.query(query, &mut answer)?;
        let answer = answer.get(..size).unwrap_or(&answer);
        let head: QueryList = argument::read(answer);
        let elements = answer.get(size_of::<QueryList>()..).unwrap_or_default();
        let stride = usize::try_from(head.stride).unwrap_or(0).max(1);
        Ok(elements.chunks_exact(stride).map(argument::read).collect())
    }
}
