// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's glue: registers in and out of vmx, guest memory through the
 * slots, device accesses to the client and its answers back. Called by the run
 * loop, loaded, inside the vCPU's reader section; a step that wants the guest
 * entered again leaves the section first.
 */
#include <linux/kvm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "access.h"
#include "fpregs.h"
#include "guestmem.h"
#include "insn/segment.h"
#include "rights.h"
#include "system.h"
#include "trace.h"

static_assert((int)SLAT_MODE_LONG == (int)SLAT_VMX_MODE_LONG);
static_assert((int)SLAT_MODE_PROT16 == (int)SLAT_VMX_MODE_PROT16);
static_assert((int)SLAT_SEG_TR == (int)SLAT_VMX_SEG_TR);

static int emul_read_gpa(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	return slat_guest_read(ctx, gpa, buf, len);
}

static int emul_write_gpa(void *ctx, u64 gpa, const void *buf, unsigned int len)
{
	return slat_guest_write(ctx, gpa, buf, len);
}

static int emul_cmpxchg_gpa(void *ctx, u64 gpa, const void *old, const void *new,
			    unsigned int len)
{
	return slat_guest_cmpxchg(ctx, gpa, old, new, len);
}

static u64 emul_seg_base(void *ctx, enum slat_seg seg)
{
	struct slat_vcpu_access *access = ctx;

	return slat_vmx_seg_base(access->vmx, (enum slat_vmx_seg)seg);
}

static int emul_seg_check(void *ctx, enum slat_seg seg, u64 offset,
			  unsigned int len, unsigned int flags)
{
	struct slat_vcpu_access *access = ctx;
	struct kvm_segment kseg;
	struct slat_segment desc;

	slat_vmx_segment(access->vmx, (enum slat_vmx_seg)seg, &kseg);
	desc = (struct slat_segment) {
		.limit = kseg.limit,
		.type = kseg.type,
		.s = kseg.s,
		.db = kseg.db,
		.unusable = kseg.unusable,
	};
	return slat_segment_check(&desc, access->emul.mode, seg, offset, len, flags,
				  &access->emul.exception);
}

static u16 emul_seg_selector(void *ctx, enum slat_seg seg)
{
	struct slat_vcpu_access *access = ctx;
	struct kvm_segment kseg;

	slat_vmx_segment(access->vmx, (enum slat_vmx_seg)seg, &kseg);
	return kseg.selector;
}

static void emul_read_xmm(void *ctx, unsigned int reg, void *buf)
{
	slat_fpu_read_xmm(reg, buf);
}

static void emul_write_xmm(void *ctx, unsigned int reg, const void *buf)
{
	slat_fpu_write_xmm(reg, buf);
}

static void emul_read_mmx(void *ctx, unsigned int reg, void *buf)
{
	slat_fpu_read_mmx(reg, buf);
}

static void emul_write_mmx(void *ctx, unsigned int reg, const void *buf)
{
	slat_fpu_write_mmx(reg, buf);
}

static void emul_read_ymm(void *ctx, unsigned int reg, void *buf)
{
	slat_fpu_read_ymm(reg, buf);
}

static void emul_write_ymm(void *ctx, unsigned int reg, const void *buf)
{
	slat_fpu_write_ymm(reg, buf);
}

/*
 * An iteration is over: does anything come before the next one that the run loop
 * must see to? Events, windows and steps are the same for all iterations of this
 * call: what changes them needs the vCPU's mutex. The first one ends the shadow of
 * an STI.
 */
static bool emul_stop(void *ctx)
{
	struct slat_vcpu_access *access = ctx;

	if (!access->gates_passed) {
		access->gates_passed = true;
		slat_vmx_end_shadow(access->vmx);
		access->stops = access->immediate_exit || slat_vmx_is_due(access->vmx);
	}
	return access->stops || signal_pending(current) || need_resched();
}

static const struct slat_emul_ops emul_ops = {
	.fetch = slat_access_fetch,
	.translate = slat_access_translate,
	.read_gpa = emul_read_gpa,
	.write_gpa = emul_write_gpa,
	.cmpxchg_gpa = emul_cmpxchg_gpa,
	.seg_base = emul_seg_base,
	.seg_check = emul_seg_check,
	.seg_selector = emul_seg_selector,
	.read_xmm = emul_read_xmm,
	.write_xmm = emul_write_xmm,
	.read_ymm = emul_read_ymm,
	.write_ymm = emul_write_ymm,
	.read_mmx = emul_read_mmx,
	.write_mmx = emul_write_mmx,
	.check_registers = slat_access_check_registers,
	.check_io = slat_access_check_io,
	.stop = emul_stop,
	.system = &slat_access_system_ops,
};

