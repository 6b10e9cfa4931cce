# SPDX-License-Identifier: GPL-2.0
# The only entry. Plain `make` explains the targets; the work is done by cargo, by the kernel's build system, by the scripts in
# vm/ and by nova-vm, which is built from there.

# The kernel that `modules` builds for, and where the modules go.
KDIR ?= /lib/modules/$(shell uname -r)/build
MODULES ?= build/modules/$(shell uname -r)

# The crates whose modules must not use each other in a circle.
UNTIED := nova/hw nova/core firmware uapi uapi/nvk uapi/nvk/preload mock igt-tests vm bench

export CARGO_TARGET_DIR ?= $(CURDIR)/build/cargo

NOVA_VM := $(CARGO_TARGET_DIR)/release/nova-vm
# Which chips have which tests; a test that is named needs one chip alone.
CHECK_CHIPS = $(or $(CHIP),$(if $(TESTS),ga102,families))
VBIOS_ARGUMENT = $(if $(VBIOS),--vbios '$(VBIOS)')
CHECK = $(if $(TESTS),--tests '$(TESTS)') $(if $(NOVA_PM_ROUNDS),--pm-rounds $(NOVA_PM_ROUNDS))

.PHONY: help run vulkan check check-unit check-vm check-debug check-judges check-nouveau check-upstream judges nvidia stress miri mutants mutants-kmod trace-diff bench shell modules modules_install vm-modules debug-modules programs prepare lint clean

help:
	@echo 'Nova: an open driver for NVIDIA GPUs, and a mocked GPU to run it on.'
	@echo
	@echo '  make run              boot the GSP firmware on a mocked GPU in a VM, print the boot report, and copy memory by it'
	@echo '                        (CHIP=ga102 is the default; CHIP=list names the others;'
	@echo '                        FIRMWARE_RELEASE=535 takes the release of that branch, not the newest;'
	@echo '                        VBIOS=card.rom takes the dump of your own card, of the chip that CHIP=... names)'
	@echo '  make vulkan           have Mesa'"'"'s NVK find a mocked GPU in a VM, print what Vulkan says of it,'
	@echo '                        and run compute programs on it (CHIP=...)'
	@echo '  make check            run all tests: check-unit, check-vm and check-nouveau'
	@echo '  make check-unit       tests of the crates, and the judges that need no VM'
	@echo '  make check-vm         IGT in VMs: all of it on ga102, and the boot of each family (CHIP=all: of every chip;'
	@echo '                        NOVA_PM_ROUNDS=50 has ga102 sleep and be reset so often in each test;'
	@echo '                        TESTS=igt@nova_fault@recover runs that test alone, on ga102 unless CHIP=... is given)'
	@echo '  make check-debug      IGT on ga102 in a kernel with KASAN, lockdep and their like, and with failing allocations;'
	@echo '                        not part of make check: it takes hours, and the kernel is built first (CHIP=..., TESTS=...)'
	@echo '  make check-judges     have drivers that others wrote judge the mocked GPU (JUDGE=tinygrad, JUDGE=nvidia,'
	@echo '                        CHIP=ad102); NVIDIA'"'"'s is built first, and boots each chip in a VM of its own'
	@echo '  make check-nouveau    have Linux'"'"'s nouveau drive a mocked GPU of each generation, and test what it offers to'
	@echo '                        programs (CHIP=ga102; CHIP=all for every chip; TESTS=igt@nouveau_exec@copy)'
	@echo '  make check-upstream   boot each family with Linux'"'"'s own nova-core and with Nova (CHIP=all for every chip;'
	@echo '                        CHIP=tu106 VBIOS=card.rom with the dump of a card)'
	@echo '  make stress           ten minutes of everything at once, and ten of wrong ioctls, each in a VM of its own'
	@echo '                        (CHIP=..., SECONDS=600, SEED=... to repeat one, NOVA_KERNEL=debug for the debug kernel)'
	@echo '  make modules          build the modules for the running kernel (KDIR=... for another one)'
	@echo '  make modules_install  install them'
	@echo '  make trace-diff       compare the register writes of Nova and of Linux'"'"'s nova-core (CHIP=families, all, ...),'
	@echo '                        or, with AGAINST=nvidia, of Nova and of NVIDIA'"'"'s driver: the boot alone, up to Ada'
	@echo '  make bench            measure, and print a table (PARTS="sizes work": these alone)'
	@echo '  make miri             the unit tests of the portable crates under Miri (nightly Rust)'
	@echo '  make mutants          change the logic of the portable crates place by place, and name what no test notices'
	@echo '                        (hours; PIECE=3/40 does the third of 40 pieces)'
	@echo '  make mutants-kmod     break the modules in one place after the other, and name what no test in the VM notices'
	@echo '                        (MUTANTS=... tries those alone)'
	@echo '  make lint             rustfmt, clippy, circles of modules, kernel warnings as errors, stack frames,'
	@echo '                        shellcheck'
	@echo '  make shell            a root shell in a VM with the mocked GPU and the modules (CHIP=...)'
	@echo '  make clean            remove build/ (the cache, ~/.cache/nova or NOVA_CACHE, stays)'
	@echo
	@echo 'The first run fills the cache; NOVA_UPDATE=1 looks for newer packages at once.'

