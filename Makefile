# Perch's two commands for people: make demo, make test.

kernels := .cache/kernels
cloud := $(kernels)/linux-image-cloud-amd64/vmlinuz
generic := $(kernels)/linux-image-amd64/vmlinuz
formatted := Sources Tests Bare/Sources Benchmarks/Sources Benchmarks/Package.swift Package.swift

# The core targets in the order in which data flows; building the last builds all of them.
core := Loaders
tables := PageTables
embedded := -Xswiftc -enable-experimental-feature -Xswiftc Embedded -Xswiftc -wmo
embedded_triples := x86_64-unknown-none-elf aarch64-none-none-elf
# Processors whose kernels Perch does not place, but whose page tables it builds.
table_triples := i686-unknown-none-elf riscv64-none-none-eabi

.PHONY: help build demo test agreement page bench format lint embedded bare bare-code kernels loaders setup clean
.NOTPARALLEL:

help:
	@echo 'make demo     install what is missing, build, boot a Debian kernel at a random place and verify it'
	@echo 'make test     lint, build (hosted and Embedded), look at the bare machine code, run every test'
	@echo 'make agreement   hold the models of loaders to the real ones; IMAGES=5000 SEED=7 ONLY=GRUB say how long'
	@echo 'make build    a release build of perch in .build/release'
	@echo 'make bare     the bare-metal loader and kernel in .build/bare'
	@echo 'make page     write Documentation/Loaders.md from the models'
	@echo 'make bench    measure against memcpy, memset, qemu -kernel, info mem and readelf'
	@echo 'make format   format the sources;  make lint checks them'
	@echo 'make clean    remove what was built; the kernels in .cache stay'

setup:
	@scripts/setup

kernels: setup
	@scripts/fetch-kernel linux-image-cloud-amd64 >/dev/null
	@scripts/fetch-kernel linux-image-amd64 >/dev/null
	@scripts/fetch-kernel linux-image-cloud-arm64 >/dev/null

# The real ones, which the models of loaders are held to.
loaders: setup
	@scripts/fetch-grub >/dev/null
	@scripts/fetch-xen >/dev/null
	@scripts/fetch-kexec >/dev/null
	@scripts/fetch-images >/dev/null
	@scripts/make-grub-iso --prepare >/dev/null

# What perch boot starts without a file comes with it.
build: bare
	swift build -c release --product perch

demo: build
	@scripts/fetch-kernel linux-image-cloud-amd64 >/dev/null
	@scripts/demo .build/release/perch $(cloud)

lint:
	swift format lint --strict --recursive $(formatted)

format:
	swift format --in-place --recursive $(formatted)

# The same files without an operating system: what a boot loader imports.
embedded: $(embedded_triples:%=embedded-%) $(table_triples:%=embedded-%)

embedded-%: setup
	swift build --triple $* --scratch-path .build/embedded-$* \
	  --target $(if $(filter $*,$(table_triples)),$(tables),$(core)) $(embedded)

# The boot loader and the kernel, which perch boot starts when it is given no file.
bare: setup
	@scripts/build-bare

# What the page-table verbs compile to: no vector registers, no allocation.
bare-code: setup
	scripts/check-bare-code

# The tests come last, so that the output ends with the runner's own verdict.
test: kernels loaders lint embedded bare bare-code
	scripts/build-tiny-kernels
	scripts/build-probe-guests
	swift build --product perch
	swift test

# Every model against its real loader: as many images as its speed allows, or IMAGES of them from SEED on; loaders with
# ONLY in their names. What was ended goes on where it was.
agreement: kernels loaders
	swift run agreement $(if $(IMAGES),--images $(IMAGES)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only '$(ONLY)')

# What the models say of each property of an image, as a page.
page: setup
	swift run agreement page >.build/page.md
	mv .build/page.md Documentation/Loaders.md

bench: build kernels
	@scripts/bench

clean:
	rm -rf .build
