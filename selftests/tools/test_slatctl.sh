#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# slatctl on hosts made of files: what the doctor says of each, and whether its
# JSON is JSON. TAP on stdout; called by the Makefile.
#
# usage: test_slatctl.sh SLATCTL

set -u
slatctl=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0
release=6.1.0-99-amd64

# put PATH TEXT...: a file of the host, a line for each text.
put() {
	mkdir -p "$work/host/$(dirname "$1")"
	printf '%s\n' "${@:2}" >"$work/host/$1"
}

# cpu VENDOR FLAGS VMX-FLAGS
cpu() {
	put proc/cpuinfo "processor	: 0" "vendor_id	: $1" "model name	: A CPU" \
		"flags		: $2" "vmx flags	: $3"
}

# A host on which everything is as it should be but that slat.ko is not loaded.
host() {
	rm -rf "$work/host"
	cpu GenuineIntel "fpu vmx lm" "ept vpid unrestricted_guest ept_ad invvpid tsc_offset vnmi"
	put proc/sys/kernel/osrelease "$release"
	put "boot/config-$release" CONFIG_KVM=m CONFIG_MODULES=y CONFIG_MMU_NOTIFIER=y \
		CONFIG_PREEMPT_NOTIFIERS=y
	put "lib/modules/$release/build/Makefile" ""
	put sys/kernel/security/lockdown "[none] integrity confidentiality"
	put sys/devices/system/cpu/vulnerabilities/l1tf "Not affected"
}

loaded() {
	put sys/module/slat/parameters/dev_name slat
	put dev/slat ""
}

verdict() {
	number=$((number + 1))
	if (($1 == 0)); then
		echo "ok $number - slatctl: $2"
	else
		sed 's/^/# /' "$work/out"
		echo "not ok $number - slatctl: $2"
		failed=1
	fi
}

# says STATUS TITLE PATTERN...: the doctor's status, and lines that it must say.
says() {
	local expected=$1 title=$2 status=0 pattern bad=0
	shift 2
	"$slatctl" doctor --root "$work/host" >"$work/out" 2>&1 || status=$?
	((status == expected)) || bad=1
	for pattern; do
		grep -q -e "$pattern" "$work/out" || bad=1
	done
	# no finding may be a failure where all is well, and the reverse
	grep -q '^FAIL' "$work/out"
	(($? != expected)) || bad=1
	verdict "$bad" "$title"
}

# lists TITLE EXPECTED: slatctl list's lines after the first.
lists() {
	"$slatctl" list --root "$work/host" 2>&1 | tail -n +2 | tr -s ' ' >"$work/out"
	[[ $(<"$work/out") == "$2" ]]
	verdict $? "$1"
}

test_processor() {
	host && loaded
	says 0 "all is well" '^ok *processor *A CPU has VMX$' '^ok *ept' '^Slat can run here'
	cpu AuthenticAMD "fpu svm lm" ""
	says 1 "AMD's" 'FAIL *processor .*SVM'
	host && loaded && cpu GenuineIntel "fpu hypervisor lm" ""
	says 1 "a guest without nesting" 'nested=1'
	host && loaded && cpu GenuineIntel "fpu lm" ""
	says 1 "VMX disabled, no msr device" 'FAIL *processor .*firmware'
	mkdir -p "$work/host/dev/cpu/0"
	{ head -c 58 /dev/zero && printf '\001\0\0\0\0\0\0\0'; } >"$work/host/dev/cpu/0/msr"
	says 1 "VMX disabled, IA32_FEATURE_CONTROL says so" 'IA32_FEATURE_CONTROL is 0x1 '
	host && loaded && cpu GenuineIntel "fpu vmx lm" "vpid vnmi"
	says 1 "a processor without EPT" 'FAIL *ept *the processor lacks: ept unrestricted_guest$' \
		'^note *ept .*without: ept_ad'
	cpu GenuineIntel "fpu vmx hypervisor lm" "ept_ad ept vpid unrestricted_guest"
	says 0 "a nested one" 'VMX, nested in another'
}

test_system() {
	host && loaded
	put proc/sys/kernel/osrelease 5.10.0-30-amd64
	says 0 "an old kernel" '^warning *kernel .*5.10.0'
	host && loaded && put "boot/config-$release" CONFIG_MODULES=y CONFIG_MMU_NOTIFIER=y
	says 1 "a kernel without KVM" 'FAIL *config .*lacks: CONFIG_KVM CONFIG_PREEMPT_NOTIFIERS$'
	host
	says 1 "not loaded, can be built" 'FAIL *module .*headers .* installed'
	rm -r "$work/host/lib"
	says 1 "not loaded, no headers" 'linux-headers-amd64'
	put "lib/modules/$release/updates/dkms/slat.ko" ""
	says 1 "installed by dkms, not loaded" 'modprobe slat'
	put sys/kernel/security/lockdown "none [integrity] confidentiality"
	says 1 "lockdown" '^warning *signature .*integrity'
	host && loaded && put sys/devices/system/cpu/vulnerabilities/l1tf \
		"Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable"
	says 0 "L1TF with SMT" '^warning *l1tf'
	host && loaded && rm "$work/host/dev/slat"
	says 1 "loaded, without a node" 'FAIL *node .*/dev/slat'
	host && put sys/module/slat/parameters/dev_name kvm && put dev/kvm ""
	says 0 "the node is named kvm" '^ok *node */dev/kvm'
}

