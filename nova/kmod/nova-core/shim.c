// SPDX-License-Identifier: GPL-2.0

/*
 * Inline functions of the kernel that have no symbol, for
 * nova/kmod/kernel/pci/bar_pages.rs.
 */

#include <linux/io.h>

/* Without PAT, and on other architectures, these do nothing. */

int nova_helper_arch_io_reserve_memtype_wc(resource_size_t start, resource_size_t size)
{
	return arch_io_reserve_memtype_wc(start, size);
}

void nova_helper_arch_io_free_memtype_wc(resource_size_t start, resource_size_t size)
{
	arch_io_free_memtype_wc(start, size);
}
