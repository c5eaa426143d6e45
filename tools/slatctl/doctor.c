// SPDX-License-Identifier: GPL-2.0
/*
 * slatctl doctor: can Slat run here, and if not, why. Each check looks at one
 * thing, from the processor up to a guest of one instruction, and tells what it
 * found; all of them run, since two things may be wrong at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slatctl.h"

#define TEXT	4096

/* What module/vmx/caps.c demands, by the names of /proc/cpuinfo's "vmx flags". */
static const char *const needed[] = { "ept", "vpid", "unrestricted_guest" };
/* What it makes use of. */
static const char *const useful[] = { "ept_ad", "invvpid", "tsc_offset", "vnmi" };

/* IA32_FEATURE_CONTROL of CPU 0; false where it can't be read. */
static bool feature_control(unsigned long long *value)
{
	FILE *f = fopen(host_path("/dev/cpu/0/msr"), "r");
	bool good;

	if (!f)
		return false;
	good = !fseek(f, 0x3a, SEEK_SET) && fread(value, sizeof(*value), 1, f) == 1;
	fclose(f);
	return good;
}

static void no_vmx(const char *vendor, const char *flags)
{
	unsigned long long msr;

	if (!strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "HygonGenuine"))
		finding(FINDING_FAIL, "processor", "use a machine with an Intel processor",
			"%s: it has SVM; Slat needs VMX, and does not do SVM", vendor);
	else if (has_word(flags, "hypervisor"))
		finding(FINDING_FAIL, "processor",
			"on the host: modprobe kvm_intel nested=1, and give the guest -cpu host",
			"a virtual machine whose hypervisor offers no VMX (nested virtualization)");
	else if (feature_control(&msr))
		finding(FINDING_FAIL, "processor",
			"enable Intel VT-x (VMX) in the firmware's setup and switch off and on",
			"no VMX: IA32_FEATURE_CONTROL is %#llx (bit 0 locked, bit 2 VMX)", msr);
	else
		finding(FINDING_FAIL, "processor",
			"enable Intel VT-x (VMX) in the firmware's setup; grep VMX in dmesg",
			"no VMX, or the firmware has disabled it");
}

static void check_vmx_flags(void)
{
	const char *cpuinfo = host_path("/proc/cpuinfo");
	char flags[TEXT], missing[TEXT] = "", without[TEXT] = "";

	if (!host_field(cpuinfo, "vmx flags", flags, sizeof(flags))) {
		finding(FINDING_WARN, "ept", NULL,
			"/proc/cpuinfo has no line 'vmx flags': EPT, VPID and unrestricted guest are not known");
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!has_word(flags, needed[i]))
			strcat(strcat(missing, " "), needed[i]);
	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++)
		if (!has_word(flags, useful[i]))
			strcat(strcat(without, " "), useful[i]);
	if (*missing)
		finding(FINDING_FAIL, "ept", "use a processor of 2010 (Westmere) or later",
			"the processor lacks:%s", missing);
	else
		finding(FINDING_OK, "ept", NULL, "EPT, VPID and unrestricted guest are there");
	if (*without)
		finding(FINDING_NOTE, "ept", NULL, "the processor does without:%s", without);
}

static void check_processor(void)
{
	const char *cpuinfo = host_path("/proc/cpuinfo");
	char flags[TEXT], vendor[64] = "unknown", model[128] = "unknown model";

	if (!host_field(cpuinfo, "flags", flags, sizeof(flags))) {
		finding(FINDING_FAIL, "processor", NULL,
			"%s has no line 'flags': expected an x86-64 Linux", cpuinfo);
		return;
	}
	host_field(cpuinfo, "vendor_id", vendor, sizeof(vendor));
	host_field(cpuinfo, "model name", model, sizeof(model));
	if (!has_word(flags, "vmx")) {
		no_vmx(vendor, flags);
		return;
	}
	finding(FINDING_OK, "processor", NULL, "%s has VMX%s", model,
		has_word(flags, "hypervisor") ? ", nested in another hypervisor" : "");
	check_vmx_flags();
}

static void check_kernel(void)
{
	char release[128];

	if (!host_line(host_path("/proc/sys/kernel/osrelease"), release, sizeof(release))) {
		finding(FINDING_FAIL, "kernel", "mount -t proc none /proc", "/proc is not there");
		return;
	}
	if (!strncmp(release, "6.1.", 4) || !strncmp(release, "6.12.", 5))
		finding(FINDING_OK, "kernel", NULL, "%s is of a series that Slat is tested on", release);
	else
		finding(FINDING_WARN, "kernel", "use Debian's kernel 6.1 or 6.12",
			"%s: Slat is built and tested on 6.1 and 6.12", release);
}

/* Options that symbols of the module depend on; KVM selects the others. */
static void check_config(void)
{
	static const char *const options_needed[] = {
		"CONFIG_KVM", "CONFIG_MODULES", "CONFIG_MMU_NOTIFIER", "CONFIG_PREEMPT_NOTIFIERS",
	};
	char release[128], path[256], value[32], missing[TEXT] = "";

	if (!host_line(host_path("/proc/sys/kernel/osrelease"), release, sizeof(release)))
		return;
	snprintf(path, sizeof(path), "/boot/config-%s", release);
	if (!host_exists(host_path("%s", path))) {
		finding(FINDING_NOTE, "config", NULL, "there is no %s to look at", path);
		return;
	}
	for (size_t i = 0; i < sizeof(options_needed) / sizeof(options_needed[0]); i++)
		if (!host_field(host_path("%s", path), options_needed[i], value, sizeof(value)))
			strcat(strcat(missing, " "), options_needed[i]);
	if (*missing)
		finding(FINDING_FAIL, "config", "use a distribution's kernel, or enable CONFIG_KVM",
			"%s lacks:%s", path, missing);
	else
		finding(FINDING_OK, "config", NULL, "%s has what the module's symbols need", path);
}

