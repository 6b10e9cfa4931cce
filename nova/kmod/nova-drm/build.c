// SPDX-License-Identifier: GPL-2.0

/*
 * Refers to a symbol that only the nova-core.ko of the same build exports (see
 * Kbuild). With another nova-core.ko, this module cannot be loaded, and the
 * kernel logs that the symbol is unknown.
 */

#include <linux/compiler.h>

extern const char NOVA_CORE_BUILD;

static const char *const nova_core_build __used = &NOVA_CORE_BUILD;
