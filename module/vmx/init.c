// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload of the VMX layer, called by the module's own: probe the
 * processor, give each CPU what it needs for VMX operation, listen for sleep
 * and reboot.  VMX itself is turned on by the first VM, see power.c.
 */
#include <linux/err.h>

#include "caps.h"
#include "power.h"

const struct slat_vmx_caps *slat_vmx_init(void)
{
	const struct slat_caps *caps = slat_caps_get();
	int err;

	err = slat_caps_probe();
	if (err)
		return ERR_PTR(err);
	slat_active_init();
	err = slat_vmxon_alloc(caps->revision);
	if (err)
		return ERR_PTR(err);
	err = slat_caps_init();
	if (err)
		goto err_vmxon;
	slat_power_init();
	return &caps->pub;

err_vmxon:
	slat_vmxon_free();
	return ERR_PTR(err);
}

void slat_vmx_exit(void)
{
	slat_power_exit();
	slat_caps_exit();
	slat_vmxon_free();
}
