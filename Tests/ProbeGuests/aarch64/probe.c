// The AArch64 probe guest, for QEMU's `virt` machine without EL2 and EL3 (it starts at EL1), 1 GiB of RAM at most.
//
// One half of the address space is tested and belongs to the set; the guest runs from the other half, on tables of its
// own (4 KiB granule, 39-bit addresses), so the tested tables need no entry for it.
//
//   control[0]  the half that is tested: 0 (TTBR0_EL1) or 1 (TTBR1_EL1)
//   control[1]  TTBRx_EL1 of that half, complete
//   control[2]  TCR_EL1; the fields of the other half are ignored, those for both (IPS, AS, HA, HD, DS) count
//   control[3]  MAIR_EL1; attribute 7 is the guest's own (0xff), whatever it says
//   control[4]  SCTLR_EL1 bits to be set besides M, C, I, SPAN and the RES1 bits, such as WXN (19)
//   control[5]  PSTATE.PAN of the accesses at EL1: 0 or 1
//   control[6], control[7]  0
//
// PROBE_TRANSLATE is AT S1E1R, S1E1W, S1E0R or S1E0W, and S1E1RP or S1E1WP with PAN; `value` is PAR_EL1, and `status`
// PROBE_FAULT | PAR_EL1 when PAR_EL1.F is set. Where AT itself faults, as it does when a table cannot be read, `value`
// is 0 and the rest as for an access.
//
// The others are accesses that really are made at EL1 or EL0; `status` is PROBE_FAULT | ESR_EL1, `fault_address`
// FAR_EL1 (0 for exceptions that set none). PROBE_EXECUTE enters with x0 = `operand`; the code there ends with `ret` or
// `svc #0`, at either level, and `value` is its x0.
//
// The guest's own view of physical memory, from 0 when TTBR1 is tested and from 0xffffff8000000000 when TTBR0 is:
//
//   +0x4000_0000  RAM, code: EL1 may read and execute, nobody may write (so WXN leaves it executable)
//   +0x8000_0000  RAM, data: EL1 may read and write
//   +0xc000_0000  RAM, EL0: EL0 may read and execute, EL1 may not execute
#include "guest.h"

#include <stddef.h>

#define MAILBOX 0x4020'0000ull
#define SERIAL 0x0900'0000ull /* PL011 */

#define RAM_BASE 0x4000'0000ull
#define DATA_VIEW 0x4000'0000ull /* from the code's view */
#define USER_VIEW 0x8000'0000ull
#define UPPER_HALF 0xffff'ff80'0000'0000ull

// Block descriptors (Arm ARM, VMSAv8-64 translation table format descriptors). SH is 0, for TCR_EL1.DS makes address
// bits of it.
#define BLOCK 0x1ull
#define ATTRIBUTE_7 (7ull << 2)
#define USER (1ull << 6)
#define READ_ONLY (1ull << 7)
#define ACCESSED (1ull << 10)
#define PXN (1ull << 53)
#define UXN (1ull << 54)

// TCR_EL1: the fields of each half, and the guest's own choice for both: TxSZ 25, write-back, inner shareable, 4 KiB.
#define TCR_HALF0 (0xffffull | 1ull << 37 | 1ull << 41 | 0xfull << 43 | 0x55ull << 51)
#define TCR_HALF1 (0xffbfull << 16 | 1ull << 38 | 1ull << 42 | 0xfull << 47 | 0x55ull << 52)
#define TCR_OWN0 0x0000'3519ull
#define TCR_OWN1 0xb519'0000ull

#define MAIR_7 (0xffull << 56)
#define PSTATE_EL1H 0x3c5ull /* D, A, I and F are masked */
#define PSTATE_EL0T 0x3c0ull
#define PSTATE_PAN (1ull << 22)
#define ESR_CLASS(esr) ((esr) >> 26 & 0x3f)
#define CLASS_SVC 0x15
#define PAR_F 1

enum failure { BAD_MAGIC = 1, BAD_SET, BAD_PROBE, WRONG_LEVEL, UNEXPECTED_EXCEPTION };

static_assert(offsetof(struct translation, tcr) == TRANSLATION_TCR);
static_assert(offsetof(struct translation, ttbr1) == TRANSLATION_TTBR1);
static_assert(offsetof(struct translation, code) == TRANSLATION_CODE);
static_assert(offsetof(struct translation, data) == TRANSLATION_DATA);
static_assert(offsetof(struct attempt, x0) == ATTEMPT_X0);
static_assert(offsetof(struct attempt, fault_address) == ATTEMPT_FAULT_ADDRESS);

struct translation translation;
[[gnu::aligned(4096)]] static u64 level1[512];

static struct probe_mailbox *mailbox(void) { return (struct probe_mailbox *)MAILBOX; }

static void print(const char *text) {
  for (; *text; text++) *(volatile unsigned *)SERIAL = (unsigned char)*text;
}

static void print_number(u64 number) {
  print(" 0x");
  for (int shift = 60; shift >= 0; shift -= 4) {
    char digit[2] = {"0123456789abcdef"[number >> shift & 15], 0};
    print(digit);
  }
}

