# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that make what a VM starts from, which source lib.sh, too.
# shellcheck shell=bash

# The stock modules that are needed for those named, in order of loading, as paths below the kernel's folder.
# Usage: with_dependencies KERNEL RELEASE MODULES    KERNEL: the folder that has lib/modules/RELEASE
with_dependencies() {
	# shellcheck disable=SC2086 # a list of names
	"$VM/cache/sysroot" --kernel "$1" modprobe -d /kernel -S "$2" --show-depends -a $3 |
		sed -n 's,^insmod /kernel/lib/,,p' | awk '!seen[$1]++ { print $1 }'
}

# Writes the initramfs to its output; it loads the modules that the VM's disk and folders need. Some kernels have some of
# them built in.
# Usage: make_initramfs KERNEL RELEASE FOLDER    FOLDER: what is in it, to be made
make_initramfs() {
	local module modules=$3/modules/$2
	mkdir -p "$3/bin" "$modules"
	cp "$SYSROOT/bin/busybox" "$3/bin/"
	ln -s busybox "$3/bin/sh"
	install -m 755 "$VM/guest/initramfs-init" "$3/init"
	with_dependencies "$1" "$2" "virtio_pci virtio_console virtio_blk erofs overlay 9p 9pnet_virtio" | while read -r module; do
		case $module in
		*.xz) xz -dc "$1/lib/$module" >"$modules/$(basename "$module" .xz)" ;;
		*) cp "$1/lib/$module" "$modules/" ;;
		esac
		basename "$module" .xz >>"$modules/order"
	done
	(cd "$3" && find . | cpio -o -H newc --quiet | zstd -q)
}
