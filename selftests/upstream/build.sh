#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Compile upstream KVM selftests, unchanged, from Debian's linux-source-6.1 or -6.12.
#
# usage: selftests/upstream/build.sh SERIES [full | all]
#   SERIES   6.1 or 6.12
#   full     what scripts/check --full runs
#   all      every common and x86 test of it, whether or not the checks run it
# Prints the paths of the static programs.  Sources, kernel headers and objects
# stay in the cache; the one thing that is ours is wrap.c, linked in.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

TESTS_6_1=(set_memory_region_test demand_paging_test memslot_modification_stress_test
	kvm_create_max_vcpus x86_64/set_sregs_test x86_64/userspace_io_test
	x86_64/sync_regs_test x86_64/cr4_cpuid_sync_test x86_64/get_msr_index_features
	x86_64/state_test x86_64/tsc_msrs_test kvm_binary_stats_test
	dirty_log_test dirty_log_perf_test kvm_page_table_test memslot_perf_test)
# Of 6.12 what 6.1 has not, or less of; and the rest, whose 6.1 the checks run anyhow.
TESTS_6_12=(coalesced_io_test guest_print_test pre_fault_memory_test set_memory_region_test
	x86_64/exit_on_emulation_failure_test x86_64/hwcr_msr_test
	x86_64/max_vcpuid_cap_test x86_64/xcr0_cpuid_test)
TESTS_6_12_FULL=(demand_paging_test memslot_modification_stress_test kvm_create_max_vcpus
	x86_64/set_sregs_test x86_64/userspace_io_test x86_64/sync_regs_test
	x86_64/cr4_cpuid_sync_test x86_64/get_msr_index_features x86_64/state_test
	x86_64/tsc_msrs_test kvm_binary_stats_test dirty_log_perf_test
	kvm_page_table_test)

# all_tests SOURCE: what the Makefile there builds for x86.
all_tests() {
	sed -n 's/^TEST_GEN_PROGS\(_EXTENDED\)\?_x86_64 +\?= //p' \
		"$1/tools/testing/selftests/kvm/Makefile"
}

build() {
	local src=$1 out=$2 kvm=$1/tools/testing/selftests/kvm name
	mkdir -p "$out/headers" "$out/objects"
	[[ -f $out/headers/usr/include/linux/kvm.h ]] ||
		make -s -C "$src" O="$out/headers" headers_install
	gcc -Wall -Wextra -Werror -O2 -c "$here/wrap.c" -o "$out/objects/wrap.o"
	# lib.mk has no rule that relinks for a changed object of ours
	for name in "${TESTS[@]}"; do
		[[ $out/objects/$name -nt $here/wrap.c ]] || rm -f "$out/objects/$name"
	done
	make -C "$kvm" OUTPUT="$out/objects" \
		KHDR_INCLUDES="-isystem $out/headers/usr/include" \
		LINUX_HDR_PATH="$out/headers/usr/include/" \
		CC="gcc $define -fmacro-prefix-map=$src/=" \
		LDFLAGS="-static -pthread -no-pie -Wl,--wrap=ioctl,--wrap=open,--wrap=alarm,--wrap=sem_timedwait" \
		LDLIBS="$out/objects/wrap.o -ldl" \
		"${TESTS[@]/#/$out/objects/}"
	for name in "${TESTS[@]}"; do
		strip -o "$out/.new" "$out/objects/$name"
		mv "$out/.new" "$out/${name##*/}"
	done
}

case ${1:-}:${2:-} in
-h: | --help:) usage_from "$0" && exit ;;
6.1: | 6.1:full) TESTS=("${TESTS_6_1[@]}") ;;
6.12:) TESTS=("${TESTS_6_12[@]}") ;;
6.12:full) TESTS=("${TESTS_6_12[@]}" "${TESTS_6_12_FULL[@]}") ;;
6.1:all | 6.12:all) TESTS=() ;;
*) die "arguments '$*': expected 6.1 or 6.12, and full, all or nothing" ;;
esac

# 6.1's library still has another name for one of its assertions.
define=
[[ $1 != 6.1 ]] || define=-DTEST_ASSERT_EQ=ASSERT_EQ
src=$("$SLAT_TOP/scripts/kernel" source "$1")
((${#TESTS[@]})) || mapfile -t TESTS < <(all_tests "$src")
out=$SLAT_CACHE/upstream/$(basename "$src")
mkdir -p "$out"
if ! with_lock "upstream-$1" build "$src" "$out" >"$out/build.log" 2>&1; then
	tail -n 20 "$out/build.log" >&2
	die "the upstream selftests of $1 do not build (whole log: $out/build.log)"
fi
for name in "${TESTS[@]}"; do
	printf '%s\n' "$out/${name##*/}"
done
