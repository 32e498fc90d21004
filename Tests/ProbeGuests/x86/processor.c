// Descriptor tables, and the ways into and out of translation (Intel SDM volume 3, "Initializing IA-32e Mode").

#include "processor.h"

#include "selectors.h"

// The base of what every mode has: protection, and the bit that always reads 1.
#define CR0_UNPAGED 0x11u
// Set by the processor alone.
#define EFER_LONG_MODE_ACTIVE 0x400u
#define MSR_EFER 0xc000'0080u
#define GATE_PRESENT_INTERRUPT 0x8e00u
#define GATE_FOR_USERS 0x6000u

struct gate_32 {
  uint16_t offset_low, selector, attributes, offset_high;
};

struct gate_64 {
  uint16_t offset_low, selector, attributes, offset_middle;
  uint32_t offset_high, reserved;
};

struct [[gnu::packed]] table_register {
  uint16_t limit;
  uint32_t base;
};

extern uint64_t descriptors[];
extern char stubs_32[], stubs_64[], trap_stack_top[];
void load_task_64(void);

static struct gate_32 gates_32[RETURN_VECTOR + 1];
static struct gate_64 gates_64[RETURN_VECTOR + 1];
// 26 words each; word 1 is the stack pointer of ring 0, and in 32-bit mode word 2 its segment.
static uint32_t task_32[26], task_64[26];

// An available task segment of either size; loading marks it busy, so this is written before each load.
static void write_task_descriptor(unsigned selector, const uint32_t *task) {
  uint64_t base = (uintptr_t)task;
  descriptors[selector / 8] =
      (base >> 24 & 0xff) << 56 | 0x89ull << 40 | (base & 0xff'ffff) << 16 | (sizeof task_32 - 1);
}

static void load_interrupt_table(const void *gates, uint16_t size) {
  struct table_register table = {size - 1, (uintptr_t)gates};
  __asm__ volatile("lidt %0" : : "m"(table));
}

void install_descriptors(void) {
  for (unsigned vector = 0; vector <= RETURN_VECTOR; vector++) {
    uint32_t stub_32 = (uintptr_t)stubs_32 + 16 * vector, stub_64 = (uintptr_t)stubs_64 + 16 * vector;
    uint16_t attributes = GATE_PRESENT_INTERRUPT | (vector == RETURN_VECTOR ? GATE_FOR_USERS : 0);
    gates_32[vector] = (struct gate_32){(uint16_t)stub_32, KERNEL_CODE_32, attributes, (uint16_t)(stub_32 >> 16)};
    gates_64[vector] =
        (struct gate_64){(uint16_t)stub_64, KERNEL_CODE_64, attributes, (uint16_t)(stub_64 >> 16), 0, 0};
  }
  task_32[1] = task_64[1] = (uintptr_t)trap_stack_top;
  task_32[2] = KERNEL_DATA;
  load_interrupt_table(gates_32, sizeof gates_32);
}

static void write_efer(uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(MSR_EFER), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void write_cr0(uint32_t value) { __asm__ volatile("movl %0, %%cr0" : : "r"(value) : "memory"); }
static void write_cr3(uint32_t value) { __asm__ volatile("movl %0, %%cr3" : : "r"(value) : "memory"); }
static void write_cr4(uint32_t value) { __asm__ volatile("movl %0, %%cr4" : : "r"(value) : "memory"); }

void enter_translation(uint64_t cr3, uint64_t cr4, uint64_t efer, uint64_t cr0) {
  int long_mode = (cr0 & CR0_PAGING) && (efer & EFER_LONG_MODE);
  write_task_descriptor(TASK_32, task_32);
  write_task_descriptor(TASK_64, task_64);
  if (!long_mode) __asm__ volatile("ltr %w0" : : "r"(TASK_32));
  write_cr4((uint32_t)cr4);
  write_cr3((uint32_t)cr3);
  write_efer(efer & ~(uint64_t)EFER_LONG_MODE_ACTIVE);
  write_cr0((uint32_t)cr0 | CR0_UNPAGED);
  if (!long_mode) return;
  load_interrupt_table(gates_64, sizeof gates_64);
  load_task_64();
}

// Clearing CR0.PG drops every cached translation, global ones too (Intel SDM volume 3, "Operations that Invalidate TLBs
// and Paging-Structure Caches").
void leave_translation(void) {
  write_cr0(CR0_UNPAGED);
  write_efer(0);
  write_cr4(0);
  write_cr3(0);
  load_interrupt_table(gates_32, sizeof gates_32);
}
