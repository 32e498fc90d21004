// The live page tables, read through the direct map as the processor reads them (Intel SDM vol. 3A, 4.5).
#pragma once

#include <stdint.h>

struct translation {
  uint64_t physical;
  // 0x1000, 0x200000 or 0x40000000; 0 when nothing is mapped.
  uint64_t page_size;
  // Where a missing entry was found: 4 is the root. 0 when the address is mapped.
  int absent_level;
  int writable;
  int executable;
};

enum : uint64_t {
  entry_present = 1u << 0,
  entry_writable = 1u << 1,
  entry_large = 1u << 7,
  entry_no_execute = UINT64_C(1) << 63,
  entry_address = UINT64_C(0x000ffffffffff000),
};

// Where physical address 0 is visible. Set once, before the first walk.
static uint64_t direct_map_base = 1;

static const volatile void *visible(uint64_t physical) {
  return (const volatile void *)(uintptr_t)(direct_map_base + physical);
}

static uint64_t read_cr3(void) {
  uint64_t value;
  __asm__ volatile("movq %%cr3, %0" : "=r"(value));
  return value;
}

static uint64_t table_entry(uint64_t table, unsigned index) {
  return ((const volatile uint64_t *)visible(table & entry_address))[index];
}

static struct translation walk(uint64_t virtual) {
  struct translation result = {.writable = 1, .executable = 1};
  uint64_t table = read_cr3();
  for (int level = 4; level >= 1; level--) {
    int shift = 12 + 9 * (level - 1);
    uint64_t entry = table_entry(table, (virtual >> shift) & 511);
    if (!(entry & entry_present)) return (struct translation){.absent_level = level};
    if (!(entry & entry_writable)) result.writable = 0;
    if (entry & entry_no_execute) result.executable = 0;
    if (level == 1 || (level <= 3 && (entry & entry_large))) {
      result.page_size = UINT64_C(1) << shift;
      // In a large page's entry, bits below the address hold the memory type (PAT) and must not leak into it.
      result.physical = (entry & entry_address & ~(result.page_size - 1)) | (virtual & (result.page_size - 1));
      return result;
    }
    table = entry;
  }
  return result;
}

// The bytes that a table and everything below it map.
static uint64_t mapped_bytes(uint64_t table, int level) {
  uint64_t sum = 0;
  for (unsigned index = 0; index < 512; index++) {
    uint64_t entry = table_entry(table, index);
    if (!(entry & entry_present)) continue;
    if (level == 1 || (level <= 3 && (entry & entry_large)))
      sum += UINT64_C(1) << (12 + 9 * (level - 1));
    else
      sum += mapped_bytes(entry, level - 1);
  }
  return sum;
}
