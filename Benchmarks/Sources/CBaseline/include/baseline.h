// What placing and relocating a Linux kernel costs at least: memcpy, memset, and one loop for each list of relocations.
// It checks nothing; only images that Perch has accepted may be passed.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct baseline_list {
  const uint32_t *entries;
  size_t count;
};

// The lists behind vmlinux in a bzImage's payload (arch/x86/boot/compressed/misc.c, handle_relocations).
struct baseline_relocations {
  struct baseline_list places64, inverse32, places32;
};

// Finds the lists in the bytes that follow vmlinux: each starts with a zero word; the inverse list is absent since Linux 6.15.
struct baseline_relocations baseline_find_relocations(const void *table, size_t byte_count);

// Copies every PT_LOAD of an ELF64 to memory + (p_paddr - base) and fills it up with zeros to p_memsz.
void baseline_place(const void *elf, void *memory, uint64_t base);

// Patches an image whose first byte, linked at link_base, is at memory.
void baseline_relocate(struct baseline_relocations relocations, void *memory, uint64_t link_base, uint64_t delta);

// From now on malloc gets blocks of 128 KiB and more from the kernel and free gives them back; glibc would begin to keep
// them.
void baseline_map_large_blocks(void);

// memset, where no optimiser sees that nobody reads what it wrote.
void baseline_fill(void *memory, size_t byte_count);
