/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMX instructions and VMCS field accessors.  Every instruction carries an
 * exception-table fixup: an emergency VMXOFF (panic, kexec) may come between
 * any two of them, and none may then take the machine down.  Usable in noinstr
 * code.  Callers hold the VMCS current: loaded, or preemption off.
 */
#ifndef SLAT_VMX_VMCS_H
#define SLAT_VMX_VMCS_H

#include <linux/instrumentation.h>
#include <linux/types.h>

#include <asm/asm.h>
#include <asm/vmx.h>

/* Region that the processor keeps a VMCS, or the VMXON state, in. */
struct slat_vmcs {
	u32 revision;
	u32 abort;
	u8 data[];
};

void slat_vmcs_read_error(unsigned long field);
void slat_vmcs_write_error(unsigned long field, unsigned long value);
void slat_vmcs_insn_error(const char *insn, u64 arg);

struct slat_vmcs *slat_vmcs_alloc(u32 revision);
void slat_vmcs_free(struct slat_vmcs *vmcs);
void slat_vmcs_dump(u32 reason, u64 qualification);

static __always_inline unsigned long slat_vmcs_read(unsigned long field)
{
	unsigned long value;
	bool fail;

	asm volatile("1: vmread %[field], %[value]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %[value])
		     : "=@ccbe"(fail), [value] "=r"(value)
		     : [field] "r"(field));
	if (unlikely(fail)) {
		instrumentation_begin();
		slat_vmcs_read_error(field);
		instrumentation_end();
	}
	return value;
}

static __always_inline void slat_vmcs_write(unsigned long field,
					    unsigned long value)
{
	bool fail;

	asm volatile("1: vmwrite %[value], %[field]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(fail)
		     : [field] "r"(field), [value] "r"(value)
		     : "memory");
	if (unlikely(fail)) {
		instrumentation_begin();
		slat_vmcs_write_error(field, value);
		instrumentation_end();
	}
}

static inline void slat_vmcs_clear(u64 pa)
{
	bool fail;

	asm volatile("1: vmclear %[pa]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(fail)
		     : [pa] "m"(pa)
		     : "memory");
	if (unlikely(fail))
		slat_vmcs_insn_error("VMCLEAR", pa);
}

static inline void slat_vmcs_load(u64 pa)
{
	bool fail;

	asm volatile("1: vmptrld %[pa]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(fail)
		     : [pa] "m"(pa)
		     : "memory");
	if (unlikely(fail))
		slat_vmcs_insn_error("VMPTRLD", pa);
}

/* Extents: VMX_EPT_EXTENT_* and VMX_VPID_EXTENT_* of asm/vmx.h. */
static __always_inline void slat_invept(unsigned long extent, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} operand = { eptp, 0 };
	bool fail;

	asm volatile("1: invept %[operand], %[extent]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(fail)
		     : [operand] "m"(operand), [extent] "r"(extent)
		     : "memory");
	if (unlikely(fail)) {
		instrumentation_begin();
		slat_vmcs_insn_error("INVEPT", eptp);
		instrumentation_end();
	}
}

static __always_inline void slat_invvpid(unsigned long extent, u16 vpid)
{
	struct {
		u64 vpid, linear;
	} operand = { vpid, 0 };
	bool fail;

	asm volatile("1: invvpid %[operand], %[extent]\n\t"
		     "2:\n\t"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(fail)
		     : [operand] "m"(operand), [extent] "r"(extent)
		     : "memory");
	if (unlikely(fail)) {
		instrumentation_begin();
		slat_vmcs_insn_error("INVVPID", vpid);
		instrumentation_end();
	}
}

#endif /* SLAT_VMX_VMCS_H */
