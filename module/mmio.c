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

#include "fetch.h"
#include "guestmem.h"
#include "insn/segment.h"
#include "insn/walk.h"
#include "trace.h"
#include "vcpu.h"

#define EXC_GP	13
#define EXC_PF	14

static_assert((int)SLAT_MODE_LONG == (int)SLAT_VMX_MODE_LONG);
static_assert((int)SLAT_MODE_PROT16 == (int)SLAT_VMX_MODE_PROT16);
static_assert((int)SLAT_SEG_GS == (int)SLAT_VMX_SEG_GS);

void slat_vcpu_walk_cpu(struct slat_vcpu *vcpu, struct slat_walk_cpu *cpu)
{
	struct slat_vmx *vmx = vcpu->vmx;

	cpu->cr0 = slat_vmx_cr0(vmx);
	cpu->cr3 = slat_vmx_cr3(vmx);
	cpu->cr4 = slat_vmx_cr4(vmx);
	cpu->efer = slat_vmx_efer(vmx);
	cpu->rflags = slat_vmx_rflags(vmx);
	cpu->pkru = slat_vmx_pkru(vmx);
	cpu->cpl = slat_vmx_cpl(vmx);
	cpu->maxphyaddr = vcpu->guest_cpu.maxphyaddr;
	cpu->no_gbpages = !(vcpu->guest_cpu.features & SLAT_CPU_GBPAGES);
	cpu->no_pse36 = false;
	if ((cpu->cr4 & X86_CR4_PAE) && !(cpu->efer & EFER_LMA))
		slat_vmx_pdptes(vmx, cpu->pdpte);
}

static int walk_read_entry(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	int err = slat_guest_read(ctx, gpa, buf, len);

	return err == -ENXIO ? -EFAULT : err;
}

static int walk_cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new,
			      unsigned int len)
{
	int err = slat_guest_cmpxchg(ctx, gpa, &old, &new, len);

	return err == -ENXIO ? -EFAULT : err;
}

const struct slat_walk_ops slat_vcpu_walk_ops = {
	.read_entry = walk_read_entry,
	.cmpxchg_entry = walk_cmpxchg_entry,
};

/* What the guest gets for a translation that failed. */
static void walk_exception(struct slat_emul *emul,
			   const struct slat_walk_result *res, u64 linear)
{
	emul->exception = (struct slat_exception) {
		.vector = res->fault ? EXC_PF : EXC_GP,
		.has_error = true,
		.error_code = res->fault ? res->pfec : 0,
		.cr2 = linear,
	};
}

int slat_vcpu_linear_to_gpa(struct slat_vcpu *vcpu, const struct slat_walk_ops *ops,
			    u64 linear, unsigned int access, u64 *gpa)
{
	struct slat_walk_result res;
	int err;

	if (!vcpu->walk_cpu_valid) {
		slat_vcpu_walk_cpu(vcpu, &vcpu->walk_cpu);
		vcpu->walk_cpu_valid = true;
	}
	err = slat_walk(&vcpu->walk_cpu, ops, vcpu, linear, access, &res);
	if (err == -EFAULT)
		walk_exception(&vcpu->emul, &res, linear);
	*gpa = res.gpa;
	return err;
}

static int emul_translate(void *ctx, u64 linear, unsigned int access, u64 *gpa)
{
	return slat_vcpu_linear_to_gpa(ctx, &slat_vcpu_walk_ops, linear, access, gpa);
}

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
	struct slat_vcpu *vcpu = ctx;

	return slat_vmx_seg_base(vcpu->vmx, (enum slat_vmx_seg)seg);
}

static int emul_seg_check(void *ctx, enum slat_seg seg, u64 offset,
			  unsigned int len, unsigned int access)
{
	struct slat_vcpu *vcpu = ctx;
	struct kvm_segment kseg;
	struct slat_segment desc;

	slat_vmx_segment(vcpu->vmx, (enum slat_vmx_seg)seg, &kseg);
	desc = (struct slat_segment) {
		.limit = kseg.limit,
		.type = kseg.type,
		.s = kseg.s,
		.db = kseg.db,
		.unusable = kseg.unusable,
	};
	return slat_segment_check(&desc, vcpu->emul.mode, seg, offset, len, access,
				  &vcpu->emul.exception);
}

