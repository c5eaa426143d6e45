/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accesses of a guest that no RAM answers: device memory, ports, instructions
 * that must be carried out here. This room brings the emulator (insn/), the
 * registers (vmx/), guest memory (slots/) and the kernel's own devices (io/)
 * together, and hands to the client what nobody here answers. It knows no vCPU:
 * the run loop embeds struct slat_vcpu_access and calls down.
 */
#ifndef SLAT_ACCESS_ACCESS_H
#define SLAT_ACCESS_ACCESS_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "fetch.h"
#include "insn/emulate.h"
#include "insn/walk.h"
#include "io/iobus.h"
#include "place.h"
#include "slots/memslots.h"
#include "vmx/vmx.h"

/* Pages of the vCPU's mapping. */
#define SLAT_RUN_PAGE		0
#define SLAT_PIO_PAGE		1
#define SLAT_RING_PAGE		KVM_COALESCED_MMIO_PAGE_OFFSET
#define SLAT_NR_RUN_PAGES	3

/**
 * enum slat_pending - what the last exit to the client left to complete
 * @SLAT_PENDING_NONE: nothing
 * @SLAT_PENDING_IN: IN: the client's data goes to RAX
 * @SLAT_PENDING_OUT: OUT: the instruction is to be skipped
 * @SLAT_PENDING_EMUL_MMIO: the emulator waits for a device's memory
 * @SLAT_PENDING_EMUL_PIO: the emulator waits for a string port access
 * @SLAT_PENDING_EMUL_RESUME: a device has answered, the slot that the data goes
 *	to is being changed: try again, without asking the device twice
 */
enum slat_pending {
	SLAT_PENDING_NONE,
	SLAT_PENDING_IN,
	SLAT_PENDING_OUT,
	SLAT_PENDING_EMUL_MMIO,
	SLAT_PENDING_EMUL_PIO,
	SLAT_PENDING_EMUL_RESUME,
};

/* What a step of the run loop wants next. */
enum slat_step {
	SLAT_STEP_ENTER,	/* enter the guest (again) */
	SLAT_STEP_RESUME,	/* complete what is pending once more, outside the section */
	SLAT_STEP_USER,		/* return 0 to the client; run says why */
	SLAT_STEP_ERROR,	/* KVM_RUN fails; the run loop has noted the errno */
};

/**
 * struct slat_access_stats - event counts; written by the vCPU's task alone
 * @mmio: exits to the client for device memory
 * @pio: exits to the client for ports
 * @in_kernel: device writes that an eventfd or the ring took instead
 * @insn_emulated: instructions completed by the emulator
 * @insn_failed: instructions that it could not do
 */
struct slat_access_stats {
	u64 mmio;
	u64 pio;
	u64 in_kernel;
	u64 insn_emulated;
	u64 insn_failed;
};

/**
 * struct slat_vcpu_access - a vCPU's part in this; protected by its mutex
 * @vmx: its registers; constant, as all pointers here
 * @slots: guest memory
 * @epochs: readers of @slots and @io
 * @io: writes that the kernel answers
 * @guest_cpu: what its CPUID allows
 * @run: page shared with the client, who may write it at any time: each field
 *	is read once and never trusted to be what was written
 * @pio_data: page shared with the client: data of port accesses
 * @exit_on_failure: the VM's switch; read once a failure
 * @vm_id: number of the VM in traces
 * @vcpu_id: the client's number of the vCPU
 * @reader: its reader of slots and tables
 * @exit: the last exit
 * @exit_type: its type
 * @pending: what the client has to answer
 * @pio_linear_rip: where the pending IN or OUT is (CS base added)
 * @pio_size: its width
 * @place: where a pending instruction stands, once the client changes registers
 * @immediate_exit: this KVM_RUN completes what is pending, and no more
 * @gates_passed: @stops is known for this call of the emulator
 * @stops: a string instruction ends where it is
 * @emul: the emulator
 * @fetch: the last instruction fetch
 * @data_walk: the last walk for a data operand
 * @noted_walk: the one that is being made
 * @walk_cpu: paging registers for the emulator's walks
 * @walk_cpu_valid: they were read since the registers last changed
 * @stats: event counts; read without lock
 */
struct slat_vcpu_access {
	struct slat_vmx *vmx;
	struct slat_memslots *slots;
	struct slat_epochs *epochs;
	struct slat_vm_io *io;
	const struct slat_guest_cpu *guest_cpu;
	struct kvm_run *run;
	void *pio_data;
	const bool *exit_on_failure;
	u32 vm_id;
	u32 vcpu_id;

	struct slat_reader reader;
	struct slat_exit exit;
	enum slat_exit_type exit_type;

	enum slat_pending pending;
	u64 pio_linear_rip;
	u8 pio_size;
	struct slat_place place;
	bool immediate_exit;
	bool gates_passed;
	bool stops;
	struct slat_emul emul;
	struct slat_fetch_cache fetch;
	struct slat_known_walk data_walk;
	struct slat_known_walk *noted_walk;
	struct slat_walk_cpu walk_cpu;
	bool walk_cpu_valid;

	struct slat_access_stats stats;
};

/* pio.c; loaded, outside any reader section */
enum slat_step slat_access_pio(struct slat_vcpu_access *access);
enum slat_step slat_access_complete_pio(struct slat_vcpu_access *access);

/* mmio.c */
void slat_access_init(struct slat_vcpu_access *access);
/* Both: loaded, inside the reader section. */
enum slat_step slat_access_emulate(struct slat_vcpu_access *access);
enum slat_step slat_access_complete_emulation(struct slat_vcpu_access *access);

/* Fill run for an emulation that failed; bytes of the instruction included. */
enum slat_step slat_access_failed(struct slat_vcpu_access *access);

/* linear.c */

/* Fill the walker's registers. Loaded. */
void slat_access_walk_cpu(struct slat_vcpu_access *access, struct slat_walk_cpu *cpu);
/* How a walk reads the guest's page tables; its context is the access. */
extern const struct slat_walk_ops slat_access_walk_ops;

/**
 * slat_access_linear_to_gpa() - translate for the emulator
 * @access: loaded, inside the reader section
 * @ops: how to read page tables
 * @linear: linear address
 * @flags: enum slat_access flags
 * @gpa: result
 *
 * Return: as slat_walk(); -EFAULT with the emulator's exception filled.
 */
int slat_access_linear_to_gpa(struct slat_vcpu_access *access, const struct slat_walk_ops *ops,
			      u64 linear, unsigned int flags, u64 *gpa);

#endif
