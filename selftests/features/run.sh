#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run the tests of module/vmx/features.c, and mutants of it, as one TAP stream;
# called by the Makefile.
#
# usage: [SEED=N] [COUNT=N] run.sh [PROGRAM | PATCH]...
#
# A patch breaks one row or rule. It is applied to a copy of the table, with all
# lines around the change (no fuzz), built and run: the test that its second line
# names ("Killed by: NAME") must fail. One that survives, does not apply or does not
# build is a failure.

set -u
cd "$(dirname "$0")" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
mutants=0

# program FILE: the tests themselves.
program() {
	echo "# $1"
	"$1" --seed "${SEED:-1}" ${COUNT:+--count "$COUNT"}
	case $? in
	0) return 0 ;;
	1) ;;
	*) echo "not ok - $1: broke off" ;;
	esac
	return 1
}

# mutant PATCH: prints one TAP line.
mutant() {
	local patch=$1 name said killer
	name="$(basename "$patch" .patch): $(head -n 1 "$patch")"
	mutants=$((mutants + 1))
	killer=$(sed -n '2s/^Killed by: //p' "$patch")
	rm -rf "$work/module" "$work/tests"
	mkdir -p "$work/module/vmx"
	cp ../../module/vmx/features.[ch] "$work/module/vmx"
	if ! said=$(patch -d "$work" -p1 -s -f --no-backup-if-mismatch -F 0 <"$patch" 2>&1); then
		name+=" (the patch does not apply)"
	elif ! said=$(gcc -O0 -std=gnu11 -I. -I../insn -I"$work/module" -o "$work/tests" \
		test_features.c spec.c ../insn/tap.c 2>&1); then
		name+=" (does not build)"
	elif ! said=$("$work/tests" --seed "${SEED:-1}" | grep "^not ok .* - $killer\$"); then
		name+=" (not killed by: $killer)"
	else
		echo "ok $mutants - $name"
		return 0
	fi
	printf '%s\n' "$said" | tail -n 5 | sed 's/^/# /'
	echo "not ok $mutants - $name"
	return 1
}

for file; do
	case $file in
	*.patch) mutant "$file" || failed=1 ;;
	*) program "$file" || failed=1 ;;
	esac
done
[ $mutants -eq 0 ] || echo "1..$mutants"
exit $failed
