#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run a program built with --coverage and print, for each file of the core, how
# much of it ran and which lines never did. Called by the Makefile.
#
# usage: coverage.sh PROGRAM

set -u
dir=$(dirname "$1")
rm -f "$dir"/*.gcda
"$1" --count "${COUNT:-30}" >"$dir/tap.out" || { grep '^not ok' "$dir/tap.out"; exit 1; }
for data in "$dir"/*.gcda; do
	gcov -t -o "$dir" "$data" 2>/dev/null
done | awk -F: '
	/^ *-: *0:Source:/ { file = $4; sub(".*/module/", "module/", file); next }
	file !~ /^module\// { next }
	$1 ~ /^ *-$/ || $2 ~ /^ *0$/ { next }
	{
		key = file ":" $2 + 0
		total[key] = 1
		if ($1 !~ /#####/)
			ran[key] = 1
		line[key] = $0
	}
	END {
		for (key in total) {
			split(key, part, ":")
			all[part[1]]++
			hit[part[1]] += (key in ran)
			if (!(key in ran)) {
				text = line[key]
				sub("^[^:]*:", "", text)
				print "  never ran: " part[1] text
			}
		}
		for (name in all)
			printf "%5.1f %% of %3d lines: %s\n", 100 * hit[name] / all[name],
				all[name], name
	}' | sort
