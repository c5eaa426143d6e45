/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Slat's own ioctls, beside those of <linux/kvm.h>. docs/extensions.md has a
 * page on each; tools/include/slat-helper.h wraps them.
 *
 * The rules, for all calls here and all to come:
 *
 *  - The ioctl type is SLATIO, which KVM does not use. /dev/kvm, and a module
 *    that does not know a number, answer as to any unknown ioctl: EINVAL from
 *    the device, ENOTTY from a VM. SLAT_GET_INFO tells which numbers there are.
 *  - A number never changes its structure: its size is part of the number. What
 *    does not fit into reserved fields gets a new number.
 *  - Fields marked in are read, fields marked out are written and ignored as
 *    input. Unknown flags and reserved fields must be 0, else EINVAL; the
 *    latter are 0 on return. A flag of a later version is refused by an older
 *    one.
 *  - Layouts are the same for 32 and 64 bit clients: no pointers, no implicit
 *    padding, 64-bit fields at multiples of 8.
 *  - EFAULT: the structure cannot be read (then nothing has happened) or written
 *    (then a call that sets something has set it). EIO: the memory of the
 *    process that made the VM is gone.
 *  - Unlike KVM's calls on a VM, these may come from any process that holds the
 *    descriptor: a monitor, say.
 *  - What was refused is explained by SLAT_GET_LAST_ERROR; calls of other
 *    processes are not recorded there.
 */
#ifndef SLAT_UAPI_H
#define SLAT_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SLATIO			0xD5

#define SLAT_ABI_VERSION	1

/**
 * struct slat_info - argument of SLAT_GET_INFO
 * @flags: in: 0
 * @version: out: SLAT_ABI_VERSION of the module; it grows when a call is added
 * @calls: out: bit n is set where ioctl number n exists
 * @protect: out: bit n is set where policy n (enum slat_protect) exists
 * @gen_bits: out: bits of the slot generation that an MMIO entry holds
 * @nr_levels: out: levels of the EPT
 * @leaf_levels: out: bit n is set where leafs of level n are used (1: 4 KiB)
 * @pad: in: 0
 * @reserved: in: 0
 */
struct slat_info {
	__u32 flags;
	__u32 version;
	__u64 calls;
	__u64 protect;
	__u32 gen_bits;
	__u32 nr_levels;
	__u32 leaf_levels;
	__u32 pad;
	__u64 reserved[4];
};

/*
 * How pages are write-protected again when a dirty log is read; who chooses.
 * All report the same pages.
 */
enum slat_protect {
	SLAT_PROTECT_DEFAULT	= 0,	/* as the level above says, see below */
	SLAT_PROTECT_AUTO	= 1,	/* what costs less, as measured */
	SLAT_PROTECT_CLASSIC	= 2,	/* rmap if fewer pages are dirty than tables used */
	SLAT_PROTECT_RMAP	= 3,	/* the leaf of each dirty page */
	SLAT_PROTECT_SCAN	= 4,	/* every leaf of the tables that have one */
};

/* struct slat_policy.flags: of the slot @slot, not of the VM. */
#define SLAT_POLICY_SLOT	(1U << 0)

/**
 * struct slat_policy - argument of SLAT_GET_POLICY and SLAT_SET_POLICY
 * @flags: in: 0 or SLAT_POLICY_SLOT
 * @slot: in: number of the slot; 0 without SLAT_POLICY_SLOT
 * @protect: in (SET), out (GET): enum slat_protect. SLAT_PROTECT_DEFAULT of a slot
 *	follows the VM, of a VM the module's parameter wrprot
 * @effective: out (GET): what rules in the end; in (SET): 0
 * @reserved: in: 0
 */
struct slat_policy {
	__u32 flags;
	__u32 slot;
	__u32 protect;
	__u32 effective;
	__u64 reserved[2];
};

/* struct slat_gpa_query.access: one of these; .rights: all that are granted. */
#define SLAT_GPA_READ		(1U << 0)
#define SLAT_GPA_WRITE		(1U << 1)
#define SLAT_GPA_EXEC		(1U << 2)

