// The probe guest for x86: QEMU's `pc` machine with isa-debug-exit at 0xf4, one processor, mailbox at 0x20'0000.
//
//   control[0]  CR3
//   control[1]  CR4: PSE, PAE, PGE, LA57, SMEP, SMAP and others that may be set without paging (not PCIDE). One that
//               the processor does not have makes QEMU 7.2 hang.
//   control[2]  EFER: LME, NXE; LMA is ignored
//   control[3]  CR0: PG, WP; PE is added
//   control[4]  1: after this set wait for good with its translation on, for QEMU's monitor, instead of going on.
//   control[5…7]  0
//
// PROBE_LOAD, PROBE_STORE: 8 bytes in long mode, else 4, at CPL 0 (PROBE_USER: CPL 3).
// PROBE_EXECUTE: at CPL 0 calls the address, where the test has put `ret` (0xc3) or `int $0x80` (0xcd 0x80); at CPL 3
//   jumps there, where it is `int $0x80`.
// PROBE_TRANSLATE: x86 has no such instruction; failure.
// A fault is PROBE_FAULT | vector << 32 | error code, and after a page fault fault_address is CR2, else 0.
//
// Tested tables map 0x10'0000 to 0x40'0000 to itself, for the supervisor with every right; where a set has user probes,
// the page at 0x18'0000 is the user's to read and execute. Without this the machine resets: nothing is reported.
//
// failure: see enum failure.

#include "probe.h"

#include "console.h"
#include "processor.h"
#include "selectors.h"

extern char kernel_load_32[], kernel_store_32[], kernel_execute_32[];
extern char kernel_load_64[], kernel_store_64[], kernel_execute_64[];
extern char user_load_32[], user_store_32[], user_execute_32[];
extern char user_load_64[], user_store_64[], user_execute_64[];

#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14

enum failure : uint64_t {
  failure_magic = 1,      // no mailbox
  failure_exception = 2,  // details: vector, error code, instruction pointer, CR2
  failure_probe = 3,      // details: kind, address, set, probe
  failure_control = 4,    // details: the control words
};

static struct probe_mailbox *const mailbox = (struct probe_mailbox *)0x20'0000;

// Probes may lie where the tested tables map nothing, so they are carried out on a copy.
static struct probe batch[1024];

// Leaves QEMU through isa-debug-exit, whose status is then 1 or, after a failure, 3.
[[noreturn]] static void power_off(uint8_t failed) {
  port_write(0xf4, failed);
  for (;;) __asm__ volatile("hlt");
}

[[noreturn]] static void fail(enum failure failure, const char *text, const uint64_t details[4]) {
  print("probe guest: ");
  print(text);
  mailbox->failure = failure;
  for (int index = 0; index < 4; index++) {
    mailbox->failure_detail[index] = details[index];
    print(" ");
    print_hexadecimal(details[index]);
  }
  print("\r\n");
  power_off(1);
}

[[noreturn]] void report_unexpected_exception(void) {
  const uint64_t details[] = {outcome.vector, outcome.error_code, outcome.instruction_pointer, outcome.fault_address};
  fail(failure_exception, "an exception outside of any probe: vector, error code, instruction pointer, CR2", details);
}

static const void *access_code(const struct probe *probe, int long_mode) {
  const void *codes[2][2][3] = {
      {{kernel_load_32, kernel_store_32, kernel_execute_32}, {user_load_32, user_store_32, user_execute_32}},
      {{kernel_load_64, kernel_store_64, kernel_execute_64}, {user_load_64, user_store_64, user_execute_64}},
  };
  int user = !!(probe->kind & PROBE_USER);
  switch (probe->kind & PROBE_KIND_MASK) {
    case PROBE_LOAD: return codes[long_mode][user][0];
    case PROBE_STORE: return codes[long_mode][user][1];
    case PROBE_EXECUTE: return codes[long_mode][user][2];
    default: return nullptr;
  }
}

static void make(struct probe *probe, int long_mode) {
  outcome = (struct outcome){0};
  (long_mode ? attempt_64 : attempt_32)(probe->address, probe->operand, access_code(probe, long_mode),
                                        !!(probe->kind & PROBE_USER));
  if (outcome.vector == VECTOR_DOUBLE_FAULT) report_unexpected_exception();
  int faulted = outcome.vector != RETURN_VECTOR;
  probe->status = faulted ? PROBE_FAULT | outcome.vector << 32 | outcome.error_code : 0;
  probe->value = !faulted && (probe->kind & PROBE_KIND_MASK) == PROBE_LOAD ? outcome.accumulator : 0;
  probe->fault_address = outcome.vector == VECTOR_PAGE_FAULT ? outcome.fault_address : 0;
}

static void copy(struct probe *to, const struct probe *from, unsigned count) {
  for (unsigned index = 0; index < count; index++) to[index] = from[index];
}

static void make_batch(const struct probe_set *set, unsigned count, int long_mode) {
  enter_translation(set->control[0], set->control[1], set->control[2], set->control[3]);
  for (unsigned index = 0; index < count; index++) make(&batch[index], long_mode);
  leave_translation();
}

// What this machine cannot do is a mistake in the test, not a result.
static void check(unsigned long long set, unsigned long long first, unsigned count, int long_mode) {
  for (unsigned index = 0; index < count; index++) {
    const uint64_t details[] = {batch[index].kind, batch[index].address, set, first + index};
    if (!access_code(&batch[index], long_mode))
      fail(failure_probe, "no instruction does this probe: kind, address, set, probe", details);
    if (!long_mode && batch[index].address >> 32)
      fail(failure_probe, "a probe lies beyond 4 GiB: kind, address, set, probe", details);
  }
}

static void make_set(unsigned long long number) {
  const struct probe_set *set = &mailbox->sets[number];
  if ((set->control[0] | set->control[1] | set->control[3] | set->probes) >> 32)
    fail(failure_control, "control words of more than 32 bits: CR3, CR4, EFER, CR0", set->control);
  int long_mode = (set->control[3] & CR0_PAGING) && (set->control[2] & EFER_LONG_MODE);
  struct probe *probes = (struct probe *)(uintptr_t)set->probes;
  unsigned count;
  for (unsigned long long first = 0; first < set->probe_count; first += count) {
    unsigned long long left = set->probe_count - first;
    count = left < sizeof batch / sizeof batch[0] ? (unsigned)left : sizeof batch / sizeof batch[0];
    copy(batch, probes + first, count);
    check(number, first, count, long_mode);
    make_batch(set, count, long_mode);
    copy(probes + first, batch, count);
  }
}

// Waits with the translation of a set on; the set is finished when it is on.
[[noreturn]] static void park(unsigned long long number) {
  const struct probe_set *set = &mailbox->sets[number];
  enter_translation(set->control[0], set->control[1], set->control[2], set->control[3]);
  ((volatile struct probe_mailbox *)mailbox)->finished_sets = number + 1;
  for (;;) __asm__ volatile("pause");
}

void run(void) {
  install_descriptors();
  if (mailbox->magic != PROBE_MAGIC)
    fail(failure_magic, "no mailbox at 0x200000: magic", (const uint64_t[4]){mailbox->magic});
  for (unsigned long long number = 0; number < mailbox->set_count; number++) {
    make_set(number);
    if (mailbox->sets[number].control[4]) park(number);
    mailbox->finished_sets = number + 1;
  }
  power_off(0);
}
