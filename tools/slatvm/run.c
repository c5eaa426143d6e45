// SPDX-License-Identifier: GPL-2.0
/*
 * "slatvm run IMAGE": the smallest use of the ABI. A flat binary is put into
 * guest memory and entered; what it writes to port 0xe9 is the console, port
 * 0xf4 ends with a status, HLT ends with 0.
 */
#include "slatvm.h"

#include <errno.h>
#include <string.h>

#include "protocol.h"

#define PORT_EXIT	0xf4

static void load_image(const struct slot *slot, const struct run_options *o)
{
	size_t room = slot->size - o->load;
	FILE *file = fopen(o->image, "rb");
	size_t size;

	if (!file)
		die(errno, "%s", o->image);
	size = fread((char *)slot->mem + o->load, 1, room, file);
	if (ferror(file))
		die(errno, "%s", o->image);
	if (!size)
		die(0, "%s: an empty image", o->image);
	if (size == room && fgetc(file) != EOF)
		die(0, "%s: larger than the %zu bytes of memory above 0x%llx", o->image, room,
		    (unsigned long long)o->load);
	fclose(file);
}

int run_image(const char *device, const struct run_options *o)
{
	struct slot *slot;
	struct vcpu *vcpu;
	struct vm vm;

	if (o->load >= o->memory)
		die(0, "--load 0x%llx lies outside %zu MiB of memory",
		    (unsigned long long)o->load, o->memory / MIB);
	vm_open(&vm, device);
	slot = vm_add_slot(&vm, "memory", 0, o->memory);
	load_image(slot, o);
	vm_slot_create(&vm, slot);
	vcpu = vcpu_add(&vm);
	if (o->real_mode)
		vcpu_enter_real(vcpu, o->load);
	else
		vcpu_enter_protected(vcpu, o->load);
	for (;;) {
		uint32_t reason = vcpu_run(vcpu);

		if (reason == KVM_EXIT_HLT)
			return 0;
		if (reason == KVM_EXIT_IO && vcpu->run->io.direction == KVM_EXIT_IO_OUT &&
		    vcpu->run->io.port == PORT_EXIT)
			return *(uint8_t *)vcpu_io_data(vcpu);
		if (!vcpu_handle_exit(vcpu))
			vcpu_die(vcpu);
	}
}