// Says what went wrong, on the serial line and in the mailbox, and ends the machine. Translation is off.
[[noreturn]] static void fail(enum failure failure, const char *sentence, u64 a, u64 b, u64 c, u64 d) {
  u64 details[4] = {a, b, c, d};
  print("probe guest: ");
  print(sentence);
  for (int i = 0; i < 4; i++) {
    print_number(details[i]);
    mailbox()->failure_detail[i] = details[i];
  }
  print("\n");
  mailbox()->failure = failure;
  power_off();
}

void unexpected_exception(u64 syndrome, u64 address, u64 pc, u64 vector) {
  fail(UNEXPECTED_EXCEPTION, "an exception outside a probe; ESR, FAR, ELR, vector:", syndrome, address, pc, vector);
}

void wrong_level(void) { fail(WRONG_LEVEL, "not started at EL1; use virt without virtualization=on", 0, 0, 0, 0); }

// The AT instruction that asks for the access of a probe.
static const char *translation_instruction(u64 kind, bool pan) {
  bool write = kind & PROBE_WRITE;
  if (kind & PROBE_USER) return write ? at_s1e0w : at_s1e0r;
  if (pan) return write ? at_s1e1wp : at_s1e1rp;
  return write ? at_s1e1w : at_s1e1r;
}

// Where the instructions of a probe are, for the level that runs them.
static u64 instructions(const struct probe *probe, bool pan, u64 view) {
  switch (probe->kind & PROBE_KIND_MASK) {
    case PROBE_TRANSLATE: return (u64)translation_instruction(probe->kind, pan);
    case PROBE_LOAD: return (u64)load + view;
    case PROBE_STORE: return (u64)store + view;
    default: return probe->address;
  }
}

// Makes one probe. Called with translation on.
static void perform(struct probe *probe, bool pan) {
  u64 kind = probe->kind & PROBE_KIND_MASK;
  bool at_el0 = kind != PROBE_TRANSLATE && probe->kind & PROBE_USER;
  u64 view = at_el0 ? USER_VIEW : 0;
  struct attempt a = {
    .pc = instructions(probe, pan, view),
    .pstate = at_el0 ? PSTATE_EL0T : PSTATE_EL1H | (pan ? PSTATE_PAN : 0),
    .x0 = kind == PROBE_EXECUTE ? probe->operand : probe->address,
    .x1 = probe->operand,
    .link = (u64)come_back + view,
  };
  attempt(&a);
  bool worked = ESR_CLASS(a.syndrome) == CLASS_SVC;
  bool refused = worked && kind == PROBE_TRANSLATE && a.x0 & PAR_F;
  probe->status = !worked ? PROBE_FAULT | a.syndrome : refused ? PROBE_FAULT | a.x0 : 0;
  probe->value = worked && kind != PROBE_STORE ? a.x0 : 0;
  probe->fault_address = worked ? 0 : a.fault_address;
}

// Makes the probes of a set. Called with translation on; `set` is in the view of data.
void perform_set(struct probe_set *set) {
  struct probe *probes = (struct probe *)(set->probes + translation.data);
  for (u64 i = 0; i < set->probe_count; i++) perform(&probes[i], set->control[5] == 1);
}

// Works out the registers of a set, or says why there are none. Called with translation off.
static void prepare(struct probe_set *set) {
  u64 upper = set->control[0], tcr = set->control[2];
  if (upper > 1 || set->control[5] > 1)
    fail(BAD_SET, "control[0] and control[5] are 0 or 1, found:", upper, set->control[5], 0, 0);
  const struct probe *probes = (const struct probe *)set->probes;
  for (u64 i = 0; i < set->probe_count; i++)
    if ((probes[i].kind & PROBE_KIND_MASK) > PROBE_EXECUTE)
      fail(BAD_PROBE, "no such kind of probe; index, kind:", i, probes[i].kind, 0, 0);
  u64 own_tcr = (tcr & ~(TCR_HALF0 | TCR_HALF1)) | TCR_OWN0 | TCR_OWN1;
  u64 tested = upper ? TCR_HALF1 : TCR_HALF0;
  u64 own_ttbr = (u64)level1;
  u64 code = upper ? 0 : UPPER_HALF;
  translation = (struct translation){
    .mair = (set->control[3] & ~MAIR_7) | MAIR_7,
    .sctlr = set->control[4] | SCTLR_OFF | SCTLR_M_C_I,
    .tcr = (own_tcr & ~tested) | (tcr & tested),
    .own_tcr = own_tcr,
    .ttbr0 = upper ? own_ttbr : set->control[1],
    .ttbr1 = upper ? set->control[1] : own_ttbr,
    .own_ttbr = own_ttbr,
    .code = code,
    .data = code + DATA_VIEW,
  };
}

void guest_main(void) {
  if (mailbox()->magic != PROBE_MAGIC)
    fail(BAD_MAGIC, "no mailbox at 0x40200000, found:", mailbox()->magic, 0, 0, 0);
  u64 common = RAM_BASE | BLOCK | ATTRIBUTE_7 | ACCESSED;
  level1[1] = common | READ_ONLY | UXN;
  level1[2] = common | PXN | UXN;
  level1[3] = common | READ_ONLY | USER | PXN;
  for (u64 i = 0; i < mailbox()->set_count; i++) {
    struct probe_set *set = &mailbox()->sets[i];
    prepare(set);
    with_translation(set);
    mailbox()->finished_sets = i + 1;
  }
  power_off();
}
