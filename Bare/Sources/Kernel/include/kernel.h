// What the kernel's assembly and its linker scripts define.
#pragma once

#include <stdint.h>

// The address of a symbol as the processor computes it: no relocation is involved.
#define KERNEL_ADDRESS(name)                                                                                           \
  static inline uintptr_t name##_address(void) {                                                                       \
    extern char name[];                                                                                                \
    uintptr_t address;                                                                                                 \
    __asm__("leaq " #name "(%%rip), %0" : "=r"(address));                                                              \
    return address;                                                                                                    \
  }

KERNEL_ADDRESS(_start)
KERNEL_ADDRESS(text_end)
KERNEL_ADDRESS(constants_start)
KERNEL_ADDRESS(start_pointer)
KERNEL_ADDRESS(start_pointer_in_data)
KERNEL_ADDRESS(heap_memory)
KERNEL_ADDRESS(heap_limit)
KERNEL_ADDRESS(probe_over)
KERNEL_ADDRESS(code_in_data)
KERNEL_ADDRESS(word_in_data)

// Accesses that may fault (probes.S).
void probe_read(uintptr_t address);
void probe_write(uintptr_t address);
void probe_execute(uintptr_t address);
void probe_divide(void);

_Noreturn void use_up_stack(void);
