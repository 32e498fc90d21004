// A kernel that says where it woke up.
//
// It prints one fact a line as the processor and the live page tables tell it, holds them against what Perch's boot
// information promises and against what its own linker said, and writes a line that starts with "PANIC:" for every
// contradiction. The last line is "done" when there was none and "failed" otherwise; then it halts.
//
// The build defines KERNEL_NAME, and ONE_SEGMENT for the kernel whose only segment has every right.

#include <stdint.h>

#include "console.h"
#include "information.h"
#include "verdict.h"
#include "walk.h"

extern char text_start[], rodata_start[], data_start[], bss_start[], bss_end[];
// Written by the linker script: the link-time address of _start, which no relocation changes.
extern const volatile uint64_t linked_start;

void _start(void);
extern char exception_stubs[];
void return_zero(void);
uint64_t probe_read(uint64_t address);
uint64_t probe_write(uint64_t address);
uint64_t probe_execute(uint64_t address);
[[noreturn]] void halt(void);

#ifdef ONE_SEGMENT
enum { one_segment = 1 };
#else
enum { one_segment = 0 };
#endif

enum : uint64_t {
  initial_word = UINT64_C(0x5045524348303031),
  changed_word = UINT64_C(0x0ddba11c0ffee000),
  page = 0x1000,
};

const char kernel_name[] = KERNEL_NAME;
volatile uint64_t data_word = initial_word;
volatile uint64_t zeroed_word;
// Large enough to hold whole 2 MiB pages wherever it starts (not in the one-segment kernel, which stays small).
volatile uint8_t ballast[one_segment ? 16 : 5 << 20];
// Code among the data, for the probes: xor eax, eax; ret.
volatile uint8_t data_code[] = {0x31, 0xc0, 0xc3};

// Pointers that are right only where the image was relocated (or runs where it was linked): among the constants, where
// only the loader can have written them, and among the data. One points past an object's start: an addend to keep.
const void *const constant_pointers[] = {kernel_name, (const void *)&data_word, (const void *)_start,
                                         (const char *)&ballast[4]};
const void *data_pointers[] = {kernel_name, (const void *)&data_word, (const void *)_start, (const char *)&ballast[4]};

