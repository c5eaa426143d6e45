// SPDX-License-Identifier: GPL-2.0
/*
 * Commands to the demo's guest. Every vCPU stops at its read of PORT_COMMAND;
 * a scene fills the mailboxes, answers that read, and runs each vCPU on a
 * thread of its own until it asks again.
 */
#include "slatvm.h"

#include <pthread.h>
#include <string.h>

#include "protocol.h"

extern const char guest_image[], guest_image_end[];

static struct mailbox *mailbox(struct vcpu *vcpu)
{
	struct slot *low = vm_slot_at(vcpu->vm, GUEST_MAILBOXES);

	return (struct mailbox *)((char *)low->mem + GUEST_MAILBOXES) + vcpu->id;
}

static void run_to_request(struct vcpu *vcpu)
{
	for (;;) {
		struct kvm_run *run = vcpu->run;

		vcpu_run(vcpu);
		if (run->exit_reason == KVM_EXIT_IO && run->io.port == PORT_COMMAND &&
		    run->io.direction == KVM_EXIT_IO_IN)
			return;
		if (!vcpu_handle_exit(vcpu))
			vcpu_die(vcpu);
	}
}

static void *thread_main(void *arg)
{
	run_to_request(arg);
	return NULL;
}

void scene_boot(struct vm *vm)
{
	struct slot *low = vm_slot_at(vm, GUEST_IMAGE);

	memcpy((char *)low->mem + GUEST_IMAGE - low->gpa, guest_image,
	       guest_image_end - guest_image);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		vcpu_enter_protected(&vm->vcpus[i], GUEST_IMAGE);
		run_to_request(&vm->vcpus[i]);
	}
}

static void give(struct vcpu *vcpu, uint32_t command, struct scene scene)
{
	struct mailbox *box = mailbox(vcpu);

	*box = (struct mailbox) {
		.base = scene.base, .size = scene.size, .count = scene.count,
		.stride = scene.stride ? scene.stride : PAGE_SIZE,
	};
	vcpu->mmio_exits = 0;
	memcpy(vcpu_io_data(vcpu), &command, sizeof(command));
}

static void collect(struct vcpu *vcpu, struct outcome *sum)
{
	struct mailbox *box = mailbox(vcpu);

	if (box->ticks > sum->ticks)
		sum->ticks = box->ticks;
	sum->result += box->result;
	sum->mmio_exits += vcpu->mmio_exits;
}

struct outcome scene_one(struct vm *vm, uint32_t command, struct scene scene)
{
	struct outcome sum = { 0 };

	give(&vm->vcpus[0], command, scene);
	run_to_request(&vm->vcpus[0]);
	collect(&vm->vcpus[0], &sum);
	return sum;
}

struct outcome scene_all(struct vm *vm, uint32_t command, struct scene scene)
{
	uint64_t stride = scene.stride ? scene.stride : PAGE_SIZE;
	uint64_t share = scene.size / vm->nr_vcpus / stride * stride;
	pthread_t threads[CPUS_MAX];
	struct outcome sum = { 0 };

	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct scene part = scene;
		int error;

		part.base += i * share;
		part.size = i + 1 < vm->nr_vcpus ? share : scene.size - i * share;
		give(&vm->vcpus[i], command, part);
		error = pthread_create(&threads[i], NULL, thread_main, &vm->vcpus[i]);
		if (error)
			die(error, "a thread for vCPU %u", i);
	}
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		pthread_join(threads[i], NULL);
		collect(&vm->vcpus[i], &sum);
	}
	return sum;
}