test_rivals() {
	host && loaded && put sys/module/kvm_intel/refcnt 0
	says 0 "kvm_intel idle" '^note *rivals'
	put sys/module/kvm_intel/refcnt 3
	says 1 "kvm_intel with guests" 'FAIL *rivals .*3 users'
	put sys/module/kvm_intel/refcnt 0
	put sys/module/kvm/parameters/enable_virt_at_load Y
	says 1 "kvm_intel holds VMX from its load" 'enable_virt_at_load=0'
	host && loaded && put sys/module/vboxdrv/refcnt 0
	says 0 "VirtualBox" '^warning *rivals .*VirtualBox'
}

test_json() {
	host && put sys/module/kvm_intel/refcnt 3
	"$slatctl" doctor --json --root "$work/host" >"$work/out"
	python3 -c 'import json, sys
said = json.load(open(sys.argv[1]))
bad = [f for f in said["findings"] if f["level"] == "fail"]
sys.exit(said["can_run"] or {f["name"] for f in bad} != {"module", "rivals"}
         or not all(f["remedy"] for f in bad))' "$work/out"
	verdict $? "the doctor's JSON"
}

test_list() {
	host && mkdir -p "$work/host/sys/kernel/debug/slat"
	[[ $("$slatctl" list --root "$work/host") == "There is no VM." ]]
	verdict $? "no VM"
	put sys/kernel/debug/slat/77-5/stats "generation 3" "nr_slots 2" "nr_vcpus 1" \
		"exits_total 900" "faults_ram 80"
	put proc/77/comm 'a "vmm"'
	lists "one VM" ' 77 5 a "vmm" 2 1 900 80'
	"$slatctl" list --json --root "$work/host" >"$work/out"
	python3 -c 'import json, sys
sys.exit(json.load(open(sys.argv[1])) != [{"pid": 77, "fd": 5, "comm": "a \"vmm\"",
    "slots": 2, "vcpus": 1, "exits": 900, "faults_ram": 80}])' "$work/out"
	verdict $? "the list's JSON"
	rm -r "$work/host/sys/kernel/debug"
	! "$slatctl" list --root "$work/host" >"$work/out" 2>&1 && grep -q 'expected slat.ko' "$work/out"
	verdict $? "no debugfs: says what is expected"
}

# Two slots, one of them logged; what the EPT maps; two MMIO entries.
test_show() {
	host
	put sys/kernel/debug/slat/77-5/slots \
		"0 gpa 0x0 size 0x80000 hva 0x7f0000000000 flags 0 protect 1 faults_ram 16 faults_write 0 faults_spurious 0 faults_retry 0 mapped_4k 16 mapped_2m 0 mapped_1g 0 writable 16 zapped 3 dirty_now 0" \
		"7 gpa 0x100000 size 0x10000 hva 0x7f0000100000 flags 1 protect 4 faults_ram 4 faults_write 2 faults_spurious 0 faults_retry 0 mapped_4k 4 mapped_2m 0 mapped_1g 0 writable 2 zapped 0 dirty_now 2"
	put sys/kernel/debug/slat/77-5/ept "generation 9 gen_bits 39 accessed_dirty 1 tables 5" \
		"4 gfn 0x0-0x7ffffff table rwx A- x1" \
		"   1 gfn 0x0-0xf leaf rwx AD host-writable x16" \
		"   1 gfn 0x100-0x101 leaf rwx AD host-writable x2" \
		"   1 gfn 0x102-0x103 leaf r-x A- host-writable x2" \
		"   1 gfn 0xfec00-0xfec00 mmio generation 9 current x1" \
		"   1 gfn 0xfee00-0xfee00 mmio generation 8 stale x1"
	"$slatctl" show --root "$work/host" 77 >"$work/out" 2>&1
	grep -q '^slot 7: 0x100-0x10f, flags 1, policy scan: 4 of 16 pages mapped, 2 writable, 2 dirty$' \
		"$work/out" && [[ $(grep -c '^  0x10[02]-0x10[13] level 1 r' "$work/out") == 2 ]] &&
		grep -A3 '^no slot' "$work/out" | grep -q '0xfee00-0xfee00 level 1 mmio, stale'
	verdict $? "show: slots with what is mapped in them"
	"$slatctl" show --json --root "$work/host" 77-5 >"$work/out"
	python3 -c 'import json, sys
said = json.load(open(sys.argv[1]))
sys.exit([s["slot"] for s in said["slots"]] != [0, 7] or len(said["runs"]) != 5
         or said["runs"][2]["rights"] != "r-x A-" or said["runs"][4].get("mmio") != "stale")' "$work/out"
	verdict $? "show: its JSON"
	"$slatctl" show --svg --root "$work/host" 77 >"$work/out"
	python3 -c 'import sys, xml.dom.minidom
rects = xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("rect")
titles = [r.getElementsByTagName("title") for r in rects]
width = [float(r.getAttribute("width")) for r, t in zip(rects, titles) if t]
sys.exit(len(width) != 5 or abs(width[0] - 960 * 16 / 128) > 0.1)' "$work/out"
	verdict $? "show: a picture to scale"
	! "$slatctl" show --root "$work/host" 78 >"$work/out" 2>&1 && grep -q 'has none' "$work/out"
	verdict $? "show: a process without a VM"
}

test_usage() {
	"$slatctl" --help | grep -q '^usage: slatctl doctor'
	verdict $? "--help"
	local status=0
	"$slatctl" nonsense >"$work/out" 2>&1 || status=$?
	((status == 2)) && grep -q "'nonsense': expected" "$work/out"
	verdict $? "a command that is none"
}

test_processor
test_system
test_rivals
test_json
test_list
test_show
test_usage
echo "1..$number"
exit "$failed"
