#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317
#
# Slat and kvm_intel loaded at the same time in the emulated machine: who comes
# second is told EBUSY while the other has a VM, and runs once it is gone.  The
# clients are upstream's selftests, each with the /dev/kvm it shall see.

# shellcheck source=scripts/guest/tap.sh
. /bin/tap.sh
dir=/job/upstream
spun=

# on DEVICE PROGRAM...: with /dev/kvm being that device for this program only.
on() {
	node=$1
	shift
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$0" /dev/kvm && exec "$@"' "$node" "$@"
}

# hold DEVICE: a VM that stays until let_go; ready once its vCPU runs. On one
# CPU: the test's vCPU thread searches, unlocked, the tree of regions that its
# main thread changes, and on two CPUs sooner or later does not find one.
hold() {
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$0" /dev/kvm && exec "$@"' "$1" taskset 1 \
		"$dir/memslot_modification_stress_test" -v 1 -b 16M -i 1000000 -d 100000 >/tmp/hold 2>&1 &
	spun=$!
	sleep 3
	kill -0 "$spun" && return
	cat /tmp/hold
	return 1
}

let_go() {
	kill -9 "$spun"
	wait "$spun"
	sleep 1
	return 0
}

# busy DEVICE: CREATE_VM there fails with EBUSY (16).
busy() {
	if on "$1" "$dir/set_sregs_test" >/tmp/busy 2>&1; then
		echo "$1: a VM was created while the other device has one"
		return 1
	fi
	cat /tmp/busy
	grep -q 'errno: 16' /tmp/busy
}

kvm_first() {
	hold /dev/kvm0 || return 1
	busy /dev/slat
	status=$?
	let_go
	return "$status"
}

slat_first() {
	hold /dev/slat || return 1
	busy /dev/kvm0
	status=$?
	let_go
	return "$status"
}

log_names_holder() {
	dmesg | grep 'slat: .*kvm_intel'
}

# /dev/kvm is mounted over: the real node gets a second name.
mknod /dev/kvm0 c 10 232 || exit 1
tap_check "share: CREATE_VM on slat is EBUSY while kvm_intel has a VM" kvm_first
tap_check "share: the log names kvm_intel" log_names_holder
tap_check "share: slat runs once kvm_intel's VM is gone" on /dev/slat "$dir/set_sregs_test"
tap_check "share: CREATE_VM on kvm_intel is EBUSY while slat has a VM" slat_first
tap_check "share: kvm_intel runs once slat's VM is gone" on /dev/kvm0 "$dir/set_sregs_test"

# hotplug DEVICE: a CPU goes and comes while a VM runs on that device; or, where
# kvm_intel keeps the state of CPU hotplug to itself (6.1), slat refuses and says so.
hotplug() {
	online=/sys/devices/system/cpu/cpu1/online
	hold "$1" || return 1
	if echo 0 >"$online"; then
		sleep 1 && echo 1 >"$online" && sleep 1
	else
		dmesg | grep 'slat: CPU 1 stays online'
	fi
	status=$?
	kill -0 "$spun" || { cat /tmp/hold; status=1; }
	let_go
	return "$status"
}

if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	tap_check "share: a CPU goes offline and comes back under slat's VM" hotplug /dev/slat
	tap_check "share: slat runs after that" on /dev/slat "$dir/set_sregs_test"
fi
rm /dev/kvm0
exit 0
