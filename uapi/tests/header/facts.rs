// SPDX-License-Identifier: MIT

//! What the crate says about the interface, as C expressions with their values.

use std::mem::{offset_of, size_of};

use nova_uapi as uapi;
use nova_uapi::Element;

/// A C expression, and its value in Rust.
pub(crate) struct Fact {
    pub(crate) expression: String,
    pub(crate) value: u64,
}

/// A structure of the header.
pub(crate) struct Structure {
    pub(crate) name: &'static str,
    pub(crate) size: usize,
    pub(crate) members: Vec<Member>,
}

/// A member of a structure.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

/// A macro or an enumerator of the header.
pub(crate) struct Constant {
    pub(crate) name: &'static str,
    pub(crate) value: u64,
}

fn size_of_member<S, M>(_: fn(&S) -> &M) -> usize {
    size_of::<M>()
}

macro_rules! structure {
    ($rust:ident is $c:ident { $($member:ident),+ $(,)? }) => {
        Structure {
            name: stringify!($c),
            size: size_of::<uapi::$rust>(),
            members: vec![$(Member {
                name: stringify!($member),
                offset: offset_of!(uapi::$rust, $member),
                size: size_of_member(|s: &uapi::$rust| &s.$member),
            }),+],
        }
    };
}

macro_rules! answer {
    ($name:literal, $query:expr) => {
        ($name, uapi::first_size($query).unwrap_or_default() as u64)
    };
}

/// All structures.
pub(crate) fn structures() -> Vec<Structure> {
    vec![
        structure!(GetParam is drm_nova_getparam { param, value }),
        structure!(GemCreate is drm_nova_gem_create {
            handle, pad, size, placement, flags, vm_id, page_shift, mmap_offset, region, reserved,
        }),
        structure!(GemInfo is drm_nova_gem_info {
            handle, pad, size, placement, flags, vm_id, page_shift, mmap_offset, region, state,
        }),
        structure!(GemSetLabel is drm_nova_gem_set_label { handle, size, label }),
        structure!(Query is drm_nova_query { query, flags, size, data }),
        structure!(QueryDevice is drm_nova_query_device {
            chipset, architecture, revision_major, revision_minor, vram_size, vram_usable,
            bar_size, name,
        }),
        structure!(QueryFirmware is drm_nova_query_firmware { release }),
        structure!(QueryList is drm_nova_query_list { count, stride }),
        structure!(MemoryRegion is drm_nova_memory_region {
            id, region_class, page_sizes, size, used, largest_free, cpu_visible_size,
            cpu_visible_used, client_used, client_budget,
        }),
        structure!(Engine is drm_nova_engine {
            engine_class, engine_instance, flags, channel_class, object_count, object_classes,
            name, reserved,
        }),
        structure!(QueryVm is drm_nova_query_vm {
            va_start, va_end, push_va_end, kernel_size_min, kernel_align, kinds,
            kinds_compressible, compression_align,
        }),
        structure!(QueryLimits is drm_nova_query_limits {
            ring_entries_min, ring_entries_max, ring_entries_default, push_bytes_max, push_align,
            syncs_max, bind_ops_max, jobs_max, priorities, timeslice_us_min, timeslice_us_max,
            timeslice_us_default, job_timeout_ms, job_timeout_ms_max, vms_max, queues_max,
        }),
        structure!(QueryStatus is drm_nova_query_status { health, reserved, resets, vram_losses }),
        structure!(QueryGraphics is drm_nova_query_graphics {
            sm_major, sm_minor, warps_per_sm, threads_per_warp, sms_per_tpc, gpc_count, tpc_count,
            gpc_mask, tpc_masks,
        }),
        structure!(QueryZcull is drm_nova_query_zcull {
            width_align, height_align, aliquot_pixels, aliquot_count, aliquot_size,
            region_header_size, subregion_header_size, subregion_count, subregion_width_align,
            subregion_height_align, context_size, context_align,
        }),
        structure!(Array is drm_nova_array { pointer, count, stride }),
        structure!(Sync is drm_nova_sync { handle, flags, point }),
        structure!(VmCreate is drm_nova_vm_create { flags, vm_id, kernel_start, kernel_size }),
        structure!(VmDestroy is drm_nova_vm_destroy { vm_id, pad }),
        structure!(VmBind is drm_nova_vm_bind { vm_id, queue_id, flags, pad, ops, syncs }),
        structure!(VmBindOp is drm_nova_vm_bind_op {
            op, flags, handle, kind, pad, offset, address, size,
        }),
        structure!(VmGetFaults is drm_nova_vm_get_faults {
            vm_id, flags, next, missed, faults, written, reserved,
        }),
        structure!(Fault is drm_nova_fault {
            sequence, time_ns, address, precision_shift, fault_type, access, engine_class,
            engine_instance, queue_id, hw_type, reserved,
        }),
        structure!(QueueCreate is drm_nova_queue_create {
            vm_id, engine_class, engine_instance, priority, timeslice_us, ring_entries, flags,
            timeout_ms, queue_id, pushes_max,
        }),
        structure!(QueueDestroy is drm_nova_queue_destroy { queue_id, pad }),
        structure!(QueueGetState is drm_nova_queue_get_state {
            queue_id, flags, state, reason, blame, xid, jobs_submitted, jobs_completed,
            fault_sequence, reserved,
        }),
        structure!(Exec is drm_nova_exec { queue_id, flags, pushes, syncs }),
        structure!(Push is drm_nova_push { address, size, flags }),
        structure!(GetTime is drm_nova_get_time {
            clock_id, flags, gpu_ns, cpu_ns, cpu_delta_ns,
        }),
    ]
}

