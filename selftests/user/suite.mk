# SPDX-License-Identifier: GPL-2.0
# What the Makefiles of the user-space suites have in common. Each sets SUITE, its
# name, and INCLUDE, HEADERS and vpath as it needs them, and includes this file.
# SEED=N repeats a run, COUNT=PERCENT sets the amount of random work.

OUT ?= build
SEED ?= 1
COUNT ?= 100
JOBS ?= 2
SHARED := ../user

WARN := -Wall -Wextra -Werror -std=gnu11
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
RUN = OUT=$(OUT) SEED=$(SEED) COUNT=$(COUNT) JOBS=$(JOBS) SUITE=$(SUITE)

# variant NAME COMPILER FLAGS SOURCES: builds $(OUT)/NAME/NAME
define variant
$(OUT)/$(1)/%.o: %.c $(HEADERS) $(SHARED)/tap.h $(SHARED)/suite.mk Makefile
	@mkdir -p $$(@D)
	$(2) $(WARN) $(3) -I. -I$(SHARED) $(INCLUDE) -c -o $$@ $$<

$(OUT)/$(1)/$(1): $(patsubst %.c,$(OUT)/$(1)/%.o,$(4))
	$(2) $(3) -o $$@ $$^
endef

# suite SOURCES: the programs that run, and the one that mutants are built from
define suite
$(call variant,$(SUITE)-gcc,gcc,-O1 -g $(SANITIZE),$(1))
$(call variant,$(SUITE)-clang,clang,-O1 -g $(SANITIZE),$(1))
$(call variant,$(SUITE)-plain,gcc,-O1 -g,$(1))
endef

PROGRAMS = $(OUT)/$(SUITE)-gcc/$(SUITE)-gcc $(OUT)/$(SUITE)-clang/$(SUITE)-clang
MUTABLE = $(OUT)/$(SUITE)-plain/$(SUITE)-plain $(OUT)/$(SUITE)-gcc/$(SUITE)-gcc

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all check check-full check-mutants clean

all: programs
check: programs mutable
	@$(RUN) $(SHARED)/run.sh $(PROGRAMS) $(SHARED)/mutants.sh

check-full: COUNT = 2000
check-full: check

check-mutants: mutable
	@$(RUN) $(SHARED)/mutants.sh

clean:
	rm -rf $(OUT)
