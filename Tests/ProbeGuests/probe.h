// What a test and a probe guest tell each other, through memory: the test puts a mailbox, probes and page tables into
// the machine's memory before it starts; the guest takes one set after the other, turns translation on as the set
// says, makes every access of the set for real, and writes down what happened.
//
// All numbers are little-endian, also where the guest's words are narrower.
#ifndef PERCH_PROBE_H
#define PERCH_PROBE_H

#define PROBE_MAGIC 0x4542'4f52'5043'5250ull /* "PRCPROBE" */

// What is to be done at an address.
enum probe_kind {
  PROBE_TRANSLATE = 0, // ask the processor's own instruction, where it has one (AArch64: AT)
  PROBE_LOAD = 1,      // read the 8 bytes there (4 where words are 32 bits); `value` gets them
  PROBE_STORE = 2,     // write `operand` there
  PROBE_EXECUTE = 3,   // jump there; the test has put an instruction there that comes back
  PROBE_KIND_MASK = 0x0f,
  PROBE_USER = 0x10,   // as an unprivileged program (CPL 3, EL0, U-mode)
  PROBE_WRITE = 0x20,  // with PROBE_TRANSLATE: ask for a write
};

struct probe {
  unsigned long long address;
  unsigned long long kind;
  unsigned long long operand;
  unsigned long long status;        // 0: it worked. Else PROBE_FAULT and the syndrome: error code, ESR, cause
  unsigned long long value;         // what was read, or what the processor translated to (PAR_EL1)
  unsigned long long fault_address; // CR2, FAR_EL1, stval
};

#define PROBE_FAULT 0x8000'0000'0000'0000ull

struct probe_set {
  unsigned long long control[8];  // what each guest puts into its registers; see its README line in the source
  unsigned long long probe_count;
  unsigned long long probes;      // physical address of probe_count probes
};

struct probe_mailbox {
  unsigned long long magic;
  unsigned long long set_count;
  unsigned long long finished_sets; // written by the guest
  unsigned long long failure;       // written by the guest: nonzero when something other than a probe went wrong
  unsigned long long failure_detail[4];
  struct probe_set sets[];
};

#endif
