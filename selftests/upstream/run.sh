#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Runs the upstream KVM selftests in the emulated machine, on whatever
# /dev/kvm is; each is reported under its own name.  Sourced or run by the
# machine's jobs, with the programs in /job/upstream.
#
# usage: run.sh DEVICE-NAME [full]
# Exit status 4 of a test is its own word for "skipped".

# shellcheck source=scripts/guest/tap.sh
. /bin/tap.sh

device=${1:?expected the name of the device under test: slat or kvm_intel}
extent=${2:-}
dir=/job/upstream

upstream() {
	name=$1 limit=$2
	shift 2
	[ -x "$dir/$name" ] || return 0
	# shellcheck disable=SC2086
	tap_run "$limit" "upstream: $name on $device" $pinned "$dir/$name" "$@"
}

pinned=

upstream set_sregs_test 120
upstream demand_paging_test 300 -v 1 -b 16M
# Its threads share a tree without a lock, which only one CPU forgives.
pinned="taskset 1"
upstream memslot_modification_stress_test 300 -v 1 -b 16M -i 20
pinned=
upstream userspace_io_test 120
upstream kvm_page_table_test 300 -v 1 -b 16M
upstream dirty_log_perf_test 300 -v 1 -b 16M -i 2
if [ "$extent" = full ]; then
	upstream dirty_log_test 1500 -i 30 -M dirty-log
	upstream dirty_log_test 1500 -i 30 -M clear-log
fi
upstream kvm_create_max_vcpus 600
# Adds as many slots as the device offers: minutes with all 32764 of them.
if [ "$device" = slat ] || [ "$extent" = full ]; then
	upstream set_memory_region_test 1500
fi
exit 0
