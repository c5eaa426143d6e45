#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Runs the upstream KVM selftests in the emulated machine, on whatever
# /dev/kvm is; each is reported under its own name.  Run by the machine's
# jobs, with 6.1's programs in /job/upstream, 6.12's in /job/upstream/6.12.
#
# usage: run.sh DEVICE-NAME [quick | check | full | debug | dirty]
#   full   with every slot, 30 iterations of dirty_log_test, and all of 6.12's
#   debug  arguments for the debug kernel, which is some ten times slower; no 6.12's
#   dirty  dirty_log_test alone, 30 iterations
# Exit status 4 of a test is its own word for "skipped".

# shellcheck source=scripts/guest/tap.sh
. /bin/tap.sh

device=${1:?expected the name of the device under test: slat or kvm_intel}
extent=${2:-check}
dir=/job/upstream
pinned=

# upstream SECONDS PROGRAM ARGUMENT...
upstream() {
	limit=$1 name=$2
	shift 2
	# shellcheck disable=SC2086
	tap_run "$limit" "upstream: $name${*:+ $*} on $device" $pinned "$dir/$name" "$@"
}

# newer SECONDS PROGRAM ARGUMENT...: the same of 6.12's.
newer() {
	limit=$1 name=$2
	shift 2
	# shellcheck disable=SC2086
	tap_run "$limit" "upstream 6.12: $name${*:+ $*} on $device" $pinned "$dir/6.12/$name" "$@"
}

# What 6.12's library and tests do and 6.1's do not: slots by
# KVM_SET_USER_MEMORY_REGION2, and ioctls and switches that are younger.
newer_adds() {
	newer 120 coalesced_io_test
	newer 120 guest_print_test
	newer 120 pre_fault_memory_test
	newer 120 exit_on_emulation_failure_test
	newer 120 hwcr_msr_test
	newer 120 max_vcpuid_cap_test
	newer 120 xcr0_cpuid_test
	# As 6.1's: minutes with as many slots as KVM offers.
	case $device:$extent in
	slat:* | *:full) newer 1500 set_memory_region_test ;;
	esac
}

# both RUN: what both have, by one of the functions above.
# shellcheck disable=SC2086 # words, without blanks in them
both() {
	run=$1
	"$run" 240 set_sregs_test
	"$run" 240 sync_regs_test
	"$run" 120 cr4_cpuid_sync_test
	"$run" 120 get_msr_index_features
	"$run" 120 tsc_msrs_test
	"$run" 120 kvm_binary_stats_test
	"$run" 600 demand_paging_test $pages
	# Its threads share a tree without a lock, which only one CPU forgives.
	pinned="taskset 1"
	"$run" 600 memslot_modification_stress_test $pages -i "$stress_rounds"
	pinned=
	"$run" 240 userspace_io_test
	"$run" 600 kvm_page_table_test $pages
	"$run" 600 dirty_log_perf_test $pages -i 2
	# With nested VMX, which only KVM offers, it fails in Bochs.
	[ "$device" != slat ] || "$run" 120 state_test
}

# dirty_log ITERATIONS: with the bitmap cleared by GET, then by CLEAR.
dirty_log() {
	upstream 1500 dirty_log_test -i "$1" -M dirty-log
	upstream 1500 dirty_log_test -i "$1" -M clear-log
}

# The arguments of an extent. memslot_perf_test's parts: 0 map (6 s on the quick
# kernel), 1 unmap (18 s), 2 unmap in chunks (15 s), 3 and 4 moves (60 s each, of
# which 58 the test's own preparation of 512 MiB), 5 reads and writes (65 s).
pages="-v 1 -b 16M" stress_rounds=20 perf="-s 200 -l 1 -e 0"
case $extent in
debug) pages="-v 1 -b 4M" stress_rounds=5 perf="-s 50 -l 1 -e 0" ;;
full) perf="-s 200 -l 1" ;;
dirty)
	dirty_log 30
	exit 0
	;;
esac

both upstream
# shellcheck disable=SC2086
upstream 1500 memslot_perf_test -d $perf
# On kvm_intel these only with time to spare: dirty_log_test is 40 s in each of its
# modes, set_memory_region_test adds as many slots as the device offers, minutes with
# all 32764 of them, and kvm_create_max_vcpus as many vCPUs, of which 6.12's has 4096.
case $device:$extent in
slat:debug)
	upstream 900 kvm_create_max_vcpus
	# Its guest of 1 GiB takes half an hour and more here: once, with what
	# `dirty` doesn't do, a round cleared in parts.
	upstream 1500 set_memory_region_test
	upstream 10000 dirty_log_test -i 3 -M clear-log
	;;
slat:* | *:full)
	upstream 900 kvm_create_max_vcpus
	dirty_log 3
	upstream 1500 set_memory_region_test
	;;
esac
# 6.1's KVM has not what they require.
case $device:$(uname -r) in
slat:* | *:6.[2-9]* | *:6.1[0-9]*)
	[ "$extent" = debug ] || newer_adds
	[ "$extent" != full ] || {
		both newer
		newer 900 kvm_create_max_vcpus
	}
	;;
esac
exit 0