macro_rules! constants {
    ($prefix:literal: $($rust:ident)+) => {
        vec![$(Constant {
            name: concat!($prefix, stringify!($rust)),
            value: uapi::$rust.into(),
        }),+]
    };
}

/// All constants but [`ioctls`].
pub(crate) fn constants() -> Vec<Constant> {
    let of_linux = constants!("NOVA_": GETPARAM_VRAM_BAR_SIZE);
    let own = constants!("DRM_NOVA_":
        GEM_CPU_ACCESS GEM_CONTIGUOUS
        GEM_STATE_IMPORTED GEM_STATE_EXPORTED GEM_STATE_CONTENT_LOST
        LABEL_SIZE_MAX
        QUERY_DEVICE QUERY_FIRMWARE QUERY_MEMORY_REGIONS QUERY_ENGINES QUERY_VM QUERY_LIMITS
        QUERY_STATUS QUERY_GRAPHICS QUERY_ZCULL GPCS_MAX
        ARCHITECTURE_TURING ARCHITECTURE_AMPERE ARCHITECTURE_HOPPER ARCHITECTURE_ADA
        ARCHITECTURE_BLACKWELL_GB10X ARCHITECTURE_BLACKWELL_GB20X
        MEMORY_REGION_SYSTEM MEMORY_REGION_VRAM
        ENGINE_CLASS_BIND ENGINE_CLASS_COPY ENGINE_CLASS_COMPUTE ENGINE_CLASS_GRAPHICS
        ENGINE_CLASS_NVDEC ENGINE_CLASS_NVENC ENGINE_CLASS_NVJPG ENGINE_CLASS_OFA
        ENGINE_SHARES_GRAPHICS ENGINE_INSTANCE_ANY
        HEALTH_OK HEALTH_RECOVERING HEALTH_LOST
        SYNC_SIGNAL SYNC_TIMELINE
        VM_BIND_OP_MAP VM_BIND_OP_MAP_SPARSE VM_BIND_OP_UNMAP VM_BIND_OP_UNMAP_OBJECT
        VM_BIND_OP_MAP_USERPTR VM_BIND_OP_PREFETCH
        VM_BIND_OP_FLAG_READONLY VM_BIND_OP_FLAG_DUMPABLE
        FAULT_TYPE_UNKNOWN FAULT_TYPE_UNMAPPED FAULT_TYPE_READ_ONLY FAULT_TYPE_PRIVILEGE
        FAULT_TYPE_LIMIT FAULT_TYPE_KIND FAULT_TYPE_APERTURE FAULT_TYPE_ATOMIC FAULT_TYPE_POISON
        FAULT_TYPE_COMPRESSION FAULT_TYPE_OTHER
        FAULT_ACCESS_UNKNOWN FAULT_ACCESS_READ FAULT_ACCESS_WRITE FAULT_ACCESS_ATOMIC
        FAULT_ACCESS_EXECUTE
        PRIORITY_LOW PRIORITY_NORMAL PRIORITY_HIGH
        QUEUE_STATE_ALIVE QUEUE_STATE_LOST
        QUEUE_REASON_NONE QUEUE_REASON_MMU_FAULT QUEUE_REASON_ENGINE_ERROR QUEUE_REASON_TIMEOUT
        QUEUE_REASON_DEVICE_RESET QUEUE_REASON_FIRMWARE_CRASH
        QUEUE_BLAME_NONE QUEUE_BLAME_GUILTY QUEUE_BLAME_INNOCENT QUEUE_BLAME_UNKNOWN
        PUSH_NO_PREFETCH
        GETPARAM GEM_CREATE GEM_INFO QUERY VM_CREATE VM_DESTROY VM_BIND VM_GET_FAULTS QUEUE_CREATE
        QUEUE_DESTROY QUEUE_GET_STATE EXEC GET_TIME GEM_SET_LABEL
    );
    of_linux.into_iter().chain(own).collect()
}