void slat_access_init(struct slat_vcpu_access *access)
{
	access->emul.ops = &emul_ops;
	access->emul.ctx = access;
}

/* Registers that the client may have changed since the last call. */
static void emul_load_regs(struct slat_vcpu_access *access)
{
	struct slat_emul *emul = &access->emul;

	slat_vmx_host_data_touched(access->vmx);
	memcpy(emul->gpr, slat_vmx_gprs(access->vmx), sizeof(emul->gpr));
	emul->rip = slat_vmx_rip(access->vmx);
	emul->rflags = slat_vmx_rflags(access->vmx);
	emul->step = slat_vmx_steps(access->vmx);
	emul->committed = SLAT_COMMITTED_NOTHING;
	access->walk_cpu_valid = false;
	access->gates_passed = false;
}

/*
 * A committed iteration has completed as an instruction does, though RIP stays. The
 * trap of RFLAGS.TF goes by the flag as the instruction found it, so the flags come
 * after.
 */
static void emul_store_regs(struct slat_vcpu_access *access, u64 rflags)
{
	struct slat_emul *emul = &access->emul;

	memcpy(slat_vmx_gprs(access->vmx), emul->gpr, sizeof(emul->gpr));
	if (unlikely(emul->committed == SLAT_COMMITTED_SHADOW))
		slat_vmx_advance_ss(access->vmx, emul->rip);
	else if (emul->committed)
		slat_vmx_advance(access->vmx, emul->rip);
	if (emul->rflags != rflags)
		slat_vmx_set_rflags(access->vmx, emul->rflags);
}

static u8 emul_stack_size(struct slat_vcpu_access *access)
{
	struct kvm_segment ss;

	if (access->emul.mode == SLAT_MODE_LONG)
		return 8;
	slat_vmx_segment(access->vmx, SLAT_VMX_SEG_SS, &ss);
	return ss.db ? 4 : 2;
}

static void mmio_trace(const struct slat_vcpu_access *access, bool in_kernel)
{
	const struct slat_emul_mmio *mmio = &access->emul.mmio;
	u64 value = 0;

	if (mmio->is_write)
		memcpy(&value, mmio->data, min_t(size_t, mmio->len, sizeof(value)));
	trace_slat_mmio(access->vm_id, access->vcpu_id, mmio->gpa, mmio->len,
			(mmio->is_write ? SLAT_TRACE_MMIO_WRITE : 0) |
			(in_kernel ? SLAT_TRACE_MMIO_KERNEL : 0), value);
}

static enum slat_step mmio_exit(struct slat_vcpu_access *access)
{
	const struct slat_emul_mmio *mmio = &access->emul.mmio;
	struct kvm_run *run = access->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = mmio->gpa;
	run->mmio.len = mmio->len;
	run->mmio.is_write = mmio->is_write;
	if (mmio->is_write)
		memcpy(run->mmio.data, mmio->data, sizeof(run->mmio.data));
	access->stats.mmio++;
	if (trace_slat_mmio_enabled())
		mmio_trace(access, false);
	/* Nothing depends on the client's answer to a last write. */
	if (slat_emul_is_last(&access->emul)) {
		slat_emul_cancel(&access->emul);
		access->stats.insn_emulated++;
	} else {
		access->pending = SLAT_PENDING_EMUL_MMIO;
	}
	return SLAT_STEP_USER;
}

static enum slat_step pio_exit(struct slat_vcpu_access *access)
{
	const struct slat_emul_pio *pio = &access->emul.pio;
	struct kvm_run *run = access->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = pio->is_in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = pio->size;
	run->io.port = pio->port;
	run->io.count = pio->count;
	run->io.data_offset = SLAT_PIO_PAGE * PAGE_SIZE;
	if (!pio->is_in)
		memcpy(access->pio_data, pio->data, pio->size * pio->count);
	access->pending = SLAT_PENDING_EMUL_PIO;
	access->stats.pio++;
	return SLAT_STEP_USER;
}

static enum slat_step emul_exception(struct slat_vcpu_access *access)
{
	const struct slat_exception *ex = &access->emul.exception;