/* What an access would meet, and why it exits. */
enum slat_gpa_reason {
	SLAT_GPA_NO_EXIT	= 0,	/* the EPT grants it */
	SLAT_GPA_UNMAPPED	= 1,	/* a slot without a leaf yet: the fault maps it */
	SLAT_GPA_NO_SLOT	= 2,	/* MMIO; the fault will write an MMIO entry */
	SLAT_GPA_MMIO		= 3,	/* MMIO, by a current MMIO entry */
	SLAT_GPA_MMIO_STALE	= 4,	/* an MMIO entry of an older generation: looked up anew */
	SLAT_GPA_READONLY	= 5,	/* a write to a KVM_MEM_READONLY slot: MMIO */
	SLAT_GPA_LOGGED		= 6,	/* write-protected for the dirty log: mended at once */
	SLAT_GPA_HOST_READONLY	= 7,	/* the host granted no write yet: asked again */
	SLAT_GPA_IN_FLUX	= 8,	/* the slot is being deleted or moved: retried */
	SLAT_GPA_NOTIFIER	= 9,	/* the host changes the memory behind it: retried */
	SLAT_GPA_BROKEN		= 10,	/* an entry that this module did not write */
};

/* struct slat_gpa_query.state */
#define SLAT_GPA_STATE_PRESENT		(1U << 0)	/* the entry is a leaf */
#define SLAT_GPA_STATE_ACCESSED		(1U << 1)
#define SLAT_GPA_STATE_DIRTY		(1U << 2)
#define SLAT_GPA_STATE_HOST_WRITABLE	(1U << 3)	/* only the log may keep W away */
#define SLAT_GPA_STATE_MMIO		(1U << 4)	/* the entry is an MMIO entry */
#define SLAT_GPA_STATE_SLOT		(1U << 5)	/* @slot, @slot_flags and @hva are valid */
#define SLAT_GPA_STATE_SLOT_INVALID	(1U << 6)	/* the slot is going or moving */
#define SLAT_GPA_STATE_FLUX		(1U << 7)	/* a change of slots is in flux */
#define SLAT_GPA_STATE_DIRTY_BIT	(1U << 8)	/* set in the slot's dirty log */

/**
 * struct slat_gpa_query - argument of SLAT_QUERY_GPA
 * @flags: in: 0
 * @access: in: SLAT_GPA_READ, SLAT_GPA_WRITE or SLAT_GPA_EXEC
 * @gpa: in: any guest physical address
 * @reason: out: enum slat_gpa_reason
 * @state: out: SLAT_GPA_STATE_*
 * @level: out: level of the entry where the walk ends (1: 4 KiB)
 * @rights: out: SLAT_GPA_*; the AND of all levels
 * @slot: out: number of the slot
 * @slot_flags: out: KVM_MEM_*
 * @hva: out: host address of @gpa; 0 for another process
 * @generation: out: of the slot set
 * @entry_generation: out: of the MMIO entry; the low @gen_bits bits are stored
 * @gen_bits: out
 * @pad: in: 0
 * @reserved: in: 0
 *
 * The answer is a snapshot: with vCPUs running it may be out of date at once.
 * Host physical addresses are not told.
 */
struct slat_gpa_query {
	__u32 flags;
	__u32 access;
	__u64 gpa;
	__u32 reason;
	__u32 state;
	__u32 level;
	__u32 rights;
	__u32 slot;
	__u32 slot_flags;
	__u64 hva;
	__u64 generation;
	__u64 entry_generation;
	__u32 gen_bits;
	__u32 pad;
	__u64 reserved[4];
};

