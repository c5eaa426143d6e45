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
	tap_begun=$(date +%s)
	timeout "$tap_limit" "$@"
	tap_status=$?
	[ "$tap_status" = 143 ] && echo "# $tap_title: no end within $tap_limit s"
	echo "# $tap_title: $(($(date +%s) - tap_begun)) s"
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

# leaks_none: two scans, since kmemleak takes an object for lost only when its
# content stayed the same between them, and when it is five seconds old.  They
# take minutes: lockdep, which looks at each lock of each object, has done its work.
leaks_none() {
	echo 0 >/proc/sys/kernel/prove_locking
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak || return 1
	echo scan >/sys/kernel/debug/kmemleak || return 1
	[ -z "$(cat /sys/kernel/debug/kmemleak)" ] && return 0
	cat /sys/kernel/debug/kmemleak
	return 1
}

# checkers_on: each checker of the debug kernel says that it works.  A warning
# ends the machine, lockdep stops after its first report or where its tables are
# full, and KASAN and UBSAN see what was compiled for them.
checkers_on() {
	grep -x 1 /proc/sys/kernel/panic_on_warn || {
		echo "panic_on_warn is 0: expected the kernel parameter"
		return 1
	}
	grep -E '^ *debug_locks: *1$' /proc/lockdep_stats || {
		echo "lockdep has stopped:"
		cat /proc/lockdep_stats
		return 1
	}
	for symbol in __asan_report_load8_noabort __ubsan_handle_out_of_bounds; do
		grep -q "$symbol" /modules/slat.ko || {
			echo "slat.ko has no calls of $symbol"
			return 1
		}
	done
}
