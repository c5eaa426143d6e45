// SPDX-License-Identifier: GPL-2.0
/*
 * The fake machine behind the emulator's callbacks.
 */
#include "fake.h"

/* Physical page of each linear page: shuffled, and far from the linear one. */
static const unsigned int shuffle[FAKE_PAGES] = { 2, 0, 3, 1 };
#define GPA_BASE	0x3500000000ull

static int page_of_linear(const struct fake *f, u64 linear)
{
	if (linear < f->base || linear >= f->base + FAKE_BYTES)
		return -1;
	return (linear - f->base) / 4096;
}

static int page_of_gpa(u64 gpa)
{
	unsigned int i;

	for (i = 0; i < FAKE_PAGES; i++)
		if ((gpa - GPA_BASE) / 4096 == shuffle[i])
			return i;
	return -1;
}

u64 fake_gpa(const struct fake *f, u64 linear)
{
	int page = page_of_linear(f, linear);

	return page < 0 ? ~0ull : GPA_BASE + shuffle[page] * 4096ull + linear % 4096;
}

static u8 *page_memory(struct fake *f, unsigned int page, u64 gpa)
{
	return f->memory + page * 4096 + gpa % 4096;
}

static int page_fault(struct fake *f, u64 linear, unsigned int access)
{
	f->e.exception = (struct slat_exception) {
		.vector = SLAT_VEC_PF,
		.has_error = true,
		.error_code = access & SLAT_ACC_WRITE ? 2 : 0,
		.cr2 = linear,
	};
	return -EFAULT;
}

static int fake_fetch(void *ctx, u64 linear, void *buf, unsigned int len)
{
	struct fake *f = ctx;
	u64 offset = linear - f->code_linear;

	f->nr_fetch++;
	if (offset >= f->code_len)
		return page_fault(f, linear, SLAT_ACC_FETCH);
	if (len > f->code_len - offset)
		len = f->code_len - offset;
	memcpy(buf, f->code + offset, len);
	return len;
}

static int fake_translate(void *ctx, u64 linear, unsigned int access, u64 *gpa)
{
	struct fake *f = ctx;
	int page = page_of_linear(f, linear);

	f->nr_translate++;
	if (page < 0 && (linear < f->base - f->guard ||
			 linear >= f->base + FAKE_BYTES + f->guard))
		f->strayed = true;
	if (page < 0 || f->page[page] == FAKE_NONE ||
	    (access & SLAT_ACC_WRITE && f->readonly & 1 << page))
		return page_fault(f, linear, access);
	*gpa = fake_gpa(f, linear);
	return 0;
}

static int fake_read_gpa(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct fake *f = ctx;
	int page = page_of_gpa(gpa);

	if (page < 0 || gpa % 4096 + len > 4096)
		return -EINVAL;
	if (f->page[page] == FAKE_BUSY)
		return -EAGAIN;
	if (f->page[page] == FAKE_MMIO)
		return -ENXIO;
	memcpy(buf, page_memory(f, page, gpa), len);
	return 0;
}

static int fake_write_gpa(void *ctx, u64 gpa, const void *buf, unsigned int len)
{
	struct fake *f = ctx;
	int page = page_of_gpa(gpa);

	if (page < 0 || gpa % 4096 + len > 4096)
		return -EINVAL;
	if (f->page[page] == FAKE_BUSY)
		return -EAGAIN;
	if (f->page[page] != FAKE_RAM)
		return -ENXIO;
	f->nr_write++;
	memcpy(page_memory(f, page, gpa), buf, len);
	return 0;
}

static int fake_cmpxchg_gpa(void *ctx, u64 gpa, const void *old,
			    const void *new, unsigned int len)
{
	struct fake *f = ctx;
	int page = page_of_gpa(gpa);

	f->nr_cmpxchg++;
	if (page < 0 || gpa % 64 + len > 64)
		return -EINVAL;
	if (f->page[page] != FAKE_RAM)
		return -ENXIO;
	if (f->race) {
		f->race--;
		page_memory(f, page, gpa)[0]++;
	}
	if (memcmp(page_memory(f, page, gpa), old, len))
		return -EAGAIN;
	memcpy(page_memory(f, page, gpa), new, len);
	return 0;
}

