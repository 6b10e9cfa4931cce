/* SPDX-License-Identifier: MIT */
/*
 * What nova_drm.h uses of drm.h: the machine's own where it has one, else the
 * few numbers that it needs of it (source: Linux, include/uapi/drm/drm.h).
 */
#if __has_include(<drm/drm.h>)
#include <drm/drm.h>
#elif __has_include(<libdrm/drm.h>)
#include <libdrm/drm.h>
#else
#include <linux/ioctl.h>
#include <linux/types.h>
#define DRM_COMMAND_BASE 0x40
#define DRM_IOWR(nr, type) _IOWR('d', nr, type)
#endif
