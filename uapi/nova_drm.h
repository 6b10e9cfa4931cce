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
 * holes. Reserved members must be zero, or the call fails with -EINVAL, so that
 * a later version can give them a meaning. Members that a call only writes may
 * have any value before the call. A call that fails does not change its
 * structure.
 *
 * All calls work in the same way on render nodes and on primary nodes, and need
 * no authentication. A call fails with -EIO while the GPU is wedged, that is,
 * while its firmware does not work. A wedged event reports when it works again,
 * or how to recover the GPU. &DRM_IOCTL_NOVA_QUERY and
 * &DRM_IOCTL_NOVA_GEM_INFO do not need the GPU, so they also work while it is
 * wedged. After the GPU has been unbound from its driver, every call fails with
 * -ENODEV.
 *
 * Jobs are not supported yet, so there are no fences: DRM_CAP_SYNCOBJ and
 * DRM_CAP_SYNCOBJ_TIMELINE are 0.
 */

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
 * struct drm_nova_gem_create - create a GEM object
 *
 * Kept as in Linux 7.3. An object has no memory yet, but its size counts as
 * VRAM: the objects of a GPU have at most &drm_nova_query_device.vram_usable
 * bytes in total.
 *
 * The call fails with -EINVAL if @size is zero or cannot be rounded up, and
 * with -ENOSPC if @size exceeds the VRAM that is left.
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
 * struct drm_nova_gem_info - query a GEM object
 *
 * Kept as in Linux 7.3. An unknown @handle fails with -ENOENT.
 */
struct drm_nova_gem_info {
	/** @handle: The handle of the object. */
	__u32 handle;

	/** @pad: Padding, ignored. */
	__u32 pad;

	/** @size: Out: the size of the object in bytes. */
	__u64 size;
};

/**
 * enum drm_nova_query_id - structures that &struct drm_nova_query can query
 */
enum drm_nova_query_id {
	/** @DRM_NOVA_QUERY_DEVICE: &struct drm_nova_query_device */
	DRM_NOVA_QUERY_DEVICE = 0,

	/** @DRM_NOVA_QUERY_FIRMWARE: &struct drm_nova_query_firmware */
	DRM_NOVA_QUERY_FIRMWARE = 1,
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
 * The call fails with -EINVAL if @size is not zero but below the size of the
 * answer's first version, if @query is unknown, or if @flags is not zero, and
 * with -EFAULT if @data cannot be written.
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

#define DRM_NOVA_GETPARAM		0x00
#define DRM_NOVA_GEM_CREATE		0x01
#define DRM_NOVA_GEM_INFO		0x02
#define DRM_NOVA_QUERY			0x03

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
};

#if defined(__cplusplus)
}
#endif

#endif /* __NOVA_DRM_H__ */