// The address of a symbol as the processor computes it, with no relocation and no linker constant involved.
#define RUN_ADDRESS(symbol)                                     \
  ({                                                            \
    uint64_t address;                                           \
    __asm__("leaq " #symbol "(%%rip), %0" : "=r"(address));     \
    address;                                                    \
  })

struct [[gnu::packed]] descriptor_table {
  uint16_t limit;
  uint64_t base;
};

struct gate {
  uint16_t offset_low, selector, attributes, offset_middle;
  uint32_t offset_high, reserved;
};

// Among the data, as everything that is written before bss is known to be zero.
[[gnu::section(".data")]] static struct gate gates[32];

static void install_exceptions(void) {
  uint16_t code_selector;
  __asm__("movw %%cs, %0" : "=r"(code_selector));
  uint64_t stub = RUN_ADDRESS(exception_stubs);
  for (int vector = 0; vector < 32; vector++, stub += 16) {
    gates[vector].offset_low = (uint16_t)stub;
    gates[vector].selector = code_selector;
    gates[vector].attributes = 0x8e00;  // present, interrupt gate
    gates[vector].offset_middle = (uint16_t)(stub >> 16);
    gates[vector].offset_high = (uint32_t)(stub >> 32);
  }
  struct descriptor_table table = {sizeof gates - 1, (uint64_t)(uintptr_t)gates};
  __asm__ volatile("lidt %0" : : "m"(table));
}

[[noreturn]] void unexpected_exception(uint64_t vector, uint64_t code, uint64_t rip, uint64_t cr2) {
  if (last_character != '\n') print("\n");
  print("PANIC: exception ");
  print_decimal(vector);
  print_field(" code", code);
  print_field(" rip", rip);
  print_field(" cr2", cr2);
  print("\nfailed\n");
  halt();
}

static void print_registers(uint64_t rip, uint64_t rsp, uint64_t rflags) {
  uint64_t cr0, cr4;
  uint32_t efer_low, efer_high;
  uint16_t cs, ss;
  __asm__("movq %%cr0, %0" : "=r"(cr0));
  __asm__("movq %%cr4, %0" : "=r"(cr4));
  __asm__("rdmsr" : "=a"(efer_low), "=d"(efer_high) : "c"(0xc0000080));
  __asm__("movw %%cs, %0" : "=r"(cs));
  __asm__("movw %%ss, %0" : "=r"(ss));
  print_field("rip", rip);
  print_field("\nrsp", rsp);
  print_field("\nrflags", rflags);
  print_field("\ncr0", cr0);
  print_field("\ncr3", read_cr3());
  print_field("\ncr4", cr4);
  print_field("\nefer", (uint64_t)efer_high << 32 | efer_low);
  print_field("\ncs", cs);
  print_field("\nss", ss);
  print("\n");
  expect(!(rflags & 0x200), "interrupts are on", rflags);
  expect(rsp % 16 == 0, "the stack pointer is not a multiple of 16", rsp);
}

static void check_link(void) {
  uint64_t virtual = RUN_ADDRESS(_start);
  print_field("link", linked_start);
  print_field(" virt", virtual);
  print_field(" slide", virtual - linked_start);
  print("\n");
}

static void check_pointers(const char *owner, const void *const volatile *pointers) {
  int before = failures;
  const uint64_t expected[] = {RUN_ADDRESS(kernel_name), RUN_ADDRESS(data_word), RUN_ADDRESS(_start),
                               RUN_ADDRESS(ballast) + 4};
  print("pointers ");
  print(owner);
  for (int index = 0; index < 4; index++) {
    uint64_t value = (uint64_t)(uintptr_t)pointers[index];
    print(" ");
    print_hexadecimal(value);
    expect(value == expected[index], "a pointer was not relocated", value);
  }
  print(failures == before ? " reloc=ok\n" : " reloc=wrong\n");
}

static void check_contents(void) {
  uint64_t words = 0, wrong = 0;
  for (const volatile uint64_t *word = (const volatile uint64_t *)bss_start; word < (uint64_t *)bss_end; word++) {
    words++;
    if (*word) wrong++;
  }
  print_field("bss bytes", words * 8);
  print(wrong ? " bss=dirty\n" : " bss=zero\n");
  expect(!wrong, "bss is not zero", wrong);
  print(data_word == initial_word ? "data=initialised\n" : "data=wrong\n");
  expect(data_word == initial_word, "initialised data is wrong", data_word);
  data_word = changed_word;
  zeroed_word = changed_word;
  expect(data_word == changed_word && zeroed_word == changed_word, "data does not keep what is written", data_word);
}

static struct translation print_translation(const char *name, uint64_t virtual) {
  struct translation found = walk(virtual);
  print("translate ");
  print(name);
  print_field(" virt", virtual);
  if (!found.page_size) {
    print(" absent level=");
    print_decimal((uint64_t)found.absent_level);
  } else {
    print_field(" phys", found.physical);
    print_field(" page", found.page_size);
    print(" access=");
    print_rights(found.writable, found.executable);
  }
  print("\n");
  return found;
}

// A part of the image must be mapped with its own rights, and be the memory that the direct map shows there.
static void check_part(const char *name, uint64_t virtual, int writable, int executable) {
  struct translation found = print_translation(name, virtual);
  if (!found.page_size) return panic("a part of the kernel is not mapped", virtual);
  expect(found.writable == (writable || one_segment), "write right is wrong", virtual);
  expect(found.executable == (executable || one_segment), "execute right is wrong", virtual);
  const volatile uint8_t *here = (const volatile uint8_t *)(uintptr_t)virtual;
  const volatile uint8_t *there = visible(found.physical);
  for (int index = 0; index < 16; index++)
    expect(here[index] == there[index], "the direct map shows other bytes", (uint64_t)(uintptr_t)&here[index]);
}

static void check_absent(const char *name, uint64_t virtual) {
  expect(!print_translation(name, virtual).page_size, "a page that must be absent is mapped", virtual);
}

static void check_translations(uint64_t rsp, uint64_t stack_guard) {
  check_part("text", RUN_ADDRESS(text_start), 0, 1);
  check_part("rodata", RUN_ADDRESS(rodata_start), 0, 0);
  check_part("data", RUN_ADDRESS(data_start), 1, 0);
  check_part("bss", RUN_ADDRESS(bss_start), 1, 0);
  check_part("bss-last", RUN_ADDRESS(bss_end) - 16, 1, 0);
  struct translation stack = print_translation("stack", rsp - 8);
  expect(stack.page_size && stack.writable && !stack.executable, "the stack is not readable and writable", rsp);
  check_absent("guard", stack_guard);
  // A position-independent kernel may have been placed at 0 itself.
  if (RUN_ADDRESS(rodata_start) >= page) check_absent("zero", 0);
  struct translation data = walk(RUN_ADDRESS(data_word));
  uint64_t seen = *(const volatile uint64_t *)visible(data.physical);
  expect(seen == changed_word, "a write is not seen through the direct map", seen);
}

// What the processor itself says, whatever the tables look like to us.
static void print_probe(const char *name, uint64_t answer, int must_fault) {
  print("probe ");
  print(name);
  if (answer) {
    print_field(": fault code", answer & 0xffffffff);
    print("\n");
  } else {
    print(": ok\n");
  }
  expect(!answer == !must_fault, must_fault ? "a forbidden access went through" : "an allowed access faulted", answer);
}

static void check_probes(uint64_t stack_guard) {
  print_probe("read text", probe_read(RUN_ADDRESS(text_start)), 0);
  print_probe("write text", probe_write(RUN_ADDRESS(text_start)), !one_segment);
  print_probe("write rodata", probe_write(RUN_ADDRESS(rodata_start)), !one_segment);
  print_probe("write data", probe_write(RUN_ADDRESS(data_start)), 0);
  print_probe("execute text", probe_execute(RUN_ADDRESS(return_zero)), 0);
  print_probe("execute data", probe_execute(RUN_ADDRESS(data_code)), !one_segment);
  volatile uint8_t stack_code[] = {0x31, 0xc0, 0xc3};
  print_probe("execute stack", probe_execute((uint64_t)(uintptr_t)stack_code), 1);
  uint64_t alias = direct_map_base + walk(RUN_ADDRESS(return_zero)).physical;
  print_probe("execute direct map", probe_execute(alias), 1);
  print_probe("read guard", probe_read(stack_guard + page - 8), 1);
  print_probe("write guard", probe_write(stack_guard + page - 8), 1);
  if (RUN_ADDRESS(rodata_start) >= page) print_probe("read zero", probe_read(0), 1);
}

static void check_information(const struct perch_boot_information *info, uint64_t rsp) {
  uint64_t image = walk(info->kernel_virtual_base).physical;
  expect(image == info->kernel_physical_base, "the kernel does not lie where the boot information says", image);
  image = walk((uint64_t)(uintptr_t)info).physical;
  expect(image == info->physical_address, "the boot information does not lie where it says", image);
  uint64_t slide = RUN_ADDRESS(_start) - linked_start;
  expect(slide == (uint64_t)info->slide, "the kernel did not move by the slide", slide);
  expect(rsp == info->stack_top, "the stack pointer is not the promised one", rsp);
}

void kernel_main(const struct perch_boot_information *info, uint64_t rsp, uint64_t rip, uint64_t rflags) {
  install_exceptions();
  print("perch-kernel ");
  print(kernel_name);
  print("\n");
  print_registers(rip, rsp, rflags);
  check_link();
  check_contents();
  check_pointers("constants", constant_pointers);
  check_pointers("data", data_pointers);
  if (is_known(info)) {
    direct_map_base = info->direct_map_base;
    print_information(info);
    check_information(info, rsp);
    check_mappings(info);
    check_translations(rsp, info->stack_guard);
    check_probes(info->stack_guard);
  }
  print(failures ? "failed\n" : "done\n");
}
