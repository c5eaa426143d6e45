#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
#
# kvm_intel comes and goes while slat has a VM, and before and after: it is
# refused or stays idle, slat's VM runs on, and the kernel never warns, which
# scripts/machine looks for.  slat.ko is loaded, KVM is not, and so it ends.

# shellcheck source=scripts/guest/tap.sh
. /bin/tap.sh
vmm=
# What leaves VMX alone until KVM has a VM, where it must be asked for.
idle=$(strings /modules/kvm.ko | sed -n 's/^parmtype=\(enable_virt_at_load\):.*/\1=0/p')

slat_starts() {
	printf '\373\353\376' >/tmp/spin
	/job/slatvm run --real /tmp/spin >/tmp/late 2>&1 &
	vmm=$!
	sleep 2
	slat_runs
}

slat_runs() {
	kill -0 "$vmm" && return
	cat /tmp/late
	return 1
}

slat_ends() {
	kill "$vmm"
	wait "$vmm"
	sleep 1
	return 0
}

kvm_core() {
	if [ -e /modules/irqbypass.ko ]; then
		grep -q '^irqbypass ' /proc/modules || insmod /modules/irqbypass.ko || return 1
	fi
	# shellcheck disable=SC2086
	insmod /modules/kvm.ko $1
}

# On 6.1 it always wants VMX's state of CPU hotplug, later by default.
kvm_refused() {
	grep -q '^kvm ' /proc/modules || kvm_core || return 1
	! insmod /modules/kvm-intel.ko && slat_runs
}

# Loaded without VMX, as it can be from 6.12 on, its VM is refused.
kvm_idle() {
	kvm-load || return 1
	for _ in 1 2; do
		/job/slatvm run --device /dev/kvm --real /tmp/spin >/tmp/busy 2>&1 && return 1
		cat /tmp/busy
		grep -q busy /tmp/busy || return 1
	done
	kvm-unload && slat_runs
}

# A VM on DEVICE, which is then ended.
runs_on() {
	timeout 3 /job/slatvm run --device "$1" --real /tmp/spin >/tmp/late 2>&1
	[ "$?" = 143 ] && return
	cat /tmp/late
	return 1
}

# Without EPT kvm_intel flushes no L1D; that is not for slat's guests, which have EPT.
l1d_own_choice() {
	l1tf=/sys/devices/system/cpu/vulnerabilities/l1tf
	grep -q "Not affected" "$l1tf" && return
	runs_on /dev/slat || return 1
	cat "$l1tf"
	! grep "EPT disabled" "$l1tf"
}

kvm_without_ept() {
	kvm_core "$idle" && insmod /modules/kvm-intel.ko ept=0
}

tap_check "late: slat's VM starts" slat_starts || exit 1
tap_check "late: kvm_intel is refused beside slat's VM" kvm_refused
tap_check "late: likewise a second time" kvm_refused
tap_check "late: slat's VM ends where kvm is left alone" slat_ends
tap_check "late: slat runs there again" runs_on /dev/slat
tap_check "late: kvm leaves" rmmod kvm
if [ -n "$idle" ]; then
	tap_check "late: slat's VM starts once more" slat_starts || exit 1
	tap_check "late: kvm_intel loads idle beside slat's VM, and leaves" kvm_idle
	tap_check "late: it loads again" kvm-load
	tap_check "late: slat's VM ends under it" slat_ends
else
	tap_check "late: kvm_intel loads without a VM of slat's" kvm-load
fi
tap_check "late: kvm_intel runs" runs_on /dev/kvm
tap_check "late: slat runs beside kvm_intel" runs_on /dev/slat
tap_check "late: slat's VM starts beside kvm_intel" slat_starts || exit 1
tap_check "late: kvm_intel leaves under slat's VM" kvm-unload
tap_check "late: slat's VM still runs" slat_runs
tap_check "late: and ends" slat_ends
tap_check "late: kvm_intel loads without EPT" kvm_without_ept
tap_check "late: L1D is flushed for slat's guests all the same" l1d_own_choice
tap_check "late: it leaves" kvm-unload
exit 0
