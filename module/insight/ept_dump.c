// SPDX-License-Identifier: GPL-2.0
/*
 * The EPT of a VM as text, in debugfs: a line for each table of the two upper
 * levels, and one for each run of leafs or MMIO entries that are alike but for
 * their page; tables of 2 MiB are not told. Read in slices without the mmu lock,
 * so it holds nobody up, and what changes meanwhile may be seen before or after.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "insight.h"
#include "mmu/query.h"
#include "vm/vm.h"

/* What two entries must agree in to be one run. */
#define LIKE_MASK	(~EPT_ADDR_MASK)

/**
 * struct dump - a dump in progress
 * @m: where it goes
 * @generation: of the slot set when it began
 * @layout: of MMIO entries
 * @start: the run that was not told yet: first gfn
 * @end: first gfn behind it
 * @level: its level, 0 none
 * @entry: its first entry
 */
struct dump {
	struct seq_file *m;
	u64 generation;
	const struct slat_mmio_layout *layout;
	gfn_t start;
	gfn_t end;
	int level;
	u64 entry;
};

static void rights_show(struct seq_file *m, u64 entry)
{
	seq_printf(m, "%c%c%c %c%c", entry & EPT_R ? 'r' : '-', entry & EPT_W ? 'w' : '-',
		   entry & EPT_X ? 'x' : '-', entry & EPT_A ? 'A' : '-',
		   entry & EPT_D ? 'D' : '-');
}

static void run_show(const struct dump *dump)
{
	const u64 nr = (dump->end - dump->start) / slat_level_pages(dump->level);
	struct seq_file *m = dump->m;

	/* The deeper, the more to the right: one blank a level. */
	seq_printf(m, "%*s%d gfn 0x%llx-0x%llx ", SLAT_ROOT_LEVEL - dump->level, "",
		   dump->level, dump->start, dump->end - 1);
	if (ept_is_mmio(dump->entry)) {
		seq_printf(m, "mmio generation %llu %s", slat_mmio_gen(dump->entry),
			   slat_mmio_is_current(dump->layout, dump->entry, dump->generation) ?
			   "current" : "stale");
	} else if (ept_is_table(dump->entry, dump->level)) {
		seq_puts(m, "table ");
		rights_show(m, dump->entry);
	} else {
		seq_puts(m, "leaf ");
		rights_show(m, dump->entry);
		if (dump->entry & EPT_SW_HOST_WRITABLE)
			seq_puts(m, " host-writable");
	}
	seq_printf(m, " x%llu\n", nr);
}

static void run_end(struct dump *dump)
{
	if (dump->level)
		run_show(dump);
	dump->level = 0;
}

static bool run_goes_on(const struct dump *dump, gfn_t gfn, int level, u64 entry)
{
	if (dump->level != level || dump->end != gfn)
		return false;
	/* An MMIO entry has no page: all of it counts. */
	if (ept_is_mmio(entry) || ept_is_mmio(dump->entry))
		return entry == dump->entry;
	return !((entry ^ dump->entry) & LIKE_MASK);
}

static void entry_show(struct slat_visit *v, gfn_t gfn, int level, u64 entry)
{
	struct dump *dump = v->arg;

	/* The text did not fit: it will be made anew, with more room. */
	if (seq_has_overflowed(dump->m))
		return;
	if (ept_is_table(entry, level) && level == SLAT_LEVEL_2M)
		return;
	if (!run_goes_on(dump, gfn, level, entry)) {
		run_end(dump);
		dump->start = gfn;
		dump->level = level;
		dump->entry = entry;
	}
	dump->end = gfn + slat_level_pages(level);
	/* What is below a table comes next. */
	if (ept_is_table(entry, level))
		run_end(dump);
}

static u64 generation_read(struct slat_vm *vm)
{
	struct slat_reader reader;
	u64 generation;

	slat_reader_register(&vm->epochs, &reader);
	slat_reader_enter(&vm->epochs, &reader);
	generation = slat_memslots_read(&vm->slots)->generation;
	slat_reader_leave(&vm->epochs, &reader);
	slat_reader_unregister(&vm->epochs, &reader);
	return generation;
}

static int dump_show(struct seq_file *m, void *unused)
{
	struct slat_vm *vm = m->private;
	struct dump dump = {
		.m = m,
		.generation = generation_read(vm),
		.layout = &vm->mmu.config.layout,
	};
	struct slat_visit visit = {
		.end = SLAT_MAX_GFN,
		.visit = entry_show,
		.arg = &dump,
	};
	int err;

	seq_printf(m, "generation %llu gen_bits %u accessed_dirty %d tables %llu\n",
		   dump.generation & ~SLAT_GEN_IN_FLUX, dump.layout->gen_bits,
		   vm->mmu.config.accessed_dirty, slat_mmu_nr_tables(&vm->mmu));
	err = slat_vm_visit(vm, 0, &visit);
	run_end(&dump);
	return err;
}

static int dump_open(struct inode *inode, struct file *file)
{
	return single_open(file, dump_show, inode->i_private);
}

const struct file_operations slat_ept_dump_fops = {
	.owner = THIS_MODULE,
	.open = dump_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};
