/* SPDX-License-Identifier: MIT */

#ifndef __NOVA_DRM_H__
#define __NOVA_DRM_H__

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Rules of this interface
 *
 * The DRM driver is named ``nova``, and its major version is 1. Each addition
 * raises its minor version:
 *
 * ====== =====================================================================
 * minor  what it added
 * ====== =====================================================================
 * 0      GETPARAM, QUERY with DEVICE and FIRMWARE, the first 16 bytes of
 *        GEM_CREATE and of GEM_INFO
 * 1      everything else
 * 2      QUERY with GRAPHICS and ZCULL, queues of the classes GRAPHICS and
 *        COMPUTE; for these, &drm_nova_query_vm.kernel_size_min grew from 2
 *        to 35 GiB
 * ====== =====================================================================
 *
 * Every structure has the same layout for 32-bit and 64-bit user space: members
 * are naturally aligned and there are no holes. A structure can only grow, at
 * its end, and zero in a new member means what was meant without it; &struct
 * drm_nova_array and &struct drm_nova_query_list never grow. DRM gives a kernel
 * zeros for what a program's structure lacks. It silently ignores what this
 * kernel's structure lacks, in both directions, so a program that sets or reads
 * a new member looks at the minor version first.
 *
 * Reserved members, padding, and bits that are not defined here must be zero,
 * or the call fails with -EINVAL, so that a later version can give them a
 * meaning. (The padding of GEM_CREATE and of GEM_INFO is ignored, as in
 * Linux 7.3.) Members that a call only writes may have any value before the
 * call. A call that fails has changed neither its structure nor anything else,
 * unless it is -EFAULT because the kernel cannot write its answer.
 *
 * All calls work in the same way on render nodes and on primary nodes, and need
 * no authentication, but for the rights of a DRM master, which only a primary
 * node has. The ids of address spaces and of queues belong to the open file;
 * they are above 0, which is none, and are used again.
 */

/**
 * DOC: Order of checks
 *
 * If several things are wrong with a call, the first of these decides:
 *
 * #. the GPU has been unbound from its driver: -ENODEV
 * #. the GPU is wedged: -EIO
 * #. members that are reserved or that an operation does not use, flags, values
 *    of enums, the counts and strides of arrays: -EINVAL, and -E2BIG as
 *    &struct drm_nova_array says
 * #. reading arrays and text: -EFAULT, or -ENOMEM; each element is checked as
 *    above when it has been read
 * #. ids and handles that are not known: -ENOENT
 * #. addresses, sizes and limits, and combinations of members: -EINVAL
 * #. what the caller may not do: -EACCES, -EPERM
 * #. states: -ECANCELED
 * #. what the header defines, but this GPU or this kernel does not do:
 *    -EOPNOTSUPP
 * #. no system memory: -ENOMEM; no VRAM, no id or no channel: -ENOSPC
 *
 * An element of an array whose operation is not supported fails with
 * -EOPNOTSUPP when it is read, since nothing is known about its other members.
 * QUEUE_CREATE for a class of which the GPU has no engine fails with
 * -EOPNOTSUPP before its instance is looked at.
 *
 * The GPU is wedged while its firmware does not work. A wedged event reports
 * when it works again, or how to recover the GPU. These calls also work while
 * it is wedged: QUERY, GEM_INFO, GEM_SET_LABEL, VM_DESTROY, VM_GET_FAULTS,
 * QUEUE_DESTROY and QUEUE_GET_STATE.
 */

/**
 * DOC: What is not implemented yet
 *
 * There are no queues for video and JPEG. Binds that wait do not survive a
 * sleep, while jobs that wait for them do: such a job runs without what was to
 * be bound.
 *
 * No kind of pages is compressible.
 *
 * Pages in system memory have 4 KiB. An object that lies in VRAM stays there:
 * other devices cannot attach to its dma-buf (-EOPNOTSUPP). In
 * &struct drm_nova_memory_region, VRAM has no largest_free.
 *
 * What is said below about all of these is how they will work.
 */

/**
 * struct drm_nova_array - an array in user space
 *
 * The elements are structures of this header, of which a program may know an
 * older or a newer version. Members behind the end of a smaller element are
 * taken as zero. A larger element must have zeros where this kernel knows no
 * member, or the call fails with -E2BIG. Where the kernel writes the elements,
 * it leaves out what a smaller one lacks, and writes zeros where it knows no
 * member of a larger one.
 *
 * A call fails with -EINVAL if @count exceeds the limit that the call names, if
 * @stride is below the size that the structure had when it was added, or if
 * @count is zero and one of the others is not. It fails with -E2BIG if @stride
 * is above 256, and with -EFAULT if the elements cannot be read, or written.
 */
struct drm_nova_array {
	/** @pointer: User pointer to the first element. */
	__u64 pointer;

	/** @count: Number of elements. */
	__u32 count;

	/** @stride: Distance from one element to the next, in bytes. */
	__u32 stride;
};

/**
 * struct drm_nova_sync - wait for a sync object, or signal it
 *
 * An element of an array. A wait is for the fence that the object, or the point
 * of the timeline, has when the call is made; if it has none, the call fails with -EINVAL: the kernel does
 * not wait for a fence to come. An unknown @handle fails with -ENOENT. The same
 * object may be waited for and signalled. If a binary object is signalled more
 * than once by one call, the last element counts. That the points of a timeline
 * rise is up to user space, as with DRM's own calls.
 */
struct drm_nova_sync {
	/** @handle: Handle of the sync object. */
	__u32 handle;

	/** @flags: Bits of &enum drm_nova_sync_flags. */
	__u32 flags;

	/**
	 * @point: The point of the timeline, above zero; zero without
	 * &DRM_NOVA_SYNC_TIMELINE.
	 */
	__u64 point;
};

/**
 * enum drm_nova_sync_flags - flags of &struct drm_nova_sync
 */
enum drm_nova_sync_flags {
	/** @DRM_NOVA_SYNC_SIGNAL: Signal the object, instead of waiting. */
	DRM_NOVA_SYNC_SIGNAL = 1 << 0,

	/** @DRM_NOVA_SYNC_TIMELINE: The object is a timeline. */
	DRM_NOVA_SYNC_TIMELINE = 1 << 1,
};

/**
 * NOVA_GETPARAM_VRAM_BAR_SIZE - size of the VRAM BAR in bytes; on some GPUs,
 * this is not BAR 1
 */
#define NOVA_GETPARAM_VRAM_BAR_SIZE	0x1

/**
 * struct drm_nova_getparam - read a parameter of the GPU
 *
 * Kept as in Linux 7.3. An unknown @param fails with -EINVAL.
 */
struct drm_nova_getparam {
	/** @param: The identifier of the parameter. */
	__u64 param;

	/** @value: Out: the value of the parameter. */
	__u64 value;
};

/**
 * enum drm_nova_gem_flags - flags of &struct drm_nova_gem_create
 */
enum drm_nova_gem_flags {
	/**
	 * @DRM_NOVA_GEM_CPU_ACCESS: The CPU can map the object. VRAM is mapped
	 * write-combined, and system memory cached and coherent.
	 */
	DRM_NOVA_GEM_CPU_ACCESS = 1 << 0,

	/**
	 * @DRM_NOVA_GEM_CONTIGUOUS: The object is one block of VRAM, so
	 * @placement must be VRAM alone.
	 */
	DRM_NOVA_GEM_CONTIGUOUS = 1 << 1,
};

