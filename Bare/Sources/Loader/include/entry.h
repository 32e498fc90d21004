// What entry.S and the linker script define.
#pragma once

#include <stdint.h>

// Where this image begins and ends in memory, its page tables, stack and heap included.
static inline uintptr_t loader_start(void) {
  extern char image_start[];
  return (uintptr_t)image_start;
}

static inline uintptr_t loader_end(void) {
  extern char image_end[];
  return (uintptr_t)image_end;
}

static inline uintptr_t loader_heap_start(void) {
  extern char heap_memory[];
  return (uintptr_t)heap_memory;
}

static inline uintptr_t loader_heap_end(void) {
  extern char heap_limit[];
  return (uintptr_t)heap_limit;
}

// Frames for page tables, behind those that entry.S fills.
static inline uintptr_t loader_frames_start(void) {
  extern char more_tables[];
  return (uintptr_t)more_tables;
}

static inline uintptr_t loader_frames_end(void) {
  extern char more_tables_end[];
  return (uintptr_t)more_tables_end;
}

// A page for the hypervisor's stubs, and behind it room for a question and its answer.
static inline uintptr_t hypercall_page_address(void) {
  extern char hypercall_page[];
  return (uintptr_t)hypercall_page;
}

static inline uintptr_t hypercall_request_address(void) { return hypercall_page_address() + 4096; }

// How many entries of 20 bytes fit behind the question's 16 bytes.
static inline uint32_t hypercall_entry_count(void) { return (4096 - 16) / 20; }

// Leaves long mode and jumps to 32-bit code. What runs is mapped where it lies, as is what comes next.
_Noreturn void enter_32_bit(uint32_t address);
