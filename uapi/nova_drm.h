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
 * The DRM driver is named ``nova``. Every structure has the same layout for
 * 32-bit and 64-bit user space: members are naturally aligned and there are no
 * holes. Members that are reserved must be zero, or the call fails with
 * -EINVAL; so they can be given a meaning later. What a call only fills in may
 * hold anything before it. After a failure the structure is unchanged.
 *
 * All calls work on render nodes and on primary nodes, need no authentication
 * and answer the same on both. A call fails with -EIO while the GPU is wedged:
 * its firmware does not work, and the wedged event says when it does again or
 * what would help. &DRM_IOCTL_NOVA_QUERY and &DRM_IOCTL_NOVA_GEM_INFO do not
 * need the GPU, and work nevertheless. Every call fails with -ENODEV once the
 * GPU has been unbound from its driver.
 *
 * There are no jobs yet, and so no fences: DRM_CAP_SYNCOBJ and
 * DRM_CAP_SYNCOBJ_TIMELINE are 0.
 */

/**
 * NOVA_GETPARAM_VRAM_BAR_SIZE - size of the BAR through which the CPU sees
 * VRAM, in bytes; on some GPUs another one than BAR 1
 */
#define NOVA_GETPARAM_VRAM_BAR_SIZE	0x1

/**
 * struct drm_nova_getparam - query one number about the GPU
 *
 * Kept as in Linux 7.3. An unknown @param fails with -EINVAL.
 */
struct drm_nova_getparam {
	/** @param: The identifier of the parameter to query. */
	__u64 param;

	/** @value: Out: the value of the parameter. */
	__u64 value;
};

/**
 * struct drm_nova_gem_create - create a GEM object
 *
 * Kept as in Linux 7.3. No memory is behind an object yet, but its size counts
 * as if it were VRAM: all objects of a GPU together have at most
 * &drm_nova_query_device.vram_usable bytes.
 *
 * A @size of zero or one that cannot be rounded up fails with -EINVAL, a @size
 * above what is left with -ENOSPC.
 */
struct drm_nova_gem_create {
	/** @handle: Out: the handle of the new object. */
	__u32 handle;

	/** @pad: Padding, ignored. */
	__u32 pad;

	/** @size: The size of the object in bytes; rounded up to whole pages. */
	__u64 size;
};

/**
 * struct drm_nova_gem_info - ask about a GEM object
 *
 * Kept as in Linux 7.3. An unknown @handle fails with -ENOENT.
 */
struct drm_nova_gem_info {
	/** @handle: The handle of the object to ask about. */
	__u32 handle;

	/** @pad: Padding, ignored. */
	__u32 pad;

	/** @size: Out: the size of the object in bytes. */
	__u64 size;
};

/**
 * enum drm_nova_query_id - what &struct drm_nova_query can ask for
 */
enum drm_nova_query_id {
	/** @DRM_NOVA_QUERY_DEVICE: answers &struct drm_nova_query_device */
	DRM_NOVA_QUERY_DEVICE = 0,

	/** @DRM_NOVA_QUERY_FIRMWARE: answers &struct drm_nova_query_firmware */
	DRM_NOVA_QUERY_FIRMWARE = 1,
};

/**
 * struct drm_nova_query - ask for a structure that describes the GPU
 *
 * With a @size of zero nothing is copied, and @size becomes the size of the
 * whole answer. Otherwise the answer, or as much of it as fits, is copied to
 * @data, and @size becomes the number of bytes copied.
 *
 * Answers may grow at their end in later kernels. So a program built against an
 * older header gets the part that it knows, and one built against a newer
 * header sees from @size which members this kernel filled in. A non-zero @size
 * below that of the answer's first version fails with -EINVAL, as do an unknown
 * @query and set @flags. A @data that cannot be written fails with -EFAULT.
 */
struct drm_nova_query {
	/** @query: What is asked for, one of &enum drm_nova_query_id. */
	__u32 query;

	/** @flags: Reserved, must be zero. */
	__u32 flags;

	/** @size: In: bytes of room at @data, or zero. Out: see above. */
	__u64 size;

	/** @data: User pointer that the answer is copied to. */
	__u64 data;
};

/**
 * enum drm_nova_architecture - GPU architectures, numbered as the hardware
 * numbers them in NV_PMC_BOOT_42
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
 * struct drm_nova_query_device - the GPU
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
	 * @vram_usable: VRAM that the firmware leaves to its users, in bytes;
	 * never more than @vram_size.
	 */
	__u64 vram_usable;

	/**
	 * @bar_size: Size in bytes of each PCI BAR by its index; zero where
	 * there is none, and for the upper half of a 64-bit BAR.
	 */
	__u64 bar_size[6];

	/** @name: The GPU's name as its firmware tells it, ends with a NUL. */
	char name[64];
};

/**
 * struct drm_nova_query_firmware - the firmware that runs the GPU
 */
struct drm_nova_query_firmware {
	/** @release: Release such as "570.144", ends with a NUL. */
	char release[32];
};

#define DRM_NOVA_GETPARAM		0x00
#define DRM_NOVA_GEM_CREATE		0x01
#define DRM_NOVA_GEM_INFO		0x02
#define DRM_NOVA_QUERY			0x03

/* An enum and not macros, so that Rust's bindgen sees the values. */
enum {
	DRM_IOCTL_NOVA_GETPARAM		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GETPARAM,
						   struct drm_nova_getparam),
	DRM_IOCTL_NOVA_GEM_CREATE	= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_CREATE,
						   struct drm_nova_gem_create),
	DRM_IOCTL_NOVA_GEM_INFO		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_GEM_INFO,
						   struct drm_nova_gem_info),
	DRM_IOCTL_NOVA_QUERY		= DRM_IOWR(DRM_COMMAND_BASE + DRM_NOVA_QUERY,
						   struct drm_nova_query),
};

#if defined(__cplusplus)
}
#endif

#endif /* __NOVA_DRM_H__ */
