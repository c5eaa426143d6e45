#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Compile upstream KVM selftests, unchanged, from Debian's linux-source-6.1.
#
# usage: selftests/upstream/build.sh
# Prints the paths of the static programs.  Sources, kernel headers and objects
# stay in the cache; the one thing that is ours is wrap.c, linked in.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

TESTS=(set_memory_region_test demand_paging_test memslot_modification_stress_test
	kvm_create_max_vcpus x86_64/set_sregs_test x86_64/userspace_io_test
	x86_64/sync_regs_test x86_64/cr4_cpuid_sync_test x86_64/get_msr_index_features
	x86_64/state_test x86_64/tsc_msrs_test kvm_binary_stats_test
	dirty_log_test dirty_log_perf_test kvm_page_table_test memslot_perf_test)

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
		CC="gcc -DTEST_ASSERT_EQ=ASSERT_EQ -fmacro-prefix-map=$src/=" \
		LDFLAGS="-static -pthread -no-pie -Wl,--wrap=ioctl,--wrap=alarm,--wrap=sem_timedwait" \
		LDLIBS="$out/objects/wrap.o -ldl" \
		"${TESTS[@]/#/$out/objects/}"
	for name in "${TESTS[@]}"; do
		strip -o "$out/.new" "$out/objects/$name"
		mv "$out/.new" "$out/${name##*/}"
	done
}

case ${1:-} in
-h | --help) usage_from "$0" && exit ;;
"") ;;
*) die "argument '$1': expected none" ;;
esac

src=$("$SLAT_TOP/scripts/kernel" source)
out=$SLAT_CACHE/upstream/$(basename "$src")
mkdir -p "$out"
if ! with_lock upstream build "$src" "$out" >"$out/build.log" 2>&1; then
	tail -n 20 "$out/build.log" >&2
	die "the upstream selftests do not build (whole log: $out/build.log)"
fi
for name in "${TESTS[@]}"; do
	printf '%s\n' "$out/${name##*/}"
done