/**
 * struct drm_nova_gem_create - create a memory object
 *
 * The first 16 bytes are those of Linux 7.3, and a call with these alone works
 * as there. The contents of a new object are zero.
 *
 * The object lies in a region of @placement while a job uses it; at other times
 * the kernel may keep it elsewhere. If there are several, VRAM is tried first.
 * An object has no kind of pages: this is a property of each mapping.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags or @placement has a bit that is not defined, @reserved is not zero,
 *   @size is zero or cannot be rounded up, @page_shift is not zero and not a
 *   page size of every region of @placement, or @flags asks for contiguous
 *   memory with a @placement other than VRAM alone.
 * -ENOENT
 *   There is no address space @vm_id.
 * -EOPNOTSUPP
 *   This kernel does not do what is asked for yet.
 * -ENOSPC
 *   @size exceeds the VRAM that is left, or there are no blocks in it as
 *   @flags or @page_shift want them, and @placement has no other region; or
 *   @size exceeds the region. Objects that may lie in system memory, too, and
 *   that no job uses, have been moved there before.
 * -ENOMEM
 *   There is no system memory left.
 */
struct drm_nova_gem_create {
	/** @handle: Out: the handle of the new object. */
	__u32 handle;

	/** @pad: Padding, ignored. */
	__u32 pad;

	/**
	 * @size: The size of the object in bytes; rounded up to 4 KiB, and then
	 * to 1 << @page_shift. &drm_nova_gem_info.size has the result.
	 */
	__u64 size;

	/**
	 * @placement: Where the object may lie: bit n is the region with
	 * &drm_nova_memory_region.id n. Zero allows all regions.
	 */
	__u32 placement;

	/** @flags: Bits of &enum drm_nova_gem_flags. */
	__u32 flags;

	/**
	 * @vm_id: Zero, or the only address space that can map the object. Such
	 * an object cannot be exported (-EPERM), and a job costs the same
	 * however many of these there are.
	 */
	__u32 vm_id;

	/**
	 * @page_shift: In: zero, or the least size of the object's blocks, as a
	 * power of two. Out: the size that was granted. Every block is aligned
	 * to it, so that mappings whose address, offset and size are, too, have
	 * pages of that size. For zero this is the largest page size of all
	 * regions of @placement of which @size, rounded up to 4 KiB, is a
	 * multiple.
	 */
	__u32 page_shift;

	/**
	 * @mmap_offset: Out: the offset in the device file at which the object
	 * can be mapped; zero without &DRM_NOVA_GEM_CPU_ACCESS.
	 */
	__u64 mmap_offset;

	/** @region: Out: id of the region in which the object lies now. */
	__u32 region;

	/** @reserved: Reserved, must be zero. */
	__u32 reserved;
};

/**
 * enum drm_nova_gem_state - states of a memory object
 */
enum drm_nova_gem_state {
	/** @DRM_NOVA_GEM_STATE_IMPORTED: It belongs to another driver. */
	DRM_NOVA_GEM_STATE_IMPORTED = 1 << 0,

	/**
	 * @DRM_NOVA_GEM_STATE_EXPORTED: Others have it as a dma-buf. An
	 * imported object does not have this.
	 */
	DRM_NOVA_GEM_STATE_EXPORTED = 1 << 1,

	/**
	 * @DRM_NOVA_GEM_STATE_CONTENT_LOST: Its contents were in VRAM, and have
	 * been lost in a reset. This stays set. They are kept while the system
	 * sleeps.
	 */
	DRM_NOVA_GEM_STATE_CONTENT_LOST = 1 << 2,
};

/**
 * struct drm_nova_gem_info - query a memory object
 *
 * The first 16 bytes are those of Linux 7.3. An unknown @handle fails with
 * -ENOENT. An object that has been imported from another driver may lie in
 * system memory alone, has pages of 4 KiB, and is mapped by its dma-buf, not
 * here. How the dma-buf was opened says what the CPU may do, and not what the
 * GPU may.
 */
struct drm_nova_gem_info {
	/** @handle: The handle of the object. */
	__u32 handle;

	/** @pad: Padding, ignored. */
	__u32 pad;

	/** @size: Out: the size of the object in bytes, rounded up. */
	__u64 size;

	/**
	 * @placement: Out: as in &struct drm_nova_gem_create; all regions if it
	 * was zero there.
	 */
	__u32 placement;

	/** @flags: Out: as in &struct drm_nova_gem_create. */
	__u32 flags;

	/**
	 * @vm_id: Out: the only address space that can map the object; zero if
	 * all can, or if that one has been destroyed, or is of another file.
	 */
	__u32 vm_id;

	/** @page_shift: Out: the page size that was granted. */
	__u32 page_shift;

	/** @mmap_offset: Out: as in &struct drm_nova_gem_create. */
	__u64 mmap_offset;

	/** @region: Out: id of the region in which the object lies now. */
	__u32 region;

	/** @state: Out: bits of &enum drm_nova_gem_state. */
	__u32 state;
};

/** DRM_NOVA_LABEL_SIZE_MAX - the longest label in bytes, with its NUL */
#define DRM_NOVA_LABEL_SIZE_MAX		4096

/**
 * struct drm_nova_gem_set_label - name a memory object
 *
 * The label is shown in debugfs and in dumps.
 *
 * Errors:
 *
 * -EINVAL
 *   @size is above &DRM_NOVA_LABEL_SIZE_MAX, or zero while @label is not; or
 *   the label is not UTF-8 without control characters, with a NUL at its end.
 * -EFAULT
 *   The label cannot be read.
 * -ENOENT
 *   There is no object @handle.
 * -ENOMEM
 *   There is no system memory left.
 */
struct drm_nova_gem_set_label {
	/** @handle: The handle of the object. */
	__u32 handle;

	/** @size: Bytes of the label with its NUL; zero removes the label. */
	__u32 size;

	/** @label: User pointer to the label; zero if @size is. */
	__u64 label;
};

/**
 * enum drm_nova_query_id - structures that &struct drm_nova_query can query
 */
enum drm_nova_query_id {
	/** @DRM_NOVA_QUERY_DEVICE: &struct drm_nova_query_device */
	DRM_NOVA_QUERY_DEVICE = 0,

	/** @DRM_NOVA_QUERY_FIRMWARE: &struct drm_nova_query_firmware */
	DRM_NOVA_QUERY_FIRMWARE = 1,

	/**
	 * @DRM_NOVA_QUERY_MEMORY_REGIONS: list of &struct
	 * drm_nova_memory_region
	 */
	DRM_NOVA_QUERY_MEMORY_REGIONS = 2,

	/** @DRM_NOVA_QUERY_ENGINES: list of &struct drm_nova_engine */
	DRM_NOVA_QUERY_ENGINES = 3,

	/** @DRM_NOVA_QUERY_VM: &struct drm_nova_query_vm */
	DRM_NOVA_QUERY_VM = 4,

	/** @DRM_NOVA_QUERY_LIMITS: &struct drm_nova_query_limits */
	DRM_NOVA_QUERY_LIMITS = 5,

	/** @DRM_NOVA_QUERY_STATUS: &struct drm_nova_query_status */
	DRM_NOVA_QUERY_STATUS = 6,

	/** @DRM_NOVA_QUERY_GRAPHICS: &struct drm_nova_query_graphics */
	DRM_NOVA_QUERY_GRAPHICS = 7,

	/** @DRM_NOVA_QUERY_ZCULL: &struct drm_nova_query_zcull */
	DRM_NOVA_QUERY_ZCULL = 8,
};