/// The whole numbers of all ioctls, which change when an argument grows.
pub(crate) fn ioctls() -> Vec<Constant> {
    macro_rules! ioctls {
        ($($c:ident $rust:ident)+) => {
            vec![$(Constant {
                name: concat!("DRM_IOCTL_NOVA_", stringify!($c)),
                value: uapi::$rust.into(),
            }),+]
        };
    }
    ioctls! {
        GETPARAM IOCTL_GETPARAM
        GEM_CREATE IOCTL_GEM_CREATE
        GEM_INFO IOCTL_GEM_INFO
        QUERY IOCTL_QUERY
        VM_CREATE IOCTL_VM_CREATE
        VM_DESTROY IOCTL_VM_DESTROY
        VM_BIND IOCTL_VM_BIND
        VM_GET_FAULTS IOCTL_VM_GET_FAULTS
        QUEUE_CREATE IOCTL_QUEUE_CREATE
        QUEUE_DESTROY IOCTL_QUEUE_DESTROY
        QUEUE_GET_STATE IOCTL_QUEUE_GET_STATE
        EXEC IOCTL_EXEC
        GET_TIME IOCTL_GET_TIME
        GEM_SET_LABEL IOCTL_GEM_SET_LABEL
    }
}

/// The sizes of the first version of the structures that arrays consist of, and of QUERY's answers.
pub(crate) fn first_sizes() -> [(&'static str, u64); 12] {
    [
        ("drm_nova_sync", uapi::Sync::FIRST_SIZE.into()),
        ("drm_nova_vm_bind_op", uapi::VmBindOp::FIRST_SIZE.into()),
        ("drm_nova_fault", uapi::Fault::FIRST_SIZE.into()),
        ("drm_nova_push", uapi::Push::FIRST_SIZE.into()),
        answer!("drm_nova_query_device", uapi::QUERY_DEVICE),
        answer!("drm_nova_query_firmware", uapi::QUERY_FIRMWARE),
        answer!("drm_nova_query_list", uapi::QUERY_ENGINES),
        answer!("drm_nova_query_vm", uapi::QUERY_VM),
        answer!("drm_nova_query_limits", uapi::QUERY_LIMITS),
        answer!("drm_nova_query_status", uapi::QUERY_STATUS),
        answer!("drm_nova_query_graphics", uapi::QUERY_GRAPHICS),
        answer!("drm_nova_query_zcull", uapi::QUERY_ZCULL),
    ]
}

/// The sizes of structures that never grow.
pub(crate) fn fixed_sizes() -> [(&'static str, usize); 2] {
    [
        ("drm_nova_array", size_of::<uapi::Array>()),
        ("drm_nova_query_list", size_of::<uapi::QueryList>()),
    ]
}

/// All of it as C expressions.
pub(crate) fn facts() -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |expression: String, value: u64| facts.push(Fact { expression, value });
    for structure in structures() {
        let name = structure.name;
        add(format!("sizeof(struct {name})"), structure.size as u64);
        for member in structure.members {
            let of = member.name;
            add(
                format!("offsetof(struct {name}, {of})"),
                member.offset as u64,
            );
            add(
                format!("sizeof(((struct {name} *)0)->{of})"),
                member.size as u64,
            );
        }
    }
    for Constant { name, value } in constants().into_iter().chain(ioctls()) {
        add(name.to_owned(), value);
    }
    add("DRM_COMMAND_BASE".to_owned(), uapi::DRM_COMMAND_BASE.into());
    facts
}