/* Which check refused a call; SLAT_GET_LAST_ERROR also says it in words. */
enum slat_check {
	SLAT_CHECK_NONE		= 0,	/* no call has failed yet */
	SLAT_CHECK_UNTOLD	= 1,	/* the errno is all there is */
	SLAT_CHECK_UNKNOWN_CALL	= 2,
	SLAT_CHECK_FLAGS	= 3,	/* @value: flags, @limit: those allowed */
	SLAT_CHECK_RESERVED	= 4,	/* @value: byte offset of what is not 0 */
	SLAT_CHECK_SLOT_ID	= 5,	/* @limit: greatest */
	SLAT_CHECK_NO_SLOT	= 6,
	SLAT_CHECK_GPA_ALIGN	= 7,
	SLAT_CHECK_SIZE_ALIGN	= 8,
	SLAT_CHECK_HVA_ALIGN	= 9,
	SLAT_CHECK_HVA_RANGE	= 10,	/* not in user space; @limit: size */
	SLAT_CHECK_GPA_WRAP	= 11,	/* @limit: size */
	SLAT_CHECK_GPA_LIMIT	= 12,	/* @value: end, @limit: greatest end */
	SLAT_CHECK_SLOT_SIZE	= 13,	/* @limit: greatest */
	SLAT_CHECK_SIZE_CHANGED	= 14,	/* @limit: of the live slot */
	SLAT_CHECK_HVA_CHANGED	= 15,	/* @limit: of the live slot */
	SLAT_CHECK_READONLY_CHANGED = 16, /* @value: flags, @limit: of the live slot */
	SLAT_CHECK_OVERLAP	= 17,	/* @other, @other_gpa, @other_size: the slot in the way */
	SLAT_CHECK_NOT_LOGGING	= 18,
	SLAT_CHECK_CLEAR_FIRST	= 19,	/* @value: first page, @limit: multiple of this */
	SLAT_CHECK_CLEAR_RANGE	= 20,	/* @value: end in pages, @limit: the slot's */
	SLAT_CHECK_CLEAR_LENGTH	= 21,	/* @value: pages, @limit: multiple of this */
	SLAT_CHECK_CAP		= 22,	/* @value: capability that cannot be enabled */
	SLAT_CHECK_CAP_ARGS	= 23,	/* @value: args[0], @limit: bits allowed */
	SLAT_CHECK_NR_MMU_PAGES	= 24,	/* @limit: least */
	SLAT_CHECK_VCPU_ID	= 25,	/* @limit: greatest */
	SLAT_CHECK_VCPU_COUNT	= 26,	/* @limit: greatest number */
	SLAT_CHECK_VCPU_EXISTS	= 27,
	SLAT_CHECK_ADDRESS	= 28,	/* @limit: greatest */
	SLAT_CHECK_VCPUS_MADE	= 29,	/* too late: @value vCPUs exist */
	SLAT_CHECK_NO_IRQCHIP	= 30,
	SLAT_CHECK_PROTECT	= 31,	/* @value: policy, @limit: greatest */
	SLAT_CHECK_ACCESS	= 32,	/* @value: access bits */
	SLAT_CHECK_IO_LENGTH	= 33,	/* @limit: greatest */
	SLAT_CHECK_IO_WRAP	= 34,	/* @value: address, @limit: length */
	SLAT_CHECK_IO_ANY_LENGTH = 35,	/* @value: flags that only go with a length */
	SLAT_CHECK_FD		= 36,	/* @value: descriptor that is not open */
	SLAT_CHECK_EVENTFD	= 37,	/* @value: descriptor of something else */
	SLAT_CHECK_IO_TAKEN	= 38,	/* @value: address, @limit: length */
	SLAT_CHECK_IO_ABSENT	= 39,	/* @value: address, @limit: length */
	SLAT_CHECK_IO_ZONES	= 40,	/* @value: zones there are, @limit: greatest number */
	SLAT_CHECK_IO_SPACE	= 41,	/* @value: pio, @limit: greatest */
	/* of a vCPU's calls */
	SLAT_CHECK_HOST_PAGE	= 42,	/* @value: guest address, @limit: host address, or 0 */
	SLAT_CHECK_RUN_ARG	= 43,	/* @value: argument, @limit: 0 */
	SLAT_CHECK_VALID_REGS	= 44,	/* @value: kvm_valid_regs, @limit: bits allowed */
	SLAT_CHECK_DIRTY_REGS	= 45,	/* @value: kvm_dirty_regs, @limit: bits allowed */
	SLAT_CHECK_CR8		= 46,	/* @limit: greatest */
	SLAT_CHECK_MP_STATE	= 47,	/* @limit: the only one */
	SLAT_CHECK_SIGSET	= 48,	/* @value: size, @limit: expected size */
	SLAT_CHECK_VECTOR	= 49,	/* @limit: greatest */
	SLAT_CHECK_MANY_ENTRIES	= 50,	/* @limit: greatest number */
	SLAT_CHECK_FEW_ENTRIES	= 51,	/* @value: room, @limit: needed */
	SLAT_CHECK_CPUID_FIXED	= 52,	/* @value: entries given, @limit: entries there are */
	SLAT_CHECK_CPUID_WIDTH	= 53,	/* @value: bits of a linear address */
	SLAT_CHECK_XSAVE_SIZE	= 54,	/* @value: bytes of the state, @limit: bytes of room */
	SLAT_CHECK_XSAVE	= 55,	/* @value: XSTATE_BV, @limit: bits allowed */
	SLAT_CHECK_NO_XSAVE	= 56,
	SLAT_CHECK_XCR0		= 57,	/* @limit: bits allowed */
	SLAT_CHECK_XCR0_STATES	= 58,	/* @value: states that do not go together */
	SLAT_CHECK_CR0		= 59,
	SLAT_CHECK_CR4		= 60,	/* @limit: bits allowed */
	SLAT_CHECK_EFER		= 61,	/* @limit: bits allowed */
	SLAT_CHECK_LONG_MODE	= 62,	/* @value: EFER, @limit: CR0 */
	SLAT_CHECK_PAE		= 63,	/* @value: CR4, @limit: the bit that lacks */
	SLAT_CHECK_CS		= 64,	/* @value: CS.L, @limit: CS.D */
	SLAT_CHECK_CR3		= 65,	/* @limit: bits of an address */
	SLAT_CHECK_APIC_BASE	= 66,	/* @limit: bits not allowed */
	SLAT_CHECK_APIC_MODE	= 67,	/* @limit: the bit that lacks */
	SLAT_CHECK_PDPTRS	= 68,	/* @value: flags */
	SLAT_CHECK_PDPTE	= 69,	/* @limit: bits not allowed */
	SLAT_CHECK_EXCEPTION	= 70,	/* @value: vector, @limit: greatest */
	SLAT_CHECK_SMM		= 71,	/* @value: flags */
	SLAT_CHECK_DR		= 72,	/* @value: DR6, @limit: DR7 */
	SLAT_CHECK_DEBUG_BUSY	= 73,	/* @value: control, @limit: vector that is pending */
	SLAT_CHECK_MCE_BANKS	= 74,	/* @value: banks, @limit: greatest number */
	SLAT_CHECK_MCE_CAP	= 75,	/* @limit: bits allowed */
	SLAT_CHECK_MCE_BANK	= 76,	/* @limit: greatest */
	SLAT_CHECK_MCE_STATUS	= 77,	/* @limit: the bit that lacks */
	SLAT_CHECK_TSC_KHZ	= 78,	/* @limit: the host's */
	SLAT_CHECK_VCPU_IDS	= 79,	/* @limit: greatest number, or the one said */
	SLAT_CHECK_NO_MEMORY	= 80,	/* @value: guest address without a slot */
};