static u16 emul_seg_selector(void *ctx, enum slat_seg seg)
{
	struct slat_vcpu *vcpu = ctx;
	struct kvm_segment kseg;

	slat_vmx_segment(vcpu->vmx, (enum slat_vmx_seg)seg, &kseg);
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

static bool emul_stop(void *ctx)
{
	return signal_pending(current) || need_resched();
}

/* Port rights need no check: the processor made it before the exit. */
static const struct slat_emul_ops emul_ops = {
	.fetch = slat_vcpu_fetch,
	.translate = emul_translate,
	.read_gpa = emul_read_gpa,
	.write_gpa = emul_write_gpa,
	.cmpxchg_gpa = emul_cmpxchg_gpa,
	.seg_base = emul_seg_base,
	.seg_check = emul_seg_check,
	.seg_selector = emul_seg_selector,
	.read_xmm = emul_read_xmm,
	.write_xmm = emul_write_xmm,
	.read_mmx = emul_read_mmx,
	.write_mmx = emul_write_mmx,
	.stop = emul_stop,
};

void slat_vcpu_emulator_init(struct slat_vcpu *vcpu)
{
	vcpu->emul.ops = &emul_ops;
	vcpu->emul.ctx = vcpu;
}

/* Registers that the client may have changed since the last call. */
static void emul_load_regs(struct slat_vcpu *vcpu)
{
	struct slat_emul *emul = &vcpu->emul;

	slat_vmx_host_data_touched(vcpu->vmx);
	memcpy(emul->gpr, slat_vmx_gprs(vcpu->vmx), sizeof(emul->gpr));
	emul->rip = slat_vmx_rip(vcpu->vmx);
	emul->rflags = slat_vmx_rflags(vcpu->vmx);
	vcpu->walk_cpu_valid = false;
}

static void emul_store_regs(struct slat_vcpu *vcpu, u64 rip, u64 rflags)
{
	struct slat_emul *emul = &vcpu->emul;

	memcpy(slat_vmx_gprs(vcpu->vmx), emul->gpr, sizeof(emul->gpr));
	if (emul->rflags != rflags)
		slat_vmx_set_rflags(vcpu->vmx, emul->rflags);
	if (emul->rip != rip)
		slat_vmx_advance(vcpu->vmx, emul->rip);
}

static u8 emul_stack_size(struct slat_vcpu *vcpu)
{
	struct kvm_segment ss;

	if (vcpu->emul.mode == SLAT_MODE_LONG)
		return 8;
	slat_vmx_segment(vcpu->vmx, SLAT_VMX_SEG_SS, &ss);
	return ss.db ? 4 : 2;
}

static void mmio_trace(const struct slat_vcpu *vcpu, bool in_kernel)
{
	const struct slat_emul_mmio *mmio = &vcpu->emul.mmio;
	u64 value = 0;

	if (mmio->is_write)
		memcpy(&value, mmio->data, min_t(size_t, mmio->len, sizeof(value)));
	trace_slat_mmio(slat_vm_id(vcpu->vm), vcpu->id, mmio->gpa, mmio->len,
			(mmio->is_write ? SLAT_TRACE_MMIO_WRITE : 0) |
			(in_kernel ? SLAT_TRACE_MMIO_KERNEL : 0), value);
}

static enum slat_step mmio_exit(struct slat_vcpu *vcpu)
{
	const struct slat_emul_mmio *mmio = &vcpu->emul.mmio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = mmio->gpa;
	run->mmio.len = mmio->len;
	run->mmio.is_write = mmio->is_write;
	if (mmio->is_write)
		memcpy(run->mmio.data, mmio->data, sizeof(run->mmio.data));
	vcpu->stats.mmio++;
	if (trace_slat_mmio_enabled())
		mmio_trace(vcpu, false);
	/* Nothing depends on the client's answer to a last write. */
	if (slat_emul_is_last(&vcpu->emul)) {
		slat_emul_cancel(&vcpu->emul);
		vcpu->stats.insn_emulated++;
	} else {
		vcpu->pending = SLAT_PENDING_EMUL_MMIO;
	}
	return SLAT_STEP_USER;
}

static enum slat_step pio_exit(struct slat_vcpu *vcpu)
{
	const struct slat_emul_pio *pio = &vcpu->emul.pio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = pio->is_in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = pio->size;
	run->io.port = pio->port;
	run->io.count = pio->count;
	run->io.data_offset = SLAT_PIO_PAGE * PAGE_SIZE;
	if (!pio->is_in)
		memcpy(vcpu->pio_data, pio->data, pio->size * pio->count);
	vcpu->pending = SLAT_PENDING_EMUL_PIO;
	vcpu->stats.pio++;
	return SLAT_STEP_USER;
}

static enum slat_step emul_exception(struct slat_vcpu *vcpu)
{
	const struct slat_exception *ex = &vcpu->emul.exception;

	slat_vmx_inject_exception(vcpu->vmx, ex->vector, ex->has_error,
				  ex->error_code, ex->cr2);
	return SLAT_STEP_ENTER;
}

static enum slat_step emul_next(struct slat_vcpu *vcpu, enum slat_emul_status status)
{
	switch (status) {
	case SLAT_EMUL_DONE:
		vcpu->stats.insn_emulated++;
		return SLAT_STEP_ENTER;
	case SLAT_EMUL_RETRY:
		if (!slat_emul_has_answer(&vcpu->emul))
			return SLAT_STEP_ENTER;
		vcpu->pending = SLAT_PENDING_EMUL_RESUME;
		return SLAT_STEP_RESUME;
	case SLAT_EMUL_MMIO:
		return mmio_exit(vcpu);
	case SLAT_EMUL_PIO:
		return pio_exit(vcpu);
	case SLAT_EMUL_EXCEPTION:
		return emul_exception(vcpu);
	case SLAT_EMUL_UNHANDLED:
	default:
		vcpu->stats.insn_failed++;
		return slat_vcpu_emulation_failed(vcpu);
	}
}

/* Does the kernel itself answer what the emulator waits for? Only writes can be. */
static bool emul_in_kernel(struct slat_vcpu *vcpu, enum slat_emul_status status)
{
	const struct slat_emul_mmio *mmio = &vcpu->emul.mmio;
	const struct slat_emul_pio *pio = &vcpu->emul.pio;

	switch (status) {
	case SLAT_EMUL_MMIO:
		return mmio->is_write && slat_iobus_write(vcpu->vm, SLAT_IOBUS_MMIO, mmio->gpa,
							  mmio->len, mmio->data);
	case SLAT_EMUL_PIO:
		return !pio->is_in && pio->count == 1 &&
		       slat_iobus_write(vcpu->vm, SLAT_IOBUS_PIO, pio->port, pio->size,
					pio->data);
	default:
		return false;
	}
}

/* Go on with the instruction for as long as the client is not needed. */
static enum slat_emul_status emul_serve(struct slat_vcpu *vcpu, enum slat_emul_status status)
{
	struct slat_emul *emul = &vcpu->emul;

	while (emul_in_kernel(vcpu, status)) {
		vcpu->stats.in_kernel++;
		if (status == SLAT_EMUL_MMIO && trace_slat_mmio_enabled())
			mmio_trace(vcpu, true);
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
static bool mmio_is_signalled(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->exit;
	u32 len;

	if (vcpu->exit_type != SLAT_EXIT_EPT || !exit->fault.misconfig)
		return false;
	len = slat_vmx_insn_len(vcpu->vmx);
	if (!len || !slat_iobus_signal_any(vcpu->vm, exit->fault.gpa))
		return false;
	slat_vmx_advance(vcpu->vmx, slat_vmx_rip(vcpu->vmx) + len);
	vcpu->stats.in_kernel++;
	/* Of what length and value nobody has looked. */
	trace_slat_mmio(slat_vm_id(vcpu->vm), vcpu->id, exit->fault.gpa, 0,
			SLAT_TRACE_MMIO_WRITE | SLAT_TRACE_MMIO_KERNEL, 0);
	return true;
}

/*
 * The GPA of an EPT exit saves the walk for the data operand. A guest whose
 * own page tables lie in device memory may fool itself so, as on KVM, but only
 * on a misconfiguration: a violation says whether the page walk made it.
 */
static __always_inline void emul_begin(struct slat_vcpu *vcpu)
{
	const struct slat_exit *exit = &vcpu->exit;
	struct slat_emul *emul = &vcpu->emul;

	emul_load_regs(vcpu);
	emul->mode = (enum slat_insn_mode)slat_vmx_cpu_mode(vcpu->vmx);
	emul->cpl = slat_vmx_cpl(vcpu->vmx);
	emul->stack_size = emul_stack_size(vcpu);
	emul->gpa_hint_valid = vcpu->exit_type == SLAT_EXIT_EPT &&
			       !exit->fault.page_walk && !exit->fault.exec;
	emul->gpa_hint = emul->gpa_hint_valid ? exit->fault.gpa : 0;
}

static enum slat_step emulate_with_bus(struct slat_vcpu *vcpu)
{
	struct slat_emul *emul = &vcpu->emul;
	enum slat_emul_status status;
	u64 rip, rflags;

	if (mmio_is_signalled(vcpu))
		return SLAT_STEP_ENTER;
	emul_begin(vcpu);
	rip = emul->rip;
	rflags = emul->rflags;
	status = emul_serve(vcpu, slat_emul_run(emul));
	emul_store_regs(vcpu, rip, rflags);
	return emul_next(vcpu, status);
}

/**
 * slat_vcpu_emulate() - emulate the instruction of the last exit
 * @vcpu: loaded, inside its reader section
 */
enum slat_step slat_vcpu_emulate(struct slat_vcpu *vcpu)
{
	struct slat_emul *emul = &vcpu->emul;
	enum slat_emul_status status;
	u64 rip, rflags;

	if (slat_io_exists(&vcpu->vm->io))
		return emulate_with_bus(vcpu);
	emul_begin(vcpu);
	rip = emul->rip;
	rflags = emul->rflags;
	status = slat_emul_run(emul);
	emul_store_regs(vcpu, rip, rflags);
	return emul_next(vcpu, status);
}

static enum slat_emul_status emul_take_answer(struct slat_vcpu *vcpu)
{
	struct slat_emul *emul = &vcpu->emul;
	enum slat_pending pending = vcpu->pending;
	u8 data[sizeof(vcpu->run->mmio.data)];

	vcpu->pending = SLAT_PENDING_NONE;
	switch (pending) {
	case SLAT_PENDING_EMUL_MMIO:
		/* One copy: the client may write the page at any time. */
		memcpy(data, vcpu->run->mmio.data, sizeof(data));
		return slat_emul_complete_mmio(emul, data);
	case SLAT_PENDING_EMUL_PIO:
		return slat_emul_complete_pio(emul, vcpu->pio_data);
	default:
		return slat_emul_resume(emul);
	}
}

/* Go on with the client's answer; called with one of the emulator's pendings. */
enum slat_step slat_vcpu_complete_emulation(struct slat_vcpu *vcpu)
{
	struct slat_emul *emul = &vcpu->emul;
	enum slat_emul_status status;
	u64 rip, rflags;

	emul_load_regs(vcpu);
	rip = emul->rip;
	rflags = emul->rflags;
	status = emul_take_answer(vcpu);
	if (slat_io_exists(&vcpu->vm->io))
		status = emul_serve(vcpu, status);
	emul_store_regs(vcpu, rip, rflags);
	return emul_next(vcpu, status);
}
