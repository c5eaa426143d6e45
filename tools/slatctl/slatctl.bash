# SPDX-License-Identifier: GPL-2.0
# bash completion of slatctl; goes to /usr/share/bash-completion/completions/slatctl
# shellcheck shell=bash

# VMs as PID-FD; none for whom debugfs is closed
_slatctl_vms() {
	slatctl list 2>/dev/null | awk 'NR > 1 {print $1 "-" $2}'
}

_slatctl() {
	local word=${COMP_WORDS[COMP_CWORD]} words='doctor list show explain policy error --json --help'

	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac
	[[ " ${COMP_WORDS[*]} " != *" doctor "* ]] || words='--json --dry --root --help'
	[[ " ${COMP_WORDS[*]} " != *" list "* ]] || words='--json --help'
	case " ${COMP_WORDS[*]} " in
	*" policy "*) words="--slot --help default auto classic rmap scan $(_slatctl_vms)" ;;
	*" explain "*) words="--json --help read write exec $(_slatctl_vms)" ;;
	*" show "*) words="--json --svg --root --help $(_slatctl_vms)" ;;
	*" error "*) words="--json --help $(_slatctl_vms)" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _slatctl slatctl