/**
 * struct drm_nova_query - query a structure that describes the GPU
 *
 * If @size is zero, nothing is copied, and @size is set to the size of the
 * answer. Otherwise the answer, or as much of it as fits, is copied to @data,
 * and @size is set to the number of bytes copied.
 *
 * Later kernels may add members at the end of an answer. A program built
 * against an older header gets the members of that header, and one built
 * against a newer header learns from @size which members this kernel has
 * written.
 *
 * A list is a &struct drm_nova_query_list with the elements behind it. Its
 * first version is that structure alone, since a list may be empty.
 *
 * Errors:
 *
 * -EINVAL
 *   @query is unknown, @flags is not zero, or @size is not zero but below the
 *   size of the answer's first version.
 * -EOPNOTSUPP
 *   This kernel does not answer this query yet, or the GPU has no graphics
 *   engine that GRAPHICS and ZCULL could be about.
 * -EIO
 *   The firmware has not answered ENGINES, GRAPHICS or ZCULL before, and does
 *   not work now. Later answers are kept.
 * -ENOMEM
 *   There is no system memory left.
 * -EFAULT
 *   @data cannot be written.
 */
struct drm_nova_query {
	/** @query: The queried structure, one of &enum drm_nova_query_id. */
	__u32 query;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @size: In: size of the buffer at @data, or zero. Out: see above. */
	__u64 size;

	/** @data: User pointer to the buffer for the answer. */
	__u64 data;
};

/**
 * enum drm_nova_architecture - GPU architectures, with their numbers in
 * NV_PMC_BOOT_42
 */
enum drm_nova_architecture {
	/** @DRM_NOVA_ARCHITECTURE_TURING: TU10x, TU11x */
	DRM_NOVA_ARCHITECTURE_TURING = 0x16,

	/** @DRM_NOVA_ARCHITECTURE_AMPERE: GA10x */
	DRM_NOVA_ARCHITECTURE_AMPERE = 0x17,

	/** @DRM_NOVA_ARCHITECTURE_HOPPER: GH10x */
	DRM_NOVA_ARCHITECTURE_HOPPER = 0x18,

	/** @DRM_NOVA_ARCHITECTURE_ADA: AD10x */
	DRM_NOVA_ARCHITECTURE_ADA = 0x19,

	/** @DRM_NOVA_ARCHITECTURE_BLACKWELL_GB10X: GB10x */
	DRM_NOVA_ARCHITECTURE_BLACKWELL_GB10X = 0x1a,

	/** @DRM_NOVA_ARCHITECTURE_BLACKWELL_GB20X: GB20x */
	DRM_NOVA_ARCHITECTURE_BLACKWELL_GB20X = 0x1b,
};

/**
 * struct drm_nova_query_device - description of the GPU
 */
struct drm_nova_query_device {
	/** @chipset: Chipset id, as in NV_PMC_BOOT_42: 0x172 is a GA102. */
	__u32 chipset;

	/** @architecture: One of &enum drm_nova_architecture. */
	__u32 architecture;

	/** @revision_major: Major revision: 0xa for revision A1. */
	__u32 revision_major;

	/** @revision_minor: Minor revision: 0x1 for revision A1. */
	__u32 revision_minor;

	/** @vram_size: VRAM on the board, in bytes. */
	__u64 vram_size;

	/**
	 * @vram_usable: VRAM that is not reserved by the firmware, in bytes;
	 * never more than @vram_size.
	 */
	__u64 vram_usable;

	/**
	 * @bar_size: Size in bytes of each PCI BAR by its index; zero if there
	 * is none, and for the upper half of a 64-bit BAR.
	 */
	__u64 bar_size[6];

	/** @name: The GPU's name, from its firmware; ends with a NUL. */
	char name[64];
};

/**
 * struct drm_nova_query_firmware - the firmware that runs the GPU
 */
struct drm_nova_query_firmware {
	/** @release: Release such as "570.144"; ends with a NUL. */
	char release[32];
};

/**
 * struct drm_nova_query_list - the start of an answer that is a list
 */
struct drm_nova_query_list {
	/**
	 * @count: Number of all elements, also of those that did not fit; a
	 * program uses the whole ones in &drm_nova_query.size.
	 */
	__u32 count;

	/** @stride: Distance from one element to the next, in bytes. */
	__u32 stride;
};

/**
 * enum drm_nova_memory_region_class - kinds of memory regions
 */
enum drm_nova_memory_region_class {
	/** @DRM_NOVA_MEMORY_REGION_SYSTEM: memory of the machine */
	DRM_NOVA_MEMORY_REGION_SYSTEM = 0,

	/** @DRM_NOVA_MEMORY_REGION_VRAM: memory of the GPU */
	DRM_NOVA_MEMORY_REGION_VRAM = 1,
};

/**
 * struct drm_nova_memory_region - memory that objects can lie in
 *
 * Sizes are in bytes.
 */
struct drm_nova_memory_region {
	/** @id: Number of the region's bit in a placement. */
	__u32 id;

	/** @region_class: One of &enum drm_nova_memory_region_class. */
	__u32 region_class;

	/** @page_sizes: Bit n: there are pages of 1 << n bytes. */
	__u64 page_sizes;

	/** @size: Size for objects. */
	__u64 size;

	/** @used: Size that the objects of all files, and the driver, take. */
	__u64 used;

	/**
	 * @largest_free: The largest free block, which limits contiguous
	 * objects; zero if unknown.
	 */
	__u64 largest_free;

	/** @cpu_visible_size: How much of it the CPU can reach at a time. */
	__u64 cpu_visible_size;

	/** @cpu_visible_used: How much of that is in use now. */
	__u64 cpu_visible_used;

	/**
	 * @client_used: Size that the objects of this file take. Those that it
	 * has imported from other drivers count here, and not in @used.
	 */
	__u64 client_used;

	/**
	 * @client_budget: Size that the objects of this file should not exceed:
	 * what they take, and what is free without a reserve.
	 */
	__u64 client_budget;
};

/**
 * enum drm_nova_engine_class - what an engine is for
 */
enum drm_nova_engine_class {
	/** @DRM_NOVA_ENGINE_CLASS_BIND: changes mappings; not on the GPU */
	DRM_NOVA_ENGINE_CLASS_BIND = 0,

	/** @DRM_NOVA_ENGINE_CLASS_COPY: copies */
	DRM_NOVA_ENGINE_CLASS_COPY = 1,

	/**
	 * @DRM_NOVA_ENGINE_CLASS_COMPUTE: computes and copies; the graphics
	 * engine without its objects for 3D and 2D
	 */
	DRM_NOVA_ENGINE_CLASS_COMPUTE = 2,

	/** @DRM_NOVA_ENGINE_CLASS_GRAPHICS: renders, computes and copies */
	DRM_NOVA_ENGINE_CLASS_GRAPHICS = 3,

	/** @DRM_NOVA_ENGINE_CLASS_NVDEC: decodes video */
	DRM_NOVA_ENGINE_CLASS_NVDEC = 4,

	/** @DRM_NOVA_ENGINE_CLASS_NVENC: encodes video */
	DRM_NOVA_ENGINE_CLASS_NVENC = 5,

	/** @DRM_NOVA_ENGINE_CLASS_NVJPG: decodes and encodes JPEG images */
	DRM_NOVA_ENGINE_CLASS_NVJPG = 6,

	/** @DRM_NOVA_ENGINE_CLASS_OFA: computes the optical flow */
	DRM_NOVA_ENGINE_CLASS_OFA = 7,
};

/**
 * enum drm_nova_engine_flags - flags of &struct drm_nova_engine
 */
