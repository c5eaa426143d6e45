// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that keeps one vCPU running while the test changes the world
 * around it. It answers MMIO reads with one value and counts what it sees.
 */
#include "guest.h"
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void runner_kick(int sig)
{
	(void)sig;
}

static bool runner_handle_exit(struct runner *r)
{
	struct kvm_run *run = r->vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		if (run->mmio.is_write) {
			r->mmio_writes++;
		} else {
			memcpy(run->mmio.data, &r->mmio_value, sizeof(run->mmio.data));
			r->mmio_reads++;
		}
		return true;
	case KVM_EXIT_IO:
		if (run->io.port != PORT_SYNC)
			break;
		r->last_sync = vcpu_io_value(r->vcpu);
		r->syncs++;
		return true;
	case KVM_EXIT_HLT:
		return false;
	}
	vcpu_describe_exit(r->vcpu, 0);
	r->error = -EPROTO;
	return false;
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	while (!r->stop) {
		int ret = vcpu_run(r->vcpu);

		if (ret == -EINTR) {
			r->eintr++;
			continue;
		}
		if (ret < 0) {
			r->error = ret;
			break;
		}
		if (!runner_handle_exit(r))
			break;
	}
	r->ended = true;
	return NULL;
}

void runner_start(struct runner *r, struct vcpu *vcpu)
{
	struct sigaction sa = { .sa_handler = runner_kick };
	uint64_t value = r->mmio_value;

	sigaction(SIGUSR1, &sa, NULL);
	memset(r, 0, sizeof(*r));
	r->mmio_value = value;
	r->vcpu = vcpu;
	vcpu->run->immediate_exit = 0;
	vm_must(-pthread_create(&r->thread, NULL, runner_main, r), "pthread_create");
}

int runner_stop(struct runner *r)
{
	r->stop = true;
	r->vcpu->run->immediate_exit = 1;
	if (!r->ended)
		pthread_kill(r->thread, SIGUSR1);
	pthread_join(r->thread, NULL);
	r->vcpu->run->immediate_exit = 0;
	return r->error;
}

int runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
	return r->error;
}