#define SLAT_ERROR_TEXT		192

/* struct slat_last_error.slot and .other where there is none; .vcpu likewise */
#define SLAT_NO_SLOT		0xffffffffU
#define SLAT_NO_VCPU		0xffffffffU

/**
 * struct slat_last_error - argument of SLAT_GET_LAST_ERROR
 * @flags: in: 0
 * @check: out: enum slat_check
 * @error: out: positive errno that the call gave
 * @call: out: number of the ioctl
 * @serial: out: how many calls have failed so far
 * @value: out: what was given
 * @limit: out: what was expected; the meaning depends on @check
 * @slot: out: the slot that the call was about
 * @other: out: the slot in its way
 * @other_gpa: out: where that begins
 * @other_size: out: its size in bytes
 * @vcpu: out: the vCPU whose call it was; SLAT_NO_VCPU: the VM's
 * @pad: in: 0
 * @reserved: in: 0
 * @text: out: the same in words, ends with 0; not part of the ABI's promise
 *
 * @value and @limit may be host addresses that the VM's process has given.
 */
struct slat_last_error {
	__u32 flags;
	__u32 check;
	__u32 error;
	__u32 call;
	__u64 serial;
	__u64 value;
	__u64 limit;
	__u32 slot;
	__u32 other;
	__u64 other_gpa;
	__u64 other_size;
	__u32 vcpu;
	__u32 pad;
	__u64 reserved[3];
	char text[SLAT_ERROR_TEXT];
};