enum drm_nova_engine_flags {
	/**
	 * @DRM_NOVA_ENGINE_SHARES_GRAPHICS: It takes its turns with the
	 * graphics engine, not beside it.
	 */
	DRM_NOVA_ENGINE_SHARES_GRAPHICS = 1 << 0,
};

/**
 * struct drm_nova_engine - an engine that queues can be created for
 */
struct drm_nova_engine {
	/** @engine_class: One of &enum drm_nova_engine_class. */
	__u32 engine_class;

	/** @engine_instance: Number of the engine in its class. */
	__u32 engine_instance;

	/** @flags: Bits of &enum drm_nova_engine_flags; may grow. */
	__u32 flags;

	/** @channel_class: Class of its queues' channels, such as 0xc56f. */
	__u32 channel_class;

	/** @object_count: Number of @object_classes. */
	__u32 object_count;

	/**
	 * @object_classes: Classes of the objects that the kernel gives each
	 * queue of this engine; zero behind the last one.
	 */
	__u32 object_classes[16];

	/**
	 * @name: Name of the engine: "copy2"; ends with a NUL. In fdinfo, the
	 * engines of a class are together, under the name without the number.
	 */
	char name[16];

	/** @reserved: Always zero. */
	__u32 reserved;
};

/**
 * struct drm_nova_query_vm - what address spaces look like
 */
struct drm_nova_query_vm {
	/** @va_start: First address that user space can use. */
	__u64 va_start;

	/** @va_end: First address behind those that user space can use. */
	__u64 va_end;

	/**
	 * @push_va_end: First address behind those that pushes and the kernel's
	 * range can have.
	 */
	__u64 push_va_end;

	/**
	 * @kernel_size_min: Least size of the kernel's range, in bytes. It may
	 * grow with the minor version.
	 */
	__u64 kernel_size_min;

	/** @kernel_align: Alignment of the kernel's range, in bytes. */
	__u64 kernel_align;

	/**
	 * @kinds: Bit n: pages can have the kind n. The numbers are those of
	 * NVIDIA's page tables from Turing on, as in DRM format modifiers: 0
	 * (pitch), 6 (generic memory) and others for depth and stencil.
	 */
	__u64 kinds;

	/** @kinds_compressible: Bit n: pages of the kind n are compressed. */
	__u64 kinds_compressible;

	/**
	 * @compression_align: Alignment of mappings with a compressible kind,
	 * in bytes.
	 */
	__u64 compression_align;
};

/**
 * struct drm_nova_query_limits - limits of calls
 */
struct drm_nova_query_limits {
	/** @ring_entries_min: Fewest entries of a queue's ring. */
	__u32 ring_entries_min;

	/** @ring_entries_max: Most entries of a queue's ring. */
	__u32 ring_entries_max;

	/** @ring_entries_default: Entries of a queue's ring by default. */
	__u32 ring_entries_default;

	/** @push_bytes_max: Most bytes of a push. */
	__u32 push_bytes_max;

	/** @push_align: Alignment of the address and the size of a push. */
	__u32 push_align;

	/** @syncs_max: Most sync objects of one call. */
	__u32 syncs_max;

	/** @bind_ops_max: Most operations of one bind. */
	__u32 bind_ops_max;

	/** @jobs_max: Most jobs of a queue that have not ended. */
	__u32 jobs_max;

	/** @priorities: Bit n: the caller can use priority n. */
	__u32 priorities;

	/** @timeslice_us_min: Shortest time slice, in microseconds. */
	__u32 timeslice_us_min;

	/** @timeslice_us_max: Longest time slice, in microseconds. */
	__u32 timeslice_us_max;

	/** @timeslice_us_default: Time slice by default, in microseconds. */
	__u32 timeslice_us_default;

	/** @job_timeout_ms: Time that a job may take by default, in ms. */
	__u32 job_timeout_ms;

	/** @job_timeout_ms_max: Longest time that a job may take, in ms. */
	__u32 job_timeout_ms_max;

	/** @vms_max: Most address spaces of a file; 0: as memory allows. */
	__u32 vms_max;

	/**
	 * @queues_max: Most queues of a file, with those that are destroyed
	 * but have jobs; 0: as memory allows.
	 */
	__u32 queues_max;
};

/**
 * enum drm_nova_health - how the GPU is
 */
enum drm_nova_health {
	/** @DRM_NOVA_HEALTH_OK: It works. */
	DRM_NOVA_HEALTH_OK = 0,

	/** @DRM_NOVA_HEALTH_RECOVERING: It is being reset. */
	DRM_NOVA_HEALTH_RECOVERING = 1,

	/** @DRM_NOVA_HEALTH_LOST: It does not work until it is bound again. */
	DRM_NOVA_HEALTH_LOST = 2,
};

/**
 * struct drm_nova_query_status - whether the GPU works, and its resets
 */
struct drm_nova_query_status {
	/** @health: One of &enum drm_nova_health. */
	__u32 health;

	/** @reserved: Always zero. */
	__u32 reserved;

	/** @resets: Resets since the GPU was bound, and sleeps of the system. */
	__u64 resets;

	/**
	 * @vram_losses: How often VRAM has lost its contents since then. A loss
	 * is counted when VRAM can be used again. What a program writes to a
	 * mapping before that is lost, too.
	 */
	__u64 vram_losses;
};

/** DRM_NOVA_GPCS_MAX - numbers that a graphics processing cluster can have */
#define DRM_NOVA_GPCS_MAX		32

/**
 * struct drm_nova_query_graphics - what the graphics engine consists of
 *
 * It has graphics processing clusters (GPCs), each of them texture processing
 * clusters (TPCs), and each of these streaming multiprocessors (SMs), which run
 * the threads of programs in warps.
 */
struct drm_nova_query_graphics {
	/**
	 * @sm_major: Version of the SMs as the firmware has it: 8 for 8.6. That
	 * of GB20x is 10.4, while CUDA has 12.0.
	 */
	__u32 sm_major;

	/** @sm_minor: The same: 6 for 8.6. */
	__u32 sm_minor;

	/** @warps_per_sm: Warps that an SM can have at a time. */
	__u32 warps_per_sm;

	/** @threads_per_warp: Threads of a warp. */
	__u32 threads_per_warp;

	/** @sms_per_tpc: SMs of each TPC. */
	__u32 sms_per_tpc;

	/** @gpc_count: Number of GPCs. */
	__u32 gpc_count;

	/** @tpc_count: Number of TPCs, those of all GPCs together. */
	__u32 tpc_count;

	/** @gpc_mask: Bit n: there is a GPC n; others are disabled. */
	__u32 gpc_mask;

	/** @tpc_masks: For each GPC by its number, bit n: it has a TPC n. */
	__u32 tpc_masks[DRM_NOVA_GPCS_MAX];
};

/**
 * struct drm_nova_query_zcull - how 3D objects cull what is hidden
 *
 * The hardware keeps the depth of areas, in memory that is cut into aliquots,
 * for some regions of a depth buffer at a time.
 */
struct drm_nova_query_zcull {
	/** @width_align: Alignment of a region's width, in pixels. */
	__u32 width_align;

	/** @height_align: Alignment of a region's height, in pixels. */
	__u32 height_align;

	/** @aliquot_pixels: Pixels that an aliquot is for. */
	__u32 aliquot_pixels;

	/** @aliquot_count: Number of aliquots. */
	__u32 aliquot_count;

	/** @aliquot_size: Bytes of an aliquot when a region is saved. */
	__u32 aliquot_size;

	/** @region_header_size: Bytes of a region's header when it is saved. */
	__u32 region_header_size;

