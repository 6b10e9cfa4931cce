# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that look up versions in the Debian archive, which source lib.sh, too.
# shellcheck shell=bash

# The address of the archive in this machine's own sources, so that mirrors and proxies are used.
archive_address() {
	# shellcheck disable=SC2016 # the format is for apt
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | head -n 1
}

# Makes the configuration in $APT, for the suites in its input: lines of a suite and its components.
configure_apt() {
	local address
	address=$(archive_address)
	if [ -z "$address" ]; then
		as_root apt-get update -q
		address=$(archive_address)
	fi
	[ -n "$address" ] || die "apt has no Debian archive on this machine"
	mkdir -p "$APT/state" "$APT/cache/archives/partial"
	sed "s,^,deb $address ," >"$APT/sources.list"
	cat >"$APT/apt.conf" <<-CONF
		Dir::State "$APT/state";
		Dir::State::status "/dev/null";
		Dir::Cache "$APT/cache";
		Dir::Etc::SourceList "$APT/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	CONF
	apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries|ForceIP)' >"$APT/host.conf" || true
	archive_apt apt-get update -q
}

# The newest version of a package in a suite, from the output of apt-cache madison in $offers.
version() {
	# shellcheck disable=SC2154 # offers is set by the script that sources this one
	awk -F ' *[|] *' -v package="$1" -v suite=" $2/" '
		{ sub(/^ */, "", $1) }
		$1 == package && index($3, suite) { print $2; exit }' <<<"$offers"
}

# Writes its input to a plan, unless a value is empty.
write_plan() {
	cat >"$1.new"
	! grep -q "=''" "$1.new" || die "the archive lacks packages: $(grep "=''" "$1.new")"
	mv "$1.new" "$1"
}
