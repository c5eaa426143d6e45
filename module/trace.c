// SPDX-License-Identifier: GPL-2.0
/*
 * The code behind the trace points of trace.h, and the way from the core to
 * them. Each function here is called only while its trace point is on, mostly
 * with the mmu lock or slots_lock held.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

void slat_trace_flush(const struct slat_ev_flush *ev)
{
	trace_slat_flush(ev);
}

void slat_trace_zap_step(const struct slat_ev_zap_step *ev)
{
	trace_slat_zap_step(ev);
}

void slat_trace_mmio_mark(const struct slat_ev_mmio *ev)
{
	trace_slat_mmio_mark(ev);
}

void slat_trace_mmio_check(const struct slat_ev_mmio *ev)
{
	trace_slat_mmio_check(ev);
}

void slat_trace_slot_change(const struct slat_ev_slot_change *ev)
{
	trace_slat_slot_change(ev);
}

void slat_trace_wrprot(const struct slat_ev_wrprot *ev)
{
	trace_slat_wrprot(ev);
}

void slat_trace_dirty_log_get(const struct slat_ev_dirty_log *ev)
{
	trace_slat_dirty_log_get(ev);
}

void slat_trace_dirty_log_clear(const struct slat_ev_dirty_log *ev)
{
	trace_slat_dirty_log_clear(ev);
}