	/** @subregion_header_size: Bytes of a subregion's header then. */
	__u32 subregion_header_size;

	/** @subregion_count: Number of subregions. */
	__u32 subregion_count;

	/** @subregion_width_align: Alignment of a subregion's width, in pixels. */
	__u32 subregion_width_align;

	/** @subregion_height_align: Alignment of a subregion's height, in pixels. */
	__u32 subregion_height_align;

	/**
	 * @context_size: Bytes of memory for what a queue's regions hold while
	 * others run; zero if that is not kept.
	 */
	__u32 context_size;

	/** @context_align: Alignment of that memory, in bytes. */
	__u32 context_align;
};

/**
 * struct drm_nova_vm_create - create an address space
 *
 * A file can have many. The kernel needs a range of each for itself, for rings
 * and contexts. A program that wants certain addresses chooses where that is.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags is not zero, or one of @kernel_start and @kernel_size is zero and
 *   the other is not, or they are not multiples of
 *   &drm_nova_query_vm.kernel_align, or @kernel_size is below
 *   &drm_nova_query_vm.kernel_size_min, or the range is not between
 *   &drm_nova_query_vm.va_start and &drm_nova_query_vm.push_va_end.
 * -ENOSPC
 *   There is no VRAM for the page directory, or no id left.
 * -ENOMEM
 *   There is no system memory left.
 */
struct drm_nova_vm_create {
	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @vm_id: Out: the id of the address space. */
	__u32 vm_id;

	/**
	 * @kernel_start: In: first address of the kernel's range; if this and
	 * @kernel_size are zero, the kernel takes the last addresses that
	 * pushes can have. Out: what was taken.
	 */
	__u64 kernel_start;

	/** @kernel_size: In and out: size of the kernel's range in bytes. */
	__u64 kernel_size;
};

/**
 * struct drm_nova_vm_destroy - destroy an address space
 *
 * The id is free at once, and the call does not wait. Queues of the address
 * space go on; when there are none left, its mappings go. Objects that only it
 * could map can then be mapped by the CPU alone.
 *
 * The call fails with -EINVAL if @pad is not zero, and with -ENOENT for an
 * unknown @vm_id.
 */
struct drm_nova_vm_destroy {
	/** @vm_id: The id of the address space. */
	__u32 vm_id;

	/** @pad: Reserved, must be zero. */
	__u32 pad;
};

/**
 * enum drm_nova_vm_bind_op_type - operations on mappings
 */
enum drm_nova_vm_bind_op_type {
	/**
	 * @DRM_NOVA_VM_BIND_OP_MAP: Map a part of an object, instead of
	 * whatever the range held. The mapping keeps the object.
	 */
	DRM_NOVA_VM_BIND_OP_MAP = 0,

	/**
	 * @DRM_NOVA_VM_BIND_OP_MAP_SPARSE: Map nothing: reads give zero, and
	 * writes are lost. This is a mapping like others, which can be replaced
	 * or unmapped in part.
	 */
	DRM_NOVA_VM_BIND_OP_MAP_SPARSE = 1,

	/**
	 * @DRM_NOVA_VM_BIND_OP_UNMAP: Unmap whatever the range holds, which may
	 * be nothing, or parts of mappings.
	 */
	DRM_NOVA_VM_BIND_OP_UNMAP = 2,

	/**
	 * @DRM_NOVA_VM_BIND_OP_UNMAP_OBJECT: Unmap an object wherever it is
	 * mapped in the address space.
	 */
	DRM_NOVA_VM_BIND_OP_UNMAP_OBJECT = 3,

	/**
	 * @DRM_NOVA_VM_BIND_OP_MAP_USERPTR: Reserved for mapping memory of the
	 * process; -EOPNOTSUPP.
	 */
	DRM_NOVA_VM_BIND_OP_MAP_USERPTR = 4,

	/**
	 * @DRM_NOVA_VM_BIND_OP_PREFETCH: Reserved for moving memory near to the
	 * GPU; -EOPNOTSUPP.
	 */
	DRM_NOVA_VM_BIND_OP_PREFETCH = 5,
};

/**
 * enum drm_nova_vm_bind_op_flags - flags of &DRM_NOVA_VM_BIND_OP_MAP
 */
enum drm_nova_vm_bind_op_flags {
	/** @DRM_NOVA_VM_BIND_OP_FLAG_READONLY: The GPU cannot write there. */
	DRM_NOVA_VM_BIND_OP_FLAG_READONLY = 1 << 0,

	/**
	 * @DRM_NOVA_VM_BIND_OP_FLAG_DUMPABLE: If a queue of the address space
	 * is lost by a fault, an error or a time-out, the kernel may make a
	 * device coredump, which has the contents then: 16 MiB of all such
	 * mappings at most, and none of VRAM or of objects of other drivers.
	 * Only root may read it. There is one for each GPU at a time.
	 */
	DRM_NOVA_VM_BIND_OP_FLAG_DUMPABLE = 1 << 1,
};

/**
 * struct drm_nova_vm_bind_op - an operation on mappings
 *
 * An element of an array. Members that an operation does not use must be zero.
 *
 * @address, @size and @offset are multiples of 4 KiB. The range is not empty,
 * between &drm_nova_query_vm.va_start and &drm_nova_query_vm.va_end, and does
 * not touch the kernel's range. The kernel takes the largest pages that
 * @address, @offset and the object's blocks allow.
 *
 * @kind says how pages arrange bytes. The same part of an object can be mapped
 * with several kinds. Of these, 0 and 6 have bytes in the same order; what was
 * written with another one can be read with that alone. The CPU and other
 * devices see an object as with kind 0.
 *
 * A @kind of &drm_nova_query_vm.kinds_compressible is for objects that can lie
 * in VRAM alone, with blocks of 64 KiB or more; @address, @size and @offset are
 * then multiples of &drm_nova_query_vm.compression_align. If a later operation
 * is about a part of such a unit, the whole unit is unmapped. Objects of other
 * drivers can be mapped with kind 0 alone.
 */
struct drm_nova_vm_bind_op {
	/** @op: One of &enum drm_nova_vm_bind_op_type. */
	__u32 op;

	/** @flags: Bits of &enum drm_nova_vm_bind_op_flags; of MAP alone. */
	__u32 flags;

	/** @handle: The object of MAP and of UNMAP_OBJECT. */
	__u32 handle;

	/** @kind: The kind of the pages of MAP. */
	__u8 kind;

	/** @pad: Reserved, must be zero. */
	__u8 pad[3];

	/** @offset: Where the part of the object begins, of MAP; in bytes. */
	__u64 offset;

	/** @address: Start of the range; not of UNMAP_OBJECT. */
	__u64 address;

	/** @size: Size of the range in bytes; not of UNMAP_OBJECT. */
	__u64 size;
};

