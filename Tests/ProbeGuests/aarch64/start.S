// The first instruction, translation on and off, the accesses themselves, and the exceptions. probe.c says what for.
//
// Every reference to the guest itself is relative to the program counter: the same code runs at its physical address
// and in its executable view in either half.
#include "guest.h"

  .arch armv8.2-a

// x9: the address of `translation`, wherever the guest now runs.
.macro find_translation
  adrp x9, translation
  add x9, x9, :lo12:translation
.endm

.macro forget_translations
  isb
  tlbi vmalle1
  ic iallu
  dsb nsh
  isb
.endm

// Exceptions go to where the guest now runs. Changes x10.
.macro use_vectors
  adrp x10, vectors
  add x10, x10, :lo12:vectors
  msr vbar_el1, x10
.endm

// Goes on at the physical address of the code with translation off, from either half. Leaves sp to its user.
// Changes x9, x10, x11.
.macro translation_off
  find_translation
  ldr x10, [x9, #TRANSLATION_OWN_TCR]
  msr tcr_el1, x10
  ldr x10, [x9, #TRANSLATION_OWN_TTBR]
  msr ttbr0_el1, x10
  msr ttbr1_el1, x10
  forget_translations
  // The guest's tables map it at its physical address too: there translation can be turned off.
  ldr x10, [x9, #TRANSLATION_CODE]
  adr x11, .Loff\@
  sub x11, x11, x10
  br x11
.Loff\@:
  ldr w10, =SCTLR_OFF
  msr sctlr_el1, x10
  forget_translations
  use_vectors
.endm

  .section .text.start, "ax", @progbits

// At its physical address, at EL1, MMU off, as QEMU's virt machine starts an ELF file. Nothing else is promised.
  .globl _start
_start:
  msr daifset, #15
  adrp x0, stack_top
  add x0, x0, :lo12:stack_top
  mov sp, x0
  mrs x0, CurrentEL
  cmp x0, #(1 << 2)
  b.ne wrong_level
  ldr w0, =SCTLR_OFF
  msr sctlr_el1, x0
  msr tpidr_el1, xzr
  use_vectors
  isb
  msr pan, #0
  bl guest_main

// void power_off(void): PSCI (Arm DEN 0022) SYSTEM_OFF. The virt machine takes it by HVC, and by SMC where the guest
// is, wrongly, at EL2.
  .globl power_off
power_off:
  ldr w0, =0x84000008
  mrs x1, CurrentEL
  tbnz x1, #3, 1f
  hvc #0
1:smc #0
  b .

// void with_translation(struct probe_set *set): perform_set(set) with translation as `translation` says.
// Called with translation off; x0 is a physical address, perform_set gets it in the writable view.
  .globl with_translation
with_translation:
  stp x29, x30, [sp, #-32]!
  str x19, [sp, #16]
  mov x19, x0
  // On, with the guest's own tables in both halves, hence where the guest now is.
  find_translation
  ldr x10, [x9, #TRANSLATION_MAIR]
  msr mair_el1, x10
  ldr x10, [x9, #TRANSLATION_OWN_TCR]
  msr tcr_el1, x10
  ldr x10, [x9, #TRANSLATION_OWN_TTBR]
  msr ttbr0_el1, x10
  msr ttbr1_el1, x10
  forget_translations
  ldr x10, [x9, #TRANSLATION_SCTLR]
  msr sctlr_el1, x10
  isb
  // To the half that is not tested, which then gets its tables.
  ldp x10, x11, [x9, #TRANSLATION_CODE]
  adr x12, 1f
  add x12, x12, x10
  add sp, sp, x11
  add x0, x19, x11
  br x12
1:
  use_vectors
  find_translation
  ldr x10, [x9, #TRANSLATION_TCR]
  msr tcr_el1, x10
  ldr x10, [x9, #TRANSLATION_TTBR0]
  msr ttbr0_el1, x10
  ldr x10, [x9, #TRANSLATION_TTBR1]
  msr ttbr1_el1, x10
  forget_translations
  bl perform_set
  translation_off
  find_translation
  ldr x10, [x9, #TRANSLATION_DATA]
  sub sp, sp, x10
  ldr x19, [sp, #16]
  ldp x29, x30, [sp], #32
  ret

// void attempt(struct attempt *attempt): goes to attempt->pc, at the exception level and with the PAN that
// attempt->pstate says, and returns after the next exception, whichever it is. Those instructions may change every
// general register: TPIDR_EL1 remembers the stack, and that it is a probe.
  .globl attempt
attempt:
  stp x29, x30, [sp, #-112]!
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  str x0, [sp, #96]
  mov x9, sp
  msr tpidr_el1, x9
  // Exceptions that have no address leave FAR_EL1 as it is.
  msr far_el1, xzr
  ldp x9, x10, [x0, #ATTEMPT_PC]
  msr elr_el1, x9
  msr spsr_el1, x10
  ldr x30, [x0, #ATTEMPT_LINK]
  ldp x0, x1, [x0, #ATTEMPT_X0]
  eret

// A synchronous exception from EL1 or EL0. With no probe under way nobody has asked for it.
synchronous:
  mrs x9, tpidr_el1
  cbz x9, unexpected_synchronous
  msr tpidr_el1, xzr
  msr pan, #0
  mov sp, x9
  ldr x9, [sp, #96]
  str x0, [x9, #ATTEMPT_X0]
  mrs x10, esr_el1
  mrs x11, far_el1
  stp x10, x11, [x9, #ATTEMPT_SYNDROME]
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #112
  ret

// Without a probe nothing runs at EL0.
unexpected_synchronous:
  mov x23, #0x200
// x23: the exception's offset in the vector table.
unexpected:
  mrs x20, esr_el1
  mrs x21, far_el1
  mrs x22, elr_el1
  mrs x0, sctlr_el1
  tbz x0, #0, 1f
  translation_off
1:
  adrp x0, stack_top
  add x0, x0, :lo12:stack_top
  mov sp, x0
  mov x0, x20
  mov x1, x21
  mov x2, x22
  mov x3, x23
  b unexpected_exception

// What `attempt` is sent to: loads and stores in the view of the level that makes the access, AT always at EL1.
// x0: the address; x1: the operand. The svc is the exception that tells that all went well; x0 is then what was read,
// or PAR_EL1.
  .globl load, store, come_back
load:
  ldr x0, [x0]
come_back:
  svc #0
store:
  str x1, [x0]
  svc #0
.irp operation, s1e1r, s1e1w, s1e0r, s1e0w, s1e1rp, s1e1wp
  .globl at_\operation
at_\operation:
  at \operation, x0
  isb
  mrs x0, par_el1
  svc #0
.endr

// Arm ARM, Exception vectors: from the current level with SP_EL0, with SP_ELx, from a lower level in AArch64, in
// AArch32; each synchronous, IRQ, FIQ, SError.
  .balign 2048
vectors:
  .set offset, 0
  .rept 16
    .balign 128
    .if offset == 0x200 || offset == 0x400
      b synchronous
    .else
      mov x23, #offset
      b unexpected
    .endif
    .set offset, offset + 0x80
  .endr

  .section .bss.stack, "aw", @nobits
  .balign 16
  .skip 0x4000
stack_top:
