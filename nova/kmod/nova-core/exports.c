// SPDX-License-Identifier: GPL-2.0

/*
 * Exports nova-core's Rust symbols to nova-drm: the kernel has no way to do so
 * from Rust, outside of its own rust/ folder.
 */

#include <linux/export.h>

#define EXPORT_NOVA_SYMBOL(symbol) extern int symbol; EXPORT_SYMBOL_GPL(symbol)

#include "exports.h"
