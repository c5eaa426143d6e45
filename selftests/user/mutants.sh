#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Mutants: each patch breaks one rule of what a suite tests. Apply each to a copy of
# the sources, build, run the tests: they must fail. A mutant that survives, and
# a patch that does not apply or does not build, is a failure. TAP output. All
# lines around a change must be there (no fuzz): else it could land elsewhere.
#
# A patch begins with a line that says what it breaks and one with the name of
# the test that is known to notice; that one runs first, all others only when it
# does not. "Needs: AddressSanitizer" asks for a build with it.
#
# usage: SUITE=NAME [JOBS=N] mutants.sh [PATCH...]
# SUITE: a directory of selftests/ with its own mutants/, built before

set -u
suite=${SUITE:?expected the name of a suite}
cd "$(dirname "$0")/../$suite" || exit 1
here=$PWD
top=$here/../..
build=$here/${OUT:-build}
# Where the sources are, those of the module and those of the tests.
case $suite in
mmu) code=(module/slots module/mmu) tests=("$here") ;;
flush) code=(module/vmx) tests=("$here" "$top/selftests/mmu") ;;
*) code=(module/vmx) tests=("$here") ;;
esac
tests+=("$top/selftests/user")
jobs=${JOBS:-2}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

patches=("$@")
[ ${#patches[@]} -gt 0 ] || patches=("$here"/mutants/*.patch)

# killed DIR OPTION...: run the tests; says how they fail, false if they do not
killed() {
	local dir=$1 said
	shift
	said=$(timeout 240 "$dir/tests" --seed "${SEED:-1}" --fail-fast "$@" 2>&1) && return 1
	printf '%s\n' "$said" | grep -e '^# FAIL' -e '^# ended by' | cut -c 1-150 | tail -n 1
	printf '%s\n' "$said" | sed -n 's/^not ok [0-9]* - /# killed by: /p'
	printf '%s\n' "$said" | grep -q '^not ok'
}

# mutant PATCH DIR: prints one TAP line without a number
mutant() {
	local patch=$1 dir=$2 name said file killer
	local objects=() sources=() flags=(-O0 -std=gnu11) from=$build/$suite-plain whole=
	name="$(basename "$patch" .patch): $(head -n 1 "$patch")"
	mkdir -p "$dir"
	cp -r "$top/module" "$dir/module"
	if ! said=$(patch -d "$dir" -p1 -s -f --no-backup-if-mismatch -F 0 <"$patch" 2>&1); then
		printf '%s\n' "$said" | sed 's/^/# /'
		echo "not ok - $name (the patch does not apply)"
		return
	fi
	if grep -q '^Needs: AddressSanitizer$' "$patch"; then
		flags+=(-fsanitize=address -fsanitize=undefined)
		from=$build/$suite-gcc
	fi
	# What a patch leaves alone is built already; a header may be used everywhere, and
	# so may a source that is no object of its own.
	while read -r file; do
		[ -e "$from/${file%.c}.o" ] || whole=1
	done < <(sed -n 's,^+++ .*/\([^/	 ]*\).*,\1,p' "$patch")
	for file in "$from"/*.o; do
		if [ "$whole" ] || grep -q "^+++ .*/$(basename "$file" .o)\.c" "$patch"; then
			sources+=("$(cd "$dir" && find "${code[@]}" "${tests[@]}" -maxdepth 1 \
				-name "$(basename "$file" .o).c" -print -quit)")
		else
			objects+=("$file")
		fi
	done
	said=$(cd "$dir" && gcc "${flags[@]}" "${tests[@]/#/-I}" -Imodule -I"$top/include/uapi" \
		"${sources[@]}" "${objects[@]}" -o tests 2>&1)
	if [ ! -x "$dir/tests" ]; then
		printf '%s\n' "$said" | tail -n 5 | sed 's/^/# /'
		echo "not ok - $name (does not build)"
		return
	fi
	killer=$(sed -n '2s/^Killed by: //p' "$patch")
	if ! said=$(killed "$dir" ${killer:+--only "$killer"}) &&
	   ! said=$(killed "$dir"); then
		echo "not ok - $name (survives)"
		return
	fi
	printf '%s\n' "$said"
	echo "ok - $name"
}

n=0
for patch in "${patches[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	n=$((n + 1))
	{
		mutant "$patch" "$work/$n" >"$work/$n.out" 2>&1
		rm -rf "${work:?}/$n"
	} &
done
wait
for ((i = 1; i <= n; i++)); do
	sed "s/^\(not \)\?ok - /\1ok $i - /" "$work/$i.out"
done
echo "1..$n"
[ "$n" -gt 0 ] && ! grep -q '^not ok' "$work"/*.out