static void check_build(void)
{
	static const char *const places[] = { "updates/dkms", "updates", "extra" };
	char release[128];

	if (host_exists(host_path("/sys/module/slat")))
		return;
	if (!host_line(host_path("/proc/sys/kernel/osrelease"), release, sizeof(release)))
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (host_exists(host_path("/lib/modules/%s/%s/slat.ko", release, places[i]))) {
			finding(FINDING_FAIL, "module", "modprobe slat",
				"installed below %s, but not loaded", places[i]);
			return;
		}
	}
	if (host_exists(host_path("/lib/modules/%s/build/Makefile", release)))
		finding(FINDING_FAIL, "module", "make && insmod slat.ko",
			"not loaded; the headers to build it are installed");
	else
		finding(FINDING_FAIL, "module",
			"apt-get install linux-headers-amd64, then make && insmod slat.ko",
			"not loaded, and the headers of %s to build it are missing", release);
}

/* Would the kernel take a module without a signature? */
static void check_lockdown(void)
{
	char lockdown[128] = "", enforce[8] = "";

	if (host_exists(host_path("/sys/module/slat")))
		return;
	host_line(host_path("/sys/kernel/security/lockdown"), lockdown, sizeof(lockdown));
	host_line(host_path("/sys/module/module/parameters/sig_enforce"), enforce, sizeof(enforce));
	if (*enforce == 'Y' || (strchr(lockdown, '[') && !strstr(lockdown, "[none]")))
		finding(FINDING_WARN, "signature",
			"sign slat.ko with an enrolled key (mokutil), or disable Secure Boot",
			"the kernel takes signed modules only (lockdown: %s)",
			*lockdown ? lockdown : "none, module.sig_enforce=1");
}

static void check_kvm(void)
{
	char refs[32] = "0", early[8] = "N";

	if (!host_exists(host_path("/sys/module/kvm_intel"))) {
		finding(FINDING_OK, "rivals", NULL, "kvm_intel is not loaded");
		return;
	}
	host_line(host_path("/sys/module/kvm_intel/refcnt"), refs, sizeof(refs));
	host_line(host_path("/sys/module/kvm/parameters/enable_virt_at_load"), early, sizeof(early));
	if (*early == 'Y')
		finding(FINDING_FAIL, "rivals",
			"modprobe -r kvm_intel, or boot with kvm.enable_virt_at_load=0",
			"kvm_intel is loaded and holds VMX for as long as it is");
	else if (strcmp(refs, "0"))
		finding(FINDING_FAIL, "rivals", "end its guests",
			"kvm_intel holds VMX: it has %s users", refs);
	else
		finding(FINDING_NOTE, "rivals", NULL,
			"kvm_intel is loaded; it holds VMX only while it has a guest");
}

static void check_rivals(void)
{
	static const char *const others[][2] = {
		{ "vboxdrv", "VirtualBox" }, { "vmmon", "VMware" },
	};

	check_kvm();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (host_exists(host_path("/sys/module/%s", others[i][0])))
			finding(FINDING_WARN, "rivals", "end its guests before those of Slat start",
				"%s (%s) is loaded and may hold VMX", others[i][1], others[i][0]);
}

/* Does the host guard itself against what a guest may read from its caches? */
static void check_l1tf(void)
{
	char line[256];

	if (host_line(host_path("/sys/devices/system/cpu/vulnerabilities/l1tf"), line, sizeof(line)) &&
	    strncmp(line, "Not affected", 12) && strstr(line, "SMT vulnerable"))
		finding(FINDING_WARN, "l1tf", "boot with nosmt where guests are not trusted",
			"L1TF with SMT: a guest may read memory of the host");
}

static void check_node(void)
{
	char name[16] = "slat", node[32];

	if (!host_exists(host_path("/sys/module/slat")))
		return;
	host_line(host_path("/sys/module/slat/parameters/dev_name"), name, sizeof(name));
	snprintf(node, sizeof(node), "/dev/%s", name);
	if (!host_exists(host_path("%s", node))) {
		finding(FINDING_FAIL, "node", "mount devtmpfs on /dev, or start udev",
			"the module is loaded, but there is no %s", node);
		return;
	}
	if (access(host_path("%s", node), R_OK | W_OK)) {
		finding(FINDING_FAIL, "node", "be root, or a member of the node's group (ls -l)",
			"%s is not yours to open", node);
		return;
	}
	finding(FINDING_OK, "node", NULL, "%s is there and may be opened", node);
	if (!options.dry)
		try_guest(node);
}

int cmd_doctor(void)
{
	bool good;

	check_processor();
	check_kernel();
	check_config();
	check_lockdown();
	check_build();
	check_rivals();
	check_l1tf();
	check_node();
	good = findings_print();
	if (!options.json)
		puts(good ? "Slat can run here." : "Slat cannot run here as things are.");
	return good ? 0 : 1;
}
