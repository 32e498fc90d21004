// Perch's boot information, printed, and its list of mappings held against the live page tables.
#pragma once

#include <stdint.h>

#include "boot-information.h"
#include "console.h"
#include "verdict.h"
#include "walk.h"

static const void *at(const struct perch_boot_information *info, uint32_t offset) {
  return (const char *)info + offset;
}

// Whether a table lies inside the structure; a panic when it does not.
static int holds(const struct perch_boot_information *info, struct perch_table table, uint64_t entry_size) {
  int inside = table.offset >= sizeof *info && (uint64_t)table.offset + table.count * entry_size <= info->size;
  expect(inside, "a table ends beyond the boot information", table.offset);
  return inside;
}

static void print_name(const struct perch_boot_information *info, uint32_t offset) {
  print(" ");
  if (offset < sizeof *info || offset >= info->size) return panic("a name lies beyond the boot information", offset);
  print((const char *)at(info, offset));
  print("\n");
}

static void print_rights(int writable, int executable) {
  print(writable ? "rw" : "r-");
  print(executable ? "x" : "-");
}

static void print_memory_map(const struct perch_boot_information *info) {
  if (!holds(info, info->memory_map, sizeof(struct perch_memory))) return;
  const struct perch_memory *entries = at(info, info->memory_map.offset);
  uint64_t end = 0;
  for (uint32_t index = 0; index < info->memory_map.count; index++) {
    print_field("memory start", entries[index].start);
    print_field(" size", entries[index].size);
    print_field(" kind", entries[index].kind);
    print("\n");
    expect(entries[index].start >= end, "the memory map is not ascending", entries[index].start);
    end = entries[index].start + entries[index].size;
  }
}

// Walks every page of a mapping: each must be there, lead where the list says, and grant just the listed rights.
static void check_mapping(const struct perch_mapping *mapping) {
  uint64_t pages[3] = {0};
  for (uint64_t offset = 0; offset < mapping->size;) {
    uint64_t virtual = mapping->virtual_address + offset;
    struct translation found = walk(virtual);
    if (!found.page_size) return panic("a listed page is not mapped", virtual);
    int writable = !!(mapping->access & PERCH_ACCESS_WRITE), executable = !!(mapping->access & PERCH_ACCESS_EXECUTE);
    if (found.physical != mapping->physical_address + offset) return panic("a page leads elsewhere", virtual);
    if (found.writable != writable) return panic("a page's write right is not the listed one", virtual);
    if (found.executable != executable) return panic("a page's execute right is not the listed one", virtual);
    pages[found.page_size == 0x1000 ? 0 : found.page_size == 0x200000 ? 1 : 2]++;
    offset += found.page_size - (virtual & (found.page_size - 1));
  }
  print_field("walked virt", mapping->virtual_address);
  print_field(" 4K", pages[0]);
  print_field(" 2M", pages[1]);
  print_field(" 1G", pages[2]);
  print("\n");
}

static void check_mappings(const struct perch_boot_information *info) {
  if (!holds(info, info->mappings, sizeof(struct perch_mapping))) return;
  const struct perch_mapping *mappings = at(info, info->mappings.offset);
  uint64_t listed = 0;
  for (uint32_t index = 0; index < info->mappings.count; index++) {
    print_field("mapping virt", mappings[index].virtual_address);
    print_field(" phys", mappings[index].physical_address);
    print_field(" size", mappings[index].size);
    print(" access=");
    print_rights(!!(mappings[index].access & PERCH_ACCESS_WRITE), !!(mappings[index].access & PERCH_ACCESS_EXECUTE));
    print_name(info, mappings[index].name);
    check_mapping(&mappings[index]);
    listed += mappings[index].size;
  }
  // Every listed byte is mapped; equal sums say that no other is.
  uint64_t live = mapped_bytes(read_cr3(), 4);
  print_field("mapped bytes listed", listed);
  print_field(" live", live);
  print("\n");
  expect(live == listed, "the live tables map other bytes than the listed ones", live);
}

// A module's first and last bytes, as the direct map shows them.
static void print_modules(const struct perch_boot_information *info) {
  if (!holds(info, info->modules, sizeof(struct perch_module))) return;
  const struct perch_module *modules = at(info, info->modules.offset);
  for (uint32_t index = 0; index < info->modules.count; index++) {
    print_field("module phys", modules[index].physical_address);
    print_field(" size", modules[index].size);
    if (modules[index].size) {
      const volatile uint8_t *bytes = visible(modules[index].physical_address);
      print_field(" first", bytes[0]);
      print_field(" last", bytes[modules[index].size - 1]);
    }
    print_name(info, modules[index].name);
  }
}

static void print_command_line(const struct perch_boot_information *info) {
  if (!holds(info, info->command_line, 1)) return;
  const char *text = at(info, info->command_line.offset);
  print("command line=");
  print(text);
  print("\n");
  expect(text[info->command_line.count] == 0, "the command line has no end", info->command_line.count);
}

// Whether the structure is one that this kernel understands; nothing else of it may be read before.
static int is_known(const struct perch_boot_information *info) {
  expect(info->magic == PERCH_BOOT_MAGIC, "rdi does not hold boot information", info->magic);
  expect(info->magic != PERCH_BOOT_MAGIC || info->version == PERCH_BOOT_VERSION, "an unknown version", info->version);
  return failures == 0;
}

static void print_information(const struct perch_boot_information *info) {
  print_field("information virt", (uint64_t)(uintptr_t)info);
  print_field(" phys", info->physical_address);
  print_field(" size", info->size);
  print_field("\nkernel virt", info->kernel_virtual_base);
  print_field(" phys", info->kernel_physical_base);
  print_field(" size", info->kernel_size);
  print_field(" slide", (uint64_t)info->slide);
  print_field("\nstack top", info->stack_top);
  print_field(" guard", info->stack_guard);
  print_field("\ndirect map", info->direct_map_base);
  print_field(" size", info->direct_map_size);
  print_field("\nseed", info->seed);
  print("\n");
  print_command_line(info);
  print_memory_map(info);
  print_modules(info);
}
