/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Perch tells a generic ELF kernel. When the kernel's entry point is reached, in 64-bit mode with interrupts off,
 * RDI holds the virtual address of a struct perch_boot_information.
 *
 *     0     +------------------------------------------+
 *           | struct perch_boot_information, 128 bytes |
 *     128   +------------------------------------------+
 *           | memory_map      struct perch_memory      |
 *           +------------------------------------------+
 *           | mappings        struct perch_mapping     |
 *           +------------------------------------------+
 *           | modules         struct perch_module      |
 *           +------------------------------------------+
 *           | command line and names: UTF-8, each with |
 *           | a NUL at its end                         |
 *     size  +------------------------------------------+
 *
 * Integers are little-endian. Offsets count from the start of the structure; tables are 8-byte aligned. Find the
 * tables by their offsets, never by adding up sizes: later versions may add fields between them.
 */
#ifndef PERCH_BOOT_INFORMATION_H
#define PERCH_BOOT_INFORMATION_H

#include <stddef.h>
#include <stdint.h>

#define PERCH_BOOT_MAGIC UINT64_C(0x3149424843524550) /* "PERCHBI1" */
#define PERCH_BOOT_VERSION 1

/* perch_memory.kind; numbers as in e820 (ACPI 6.5, 15.1). Others may appear: treat them as reserved. */
#define PERCH_MEMORY_USABLE 1
#define PERCH_MEMORY_RESERVED 2
#define PERCH_MEMORY_ACPI_RECLAIMABLE 3
#define PERCH_MEMORY_ACPI_NON_VOLATILE 4
#define PERCH_MEMORY_UNUSABLE 5
#define PERCH_MEMORY_PERSISTENT 7

/* perch_mapping.access */
#define PERCH_ACCESS_READ 1
#define PERCH_ACCESS_WRITE 2
#define PERCH_ACCESS_EXECUTE 4

/* Where a table lies in the structure, and how many entries it has. */
struct perch_table {
  uint32_t offset;
  uint32_t count;
};

struct perch_boot_information {
  uint64_t magic;
  uint32_t version;
  uint32_t size;                  /* of everything, strings included, in bytes */
  struct perch_table memory_map;  /* of struct perch_memory, all physical memory, ascending */
  struct perch_table mappings;    /* of struct perch_mapping, what is mapped at entry, ascending */
  struct perch_table modules;     /* of struct perch_module, in the order they were given */
  struct perch_table command_line; /* count: its length without the NUL */
  uint64_t seed;                  /* random bits, or 0 */
  uint64_t direct_map_base;       /* virtual address of physical address 0, or 0 without a direct map */
  uint64_t direct_map_size;       /* bytes mapped from there, or 0 */
  uint64_t kernel_physical_base;  /* the lowest byte of the kernel's image */
  uint64_t kernel_virtual_base;   /* the same byte */
  uint64_t kernel_size;           /* bytes in memory */
  int64_t slide;                  /* run-time address minus link address */
  uint64_t stack_top;             /* RSP at entry */
  uint64_t stack_guard;           /* the lowest address of the unmapped page below the stack */
  uint64_t physical_address;      /* of this structure */
};

struct perch_memory {
  uint64_t start;
  uint64_t size;
  uint32_t kind;
  uint32_t zero;
};

struct perch_mapping {
  uint64_t virtual_address;
  uint64_t physical_address;
  uint64_t size;
  uint32_t access;
  uint32_t name; /* offset of a string */
};

struct perch_module {
  uint64_t physical_address;
  uint64_t size;
  uint32_t name; /* offset of a string */
  uint32_t zero;
};

#ifdef __cplusplus
#define PERCH_ASSERT(condition) static_assert(condition, #condition)
#else
#define PERCH_ASSERT(condition) _Static_assert(condition, #condition)
#endif

PERCH_ASSERT(sizeof(struct perch_table) == 8);
PERCH_ASSERT(sizeof(struct perch_boot_information) == 128);
PERCH_ASSERT(sizeof(struct perch_memory) == 24);
PERCH_ASSERT(sizeof(struct perch_mapping) == 32);
PERCH_ASSERT(sizeof(struct perch_module) == 24);
PERCH_ASSERT(offsetof(struct perch_boot_information, version) == 8);
PERCH_ASSERT(offsetof(struct perch_boot_information, size) == 12);
PERCH_ASSERT(offsetof(struct perch_boot_information, memory_map) == 16);
PERCH_ASSERT(offsetof(struct perch_boot_information, mappings) == 24);
PERCH_ASSERT(offsetof(struct perch_boot_information, modules) == 32);
PERCH_ASSERT(offsetof(struct perch_boot_information, command_line) == 40);
PERCH_ASSERT(offsetof(struct perch_boot_information, seed) == 48);
PERCH_ASSERT(offsetof(struct perch_boot_information, direct_map_base) == 56);
PERCH_ASSERT(offsetof(struct perch_boot_information, direct_map_size) == 64);
PERCH_ASSERT(offsetof(struct perch_boot_information, kernel_physical_base) == 72);
PERCH_ASSERT(offsetof(struct perch_boot_information, kernel_virtual_base) == 80);
PERCH_ASSERT(offsetof(struct perch_boot_information, kernel_size) == 88);
PERCH_ASSERT(offsetof(struct perch_boot_information, slide) == 96);
PERCH_ASSERT(offsetof(struct perch_boot_information, stack_top) == 104);
PERCH_ASSERT(offsetof(struct perch_boot_information, stack_guard) == 112);
PERCH_ASSERT(offsetof(struct perch_boot_information, physical_address) == 120);
PERCH_ASSERT(offsetof(struct perch_mapping, access) == 24);
PERCH_ASSERT(offsetof(struct perch_mapping, name) == 28);
PERCH_ASSERT(offsetof(struct perch_module, name) == 16);

#endif
