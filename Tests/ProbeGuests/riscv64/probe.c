/* The probe guest for RISC-V: M-mode on QEMU's `virt` machine (`-bios none`, one hart, Privileged Architecture
 * 1.12, PMP), mailbox at 0x8020'0000.
 *
 *   control[0]  satp: MODE (8 Sv39, 9 Sv48, 10 Sv57), ASID, PPN of the root table. Must read back as written.
 *   control[1]  mstatus: SUM (bit 18) and MXR (bit 19), nothing else.
 *   control[2]  menvcfg: PBMTE (bit 62) and others of Privileged Architecture 1.12. What is set must read back as set.
 *   control[3]  1: after this set wait for good instead of going on, in M-mode with MPRV on and MPP S, so that QEMU's
 *               monitor translates as S-mode. finished_sets is written just before MPRV is on: where that matters, wait
 *               until `info registers` shows bit 17 of mstatus.
 *   control[4…7]  0
 *
 * PROBE_LOAD, PROBE_STORE: 8 bytes, as S-mode (PROBE_USER: U-mode) sees the address.
 * PROBE_EXECUTE: continues there in S-mode (U-mode); the test has put `ecall` (0x0000'0073) there. When that is what
 *   trapped, the status is 0 and the value mcause: 9 from S-mode, 8 from U-mode.
 * PROBE_TRANSLATE: RISC-V has no such instruction; the answer is that of an illegal one, PROBE_FAULT | 2.
 * A fault is PROBE_FAULT | mcause (1, 5, 7: access fault of a fetch, load, store; 12, 13, 15: page fault), and
 * fault_address is mtval.
 *
 * On QEMU 7.2 loads and stores under MPRV share translations with M-mode's fetches: leave the guest's own addresses
 * (0x8000'0000 to 0x8020'0000) out of the tests.
 *
 * failure: 1 no magic number, 2 a trap outside probes (detail: mcause, mepc, mtval), 3 a control value that the
 * machine does not take (detail: set, index, wanted, read back), 4 an unknown kind of probe (detail: set, probe, kind).
 */
#include "probe.h"

#define MAILBOX ((volatile struct probe_mailbox *)0x8020'0000)
#define SERIAL ((volatile unsigned char *)0x1000'0000)
#define POWER ((volatile unsigned *)0x10'0000)

#define MSTATUS_MPP_S (1ul << 11)
#define MSTATUS_MPRV (1ul << 17)
#define MSTATUS_SUM_MXR (3ul << 18)
#define ILLEGAL_INSTRUCTION 2
#define ECALL_FROM_U 8
#define ECALL_FROM_S 9

#define READ_CSR(name) ({ unsigned long read; __asm__ volatile("csrr %0, " #name : "=r"(read)::"memory"); read; })
#define WRITE_CSR(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"(value) : "memory")

struct outcome {
  unsigned long status;
  unsigned long value;
};

struct outcome probe_load(unsigned long address, unsigned long mstatus);
struct outcome probe_store(unsigned long address, unsigned long mstatus, unsigned long operand);
struct outcome probe_execute(unsigned long address, unsigned long mstatus);
[[noreturn]] void park(unsigned long mstatus);
[[noreturn]] void run_sets(void);
[[noreturn]] void unexpected_trap(unsigned long cause, unsigned long pc, unsigned long value);

static void print(const char *text) {
  const unsigned char transmitter_empty = 0x20; // of the 16550's line status register
  for (; *text; text++) {
    while (!(SERIAL[5] & transmitter_empty)) {
    }
    SERIAL[0] = (unsigned char)*text;
  }
}

static void print_hex(unsigned long number) {
  print(" 0x");
  for (int shift = 60; shift >= 0; shift -= 4) {
    print((char[]){"0123456789abcdef"[number >> shift & 15], 0});
  }
}

[[noreturn]] static void power_off(void) {
  *POWER = 0x5555;
  for (;;) {
  }
}

[[noreturn]] static void fail(unsigned long code, const char *what, const unsigned long detail[4]) {
  print("riscv64 probe guest: ");
  print(what);
  for (int index = 0; index < 4; index++) {
    print_hex(detail[index]);
    MAILBOX->failure_detail[index] = detail[index];
  }
  print("\n");
  MAILBOX->failure = code;
  power_off();
}

void unexpected_trap(unsigned long cause, unsigned long pc, unsigned long value) {
  fail(2, "unexpected trap, mcause mepc mtval:", (unsigned long[4]){cause, pc, value});
}

static void set_controls(unsigned long set, const volatile unsigned long long control[8]) {
  WRITE_CSR(satp, control[0]);
  WRITE_CSR(menvcfg, control[2]);
  __asm__ volatile("sfence.vma" ::: "memory");
  const unsigned long taken[8] = {READ_CSR(satp), control[1] & MSTATUS_SUM_MXR, READ_CSR(menvcfg) & control[2],
                                  control[3] & 1};
  for (unsigned long index = 0; index < 8; index++) {
    if (taken[index] != control[index]) {
      fail(3, "control value not taken, set index wanted read:",
           (unsigned long[4]){set, index, control[index], taken[index]});
    }
  }
}

static struct outcome make_probe(const volatile struct probe *probe, unsigned long sum_mxr) {
  const unsigned long mode = sum_mxr | (probe->kind & PROBE_USER ? 0 : MSTATUS_MPP_S);
  switch (probe->kind & PROBE_KIND_MASK) {
  case PROBE_LOAD:
    return probe_load(probe->address, mode | MSTATUS_MPRV);
  case PROBE_STORE:
    return probe_store(probe->address, mode | MSTATUS_MPRV, probe->operand);
  case PROBE_EXECUTE: {
    const struct outcome outcome = probe_execute(probe->address, mode);
    const unsigned long ecall = probe->kind & PROBE_USER ? ECALL_FROM_U : ECALL_FROM_S;
    return outcome.status == (PROBE_FAULT | ecall) ? (struct outcome){0, ecall} : outcome;
  }
  default:
    return (struct outcome){PROBE_FAULT | ILLEGAL_INSTRUCTION, 0};
  }
}

static void run_set(unsigned long index, volatile struct probe_set *set) {
  volatile struct probe *probes = (volatile struct probe *)set->probes;
  set_controls(index, set->control);
  for (unsigned long number = 0; number < set->probe_count; number++) {
    volatile struct probe *probe = &probes[number];
    if ((probe->kind & PROBE_KIND_MASK) > PROBE_EXECUTE) {
      fail(4, "unknown kind of probe, set probe kind:", (unsigned long[4]){index, number, probe->kind});
    }
    const struct outcome outcome = make_probe(probe, set->control[1]);
    probe->status = outcome.status;
    probe->value = outcome.value;
    probe->fault_address = outcome.status && (probe->kind & PROBE_KIND_MASK) ? READ_CSR(mtval) : 0;
  }
  MAILBOX->finished_sets = index + 1;
  if (set->control[3]) {
    park(set->control[1] | MSTATUS_MPRV | MSTATUS_MPP_S);
  }
}

void run_sets(void) {
  if (MAILBOX->magic != PROBE_MAGIC) {
    fail(1, "no magic number, found:", (unsigned long[4]){MAILBOX->magic});
  }
  for (unsigned long index = 0; index < MAILBOX->set_count; index++) {
    run_set(index, &MAILBOX->sets[index]);
  }
  power_off();
}
