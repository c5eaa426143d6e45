# SPDX-License-Identifier: GPL-2.0
# bash completion of slatctl; goes to /usr/share/bash-completion/completions/slatctl
# shellcheck shell=bash

_slatctl() {
	local word=${COMP_WORDS[COMP_CWORD]} words='doctor list --json --help'

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac
	[[ " ${COMP_WORDS[*]} " != *" doctor "* ]] || words='--json --dry --root --help'
	[[ " ${COMP_WORDS[*]} " != *" list "* ]] || words='--json --help'
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _slatctl slatctl