run: programs vm-modules
	@$(NOVA_VM) run --chip $(or $(CHIP),ga102) $(if $(FIRMWARE_RELEASE),--firmware-release $(FIRMWARE_RELEASE)) \
		$(VBIOS_ARGUMENT)

check: programs vm-modules judges
	@$(NOVA_VM) check --chip $(CHECK_CHIPS) $(CHECK) unit vm $(if $(TESTS),,nouveau)

check-unit: programs judges
	@$(NOVA_VM) check --chip $(CHECK_CHIPS) unit

check-vm: programs vm-modules
	@$(NOVA_VM) check --chip $(CHECK_CHIPS) $(CHECK) vm

check-debug: programs debug-modules
	@$(NOVA_VM) check --chip $(or $(CHIP),ga102) $(CHECK) debug

# NVIDIA's driver takes minutes to build, so it is made only if it judges.
check-judges: programs judges $(if $(JUDGE),$(filter nvidia,$(JUDGE)),nvidia)
	@$(NOVA_VM) check-judges $(if $(CHIP),--chip $(CHIP)) $(JUDGE)

# nouveau is in the guest; no module is built for it.
check-nouveau: programs
	@$(NOVA_VM) check --chip $(CHECK_CHIPS) $(CHECK) nouveau

# The tests that boot a mocked GPU are left out: interpreted, each takes longer than all of these. Proptest reads its
# environment, which Miri hides otherwise.
miri:
	MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked --lib \
		--package nova-hw --package nova-firmware --package nova-uapi --package nova-core

mutants: prepare
	@vm/mutants $(PIECE)

mutants-kmod: programs
	@$(NOVA_VM) mutants-kmod $(MUTANTS)

stress: programs $(if $(filter debug,$(NOVA_KERNEL)),debug,vm)-modules
	@$(NOVA_VM) stress --chip $(or $(CHIP),ga102) --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED)) \
		--kernel $(or $(NOVA_KERNEL),stock)

bench: programs vm-modules
	@cargo build --quiet --release --locked --package nova-bench
	@$(CARGO_TARGET_DIR)/release/nova-bench $(PARTS)

check-upstream: programs vm-modules
	@cargo build --quiet --release --locked --package nova-bench
	@$(CARGO_TARGET_DIR)/release/check-upstream --chips $(or $(CHIP),families) $(VBIOS_ARGUMENT)

trace-diff: programs vm-modules $(filter nvidia,$(AGAINST))
	@cargo build --quiet --release --locked --package nova-bench
	@$(CARGO_TARGET_DIR)/release/trace-diff --chip $(or $(CHIP),ga102) $(if $(AGAINST),--against $(AGAINST))

vulkan: programs vm-modules
	@$(NOVA_VM) guest --chip $(or $(CHIP),ga102) --modules build/modules/vm --files $(CARGO_TARGET_DIR)/release \
		--out build/vulkan vm/guest/vulkan

shell: programs vm-modules
	@$(NOVA_VM) guest --chip $(or $(CHIP),ga102) --modules build/modules/vm --files $(CARGO_TARGET_DIR)/release --timeout 0

modules: build/vendor
	+@vm/build/modules $(KDIR) $(MODULES)

modules_install:
	install -D -m 644 -t $(DESTDIR)/lib/modules/$(shell uname -r)/updates $(MODULES)/nova-core.ko $(MODULES)/nova-drm.ko
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(shell uname -r)

# The modules for the stock kernel of the VM.
vm-modules: prepare build/vendor
	@vm/cache/sysroot make --no-print-directory modules KDIR=/kernel/build MODULES=build/modules/vm

# The modules for the debug kernel, which is built when it is first needed.
debug-modules: prepare build/vendor
	@vm/cache/prepare debug
	@vm/cache/sysroot --debug make --no-print-directory modules KDIR=/kernel/build MODULES=build/modules/debug

# What runs on this machine, and what is built here and runs in the VM.
programs: prepare
	@cargo build --release --locked --package nova-mock --package nova-fw --package nova-vm --package igt --package nova-nvk --bins
	@cargo build --release --locked --package nova-nvk-preload

prepare:
	@vm/cache/prepare

# The drivers that judge the mocked GPU without a VM, and NVIDIA's, which does so in one.
judges nvidia: prepare
	@vm/cache/prepare $@

# The crates that the modules are linked with, as sources.
build/vendor: Cargo.lock
	@rm -rf $@ $@.part && mkdir -p build
	@cargo vendor --quiet --locked $@.part >/dev/null
	@touch $@.part && mv $@.part $@

lint: prepare build/vendor
	@vm/cache/host-tools shellcheck:shellcheck
	shellcheck -x $$(grep -rlE --exclude='*.rs' '^#!.*(ba)?sh$$|^# shellcheck shell' vm bench igt-tests .ci)
	cargo fmt --all --check
	rustfmt --check --edition 2021 $$(find nova/kmod -name '*.rs')
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo run --quiet --locked --package nova-lint -- $(UNTIED)
	vm/cache/sysroot make --no-print-directory modules KDIR=/kernel/build MODULES=build/modules/lint \
		KCFLAGS=-Werror KRUSTFLAGS=-Dwarnings
	@for patch in nova/kmod/mutants/*.patch; do git apply --check $$patch || exit; done
	vm/cache/sysroot vm/build/check-frames build/modules/lint/nova-core.ko build/modules/lint/nova-drm.ko

clean:
	rm -rf build
