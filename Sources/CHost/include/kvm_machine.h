/// A virtual machine with one processor and no devices: who runs it answers for every port and every hole in memory.
#ifndef PERCH_KVM_MACHINE_H
#define PERCH_KVM_MACHINE_H

#include <stdint.h>

#include "host.h"

/// A segment register with what the processor has loaded behind it. `attributes` is the second word of the descriptor,
/// without base and limit (Intel SDM vol. 3A, 3.4.5); 0 is a segment that cannot be used.
struct perch_kvm_segment {
  uint64_t base;
  uint32_t limit;
  uint32_t attributes;
  uint16_t selector;
};

/// GDTR or IDTR.
struct perch_kvm_descriptor_table {
  uint64_t base;
  uint16_t limit;
};

struct perch_kvm_registers {
  uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rip, rflags, cr0, cr2, cr3, cr4, efer;
  struct perch_kvm_segment es, cs, ss, ds, fs, gs;
  struct perch_kvm_descriptor_table gdt, idt;
};

/// Why the processor came back.
enum perch_kvm_event {
  PERCH_KVM_PORT = 1,      ///< IN or OUT: `access` says what
  PERCH_KVM_HOLE = 2,      ///< an access where no memory is: `access` says what
  PERCH_KVM_HALT = 3,      ///< HLT
  PERCH_KVM_SHUTDOWN = 4,  ///< a triple fault
  PERCH_KVM_TICK = 5,      ///< the clock, or another signal
  PERCH_KVM_STUCK = 6,     ///< KVM cannot go on: `exit_reason` and `detail` say why
  PERCH_KVM_STEP = 7,      ///< while counting, an instruction of one byte: if it was HLT, KVM does not say so
};

/// An access that waits for its answer. A string instruction is one access for each of its items.
struct perch_kvm_access {
  /// The port or the physical address.
  uint64_t address;
  /// What is written; or, to be set before the next run, what is read.
  uint64_t value;
  /// In bytes: 1, 2, 4 or 8.
  uint32_t size;
  int32_t is_write;
};

struct perch_kvm_machine {
  /// The machine and its processor; stage and error of a failure.
  struct perch_kvm_translator base;
  struct perch_kvm_access access;
  /// Of the event PERCH_KVM_STUCK: the exit reason of <linux/kvm.h>, and the suberror or the processor's own reason.
  uint32_t exit_reason;
  uint64_t detail;
  /// Instructions that were completed while they were counted.
  uint64_t instructions;
  /// While counting: the address of the next instruction.
  uint64_t next;

  // The rest is private.
  uintptr_t run;
  uint64_t run_size;
  uintptr_t timer;
  int32_t has_timer;
  int32_t was_blocked;
  int32_t is_counting;
  int32_t is_access_pending;
  uint32_t item;
};

/// Makes the machine with its processor, which has what KVM_GET_SUPPORTED_CPUID offers. Memory is given to it by
/// `perch_kvm_translator_map(&machine->base, …)`. Returns 0, or -1 with stage and error; it is to be closed in either
/// case.
int perch_kvm_machine_open(struct perch_kvm_machine *machine);

void perch_kvm_machine_close(struct perch_kvm_machine *machine);

/// Sets every register. The task register keeps its reset value, and LDTR cannot be used.
/// Returns 0, or -1 with stage and error: EINVAL where the registers contradict each other or the processor.
int perch_kvm_machine_set_registers(struct perch_kvm_machine *machine, const struct perch_kvm_registers *registers);

/// Reads every register. Returns 0, or -1 with stage and error.
int perch_kvm_machine_get_registers(struct perch_kvm_machine *machine, struct perch_kvm_registers *registers);

/// Counts instructions from now on, by stepping (KVM_SET_GUEST_DEBUG). An instruction that faults is none; a repeated
/// string instruction is as many as KVM makes steps of it: one for each repetition, or fewer where KVM emulates.
/// The registers have been set before. Returns 0, or -1 with stage and error.
int perch_kvm_machine_count(struct perch_kvm_machine *machine);

/// From now on until it is stopped, `perch_kvm_machine_run` on this thread comes back at least every `nanoseconds`.
/// Takes SIGRTMIN, which is blocked on this thread for as long. Returns 0, or -1 with stage and error.
int perch_kvm_machine_start_clock(struct perch_kvm_machine *machine, uint64_t nanoseconds);

/// On the thread that has started it.
void perch_kvm_machine_stop_clock(struct perch_kvm_machine *machine);

/// Lets the processor run, the last access answered, until something happens.
/// Returns an enum perch_kvm_event, or -1 with stage and error.
int perch_kvm_machine_run(struct perch_kvm_machine *machine);

#endif
