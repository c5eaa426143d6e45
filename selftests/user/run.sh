#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run test programs, JOBS at a time, and print what they say as one TAP stream
# with one plan. Called by the Makefile. The status is 0 when every test passed.
#
# usage: [SEED=N] [COUNT=PERCENT] [JOBS=N] run.sh PROGRAM...

set -u
jobs=${JOBS:-2}
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

nr=0
for program; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	nr=$((nr + 1))
	{
		case $program in
		*.sh) "$program" ;;
		# The second compiler does half as much random work, and other.
		*clang) "$program" --seed $((${SEED:-1} + 1)) --count $((${COUNT:-100} / 2)) ;;
		*) "$program" --seed "${SEED:-1}" --count "${COUNT:-100}" ;;
		esac
		echo "# status $?"
	} >"$out/$nr" 2>&1 &
done
wait

i=0
for program; do
	i=$((i + 1))
	label=$(basename "$program" .sh)
	sed -e "s/^\(not \)\?ok [0-9]* - /&$label: /" "$out/$i"
	# A program that broke off says so by its status alone.
	if ! grep -q '^# status [01]$' "$out/$i" || ! grep -q '^1\.\.[1-9]' "$out/$i"; then
		echo "not ok 0 - $label: broke off"
	fi
done | awk '
	/^1\.\.[0-9]+$/ || /^# status / { next }
	/^(not )?ok [0-9]+ - / {
		bad += /^not /
		sub(/ok [0-9]+/, "ok " ++n)
	}
	{ print; fflush() }
	END { print "1.." n; exit bad || !n }'
exit "${PIPESTATUS[1]}"
