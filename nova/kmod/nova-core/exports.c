// SPDX-License-Identifier: GPL-2.0

/*
 * Exports nova-core's Rust symbols to nova-drm. Only the kernel's own rust/
 * folder can export symbols from Rust.
 *
 * NOVA_CORE_BUILD is the name of a symbol that differs between builds, so that
 * a nova-drm.ko of another build cannot be loaded (see Kbuild).
 */

#include <linux/export.h>

#define EXPORT_NOVA_SYMBOL(symbol) extern int symbol; EXPORT_SYMBOL_GPL(symbol)

#include "exports.h"

extern const char NOVA_CORE_BUILD;
const char NOVA_CORE_BUILD;
EXPORT_SYMBOL_GPL(NOVA_CORE_BUILD);