/**
 * struct drm_nova_vm_bind - change mappings
 *
 * The operations take effect in their order, all or none of them: what can fail
 * fails before any of them does. Without a queue they have taken effect when
 * the call returns; binds that still wait in queues have not happened then.
 * With a queue they take effect after all waits of @syncs, and after earlier
 * binds of the same queue; then the others of @syncs are signalled. A bind
 * without operations waits and signals, too.
 *
 * With a queue, nothing that a bind needs is missing when its time comes: a call
 * that succeeds takes effect, unless the queue is lost before. Binds that still
 * wait then change nothing, and what they signal ends with -ECANCELED, or with
 * -ENODEV if the GPU is unbound. A queue of class BIND is lost if a reset, a loss
 * of the GPU's firmware or a sleep comes while it has binds; its reason is
 * &DRM_NOVA_QUEUE_REASON_DEVICE_RESET, and it is innocent. Closing the file ends
 * its binds, too. A bind whose wait ended with an error takes effect
 * nevertheless.
 *
 * Jobs do not wait for binds unless a sync object makes them. An unmap does not
 * wait for jobs: a job that still uses the addresses faults. What an operation
 * does not name stays mapped throughout, but for the rest of a unit with a
 * compressible kind.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags or @pad is not zero, an array is not as its structure says, there
 *   are more operations than &drm_nova_query_limits.bind_ops_max or more sync
 *   objects than &drm_nova_query_limits.syncs_max, there are sync objects
 *   without a queue, an element is not as its structure says, a part is not
 *   within its object, the queue is not of class BIND, or it is of another
 *   address space.
 * -E2BIG, -EFAULT
 *   See &struct drm_nova_array.
 * -ENOENT
 *   There is no such address space, queue, object or sync object.
 * -EPERM
 *   An object is for another address space alone.
 * -ECANCELED
 *   The queue is lost.
 * -EOPNOTSUPP
 *   An operation is reserved for later.
 * -ENOMEM, -ENOSPC
 *   There is no system memory left, or no VRAM for page tables.
 * -EINTR
 *   A signal came while the call waited, since the queue has
 *   &drm_nova_query_limits.jobs_max binds; nothing was done.
 */
struct drm_nova_vm_bind {
	/** @vm_id: The address space. */
	__u32 vm_id;

	/** @queue_id: A queue of class BIND, or zero for none. */
	__u32 queue_id;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @pad: Reserved, must be zero. */
	__u32 pad;

	/** @ops: &struct drm_nova_vm_bind_op */
	struct drm_nova_array ops;

	/** @syncs: &struct drm_nova_sync; none without a queue. */
	struct drm_nova_array syncs;
};

/**
 * enum drm_nova_fault_type - why the GPU could not use an address
 */
enum drm_nova_fault_type {
	/** @DRM_NOVA_FAULT_TYPE_UNKNOWN: The firmware did not say. */
	DRM_NOVA_FAULT_TYPE_UNKNOWN = 0,

	/** @DRM_NOVA_FAULT_TYPE_UNMAPPED: Nothing is mapped there. */
	DRM_NOVA_FAULT_TYPE_UNMAPPED = 1,

	/** @DRM_NOVA_FAULT_TYPE_READ_ONLY: It can only be read. */
	DRM_NOVA_FAULT_TYPE_READ_ONLY = 2,

	/** @DRM_NOVA_FAULT_TYPE_PRIVILEGE: It takes a privilege. */
	DRM_NOVA_FAULT_TYPE_PRIVILEGE = 3,

	/** @DRM_NOVA_FAULT_TYPE_LIMIT: It is beyond the address space. */
	DRM_NOVA_FAULT_TYPE_LIMIT = 4,

	/** @DRM_NOVA_FAULT_TYPE_KIND: The kind of its pages does not fit. */
	DRM_NOVA_FAULT_TYPE_KIND = 5,

	/** @DRM_NOVA_FAULT_TYPE_APERTURE: The memory cannot be reached so. */
	DRM_NOVA_FAULT_TYPE_APERTURE = 6,

	/** @DRM_NOVA_FAULT_TYPE_ATOMIC: Atomic operations cannot be done. */
	DRM_NOVA_FAULT_TYPE_ATOMIC = 7,

	/** @DRM_NOVA_FAULT_TYPE_POISON: The memory is damaged. */
	DRM_NOVA_FAULT_TYPE_POISON = 8,

	/** @DRM_NOVA_FAULT_TYPE_COMPRESSION: Compressed data is wrong. */
	DRM_NOVA_FAULT_TYPE_COMPRESSION = 9,

	/** @DRM_NOVA_FAULT_TYPE_OTHER: See &drm_nova_fault.hw_type. */
	DRM_NOVA_FAULT_TYPE_OTHER = 15,
};

/**
 * enum drm_nova_fault_access - what the GPU did at an address
 */
enum drm_nova_fault_access {
	/** @DRM_NOVA_FAULT_ACCESS_UNKNOWN: The firmware did not say. */
	DRM_NOVA_FAULT_ACCESS_UNKNOWN = 0,

	/** @DRM_NOVA_FAULT_ACCESS_READ: It read. */
	DRM_NOVA_FAULT_ACCESS_READ = 1,

	/** @DRM_NOVA_FAULT_ACCESS_WRITE: It wrote. */
	DRM_NOVA_FAULT_ACCESS_WRITE = 2,

	/** @DRM_NOVA_FAULT_ACCESS_ATOMIC: It did an atomic operation. */
	DRM_NOVA_FAULT_ACCESS_ATOMIC = 3,

	/** @DRM_NOVA_FAULT_ACCESS_EXECUTE: It fetched an instruction. */
	DRM_NOVA_FAULT_ACCESS_EXECUTE = 4,
};

/**
 * struct drm_nova_fault - a fault in an address space
 *
 * What is known depends on the firmware. None tells the access; release 535
 * tells neither the address nor the type.
 */
struct drm_nova_fault {
	/** @sequence: Number of the fault in its address space, from 0 on. */
	__u64 sequence;

	/**
	 * @time_ns: When the kernel heard of it, in ns: CLOCK_MONOTONIC, outside
	 * of time namespaces.
	 */
	__u64 time_ns;

	/** @address: The address. */
	__u64 address;

	/**
	 * @precision_shift: The GPU used one of the 1 << @precision_shift bytes
	 * from @address on, and @address is a multiple of their number. 12: the
	 * page is known. 64: no address is known.
	 */
	__u32 precision_shift;

	/** @fault_type: One of &enum drm_nova_fault_type. */
	__u32 fault_type;

	/** @access: One of &enum drm_nova_fault_access. */
	__u32 access;

	/**
	 * @engine_class: One of &enum drm_nova_engine_class; BIND, which has no
	 * faults, if it is not known.
	 */
	__u32 engine_class;

	/** @engine_instance: Number of the engine in its class, if known. */
	__u32 engine_instance;

	/**
	 * @queue_id: The queue; zero if it is not known, has been destroyed, or
	 * is of another file.
	 */
	__u32 queue_id;

	/**
	 * @hw_type: The type as the GPU has it, NV_PFAULT_FAULT_TYPE; zero if
	 * @fault_type is UNKNOWN.
	 */
	__u32 hw_type;

	/** @reserved: Always zero. */
	__u32 reserved;
};

/**
 * struct drm_nova_vm_get_faults - read the faults of an address space
 *
 * The kernel keeps the last 64 of each address space. With no room, the call
 * only says which will be the next.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags or @reserved is not zero, or @faults is not as &struct
 *   drm_nova_array says; there is no limit of its count.
 * -E2BIG
 *   See &struct drm_nova_array.
 * -ENOENT
 *   There is no address space @vm_id.
 * -EFAULT
 *   The faults cannot be written.
 */
struct drm_nova_vm_get_faults {
	/** @vm_id: The address space. */
	__u32 vm_id;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/**
	 * @next: In: &drm_nova_fault.sequence of the first fault to read; none
	 * is read if there is no such fault yet. Out: what to ask for next; with
	 * no room, the number of the next fault that will happen.
	 */
	__u64 next;

	/**
	 * @missed: Out: how many were asked for that are not kept any more; zero
	 * with no room.
	 */
	__u64 missed;

	/** @faults: Room for &struct drm_nova_fault. */
	struct drm_nova_array faults;

