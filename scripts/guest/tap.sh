# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the jobs of the emulated machine.  A test's output goes out
# unchanged between two marks; scripts/tap on the host joins such streams.

# tap_run SECONDS TITLE COMMAND...: one test program, ended when it takes longer.
tap_run() {
	tap_limit=$1 tap_title=$2
	shift 2
	echo "#> begin $tap_title"
	timeout "$tap_limit" "$@"
	tap_status=$?
	[ "$tap_status" = 143 ] && echo "# $tap_title: no end within $tap_limit s"
	echo "#> end $tap_status $tap_title"
	return "$tap_status"
}

# tap_check TITLE COMMAND...: the command's success is one test.
tap_check() {
	tap_title=$1
	shift
	echo "#> begin $tap_title"
	"$@"
	tap_status=$?
	echo "#> end $tap_status $tap_title"
	return "$tap_status"
}

# slat_unload: out, with an errno in the output where it can't.
slat_unload() {
	rmmod slat && ! [ -e /dev/slat ]
}

# give_dev_kvm: /dev/kvm is /dev/slat, for clients that know only that name.
give_dev_kvm() {
	: >/dev/kvm && mount --bind /dev/slat /dev/kvm
}

take_dev_kvm() {
	umount /dev/kvm && rm /dev/kvm
}
