# Builds Faultline: the kernel, the ring-3 programs, the bootable ISO, and
# everything the tests need. `make help` lists the targets and the knobs.
#
# Objects live under $(BUILD), never beside the sources. Sources are found by
# wildcard, so a new file in a room needs no edit here; headers are tracked by
# the compiler's dependency files; a change of flags rebuilds what it touches.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD ?= build
ARGS ?=
# One boot per core at a time; JOBS=0 runs them one after another.
JOBS ?= $(shell nproc)
PYTEST ?= /usr/bin/python3 -B -m pytest -p no:cacheprovider -n $(JOBS) \
    --dist loadgroup
CLANG_FORMAT ?= clang-format
HOSTCC ?= cc

# ---- tool chain -----------------------------------------------------------
# CROSS_COMPILE is honoured; otherwise the first prefix whose compiler makes
# x86-64 kernel code. CROSS_CC stays empty when there is none: `help`, `clean`,
# `doctor` and `test` (which installs one) must work without a compiler.
ifdef CROSS_COMPILE
CROSS_CC := $(CROSS_COMPILE)gcc
else
CROSS_CC := $(shell for p in x86_64-elf- x86_64-linux-gnu- ''; do \
    $${p}gcc -mcmodel=kernel -mno-red-zone -fno-pic -c -x c /dev/null \
    -o /dev/null 2>/dev/null && { echo "$${p}gcc"; break; }; done)
CROSS_COMPILE := $(CROSS_CC:%gcc=%)
endif
KCC := $(if $(CROSS_CC),$(CROSS_CC),tools/no-compiler)
KLD := $(CROSS_COMPILE)ld
KNM := $(CROSS_COMPILE)nm
USER_CC ?= $(if $(shell command -v musl-gcc),musl-gcc,x86_64-linux-musl-gcc)

# Warnings are errors with the compilers the suite is run with. A newer one may
# warn about something new, and that must not keep anybody from booting.
WERROR ?= $(if $(filter 12 13 14,$(firstword $(subst ., ,$(shell \
    $(CROSS_CC) -dumpversion 2>/dev/null)))),-Werror)

# ---- knobs ----------------------------------------------------------------
KNOBS := $(if $(filter 1,$(D)),-DDEBUG) $(EXTRA)

