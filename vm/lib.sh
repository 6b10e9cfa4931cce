# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts here: where things lie, how a cached artefact is made, how progress is shown.
# shellcheck shell=bash

set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VM=$REPO/vm
CACHE=${NOVA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nova}
APT=$CACHE/apt
PLAN=$CACHE/plan
mkdir -p "$CACHE"

say() { printf '%s\n' "nova: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root, with sudo where that is needed.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "root is needed for: $1 (and sudo is not installed)"
		sudo NOVA_CACHE="$CACHE" "$@"
	fi
}

# apt as it looks at the archive from here: trixie, its backports and forky, never the host's own packages.
archive_apt() {
	local tool=$1
	shift
	APT_CONFIG=$APT/apt.conf "$tool" "$@"
}

# mmdebstrap with the host's own way to the archive (proxies and the like). The rest of its arguments follow.
bootstrap() {
	mmdebstrap --architectures=amd64 --aptopt="$APT/host.conf" --aptopt='APT::Sandbox::User "root"' "$@"
}

# The line of the sources list that names the suite.
source_of() { grep " $1 " "$APT/sources.list"; }

# Reads the plan: which versions everything is made from, and the folder of each artefact.
read_plan() {
	[ -e "$PLAN" ] || die "the cache is empty: run vm/prepare"
	# shellcheck source=/dev/null
	. "$PLAN"
	SYSROOT=$CACHE/sysroot-$SYSROOT_KEY
	KERNEL=$CACHE/kernel-$KERNEL_RELEASE-$KERNEL_KEY
	FIRMWARE=$CACHE/firmware-$FIRMWARE_VERSION
	GUEST=$CACHE/guest-$GUEST_KEY
}

# step NAME SECONDS COMMAND...: runs the command with its output in a log, and tells how far it should be.
step() {
	local name=$1 estimate=$2 log=$CACHE/log/$1.log start=$SECONDS last=0 job
	shift 2
	mkdir -p "$CACHE/log"
	say "$name: about $estimate s"
	"$@" >"$log" 2>&1 &
	job=$!
	while kill -0 "$job" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start - last)) -ge 10 ]; then
			last=$((SECONDS - start))
			say "$name: $last s of about $estimate s"
		fi
	done
	if ! wait "$job"; then
		tail -n 20 "$log" >&2
		die "$name failed; all of it is in $log"
	fi
	say "$name: done in $((SECONDS - start)) s"
}

# artefact NAME SECONDS FOLDER COMMAND...: makes FOLDER if it is not there. The command gets the name of a
# temporary folder beside it as its last argument; only a folder that is complete gets the final name.
artefact() {
	local name=$1 estimate=$2 folder=$3 temporary=$3.part
	shift 3
	[ ! -e "$folder" ] || return 0
	step "$name" "$estimate" as_root "$@" "$temporary"
	as_root mv -T "$temporary" "$folder"
}