static u64 fake_seg_base(void *ctx, enum slat_seg seg)
{
	return ((struct fake *)ctx)->seg[seg];
}

static int fake_seg_check(void *ctx, enum slat_seg seg, u64 offset,
			  unsigned int len, unsigned int access)
{
	struct fake *f = ctx;

	(void)access;
	if (!f->check_limit || offset + len - 1 <= f->check_limit)
		return 0;
	f->e.exception = (struct slat_exception) {
		.vector = seg == SLAT_SEG_SS ? SLAT_VEC_SS : SLAT_VEC_GP,
		.has_error = true,
	};
	return -EFAULT;
}

static u16 fake_seg_selector(void *ctx, enum slat_seg seg)
{
	return ((struct fake *)ctx)->selector[seg];
}

static void fake_read_xmm(void *ctx, unsigned int reg, void *buf)
{
	memcpy(buf, ((struct fake *)ctx)->ymm[reg], 16);
}

static void fake_write_xmm(void *ctx, unsigned int reg, const void *buf)
{
	memcpy(((struct fake *)ctx)->ymm[reg], buf, 16);
}

static void fake_read_ymm(void *ctx, unsigned int reg, void *buf)
{
	memcpy(buf, ((struct fake *)ctx)->ymm[reg], 32);
}

static void fake_write_ymm(void *ctx, unsigned int reg, const void *buf)
{
	memcpy(((struct fake *)ctx)->ymm[reg], buf, 32);
}

static int fake_check_registers(void *ctx, enum slat_registers registers)
{
	struct fake *f = ctx;

	f->asked = registers;
	if (!f->denied)
		return 0;
	f->e.exception = (struct slat_exception) { .vector = f->denied };
	return -EFAULT;
}

static void fake_read_mmx(void *ctx, unsigned int reg, void *buf)
{
	memcpy(buf, &((struct fake *)ctx)->mmx[reg], 8);
}

static void fake_write_mmx(void *ctx, unsigned int reg, const void *buf)
{
	struct fake *f = ctx;

	f->mmx_state = true;
	if (buf)
		memcpy(&f->mmx[reg], buf, 8);
}

static int fake_check_io(void *ctx, u16 port, unsigned int size)
{
	struct fake *f = ctx;

	if (!f->allowed_port || port + size <= f->allowed_port)
		return 0;
	f->e.exception = (struct slat_exception) {
		.vector = SLAT_VEC_GP, .has_error = true,
	};
	return -EFAULT;
}

static bool fake_stop(void *ctx)
{
	return ((struct fake *)ctx)->stop;
}

static u8 *table_bytes(struct fake *f, u64 linear, unsigned int len)
{
	if (linear >= FAKE_GDT && linear + len <= FAKE_GDT + sizeof(f->gdt))
		return (u8 *)f->gdt + (linear - FAKE_GDT);
	if (linear >= FAKE_LDT && linear + len <= FAKE_LDT + sizeof(f->ldt))
		return (u8 *)f->ldt + (linear - FAKE_LDT);
	return NULL;
}

static void fake_state(void *ctx, struct slat_system_state *state)
{
	*state = ((struct fake *)ctx)->sys;
}

static int fake_read_table(void *ctx, u64 linear, void *buf, unsigned int len)
{
	struct fake *f = ctx;
	u8 *bytes = table_bytes(f, linear, len);

	f->nr_table_reads++;
	if (!bytes)
		return page_fault(f, linear, SLAT_ACC_READ);
	memcpy(buf, bytes, len);
	return 0;
}

static int fake_cmpxchg_table(void *ctx, u64 linear, u8 old, u8 new)
{
	struct fake *f = ctx;
	u8 *byte = table_bytes(f, linear, 1);

	if (!byte)
		return page_fault(f, linear, SLAT_ACC_WRITE);
	if (f->table_race) {
		f->table_race--;
		return -EAGAIN;
	}
	if (*byte != old)
		return -EAGAIN;
	*byte = new;
	f->nr_marks++;
	return 0;
}

static void fake_get_segment(void *ctx, enum slat_seg seg, struct slat_descriptor *desc)
{
	*desc = ((struct fake *)ctx)->hidden[seg];
}

