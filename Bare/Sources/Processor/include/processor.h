// What x86-64 does and Swift cannot say: one instruction each. Swift sees these as functions.
#pragma once

#include <stdint.h>

static inline uint8_t port_read8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void port_write8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void port_write16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void port_write32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

// Interrupts off and waiting for one: for ever.
static inline _Noreturn void processor_stop(void) {
  for (;;) __asm__ volatile("cli; hlt");
}

static inline uint64_t time_stamp(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

struct processor_leaf {
  uint32_t eax, ebx, ecx, edx;
};

static inline struct processor_leaf processor_identify(uint32_t leaf, uint32_t part) {
  struct processor_leaf found;
  __asm__ volatile("cpuid" : "=a"(found.eax), "=b"(found.ebx), "=c"(found.ecx), "=d"(found.edx) : "a"(leaf), "c"(part));
  return found;
}

// Both may fail; 1 where `value` is random.
static inline uint8_t random_seed(uint64_t *value) {
  uint8_t good;
  __asm__ volatile("rdseed %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
  return good;
}

static inline uint8_t random_number(uint64_t *value) {
  uint8_t good;
  __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
  return good;
}

#define CONTROL_REGISTER(name)                                                                                         \
  static inline uint64_t read_##name(void) {                                                                           \
    uint64_t value;                                                                                                    \
    __asm__ volatile("movq %%" #name ", %0" : "=r"(value));                                                            \
    return value;                                                                                                      \
  }                                                                                                                    \
  static inline void write_##name(uint64_t value) { __asm__ volatile("movq %0, %%" #name : : "r"(value) : "memory"); }

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

static inline uint64_t read_model_register(uint32_t number) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return (uint64_t)high << 32 | low;
}

static inline void write_model_register(uint32_t number, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

// A call of a hypervisor through its stub at `entry`, with two arguments (Xen, public/arch-x86/xen-x86_64.h).
static inline int64_t call_hypervisor(uintptr_t entry, uint64_t first, uint64_t second) {
  int64_t answer;
  __asm__ volatile("call *%[entry]"
                   : "=a"(answer), "+D"(first), "+S"(second)
                   : [entry] "r"(entry)
                   : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
  return answer;
}

static inline void forget_translation(uint64_t address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void load_descriptor_table(const void *pseudo_descriptor) {
  __asm__ volatile("lgdt (%0)" : : "r"(pseudo_descriptor) : "memory");
}

static inline void load_interrupt_table(const void *pseudo_descriptor) {
  __asm__ volatile("lidt (%0)" : : "r"(pseudo_descriptor) : "memory");
}

static inline void load_task_register(uint16_t selector) { __asm__ volatile("ltr %0" : : "r"(selector)); }

// Loads the segment registers from a descriptor table that was loaded before; FS and GS become null. The code that called
// runs on with the new selectors.
static inline void reload_segments(uint16_t code, uint16_t data) {
  __asm__ volatile(
      "pushq %q0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
      "movw %w1, %%ds; movw %w1, %%es; movw %w1, %%ss; movw %w2, %%fs; movw %w2, %%gs"
      :
      : "r"((uint64_t)code), "r"(data), "r"((uint16_t)0)
      : "rax", "memory");
}

// What LGDT and LIDT read: the address of a table and the offset of its last byte.
struct __attribute__((packed)) pseudo_descriptor {
  uint16_t limit;
  uint64_t base;
};

static inline void use_descriptors(uintptr_t base, uint16_t limit) {
  struct pseudo_descriptor table = {limit, base};
  load_descriptor_table(&table);
}

static inline void use_gates(uintptr_t base, uint16_t limit) {
  struct pseudo_descriptor table = {limit, base};
  load_interrupt_table(&table);
}

// What the exception stubs leave on the stack, lowest address first: what they save, the vector, what the processor
// saves (Intel SDM vol. 3A, 6.14.2). The error code is 0 where the processor has none.
struct exception_frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error_code;
  uint64_t rip, cs, rflags, rsp, ss;
};

// What stubs.S defines: 32 stubs of 16 bytes, and room for the tables of the processor.
#define STUBS_ADDRESS(name)                                                                                            \
  static inline uintptr_t name##_address(void) {                                                                       \
    extern char name[];                                                                                                \
    return (uintptr_t)name;                                                                                            \
  }

STUBS_ADDRESS(exception_stubs)
STUBS_ADDRESS(exception_gates)
STUBS_ADDRESS(exception_descriptors)
STUBS_ADDRESS(exception_task_state)
STUBS_ADDRESS(exception_stack_top)

static inline void raise_invalid_opcode(void) { __asm__ volatile("ud2" : : : "memory"); }
