/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs of operations for the property tests and the fuzzer: any string of
 * bytes is one, eight bytes an operation, each of which makes sense whatever
 * came before; so a failing program can be made smaller by leaving some out.
 */
#ifndef SLAT_OPS_H
#define SLAT_OPS_H

#include "world.h"

#define OP_BYTES	8

enum op_kind {
	OP_READ, OP_WRITE, OP_EXEC, OP_WRITE_AGAIN, OP_SPRAWL,
	OP_KERNEL_WRITE, OP_HOLD,
	OP_CREATE, OP_CREATE_SMALL, OP_DELETE, OP_MOVE, OP_ODD,
	OP_LOG_ON, OP_LOG_OFF, OP_GET_DIRTY, OP_CLEAR_DIRTY,
	OP_HOST, OP_HOST_WIDE, OP_HOST_ATTR,
	OP_RECLAIM, OP_AGE, OP_CAP,
	OP_KINDS,
};

/* Who executes it, when there are many tasks. */
enum op_actor { ACTOR_VCPU, ACTOR_SLOTS, ACTOR_HOST, ACTORS };

enum op_actor op_actor(const u8 *op);
void op_run(const u8 *op, struct vcpu *vcpu);
void op_print(const u8 *op);

/* One after the other, all checks after each. */
void ops_run(const u8 *ops, size_t nr);
/* By @nr_tasks of each kind of actor at a time; checks at the end. */
void ops_run_concurrent(const u8 *ops, size_t nr);

#endif