	slat_vmx_inject_exception(access->vmx, ex->vector, ex->has_error,
				  ex->error_code, ex->cr2);
	return SLAT_STEP_ENTER;
}

/* What KVM puts behind the flags and the bytes; here only what is known. */
#define EMULATION_INFO	5

static enum slat_step tell_failure(struct slat_vcpu_access *access)
{
	const struct slat_emul *emul = &access->emul;
	const u64 info[EMULATION_INFO] = {
		access->exit.reason, access->exit.qualification,
	};
	struct kvm_run *run = access->run;
	unsigned int ndata = 1, size = min_t(unsigned int, emul->fetched,
					     sizeof(run->emulation_failure.insn_bytes));

	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.flags = 0;
	if (size) {
		BUILD_BUG_ON(sizeof(run->emulation_failure.insn_size) +
			     sizeof(run->emulation_failure.insn_bytes) != 2 * sizeof(u64));
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = size;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, emul->insn.bytes, size);
		ndata += 2;
	}
	memcpy(&run->internal.data[ndata], info, sizeof(info));
	run->emulation_failure.ndata = ndata + EMULATION_INFO;
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	return SLAT_STEP_USER;
}

/*
 * A program without rights must not be able to stop its VM, so it gets what a
 * processor gives it that does not know the instruction. KVM does the same, but for a
 * client that wants to be told of each failure.
 */
enum slat_step slat_access_failed(struct slat_vcpu_access *access)
{
	if (slat_vmx_cpl(access->vmx) && !READ_ONCE(*access->exit_on_failure)) {
		slat_vmx_inject_exception(access->vmx, SLAT_VEC_UD, false, 0, 0);
		return SLAT_STEP_ENTER;
	}
	return tell_failure(access);
}

static enum slat_step emul_next(struct slat_vcpu_access *access, enum slat_emul_status status)
{
	switch (status) {
	case SLAT_EMUL_DONE:
		access->stats.insn_emulated++;
		return SLAT_STEP_ENTER;
	case SLAT_EMUL_RETRY:
		if (!slat_emul_has_answer(&access->emul))
			return SLAT_STEP_ENTER;
		access->pending = SLAT_PENDING_EMUL_RESUME;
		return SLAT_STEP_RESUME;
	case SLAT_EMUL_MMIO:
		return mmio_exit(access);
	case SLAT_EMUL_PIO:
		return pio_exit(access);
	case SLAT_EMUL_EXCEPTION:
		return emul_exception(access);
	case SLAT_EMUL_UNHANDLED:
	default:
		access->stats.insn_failed++;
		return slat_access_failed(access);
	}
}

/* Does the kernel itself answer what the emulator waits for? Only writes can be. */
static bool emul_in_kernel(struct slat_vcpu_access *access, enum slat_emul_status status)
{
	const struct slat_emul_mmio *mmio = &access->emul.mmio;
	const struct slat_emul_pio *pio = &access->emul.pio;

	switch (status) {
	case SLAT_EMUL_MMIO:
		return mmio->is_write && slat_iobus_write(access->io, SLAT_IOBUS_MMIO, mmio->gpa,
							  mmio->len, mmio->data);
	case SLAT_EMUL_PIO:
		return !pio->is_in && pio->count == 1 &&
		       slat_iobus_write(access->io, SLAT_IOBUS_PIO, pio->port, pio->size,
					pio->data);
	default:
		return false;
	}
}

/* Go on with the instruction for as long as the client is not needed. */
static enum slat_emul_status emul_serve(struct slat_vcpu_access *access,
					enum slat_emul_status status)
{
	struct slat_emul *emul = &access->emul;

	while (emul_in_kernel(access, status)) {
		access->stats.in_kernel++;
		if (status == SLAT_EMUL_MMIO && trace_slat_mmio_enabled())
			mmio_trace(access, true);
		if (status == SLAT_EMUL_MMIO)
			status = slat_emul_complete_mmio(emul, NULL);
		else
			status = slat_emul_complete_pio(emul, NULL);
	}
	return status;
}

/*
 * An eventfd that wants neither length nor value needs no look at the
 * instruction where the processor told its length. It takes whatever access
 * exits so, as in KVM: the exit does not say which kind it is.
 */