static void fake_set_segment(void *ctx, enum slat_seg seg, u16 selector,
			     const struct slat_descriptor *desc)
{
	struct fake *f = ctx;

	f->selector[seg] = selector;
	f->hidden[seg] = *desc;
	if (seg < SLAT_SEG_NR)
		f->seg[seg] = desc->base;
}

static void fake_set_gdt(void *ctx, u64 base, u16 limit)
{
	struct fake *f = ctx;

	f->sys.gdt.base = base;
	f->sys.gdt.limit = limit;
}

static void fake_set_idt(void *ctx, u64 base, u16 limit)
{
	struct fake *f = ctx;

	f->sys.idt.base = base;
	f->sys.idt.limit = limit;
}

static void fake_load_msw(void *ctx, u16 msw)
{
	struct fake *f = ctx;

	f->sys.cr0 = (f->sys.cr0 & ~0xeull) | (msw & 0xf);
}

static void fake_end_nmi(void *ctx)
{
	((struct fake *)ctx)->nmi_ended = true;
}

static u16 fake_x87_word(void *ctx, bool status)
{
	struct fake *f = ctx;

	return status ? f->x87_status : f->x87_control;
}

static const struct slat_system_ops fake_system_ops = {
	.state = fake_state,
	.read = fake_read_table,
	.cmpxchg = fake_cmpxchg_table,
	.get_segment = fake_get_segment,
	.set_segment = fake_set_segment,
	.set_gdt = fake_set_gdt,
	.set_idt = fake_set_idt,
	.load_msw = fake_load_msw,
	.end_nmi = fake_end_nmi,
	.x87_word = fake_x87_word,
};

static const struct slat_emul_ops fake_ops = {
	.system = &fake_system_ops,
	.fetch = fake_fetch,
	.translate = fake_translate,
	.read_gpa = fake_read_gpa,
	.write_gpa = fake_write_gpa,
	.cmpxchg_gpa = fake_cmpxchg_gpa,
	.seg_base = fake_seg_base,
	.seg_check = fake_seg_check,
	.seg_selector = fake_seg_selector,
	.read_xmm = fake_read_xmm,
	.write_xmm = fake_write_xmm,
	.read_ymm = fake_read_ymm,
	.write_ymm = fake_write_ymm,
	.check_registers = fake_check_registers,
	.read_mmx = fake_read_mmx,
	.write_mmx = fake_write_mmx,
	.check_io = fake_check_io,
	.stop = fake_stop,
};

void fake_init(struct fake *f, u64 base)
{
	memset(f, 0, sizeof(*f));
	f->base = base;
	f->e.ops = &fake_ops;
	f->e.ctx = f;
	f->e.mode = SLAT_MODE_LONG;
	f->e.rflags = 2;
	f->sys.gdt = (struct slat_system_table) { FAKE_GDT, sizeof(f->gdt) - 1, true };
	f->sys.idt = (struct slat_system_table) { 0x12345678, 0xfff, true };
	f->sys.ldt = (struct slat_system_table) { FAKE_LDT, sizeof(f->ldt) - 1, true };
	f->sys.cr0 = 0x80000031;
	f->sys.lma = true;
	f->x87_control = 0x37f;
}

void fake_code(struct fake *f, const void *bytes, unsigned int len)
{
	memset(f->code, 0x90, sizeof(f->code));
	memcpy(f->code, bytes, len);
	f->code_len = sizeof(f->code);
	f->code_linear = f->e.rip + f->seg[SLAT_SEG_CS];
}

enum slat_emul_status fake_answer(struct fake *f)
{
	struct slat_emul_mmio *mmio = &f->e.mmio;
	u8 *at = page_memory(f, page_of_gpa(mmio->gpa), mmio->gpa);
	u8 data[8] = { 0 };

	if (f->nr_log < FAKE_LOG)
		f->log[f->nr_log] = *mmio;
	f->nr_log++;
	if (mmio->is_write)
		memcpy(at, mmio->data, mmio->len);
	else
		memcpy(data, at, mmio->len);
	return slat_emul_complete_mmio(&f->e, data);
}

enum slat_emul_status fake_run(struct fake *f)
{
	enum slat_emul_status status = slat_emul_run(&f->e);

	while (status == SLAT_EMUL_MMIO)
		status = fake_answer(f);
	return status;
}
