# SPDX-License-Identifier: GPL-2.0
#
# Top level: builds slat.ko and the programs, runs the demo and the checks.
# What the module is made of is in Kbuild.

# The running kernel's headers where they are installed; else the newest of a stock
# kernel; KDIR=PATH says otherwise.
KDIR ?= $(shell running=/lib/modules/$$(uname -r)/build; \
	  if [ -f $$running/Makefile ]; then echo $$running; exit; fi; \
	  ls -d /usr/src/linux-headers-*-amd64 /lib/modules/*/build 2>/dev/null | \
	  grep -v -e -rt- -e -cloud- | sed 's,.*/linux-headers-\|/lib/modules/\|/build$$,,g' | \
	  sort -V | tail -n 1 | \
	  while read -r v; do ls -d /usr/src/linux-headers-$$v /lib/modules/$$v/build \
	  2>/dev/null | head -n 1; done)
W ?= 1

.PHONY: all module tools selftests demo check check-full check-quick bench bench-check lint install \
	clean help kdir-there

all: module

module: kdir-there
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=$(W) modules

kdir-there:
	@test -f "$(KDIR)/Makefile" || { \
	  echo "KDIR='$(KDIR)': expected the build directory of a kernel;" \
	       "install linux-headers-amd64 or give KDIR=PATH" >&2; exit 1; }

tools:
	$(MAKE) -C tools

selftests:
	$(MAKE) -C selftests

demo:
	./scripts/demo

check:
	./scripts/check

check-quick:
	./scripts/check --quick

check-full:
	./scripts/check --full

bench:
	./scripts/bench

bench-check:
	./scripts/bench --check

lint:
	./scripts/lint

install: kdir-there
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

clean: kdir-there
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean
	@for d in tools selftests; do \
	  if [ -f $$d/Makefile ]; then $(MAKE) -C $$d clean; fi; done

help:
	@echo 'make             build slat.ko for KDIR (default: the running kernel, else the newest'
	@echo '                 installed headers)'
	@echo '                 KDIR=$(KDIR)'
	@echo 'make demo        build everything, boot an emulated Intel machine, show it there'
	@echo 'make check       all tests: lint, user space, one emulated boot per stock kernel'
	@echo 'make check-quick the same on the quick kernel alone'
	@echo 'make check-full  everything there is'
	@echo 'make bench       measure Slat and kvm_intel in one boot per stock kernel; docs/bench/'
	@echo 'make bench-check the same, compared with the committed figures'
	@echo 'make lint        style, sparse, include directions, headers alone'
	@echo 'make tools       the reference VMM; make selftests: the test programs'
	@echo 'make install     install slat.ko under /lib/modules (as root)'
	@echo 'make clean       remove what was built here'
