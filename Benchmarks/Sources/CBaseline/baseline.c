#include "baseline.h"

#include <elf.h>
#include <malloc.h>
#include <string.h>

static struct baseline_list next_list(const uint32_t **cursor, const uint32_t *end) {
  struct baseline_list list = {0};
  if (*cursor == end) return list;
  list.entries = ++*cursor;
  while (*cursor < end && **cursor) ++*cursor;
  list.count = (size_t)(*cursor - list.entries);
  return list;
}

struct baseline_relocations baseline_find_relocations(const void *table, size_t byte_count) {
  const uint32_t *cursor = table, *end = cursor + byte_count / 4;
  struct baseline_list first = next_list(&cursor, end);
  struct baseline_list second = next_list(&cursor, end);
  if (cursor == end) return (struct baseline_relocations){.places64 = first, .places32 = second};
  struct baseline_list third = next_list(&cursor, end);
  return (struct baseline_relocations){.places64 = first, .inverse32 = second, .places32 = third};
}

void baseline_place(const void *elf, void *memory, uint64_t base) {
  const Elf64_Ehdr *header = elf;
  const Elf64_Phdr *segments = (const void *)((const char *)elf + header->e_phoff);
  for (unsigned index = 0; index < header->e_phnum; index++) {
    const Elf64_Phdr *segment = &segments[index];
    if (segment->p_type != PT_LOAD) continue;
    char *place = (char *)memory + (segment->p_paddr - base);
    memcpy(place, (const char *)elf + segment->p_offset, segment->p_filesz);
    memset(place + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
  }
}

// Places are not aligned: memcpy compiles to one load and one store.
static void add32(struct baseline_list list, char *memory, uint32_t link_base, uint32_t delta) {
  for (size_t index = 0; index < list.count; index++) {
    uint32_t value;
    char *place = memory + (list.entries[index] - link_base);
    memcpy(&value, place, sizeof value);
    value += delta;
    memcpy(place, &value, sizeof value);
  }
}

static void add64(struct baseline_list list, char *memory, uint32_t link_base, uint64_t delta) {
  for (size_t index = 0; index < list.count; index++) {
    uint64_t value;
    char *place = memory + (list.entries[index] - link_base);
    memcpy(&value, place, sizeof value);
    value += delta;
    memcpy(place, &value, sizeof value);
  }
}

void baseline_relocate(struct baseline_relocations relocations, void *memory, uint64_t link_base, uint64_t delta) {
  add32(relocations.places32, memory, (uint32_t)link_base, (uint32_t)delta);
  add32(relocations.inverse32, memory, (uint32_t)link_base, -(uint32_t)delta);
  add64(relocations.places64, memory, (uint32_t)link_base, delta);
}

void baseline_map_large_blocks(void) { mallopt(M_MMAP_THRESHOLD, 128 << 10); }

void baseline_fill(void *memory, size_t byte_count) { memset(memory, 0x5a, byte_count); }