/**
 * struct slat_slot_stats - argument of SLAT_GET_SLOT_STATS
 * @flags: in: 0
 * @slot: in: number of the slot
 * @gpa: out: where it begins
 * @size: out: bytes
 * @hva: out: host address; 0 for another process
 * @slot_flags: out: KVM_MEM_*
 * @protect: out: the policy that rules, enum slat_protect
 * @faults_ram: out: faults that asked the host for a page and mapped it
 * @faults_write: out: write faults mended without the host (dirty log)
 * @faults_spurious: out: faults that found the right granted already
 * @faults_retry: out: faults that lost a race with a change
 * @mapped: out: leafs now, of 4 KiB, 2 MiB and 1 GiB, by a walk
 * @mapped_writable: out: those that have W, of any size
 * @zapped: out: leafs zapped by moves of the slot and changes of the host
 * @wrprot_leafs: out: leafs write-protected for the log
 * @wrprot_ns: out: time that took, without the flushes
 * @rounds_rmap: out: collections that protected by rmap
 * @rounds_scan: out: and by a scan
 * @dirty_reported: out: pages whose dirty bit was collected
 * @dirty_now: out: pages whose dirty bit is set
 * @dirty_ns: out: since the last collection, or since the log began
 * @mmio_mark: out: of the VM: MMIO entries written
 * @mmio_hit: out: of the VM: accesses answered by an MMIO entry
 * @mmio_stale: out: of the VM: MMIO entries met that were out of date
 * @reserved: in: 0
 *
 * The counts belong to the slot from KVM_SET_USER_MEMORY_REGION that made it to
 * the one that deletes it, over changes of its flags and moves.
 */
struct slat_slot_stats {
	__u32 flags;
	__u32 slot;
	__u64 gpa;
	__u64 size;
	__u64 hva;
	__u32 slot_flags;
	__u32 protect;
	__u64 faults_ram;
	__u64 faults_write;
	__u64 faults_spurious;
	__u64 faults_retry;
	__u64 mapped[3];
	__u64 mapped_writable;
	__u64 zapped;
	__u64 wrprot_leafs;
	__u64 wrprot_ns;
	__u64 rounds_rmap;
	__u64 rounds_scan;
	__u64 dirty_reported;
	__u64 dirty_now;
	__u64 dirty_ns;
	__u64 mmio_mark;
	__u64 mmio_hit;
	__u64 mmio_stale;
	__u64 reserved[8];
};

/* The device and VMs. Errors: EINVAL, EFAULT. */
#define SLAT_GET_INFO		_IOWR(SLATIO, 0x00, struct slat_info)

/* VMs. Errors: EINVAL (flags, reserved fields), EFAULT, and: */

/* EINVAL: no such slot number; ENOENT: no such slot. */
#define SLAT_GET_POLICY		_IOWR(SLATIO, 0x01, struct slat_policy)
/* EINVAL: no such slot number, unknown policy; ENOENT: no such slot. */
#define SLAT_SET_POLICY		_IOW(SLATIO, 0x02, struct slat_policy)
/* EINVAL: not one access, or an address that no slot could have. */
#define SLAT_QUERY_GPA		_IOWR(SLATIO, 0x03, struct slat_gpa_query)
#define SLAT_GET_LAST_ERROR	_IOWR(SLATIO, 0x04, struct slat_last_error)
/* EINVAL: no such slot number; ENOENT: no such slot; EINTR. */
#define SLAT_GET_SLOT_STATS	_IOWR(SLATIO, 0x05, struct slat_slot_stats)

#endif
