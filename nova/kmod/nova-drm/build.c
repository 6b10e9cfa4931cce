// SPDX-License-Identifier: GPL-2.0

/*
 * Refers to the symbol that nova-core.ko of the same build exports (see Kbuild).
 * Beneath another nova-core.ko this module cannot be loaded, and the kernel log
 * names the symbol that is missing.
 */

#include <linux/compiler.h>

extern const char NOVA_CORE_BUILD;

static const char *const nova_core_build __used = &NOVA_CORE_BUILD;
