// SPDX-License-Identifier: GPL-2.0

/*
 * Inline functions and macros of the kernel that have no symbol, for
 * nova/kmod/kernel/drm/shim.rs. The kernel's own are in rust/helpers, for what
 * is not built as a module.
 */

#include <linux/device.h>
#include <linux/dma-fence-chain.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/seq_file.h>
#include <linux/time_namespace.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>
#include <drm/drm_vma_manager.h>

/* As drm_gem_shmem_helper.c: pages that stay where they are must not come from the movable zone. */
void nova_helper_gem_pin_gfp(struct drm_gem_object *object)
{
	mapping_set_gfp_mask(object->filp->f_mapping,
			     GFP_HIGHUSER | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
}

bool nova_helper_gem_get_unless_zero(struct drm_gem_object *object)
{
	return kref_get_unless_zero(&object->refcount);
}

bool nova_helper_gem_is_shared(struct drm_gem_object *object)
{
	return drm_gem_object_is_shared_for_memory_stats(object);
}

bool nova_helper_gem_is_exported(struct drm_gem_object *object)
{
	return READ_ONCE(object->dma_buf);
}

unsigned long nova_helper_page_to_pfn(struct page *page)
{
	return page_to_pfn(page);
}

bool nova_helper_vma_is_cow_mapping(struct vm_area_struct *vma)
{
	return vma_is_cow_mapping(vma);
}

void nova_helper_vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vm_flags_set(vma, flags);
}

void nova_helper_vma_offset_lock_lookup(struct drm_vma_offset_manager *manager)
{
	drm_vma_offset_lock_lookup(manager);
}

void nova_helper_vma_offset_unlock_lookup(struct drm_vma_offset_manager *manager)
{
	drm_vma_offset_unlock_lookup(manager);
}

void nova_helper_debugfs_add_file(struct drm_device *device, const char *name,
				  int (*show)(struct seq_file *, void *))
{
	drm_debugfs_add_file(device, name, show, NULL);
}

struct drm_device *nova_helper_debugfs_device(struct seq_file *file)
{
	struct drm_debugfs_entry *entry = file->private;

	return entry->dev;
}

void nova_helper_print_engine(struct drm_printer *printer, const char *name, u64 ns, u32 capacity)
{
	drm_printf(printer, "drm-engine-%s:\t%llu ns\n", name, ns);
	drm_printf(printer, "drm-engine-capacity-%s:\t%u\n", name, capacity);
}

void nova_helper_syncobj_put(struct drm_syncobj *syncobj)
{
	drm_syncobj_put(syncobj);
}

/* As dma_fence_chain_alloc(), which does not charge a memory cgroup. */
struct dma_fence_chain *nova_helper_fence_chain_alloc(void)
{
	return kmalloc_obj(struct dma_fence_chain, GFP_KERNEL_ACCOUNT);
}

void nova_helper_fence_chain_free(struct dma_fence_chain *chain)
{
	dma_fence_chain_free(chain);
}

struct dma_fence *nova_helper_fence_chain_contained(struct dma_fence *fence)
{
	return dma_fence_chain_contained(fence);
}

bool nova_helper_fence_is_later(struct dma_fence *fence, struct dma_fence *other)
{
	return dma_fence_is_later(fence, other);
}

s64 nova_helper_timens_monotonic(void)
{
	struct timespec64 offset = {};

	timens_add_monotonic(&offset);
	return timespec64_to_ns(&offset);
}

s64 nova_helper_timens_boottime(void)
{
	return timens_add_boottime_ns(0);
}

/*
 * Dynamic debug knows each dev_dbg() by its function. The messages are those of
 * format_args!(), as in rust/kernel/print.rs.
 */

void nova_helper_debug_bind(struct drm_device *device, const void *message)
{
	dev_dbg(device->dev, "bind: %pA\n", message);
}

void nova_helper_debug_exec(struct drm_device *device, const void *message)
{
	dev_dbg(device->dev, "exec: %pA\n", message);
}

void nova_helper_debug_fault(struct drm_device *device, const void *message)
{
	dev_dbg(device->dev, "fault: %pA\n", message);
}
