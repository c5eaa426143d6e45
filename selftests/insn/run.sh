#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the user-space tests of module/insn as one TAP stream; called by the
# Makefile. The status is 0 when every program passed.
#
# usage: run.sh [--seed S] [--count N | --full] PROGRAM...
#   --full   the long counts: ten million random instructions in each mode and more

set -u
seed=1
count=
full=
failed=0

while [ $# -gt 0 ]; do
	case $1 in
	--seed) seed=$2 && shift ;;
	--count) count=$2 && shift ;;
	--full) full=1 ;;
	*) break ;;
	esac
	shift
done

# How much random work a program does in a full run.
full_count() {
	case $1 in
	*/fuzz_decode) echo 40000000 ;;
	*/test_native) echo 500000 ;;
	*/test_segment) echo 300000 ;;
	*) echo 2000000 ;;
	esac
}

for program; do
	work=$count
	[ -z "$full" ] || work=$(full_count "$program")
	echo "# $program"
	"$program" --seed "$seed" ${work:+--count "$work"}
	status=$?
	[ $status -eq 0 ] && continue
	failed=1
	# 1 is a failed test, already reported; anything else broke off.
	[ $status -eq 1 ] || echo "not ok - $program: exit status $status"
done
exit $failed
