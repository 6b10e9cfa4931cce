// SPDX-License-Identifier: GPL-2.0

/*
 * Exports nova-core's Rust symbols to nova-drm: the kernel has no way to do so
 * from Rust, outside of its own rust/ folder.
 *
 * NOVA_CORE_BUILD is the name of a symbol, which differs from build to build, so
 * that nova-drm.ko of another one cannot be loaded (see Kbuild).
 */

#include <linux/export.h>

#define EXPORT_NOVA_SYMBOL(symbol) extern int symbol; EXPORT_SYMBOL_GPL(symbol)

#include "exports.h"

extern const char NOVA_CORE_BUILD;
const char NOVA_CORE_BUILD;
EXPORT_SYMBOL_GPL(NOVA_CORE_BUILD);
