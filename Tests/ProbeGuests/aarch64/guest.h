// What start.S and probe.c agree on.
#ifndef PERCH_PROBE_AARCH64_GUEST_H
#define PERCH_PROBE_AARCH64_GUEST_H

// SCTLR_EL1 (Arm ARM, AArch64 system registers): the bits that are RES1 where a feature is missing, and SPAN (23), with
// which an exception leaves PSTATE.PAN alone.
#define SCTLR_OFF 0x30d00800
#define SCTLR_M_C_I 0x1005

// Byte offsets into struct translation and struct attempt; probe.c checks them.
#define TRANSLATION_MAIR 0
#define TRANSLATION_SCTLR 8
#define TRANSLATION_TCR 16
#define TRANSLATION_OWN_TCR 24
#define TRANSLATION_TTBR0 32
#define TRANSLATION_TTBR1 40
#define TRANSLATION_OWN_TTBR 48
#define TRANSLATION_CODE 56
#define TRANSLATION_DATA 64

#define ATTEMPT_PC 0
#define ATTEMPT_PSTATE 8
#define ATTEMPT_X0 16
#define ATTEMPT_X1 24
#define ATTEMPT_LINK 32
#define ATTEMPT_SYNDROME 40
#define ATTEMPT_FAULT_ADDRESS 48

#ifndef __ASSEMBLER__
#include "../probe.h"

typedef unsigned long long u64;

// The registers of one set. Written while translation is off, read through the executable view while it is on.
struct translation {
  u64 mair;
  u64 sctlr;
  u64 tcr;      // as the set wants it
  u64 own_tcr;  // the same, but both halves are the guest's
  u64 ttbr0;
  u64 ttbr1;
  u64 own_ttbr;
  u64 code;     // added to a physical address: the view that is executable and read-only
  u64 data;     // added to a physical address: the view that is writable and never executable
};

// Instructions to be run for a probe, and how that ended.
struct attempt {
  u64 pc;
  u64 pstate;
  u64 x0;             // on entry and, when an svc ended it, on return
  u64 x1;
  u64 link;           // x30 on entry: where a `ret` goes
  u64 syndrome;       // ESR_EL1 of the exception that ended it
  u64 fault_address;  // FAR_EL1 then
};

void with_translation(struct probe_set *set);
void attempt(struct attempt *attempt);
[[noreturn]] void power_off(void);
extern const char load[], store[], come_back[];
extern const char at_s1e1r[], at_s1e1w[], at_s1e0r[], at_s1e0w[], at_s1e1rp[], at_s1e1wp[];

// Called from start.S.
void guest_main(void);
void perform_set(struct probe_set *set);
[[noreturn]] void unexpected_exception(u64 syndrome, u64 address, u64 pc, u64 vector);
[[noreturn]] void wrong_level(void);
#endif

#endif