	/** @written: Out: how many were written there. */
	__u32 written;

	/** @reserved: Reserved, must be zero. */
	__u32 reserved;
};

/**
 * DRM_NOVA_ENGINE_INSTANCE_ANY - &drm_nova_queue_create.engine_instance if any
 * engine of the class will do
 */
#define DRM_NOVA_ENGINE_INSTANCE_ANY	0xffffffff

/**
 * enum drm_nova_priority - priorities of queues
 */
enum drm_nova_priority {
	/** @DRM_NOVA_PRIORITY_LOW: for work that can wait */
	DRM_NOVA_PRIORITY_LOW = 0,

	/** @DRM_NOVA_PRIORITY_NORMAL: for most work */
	DRM_NOVA_PRIORITY_NORMAL = 1,

	/**
	 * @DRM_NOVA_PRIORITY_HIGH: for work that others wait for; requires
	 * CAP_SYS_NICE, or that the caller is DRM master
	 */
	DRM_NOVA_PRIORITY_HIGH = 2,
};

/**
 * struct drm_nova_queue_create - create a queue
 *
 * A queue takes jobs of one address space for one engine, or, in the class
 * BIND, binds. It is the unit that is scheduled, and that is lost if a job
 * fails. The kernel allocates the objects that
 * &drm_nova_engine.object_classes lists. On subchannel 4 of a queue of the
 * class GRAPHICS or COMPUTE is the object that copies.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags is not zero; @engine_class, @engine_instance or @priority is
 *   unknown; @ring_entries, @timeslice_us or @timeout_ms is not zero for the
 *   class BIND; @ring_entries is not a power of two, or it or @timeslice_us is
 *   not within &struct drm_nova_query_limits; or @timeout_ms is above
 *   &drm_nova_query_limits.job_timeout_ms_max.
 * -ENOENT
 *   There is no address space @vm_id.
 * -EACCES
 *   A priority of &DRM_NOVA_PRIORITY_HIGH, or a time slice longer than by
 *   default, requires CAP_SYS_NICE, or that the caller is DRM master. A time-out
 *   longer than by default requires CAP_SYS_RESOURCE.
 * -EOPNOTSUPP
 *   This GPU has no engine of the class, or this kernel does not use it yet.
 * -ENOSPC
 *   There is no channel or no VRAM left, or the file has
 *   &drm_nova_query_limits.queues_max queues.
 * -ENOMEM
 *   There is no system memory left.
 */
struct drm_nova_queue_create {
	/** @vm_id: The address space. */
	__u32 vm_id;

	/** @engine_class: One of &enum drm_nova_engine_class. */
	__u32 engine_class;

	/**
	 * @engine_instance: Number of the engine in its class, or
	 * &DRM_NOVA_ENGINE_INSTANCE_ANY; one of 0 and that for the class BIND.
	 */
	__u32 engine_instance;

	/** @priority: One of &enum drm_nova_priority. */
	__u32 priority;

	/** @timeslice_us: Time slice in microseconds; zero for the default. */
	__u32 timeslice_us;

	/** @ring_entries: Entries of the ring; zero for the default. */
	__u32 ring_entries;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/**
	 * @timeout_ms: Time in ms that a job may take once its waits are over
	 * and earlier jobs of the queue have ended; zero for the default.
	 */
	__u32 timeout_ms;

	/** @queue_id: Out: the id of the queue. */
	__u32 queue_id;

	/** @pushes_max: Out: most pushes of one job; zero for class BIND. */
	__u32 pushes_max;
};

/**
 * struct drm_nova_queue_destroy - destroy a queue
 *
 * The id is free at once, and the call does not wait. Jobs that the queue has
 * taken go on, and have their time. If the file is closed, they are stopped.
 *
 * The call fails with -EINVAL if @pad is not zero, and with -ENOENT for an
 * unknown @queue_id.
 */
struct drm_nova_queue_destroy {
	/** @queue_id: The id of the queue. */
	__u32 queue_id;

	/** @pad: Reserved, must be zero. */
	__u32 pad;
};

/**
 * enum drm_nova_queue_state - whether a queue takes jobs
 */
enum drm_nova_queue_state {
	/** @DRM_NOVA_QUEUE_STATE_ALIVE: The queue takes jobs. */
	DRM_NOVA_QUEUE_STATE_ALIVE = 0,

	/** @DRM_NOVA_QUEUE_STATE_LOST: The queue never takes a job again. */
	DRM_NOVA_QUEUE_STATE_LOST = 1,
};

/**
 * enum drm_nova_queue_reason - why a queue is lost
 */
enum drm_nova_queue_reason {
	/** @DRM_NOVA_QUEUE_REASON_NONE: The queue is not lost. */
	DRM_NOVA_QUEUE_REASON_NONE = 0,

	/** @DRM_NOVA_QUEUE_REASON_MMU_FAULT: &struct drm_nova_fault */
	DRM_NOVA_QUEUE_REASON_MMU_FAULT = 1,

	/** @DRM_NOVA_QUEUE_REASON_ENGINE_ERROR: An engine refused commands. */
	DRM_NOVA_QUEUE_REASON_ENGINE_ERROR = 2,

	/** @DRM_NOVA_QUEUE_REASON_TIMEOUT: A job took too long. */
	DRM_NOVA_QUEUE_REASON_TIMEOUT = 3,

	/**
	 * @DRM_NOVA_QUEUE_REASON_DEVICE_RESET: The GPU was reset, or the system
	 * went to sleep, while a job was running. A sleep waits for jobs that run,
	 * but not for long. Jobs that wait for fences are put off until later.
	 */
	DRM_NOVA_QUEUE_REASON_DEVICE_RESET = 4,

	/** @DRM_NOVA_QUEUE_REASON_FIRMWARE_CRASH: The GSP crashed. */
	DRM_NOVA_QUEUE_REASON_FIRMWARE_CRASH = 5,
};

/**
 * enum drm_nova_queue_blame - who made a queue lost
 */
enum drm_nova_queue_blame {
	/** @DRM_NOVA_QUEUE_BLAME_NONE: The queue is not lost. */
	DRM_NOVA_QUEUE_BLAME_NONE = 0,

	/** @DRM_NOVA_QUEUE_BLAME_GUILTY: One of its own jobs. */
	DRM_NOVA_QUEUE_BLAME_GUILTY = 1,

	/** @DRM_NOVA_QUEUE_BLAME_INNOCENT: None of its jobs. */
	DRM_NOVA_QUEUE_BLAME_INNOCENT = 2,

	/** @DRM_NOVA_QUEUE_BLAME_UNKNOWN: It is not known. */
	DRM_NOVA_QUEUE_BLAME_UNKNOWN = 3,
};

/**
 * struct drm_nova_queue_get_state - how a queue is
 *
 * The address space of a queue that is lost, and other queues, go on.
 *
 * The call fails with -EINVAL if @flags or @reserved is not zero, and with
 * -ENOENT for an unknown @queue_id.
 */
struct drm_nova_queue_get_state {
	/** @queue_id: The id of the queue. */
	__u32 queue_id;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @state: Out: one of &enum drm_nova_queue_state. */
	__u32 state;

	/** @reason: Out: one of &enum drm_nova_queue_reason. */
	__u32 reason;

	/** @blame: Out: one of &enum drm_nova_queue_blame. */
	__u32 blame;

	/** @xid: Out: the firmware's number of the error; zero for none. */
	__u32 xid;

	/** @jobs_submitted: Out: jobs that the queue has taken. */
	__u64 jobs_submitted;

