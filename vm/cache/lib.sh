# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts here: paths, making of cached artefacts, and display of progress.
# shellcheck shell=bash disable=SC2034 # the scripts that source this file use the variables

set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM=$REPO/vm
CACHE=${NOVA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nova}
APT=$CACHE/apt
PLAN=$CACHE/plan
NVIDIA_APT=$CACHE/apt-nvidia
NVIDIA_PLAN=$CACHE/plan-nvidia
PROGRAMS=${CARGO_TARGET_DIR:-$REPO/build/cargo}/release
mkdir -p "$CACHE"

say() { printf '%s\n' "nova: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root, with sudo if necessary.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "root is needed for: $1 (and sudo is not installed)"
		sudo NOVA_CACHE="$CACHE" "$@"
	fi
}

# Runs apt with the sources of the cache: trixie, its backports and forky, never the host's own.
archive_apt() {
	local tool=$1
	shift
	APT_CONFIG=$APT/apt.conf "$tool" "$@"
}

# Runs mmdebstrap with the host's settings for access to the archive (proxies and so on), and these
# arguments.
bootstrap() {
	mmdebstrap --architectures=amd64 --aptopt="$APT/host.conf" --aptopt='APT::Sandbox::User "root"' "$@"
}

# The line of the sources list that names the suite.
source_of() { grep " $1 " "$APT/sources.list"; }

# A short hash of its arguments (files) and its input.
key() { cat - "$@" | sha256sum | cut -c 1-12; }

# Reads the plan, which has the versions of all packages. The name of each artefact's folder has a
# hash of its inputs, so that an update makes a new folder.
read_plan() {
	[ -e "$PLAN" ] || die "the cache is empty: run make prepare"
	# shellcheck source=/dev/null
	. "$PLAN"
	SYSROOT=$CACHE/sysroot-$(key "$VM/cache/make-sysroot" <<<"$QEMU_VERSION $TOOL_VERSIONS")
	KERNEL=$CACHE/kernel-$KERNEL_RELEASE-$(key "$VM/cache/make-kernel" "$VM/cache/kernel-metadata" <<<"$KERNEL_VERSION $TOOL_VERSIONS")
	DEBUG_KERNEL=$CACHE/debug-kernel-$KERNEL_RELEASE-$(key "$VM/cache/make-debug-kernel" \
		"$VM/cache/debug-kernel.config" "$VM/cache/debug-kernel.Kconfig" \
		<<<"$KERNEL_VERSION $TOOL_VERSIONS")
	FIRMWARE=$CACHE/firmware-$(key "$VM/cache/make-firmware" <<<"$FIRMWARE_VERSION")
	TINYGRAD=$CACHE/tinygrad-$(key "$VM/cache/make-tinygrad" "$VM/judges/tinygrad/requirements.txt" <<<"${FIRMWARE##*/}")
	GUEST=$CACHE/guest-$(key "$VM/cache/make-guest" "$VM/cache/make-firmware" "$VM/cache/initramfs.sh" "$VM/guest/initramfs-init" \
		<<<"$KERNEL_VERSION $FIRMWARE_VERSION $IGT_VERSION $MESA_VERSION $VULKAN_TOOLS_VERSION")
}

# Reads the plan of NVIDIA's driver, too.
read_nvidia_plan() {
	read_plan
	[ -e "$NVIDIA_PLAN" ] || die "NVIDIA's driver is not in the cache: run vm/cache/prepare nvidia"
	# shellcheck source=/dev/null
	. "$NVIDIA_PLAN"
	NVIDIA=$CACHE/nvidia-$(key "$VM/cache/make-nvidia" "$VM/cache/initramfs.sh" "$VM/guest/initramfs-init" \
		<<<"$NVIDIA_VERSION $NVIDIA_FIRMWARE_VERSION $NVIDIA_KERNEL_VERSION $TOOL_VERSIONS")
}

# Prints the chips that are mocked: `all`, or the first one of each of the `families`.
chips() {
	"$PROGRAMS/nova-mock" --list-chips |
		awk -v which="$1" 'NR > 1 && !/not mocked$/ && (which == "all" || !seen[$2]++) { print $1 }'
}

# step NAME SECONDS COMMAND...: runs the command with its output in a log, and prints the progress.
step() {
	local name=$1 estimate=$2 log=$CACHE/log/$1.log start=$SECONDS last=0 job
	shift 2
	mkdir -p "$CACHE/log"
	say "$name: about $estimate s"
	# The job is a process group of its own, so that all its processes can be killed.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	set +m
	job=$!
	trap 'kill -- "-$job"; die "$name: interrupted"' INT TERM HUP
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start - last)) -ge 10 ]; then
			last=$((SECONDS - start))
			say "$name: $last s of about $estimate s"
		fi
	done
	if ! wait "$job"; then
		tail -n 20 "$log" >&2
		die "$name failed; see $log"
	fi
	trap - INT TERM HUP
	say "$name: done in $((SECONDS - start)) s"
}

# artefact NAME SECONDS FOLDER COMMAND...: makes FOLDER if it does not exist. The command gets the
# name of a temporary folder next to it as its last argument; only a complete folder gets the final
# name.
artefact() {
	local name=$1 estimate=$2 folder=$3 temporary=$3.part
	shift 3
	[ ! -e "$folder" ] || return 0
	# Remove leftovers of an interrupted run; prepare holds the lock, so no other run uses them.
	as_root rm -rf "$temporary"
	step "$name" "$estimate" as_root "$@" "$temporary"
	as_root mv -T "$temporary" "$folder"
}
