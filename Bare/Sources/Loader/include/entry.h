// What entry.S and the linker script define.
#pragma once

#include <stdint.h>

#define ADDRESS_OF(symbol, name)                                                                                       \
  static inline uintptr_t name(void) {                                                                                 \
    extern char symbol[];                                                                                              \
    return (uintptr_t)symbol;                                                                                          \
  }

// Where this image begins and ends in memory, its page tables, stack and heap included.
ADDRESS_OF(image_start, loader_start)
ADDRESS_OF(image_end, loader_end)

ADDRESS_OF(heap_memory, loader_heap_start)
ADDRESS_OF(heap_limit, loader_heap_end)

// Frames for page tables, behind those that entry.S fills.
ADDRESS_OF(more_tables, loader_frames_start)
ADDRESS_OF(more_tables_end, loader_frames_end)

// A page for the hypervisor's stubs, and behind it room for a question and its answer.
ADDRESS_OF(hypercall_page, hypercall_page_address)
ADDRESS_OF(hypercall_request, hypercall_request_address)

// How many entries of 20 bytes fit behind the question's 16 bytes.
static inline uint32_t hypercall_entry_count(void) { return (4096 - 16) / 20; }

// Leaves long mode and jumps to 32-bit code. What runs is mapped where it lies, as is what comes next.
_Noreturn void enter_32_bit(uint32_t address);