# ---- kernel ---------------------------------------------------------------
K := $(BUILD)/kernel
KERNEL := $(K)/faultline.elf
OFFSETS_C := arch/x86_64/asm_offsets.c
OFFSETS_H := $(K)/include/asm_offsets.h
KSRC := $(filter-out $(OFFSETS_C),$(wildcard boot/*.c boot/*.S \
    arch/x86_64/*.c arch/x86_64/*.S mm/*.c kernel/*.c))
KOBJ := $(patsubst %,$(K)/%.o,$(sort $(KSRC)))
KINC := -Iinclude -Iarch/x86_64/include -I$(K)/include
KFLAGS := -g -DFAULTLINE_KERNEL $(WERROR) -mcmodel=kernel -mno-red-zone -fno-pic -fno-pie \
    -fcf-protection=none $(KINC) $(KNOBS)
KCFLAGS := -std=gnu11 -O2 -ffreestanding -Wall -Wextra -mgeneral-regs-only \
    -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing \
    -fno-asynchronous-unwind-tables $(KFLAGS)
KASFLAGS := -D__ASSEMBLER__ $(KFLAGS)
KLDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack \
    --build-id=none -T linker.ld

# ---- ring 3 ---------------------------------------------------------------
UFLAGS := -static -O2 -g -Wall -Wextra $(WERROR) -std=gnu11 \
    -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
    -Iinclude/uapi -Iuser/lib -pthread $(EXTRA)
U := $(BUILD)/user
ULIB := $(patsubst %.c,$(U)/lib/%.o,$(notdir $(wildcard user/lib/*.c)))
PAGERS := $(patsubst user/pager/%.c,$(U)/pager-%,$(wildcard user/pager/*.c))
DEMOS := $(patsubst user/demos/%.c,$(U)/demo-%,$(wildcard user/demos/*.c))
INIT_SRC := $(wildcard user/init/*.c)
SH_SRC := $(wildcard user/sh/*.c)
INIT := $(if $(INIT_SRC),$(U)/init)
USER := $(INIT) $(if $(SH_SRC),$(U)/sh) $(PAGERS) $(DEMOS)
GUEST := $(patsubst tests/guest/%.c,$(BUILD)/guest/%,$(wildcard tests/guest/*.c))
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH := $(if $(BENCH_SRC),$(BUILD)/bench/bench)
MMFUZZ_SRC := $(wildcard tests/fuzz/mm/*.c)
MMFUZZ := $(BUILD)/fuzz/mmfuzz
ORACLE := $(BUILD)/oracle

# ---- host unit tests ------------------------------------------------------
T := $(BUILD)/unit
TFLAGS := -std=gnu11 -O1 -g -Wall -Wextra $(WERROR) -DFAULTLINE_HOST \
    -fno-omit-frame-pointer -fsanitize=address,undefined \
    -fno-sanitize-recover=all -Itests/unit/include -Itests/unit -Iinclude \
    $(KNOBS)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(patsubst tests/unit/%.c,$(T)/%,$(UNIT_SRC))
TSUP := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c)) $(wildcard mm/*.c)
TOBJ := $(patsubst %.c,$(T)/obj/%.o,$(sort $(TSUP)))

FH := $(BUILD)/fuzz-host
FUZZCC ?= clang
FHFLAGS = $(filter-out -Werror,$(TFLAGS)) -fsanitize=fuzzer-no-link
FHOBJ := $(TOBJ:$(T)/%=$(FH)/%) $(FH)/obj/tests/fuzz/host/driver.o

DEPS = -MMD -MP -MT $@ -MF $(dir $@).$(notdir $@).d
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@)
ifneq (,$(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))))
say = @:
endif
endif

.PHONY: all kernel user iso run test test-all unit coverage guest e2e fuzz fuzz-run \
    fuzz-oracle fuzz-host fuzz-syscalls fuzz-program oracle-host selftests \
    oracle oracle-test oracle-linux bench bench-run bench-linux bench-baseline \
    bench-linux-baseline lint format doctor clean help guest-programs \
    unit-programs bench-program FORCE

all: kernel user
kernel: $(KERNEL)
user: $(USER)
guest-programs: $(GUEST)
unit-programs: $(UNIT)
bench-program: $(BENCH)
fuzz-program: $(MMFUZZ)
iso: $(BUILD)/faultline.iso

# A file holding the flags last used; its time changes only when they do.
define flags_stamp
$(1)/.flags: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' > $$@
endef
$(eval $(call flags_stamp,$(K),$(KCC) $(KCFLAGS)))
$(eval $(call flags_stamp,$(U),$(USER_CC) $(UFLAGS)))
$(eval $(call flags_stamp,$(T),$(HOSTCC) $(TFLAGS)))
FORCE:

# Numbers the assembly shares with C structures: each "->NAME VALUE" line in
# the compiled file becomes a #define, so an offset cannot drift.
$(K)/asm_offsets.s: $(OFFSETS_C) $(K)/.flags
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(KCFLAGS) $(DEPS) -S -o $@ $<
$(OFFSETS_H): $(K)/asm_offsets.s
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^->\([A-Za-z0-9_]*\) [$$]*\(.*\)/#define \1 \2/p' $< > $@

ifneq (,$(wildcard $(OFFSETS_C)))
$(KOBJ): | $(OFFSETS_H)
$(filter %.S.o,$(KOBJ)): $(OFFSETS_H)
endif

$(K)/%.c.o: %.c $(K)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(KCFLAGS) $(DEPS) -c -o $@ $<
$(K)/%.S.o: %.S $(K)/.flags
	$(call say,AS)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(KASFLAGS) $(DEPS) -c -o $@ $<

# The vDSO is user code, linked on its own and put into the image as it is.
VDSO_FLAGS := -std=gnu11 -O2 -fPIC -fno-stack-protector -fcf-protection=none \
    -fno-asynchronous-unwind-tables -mno-sse -Wall -Wextra $(WERROR) -nostdlib \
    -shared -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both \
    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack
$(K)/vdso.so: arch/x86_64/vdso/vdso.c arch/x86_64/vdso/data.h \
    arch/x86_64/vdso/vdso.lds $(K)/.flags
	$(call say,VDSO)
	$(Q)mkdir -p $(@D)
	$(Q)$(KCC) $(VDSO_FLAGS) -Wl,-T,arch/x86_64/vdso/vdso.lds -o $@ $<
$(K)/arch/x86_64/vdso_image.S.o: $(K)/vdso.so
$(K)/arch/x86_64/vdso_image.S.o: KASFLAGS += -DVDSO_FILE='"$(K)/vdso.so"'

# Two links: the first has an empty symbol table, the second the one made from
# the first. Text does not move between them, and ksyms --check proves it.
$(K)/ksyms0.S: tools/ksyms
	$(Q)mkdir -p $(@D)
	$(Q)tools/ksyms </dev/null >$@
$(K)/ksyms.S: $(K)/faultline0.elf tools/ksyms
	$(Q)$(KNM) -n $< | tools/ksyms >$@
$(K)/ksyms%.o: $(K)/ksyms%.S
	$(Q)$(KCC) $(KASFLAGS) -c -o $@ $<
$(K)/ksyms.o: $(K)/ksyms.S
	$(Q)$(KCC) $(KASFLAGS) -c -o $@ $<
$(K)/faultline0.elf: $(KOBJ) $(K)/ksyms0.o linker.ld
	$(Q)$(KLD) $(KLDFLAGS) -o $@ $(KOBJ) $(K)/ksyms0.o
$(KERNEL): $(KOBJ) $(K)/ksyms.o linker.ld
	$(call say,LD)
	$(Q)$(KLD) $(KLDFLAGS) -o $@ $(KOBJ) $(K)/ksyms.o
	$(Q)$(KNM) -n $@ | tools/ksyms --check $(K)/ksyms.S

$(U)/lib/%.o: user/lib/%.c $(U)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(UFLAGS) $(DEPS) -c -o $@ $<
$(U)/init.o/%.o: user/init/%.c $(U)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(UFLAGS) $(DEPS) -c -o $@ $<
$(U)/init: $(patsubst user/init/%.c,$(U)/init.o/%.o,$(INIT_SRC)) $(ULIB)
	$(call say,LD)
	$(Q)$(USER_CC) $(UFLAGS) -o $@ $^

$(U)/sh.o/%.o: user/sh/%.c $(U)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(UFLAGS) $(DEPS) -c -o $@ $<
$(U)/sh: $(patsubst user/sh/%.c,$(U)/sh.o/%.o,$(SH_SRC)) $(ULIB)
	$(call say,LD)
	$(Q)$(USER_CC) $(UFLAGS) -o $@ $^

USER_LINK = $(USER_CC) $(UFLAGS) $(DEPS) -o $@ $<
$(PAGERS) $(DEMOS): $(ULIB)
# musl's compiler looks for libraries in musl's folder only.
$(U)/pager-zip: LDLIBS = $(shell $(CROSS_CC) -print-file-name=liblz4.a)
$(U)/pager-%: user/pager/%.c $(U)/.flags
	$(call say,USER)
	$(Q)$(USER_LINK) $(ULIB) $(LDLIBS)
$(U)/demo-%: user/demos/%.c $(U)/.flags
	$(call say,USER)
	$(Q)$(USER_LINK) $(ULIB)
$(BUILD)/guest/%: tests/guest/%.c $(U)/.flags
	$(call say,GUEST)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_LINK)
# *_pie.c: static-pie. musl-gcc does not know -static-pie, so it is spelled out.
$(BUILD)/guest/%_pie: tests/guest/%_pie.c $(U)/.flags
	$(call say,GUEST)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_LINK) -fPIE -nostartfiles \
	    -Wl,-pie,--no-dynamic-linker,-z,text -l:rcrt1.o -l:crti.o -l:crtn.o
$(BUILD)/bench/%.o: tests/bench/%.c $(U)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(UFLAGS) $(DEPS) -c -o $@ $<
$(BUILD)/bench/bench: $(patsubst tests/%.c,$(BUILD)/%.o,$(BENCH_SRC))
	$(call say,LD)
	$(Q)$(USER_CC) $(UFLAGS) -o $@ $^

# Memory calls at random, for both kernels.
$(BUILD)/fuzz/%.o: tests/fuzz/mm/%.c $(U)/.flags
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_CC) $(UFLAGS) $(DEPS) -c -o $@ $<
$(MMFUZZ): $(patsubst tests/fuzz/mm/%.c,$(BUILD)/fuzz/%.o,$(MMFUZZ_SRC))
	$(call say,LD)
	$(Q)$(USER_CC) $(UFLAGS) -o $@ $^

# The first task of the Linux that judges us.
$(ORACLE)/init: tests/oracle/init.c $(U)/.flags
	$(call say,USER)
	$(Q)mkdir -p $(@D)
	$(Q)$(USER_LINK)

$(T)/obj/mm/%.o: COVER := --coverage
$(T)/obj/%.o: %.c $(T)/.flags
	$(call say,HOST)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TFLAGS) $(COVER) $(DEPS) -c -o $@ $<
.SECONDARY: $(UNIT:$(T)/%=$(T)/obj/tests/unit/%.o)
$(T)/test_%: $(T)/obj/tests/unit/test_%.o $(TOBJ)
	$(call say,UNIT)
	$(Q)$(HOSTCC) $(TFLAGS) --coverage -o $@ $(filter %.o,$^) -lcmocka

# The same with libFuzzer's clang: a program per unit test file, whose tests
# take their chance from the fuzzer.
$(FH)/obj/tests/unit/test_%.o: FHFLAGS += -include tests/fuzz/host/fuzz.h
$(FH)/obj/%.o: %.c $(T)/.flags
	$(call say,FUZZ)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZCC) $(FHFLAGS) $(DEPS) -c -o $@ $<
.SECONDARY: $(FHOBJ) $(UNIT:$(T)/%=$(FH)/obj/tests/unit/%.o)
$(FH)/%: $(FH)/obj/tests/unit/test_%.o $(FHOBJ)
	$(call say,FUZZ)
	$(Q)$(FUZZCC) $(FHFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
	    -lcmocka

# The ISO of the demo: its data module is the kernel's own image.
MODULES = init=$(U)/init data=$(KERNEL) \
    $(foreach f,$(PAGERS) $(DEMOS),$(notdir $(f))=$(f))
$(BUILD)/faultline.iso: $(KERNEL) $(USER) tools/mkiso
	$(call say,ISO)
	$(Q)tools/mkiso $@ $(KERNEL) "$(CMDLINE)" $(MODULES)

run:
	@./run-qemu.sh $(ARGS)

# ---- tests ----------------------------------------------------------------
test:
	@tools/install-deps test
	@$(MAKE) --no-print-directory test-all

# Built in parallel first, then each part in turn; pytest speaks last.
test-all:
	@tools/banner 'build: kernel, ring 3, guest tests, unit tests'
	@$(MAKE) --no-print-directory -j$$(nproc) all guest-programs \
	    unit-programs bench-program fuzz-program
	@tools/banner 'lint: formatting, size ceilings, the rooms'
	@$(MAKE) --no-print-directory lint
	@tools/banner 'unit: mm/ on the host, with ASan and UBSan'
	@$(MAKE) --no-print-directory unit
	@tools/banner 'guest and e2e: every test its own boot in QEMU'
	@BUILD=$(BUILD) $(PYTEST) -v tests/e2e

unit: $(UNIT)
	@find $(T) -name '*.gcda' -delete
	@set -e; for t in $(UNIT); do echo "unit: $$(basename $$t)"; \
	    $$t; done
	@tests/fuzz/host/run $(BUILD) replay
	@tools/coverage --total $(T)/obj/mm

# Which lines of mm/ the unit tests reach; ARGS="--missed" names the others.
coverage: unit
	@tools/coverage $(ARGS) $(T)/obj/mm

guest: all guest-programs
	@BUILD=$(BUILD) $(PYTEST) -v tests/e2e/test_guest.py $(ARGS)

e2e: all guest-programs bench-program fuzz-program
	@BUILD=$(BUILD) $(PYTEST) -v tests/e2e \
	    --ignore tests/e2e/test_guest.py $(ARGS)

# Memory calls drawn at random, here and on Linux: SEEDS=1..10, and options of
# tests/fuzz/differ in ARGS.
fuzz:
	@tools/install-deps oracle
	@$(MAKE) --no-print-directory fuzz-run
fuzz-run: all fuzz-program oracle-linux
	@BUILD=$(BUILD) tests/fuzz/differ compare $(ARGS) $(or $(SEEDS),1)

# The committed answers of Linux that `make test` compares with.
fuzz-oracle: fuzz-program oracle-linux
	@BUILD=$(BUILD) tests/fuzz/differ write

# Linux's own selftests; their sources are fetched, never kept.
selftests: all $(if $(findstring --linux,$(ARGS)),oracle-linux)
	@BUILD=$(BUILD) tools/selftests $(ARGS)

# Millions of system calls drawn at random; one boot per seed.
fuzz-syscalls: all guest-programs
	@BUILD=$(BUILD) $(if $(CALLS),CALLS=$(CALLS)) tests/fuzz/syscalls.sh \
	    $(SEEDS)

# libFuzzer on mm/ itself, on the host: each target of tests/fuzz/host/run (or
# those in ARGS) for SECONDS.
fuzz-host:
	@tools/install-deps fuzz
	@$(MAKE) --no-print-directory \
	    $$(tests/fuzz/host/run $(BUILD) programs $(ARGS))
	@tests/fuzz/host/run $(BUILD) fuzz $(or $(SECONDS),60) $(ARGS)

oracle-host: all guest-programs
	@tools/oracle-host $(BUILD) $(ARGS)

# Linux 6.12 in the same QEMU; only these targets fetch and need it.
oracle-linux: $(ORACLE)/init
	@tools/oracle-fetch $(ORACLE)

oracle:
	@tools/install-deps oracle
	@$(MAKE) --no-print-directory oracle-test
oracle-test: guest-programs oracle-linux
	@BUILD=$(BUILD) tools/oracle test $(ARGS)

# Not quiet: the line about the boot is one of the figures.
bench-run: all bench-program
	@BUILD=$(BUILD) FAULTLINE_BUILT=1 ./run-qemu.sh --icount --run \
	    $(BENCH) $(ARGS) </dev/null >$(BUILD)/bench/ours.txt || \
	    { cat $(BUILD)/bench/ours.txt; exit 1; }

bench: bench-run
	@tools/bench-table $(BUILD)/bench/ours.txt

bench-linux: bench-run oracle-linux
	@BUILD=$(BUILD) tools/oracle run $(BENCH) $(ARGS) \
	    >$(BUILD)/bench/linux.txt || \
	    { cat $(BUILD)/bench/linux.txt; exit 1; }
	@tools/bench-table $(BUILD)/bench/ours.txt $(BUILD)/bench/linux.txt

# The committed columns, written anew.
bench-baseline: bench-run
	@tools/bench-table --write tests/bench/baseline.txt \
	    $(BUILD)/bench/ours.txt \
	    "Faultline; GCC $$($(CROSS_CC) -dumpfullversion)"
bench-linux-baseline: bench-linux
	@tools/bench-table --write tests/bench/linux-6.12.txt \
	    $(BUILD)/bench/linux.txt \
	    "Linux $$(cat $(ORACLE)/version)"

lint:
	@CLANG_FORMAT=$(CLANG_FORMAT) tools/lint

format:
	@tools/c-files | xargs $(CLANG_FORMAT) -i

doctor:
	@tools/doctor

clean:
	rm -rf $(BUILD)

help:
	@tools/make-help

-include $(shell find $(BUILD) -name '.*.d' 2>/dev/null)