static bool mmio_is_signalled(struct slat_vcpu_access *access)
{
	const struct slat_exit *exit = &access->exit;
	u32 len;

	if (access->exit_type != SLAT_EXIT_EPT || !exit->fault.misconfig)
		return false;
	len = slat_vmx_insn_len(access->vmx);
	if (!len || !slat_iobus_signal_any(access->io, exit->fault.gpa))
		return false;
	slat_vmx_advance(access->vmx, slat_vmx_rip(access->vmx) + len);
	access->stats.in_kernel++;
	/* Of what length and value nobody has looked. */
	trace_slat_mmio(access->vm_id, access->vcpu_id, exit->fault.gpa, 0,
			SLAT_TRACE_MMIO_WRITE | SLAT_TRACE_MMIO_KERNEL, 0);
	return true;
}

/*
 * The GPA of an EPT exit saves the walk for the data operand, if the guest's tables
 * allow the access. Of a user program nothing is taken as proved: its exit may have
 * been another access, or the processor's own to a descriptor, and the code may have
 * changed since. A kernel is believed as far as it concerns itself alone: where a
 * violation says that its access was no write, a write is walked for; a
 * misconfiguration does not say what it was. Whose page tables lie in device memory
 * may fool itself in the same way, as on KVM.
 */
static __always_inline void emul_begin(struct slat_vcpu_access *access)
{
	const struct slat_exit *exit = &access->exit;
	struct slat_emul *emul = &access->emul;

	emul_load_regs(access);
	emul->mode = (enum slat_insn_mode)slat_vmx_cpu_mode(access->vmx);
	emul->cpl = slat_vmx_cpl(access->vmx);
	emul->stack_size = emul_stack_size(access);
	emul->align_check = unlikely(emul->rflags & SLAT_FLAG_AC) &&
			    slat_access_checks_alignment(access);
	emul->gpa_hint_valid = access->exit_type == SLAT_EXIT_EPT && emul->cpl != 3 &&
			       !exit->fault.page_walk && !exit->fault.exec;
	emul->gpa_hint = emul->gpa_hint_valid ? exit->fault.gpa : 0;
	emul->gpa_hint_write = emul->gpa_hint_valid &&
			       (exit->fault.write || exit->fault.misconfig);
}

static enum slat_step emulate_with_bus(struct slat_vcpu_access *access)
{
	struct slat_emul *emul = &access->emul;
	enum slat_emul_status status;
	u64 rflags;

	if (mmio_is_signalled(access))
		return SLAT_STEP_ENTER;
	emul_begin(access);
	rflags = emul->rflags;
	status = emul_serve(access, slat_emul_run(emul));
	emul_store_regs(access, rflags);
	return emul_next(access, status);
}

/**
 * slat_access_emulate() - emulate the instruction of the last exit
 * @access: loaded, inside its reader section
 */
enum slat_step slat_access_emulate(struct slat_vcpu_access *access)
{
	struct slat_emul *emul = &access->emul;
	enum slat_emul_status status;
	u64 rflags;

	if (slat_io_exists(access->io))
		return emulate_with_bus(access);
	emul_begin(access);
	rflags = emul->rflags;
	status = slat_emul_run(emul);
	emul_store_regs(access, rflags);
	return emul_next(access, status);
}

static enum slat_emul_status emul_take_answer(struct slat_vcpu_access *access)
{
	struct slat_emul *emul = &access->emul;
	enum slat_pending pending = access->pending;
	u8 data[sizeof(access->run->mmio.data)];

	access->pending = SLAT_PENDING_NONE;
	switch (pending) {
	case SLAT_PENDING_EMUL_MMIO:
		/* One copy: the client may write the page at any time. */
		memcpy(data, access->run->mmio.data, sizeof(data));
		return slat_emul_complete_mmio(emul, data);
	case SLAT_PENDING_EMUL_PIO:
		return slat_emul_complete_pio(emul, access->pio_data);
	default:
		return slat_emul_resume(emul);
	}
}

/* Go on with the client's answer; called with one of the emulator's pendings. */
enum slat_step slat_access_complete_emulation(struct slat_vcpu_access *access)
{
	struct slat_emul *emul = &access->emul;
	enum slat_emul_status status;
	u64 rflags;

	if (unlikely(access->place.noted) && slat_access_place_changed(access)) {
		slat_emul_cancel(emul);
		access->pending = SLAT_PENDING_NONE;
		return SLAT_STEP_ENTER;
	}
	emul_load_regs(access);
	rflags = emul->rflags;
	status = emul_take_answer(access);
	if (slat_io_exists(access->io))
		status = emul_serve(access, status);
	emul_store_regs(access, rflags);
	return emul_next(access, status);
}