	/** @jobs_completed: Out: jobs that have been done, not those lost. */
	__u64 jobs_completed;

	/**
	 * @fault_sequence: Out: &drm_nova_fault.sequence of the fault that lost
	 * the queue; all bits set for none.
	 */
	__u64 fault_sequence;

	/** @reserved: Reserved, must be zero. */
	__u64 reserved[2];
};

/**
 * enum drm_nova_push_flags - flags of &struct drm_nova_push
 */
enum drm_nova_push_flags {
	/**
	 * @DRM_NOVA_PUSH_NO_PREFETCH: The GPU reads the commands when those
	 * before them are done, which may have changed them.
	 */
	DRM_NOVA_PUSH_NO_PREFETCH = 1 << 0,
};

/**
 * struct drm_nova_push - commands for the GPU
 *
 * An element of an array. @address and @size are multiples of
 * &drm_nova_query_limits.push_align; @size is above zero and at most
 * &drm_nova_query_limits.push_bytes_max. The commands are between
 * &drm_nova_query_vm.va_start and &drm_nova_query_vm.push_va_end, do not touch
 * the kernel's range, and do not cross a multiple of 1 TiB.
 */
struct drm_nova_push {
	/** @address: Address of the commands. */
	__u64 address;

	/** @size: Bytes of commands. */
	__u32 size;

	/** @flags: Bits of &enum drm_nova_push_flags. */
	__u32 flags;
};

/**
 * struct drm_nova_exec - give a queue a job
 *
 * The job begins after all waits of @syncs, and after earlier jobs of the queue
 * have begun. When it has ended, and all earlier jobs of the queue have, the
 * others of @syncs are signalled. The pushes follow each other in the ring, with nothing in between, so that a
 * method may go on in the next push. A job without pushes waits and signals,
 * too. If an error occurs, no sync object has changed.
 *
 * Only sync objects order jobs with those of other queues and drivers. A job's
 * fence is in all memory objects that are mapped in its address space, but says
 * there only that they are in use: nobody waits for it who reads or writes a
 * dma-buf. Nor does a job wait for the fences of a dma-buf. Where other drivers
 * expect that, programs move fences between sync objects and the dma-buf by
 * DMA_BUF_IOCTL_EXPORT_SYNC_FILE and DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 *
 * While the queue has &drm_nova_query_limits.jobs_max jobs, the call waits
 * until one has ended. It also waits while the pushes of jobs that are not in
 * the ring yet are too many with those of this job: more than twice the entries
 * of the ring, and than twice jobs_max. One job alone is never too much.
 *
 * If the queue is lost later, the fence of the job that took too long ends with
 * -ETIME. Those of the job that failed, of jobs behind it, and of all jobs that
 * a reset has ended, end with -ECANCELED, and with -ENODEV if the GPU is
 * unbound. A job whose wait ended with an error
 * runs nevertheless.
 *
 * Errors:
 *
 * -EINVAL
 *   @flags is not zero, an array is not as its structure says, there are more
 *   pushes than &drm_nova_queue_create.pushes_max, which is a limit of the
 *   queue and so checked behind its look-up, or more sync objects than
 *   &drm_nova_query_limits.syncs_max, an element is not as its structure says,
 *   or the queue is of class BIND.
 * -E2BIG, -EFAULT
 *   See &struct drm_nova_array.
 * -ENOENT
 *   There is no such queue or sync object.
 * -ECANCELED
 *   The queue is lost.
 * -ENOMEM
 *   There is no system memory left.
 * -ENOSPC
 *   The objects of the address space do not fit into VRAM.
 * -EINTR
 *   A signal came while the call waited; nothing was done.
 */
struct drm_nova_exec {
	/** @queue_id: The queue. */
	__u32 queue_id;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @pushes: The commands: &struct drm_nova_push. */
	struct drm_nova_array pushes;

	/** @syncs: Sync objects: &struct drm_nova_sync. */
	struct drm_nova_array syncs;
};

/**
 * struct drm_nova_get_time - read the clocks of the GPU and of the CPU
 *
 * Both are read at once. The time of the GPU is the one that its semaphore
 * releases write.
 *
 * The call fails with -EINVAL if @flags is not zero or @clock_id is another
 * clock, and with -EIO while the GPU is reset or boots.
 */
struct drm_nova_get_time {
	/**
	 * @clock_id: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
	 * CLOCK_BOOTTIME or CLOCK_TAI.
	 */
	__u32 clock_id;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @gpu_ns: Out: time of the GPU, in ns. */
	__u64 gpu_ns;

	/** @cpu_ns: Out: time of the clock as this process sees it, in ns. */
	__u64 cpu_ns;

	/** @cpu_delta_ns: Out: how far apart both can be, in ns. */
	__u64 cpu_delta_ns;
};

#define DRM_NOVA_GETPARAM		0x00
#define DRM_NOVA_GEM_CREATE		0x01
#define DRM_NOVA_GEM_INFO		0x02
#define DRM_NOVA_QUERY			0x03
#define DRM_NOVA_VM_CREATE		0x04
#define DRM_NOVA_VM_DESTROY		0x05
#define DRM_NOVA_VM_BIND		0x06
#define DRM_NOVA_VM_GET_FAULTS		0x07
#define DRM_NOVA_QUEUE_CREATE		0x08
#define DRM_NOVA_QUEUE_DESTROY		0x09
#define DRM_NOVA_QUEUE_GET_STATE	0x0a
#define DRM_NOVA_EXEC			0x0b
#define DRM_NOVA_GET_TIME		0x0c
#define DRM_NOVA_GEM_SET_LABEL		0x0d

/* An enum, not macros, since bindgen cannot evaluate DRM_IOWR(). */
enum {
	DRM_IOCTL_NOVA_GETPARAM		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GETPARAM,
						   struct drm_nova_getparam),
	DRM_IOCTL_NOVA_GEM_CREATE	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_CREATE,
						   struct drm_nova_gem_create),
	DRM_IOCTL_NOVA_GEM_INFO		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_INFO,
						   struct drm_nova_gem_info),
	DRM_IOCTL_NOVA_QUERY		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUERY,
						   struct drm_nova_query),
	DRM_IOCTL_NOVA_VM_CREATE	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_CREATE,
						   struct drm_nova_vm_create),
	DRM_IOCTL_NOVA_VM_DESTROY	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_DESTROY,
						   struct drm_nova_vm_destroy),
	DRM_IOCTL_NOVA_VM_BIND		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_BIND,
						   struct drm_nova_vm_bind),
	DRM_IOCTL_NOVA_VM_GET_FAULTS	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_VM_GET_FAULTS,
						   struct drm_nova_vm_get_faults),
	DRM_IOCTL_NOVA_QUEUE_CREATE	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUEUE_CREATE,
						   struct drm_nova_queue_create),
	DRM_IOCTL_NOVA_QUEUE_DESTROY	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUEUE_DESTROY,
						   struct drm_nova_queue_destroy),
	DRM_IOCTL_NOVA_QUEUE_GET_STATE	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUEUE_GET_STATE,
						   struct drm_nova_queue_get_state),
	DRM_IOCTL_NOVA_EXEC		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_EXEC,
						   struct drm_nova_exec),
	DRM_IOCTL_NOVA_GET_TIME		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GET_TIME,
						   struct drm_nova_get_time),
	DRM_IOCTL_NOVA_GEM_SET_LABEL	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_SET_LABEL,
						   struct drm_nova_gem_set_label),
};

#if defined(__cplusplus)
}
#endif

#endif /* __NOVA_DRM_H__ */
