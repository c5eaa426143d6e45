# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# Shared by the scripts here: paths, progress, packages, the per-kernel build
# of the module.  Sourced, never run; needs bash and coreutils only, since the
# packages may not be there yet.

SLAT_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SLAT_CACHE=${SLAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slat}
SLAT_STARTED=${SLAT_STARTED:-$(date +%s)}
export SLAT_TOP SLAT_CACHE SLAT_STARTED

# What building and one emulated boot need, and what the checks need on top.
SLAT_BUILD_PACKAGES=(make gcc libc6-dev linux-libc-dev linux-headers-amd64
	linux-headers-6.12-amd64 xz-utils kmod)
SLAT_MACHINE_PACKAGES=(python3 bochs bochs-term bochsbios vgabios
	grub-common grub-pc-bin xorriso mtools busybox-static faketime)
SLAT_SOURCE_PACKAGES=(linux-source-6.1 linux-source-6.12 rsync)
SLAT_QUICK_PACKAGES=(bc bison flex lz4 libelf-dev libssl-dev)
SLAT_CHECK_PACKAGES=(clang libclang-rt-14-dev llvm sparse shellcheck perl-base python3
	libzydis-dev qemu-system-x86 bpftrace dwarves zstd bpftool libbpf-dev zlib1g-dev)

# say TEXT: one line of progress with the seconds since the start, on stderr.
say() {
	printf '[%4d s] %s\n' "$(($(date +%s) - SLAT_STARTED))" "$*" >&2
}

# die TEXT: an error for the user, and the end.
die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# usage_from FILE: the help text of a script, its opening comment.
usage_from() {
	sed -n '3,/^$/s/^# \{0,1\}//p' "$1"
}

package_is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need_packages NAME...: installs the Debian packages that are missing.
need_packages() {
	local name missing=() as_root=()
	for name in "$@"; do
		package_is_installed "$name" || missing+=("$name")
	done
	((${#missing[@]})) || return 0
	if ((EUID)); then
		if ! sudo -n true 2>/dev/null && ! { [[ -t 0 ]] && command -v sudo >/dev/null; }; then
			die "packages are missing and there is no sudo; as root, run:" \
				"apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
		fi
		as_root=(sudo)
	fi
	say "installing ${#missing[@]} Debian packages: ${missing[*]}"
	mkdir -p "$SLAT_CACHE"
	local log=$SLAT_CACHE/apt.log
	local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
		apt-get -q -o DPkg::Lock::Timeout=600)
	if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends \
		"${missing[@]}"; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		die "apt-get failed (whole log: $log); expected Debian 12 with its security archive"
	fi
	say "packages are installed"
}

# with_lock NAME COMMAND...: one process at a time per name, among all checkouts.
with_lock() {
	local name=$1 fd
	shift
	mkdir -p "$SLAT_CACHE/locks"
	exec {fd}>"$SLAT_CACHE/locks/$name"
	flock "$fd"
	local status=0
	"$@" {fd}>&- || status=$?
	exec {fd}>&-
	return "$status"
}

# mirror_tree DIR: copies what the module is built from, changed files only,
# so that kernels with different headers are built side by side.
mirror_tree() {
	local dir=$1 sub
	mkdir -p "$dir"
	for sub in module include; do
		[[ -d $SLAT_TOP/$sub ]] || continue
		(cd "$SLAT_TOP" && find "$sub" -name '*.[chS]' -print) | LC_ALL=C sort >"$dir/.new"
		if [[ -f $dir/.files-$sub ]]; then
			# a source that is gone here must be gone there
			LC_ALL=C comm -23 "$dir/.files-$sub" "$dir/.new" |
				while read -r name; do rm -f "$dir/$name"; done
		fi
		mv "$dir/.new" "$dir/.files-$sub"
		while read -r name; do
			cmp -s "$SLAT_TOP/$name" "$dir/$name" && continue
			mkdir -p "$dir/$(dirname "$name")"
			cp "$SLAT_TOP/$name" "$dir/$name"
		done <"$dir/.files-$sub"
	done
	cmp -s "$SLAT_TOP/Kbuild" "$dir/Kbuild" || cp "$SLAT_TOP/Kbuild" "$dir/Kbuild"
}

# build_dir KERNEL: where this checkout's module is built for that kernel.
build_dir() {
	local id
	id=$(printf '%s' "$SLAT_TOP" | cksum)
	printf '%s/build/%s/%s\n' "$SLAT_CACHE" "${id%% *}" "$1"
}

build_module_locked() {
	local dir=$1 kdir=$2
	shift 2
	mirror_tree "$dir"
	if ! make -j"$(nproc)" -C "$kdir" M="$dir" W=1 "$@" modules >"$dir/build.log" 2>&1; then
		tail -n 30 "$dir/build.log" >&2
		return 1
	fi
}

# build_named_locked KERNEL DIR KDIR [make arguments]: BTF as well, for a stock
# kernel whose image is in the cache already.
build_named_locked() {
	local kernel=$1 image status=0
	shift
	build_module_locked "$@" || return 1
	[[ $kernel == 6.* ]] || return 0
	image=$SLAT_CACHE/kernels/$("$SLAT_TOP/scripts/kernel" release "$kernel")/vmlinuz
	[[ -f $image ]] || return 0
	"$SLAT_TOP/scripts/btf" "$1/slat.ko" "$image" >>"$1/build.log" 2>&1 || status=$?
	# 3: something that it needs is not here, and the module is good without
	((status == 0 || status == 3)) && return
	tail -n 20 "$1/build.log" >&2
	return 1
}

# build_module KERNEL [make arguments]: builds slat.ko for a kernel of
# scripts/kernel and prints its path; the compiler's messages are in build.log.
build_module() {
	local name=$1 dir kdir
	shift
	dir=$(build_dir "$name")
	kdir=$("$SLAT_TOP/scripts/kernel" kdir "$name") || return 1
	# the debug kernel leaves UBSAN to those that ask for it
	[[ $name != debug ]] || set -- UBSAN_SANITIZE=y "$@"
	with_lock "build-$(basename "$(dirname "$dir")")-$name" \
		build_named_locked "$name" "$dir" "$kdir" "$@" || return 1
	printf '%s/slat.ko\n' "$dir"
}

# make_guest_initrd PROGRAM FILE: the initramfs of a small Linux guest: busybox,
# scripts/guest/qemu-init as PID 1, and PROGRAM, which keeps memory busy.
make_guest_initrd() {
	local root
	root=$(mktemp -d)
	mkdir -p "$root/bin"
	cp /bin/busybox "$1" "$root/bin/"
	cp "$SLAT_TOP/scripts/guest/qemu-init" "$root/init"
	(cd "$root" && find . -print | LC_ALL=C sort |
		/bin/busybox cpio -o -H newc 2>/dev/null) >"$2"
	rm -r "$root"
}

# in_pairs FUNCTION ARGUMENTS...: FUNCTION with each of ARGUMENTS, a text of
# words, two at a time.
in_pairs() {
	local function=$1 pids=() pid words
	shift
	for words in "$@"; do
		((${#pids[@]} < 2)) || {
			wait "${pids[0]}" || true
			pids=("${pids[@]:1}")
		}
		# a process group of its own: stop_children ends all of it
		set -m
		# shellcheck disable=SC2086
		"$function" $words </dev/null &
		set +m
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || true
	done
}

# stop_children: to be the EXIT trap of who uses in_pairs: no emulator stays behind.
stop_children() {
	local pid
	for pid in $(jobs -p); do
		kill -- "-$pid" 2>/dev/null || true
	done
}
