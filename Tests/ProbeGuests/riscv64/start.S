// The first instruction, the traps, and the instructions that are meant to trap.
//
// The guest stays in M-mode, where addresses are physical. A load or store becomes one of S- or U-mode through
// mstatus.MPRV and MPP; a jump goes there with mret. (RISC-V Privileged Architecture 3.1.6.1 and 3.1.6.3.)

  // What a probe sets in mstatus, and what is taken back before the next: MPRV (17), MPP (12:11), SUM (18), MXR (19).
  .set MSTATUS_MPRV, 1 << 17
  .set MSTATUS_OF_A_PROBE, 1 << 19 | 1 << 18 | 1 << 17 | 3 << 11
  .set FRAME, 112

  .section .text.start, "ax", @progbits
  .globl _start
_start:
  csrw mie, zero
  csrw medeleg, zero
  csrw mscratch, zero
  la t0, trap
  csrw mtvec, t0
  // Physical memory protection would forbid S- and U-mode everything: one NAPOT region over all, readable, writable,
  // executable (Privileged Architecture 3.7.1).
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  la sp, stack_top
  call run_sets

  // Code in S- or U-mode may leave any register changed. While mscratch is not 0, a trap is the answer of a probe and
  // mscratch the stack with what its caller wants back.
  .macro begin_probe
    addi sp, sp, -FRAME
    sd ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
      sd s\n, 8 + 8 * \n(sp)
    .endr
    csrw mscratch, sp
    li t0, MSTATUS_OF_A_PROBE
    csrc mstatus, t0
  .endm

  // struct outcome { status, value } probe_load(address, mstatus)
  .globl probe_load
probe_load:
  begin_probe
  csrs mstatus, a1
  ld a1, (a0)
  li a0, 0
  j end_probe

  // struct outcome probe_store(address, mstatus, operand)
  .globl probe_store
probe_store:
  begin_probe
  csrs mstatus, a1
  sd a2, (a0)
  li a0, 0
  li a1, 0
  j end_probe

  // struct outcome probe_execute(address, mstatus): always comes back through the trap.
  .globl probe_execute
probe_execute:
  begin_probe
  csrw mepc, a0
  csrs mstatus, a1
  mret

  .balign 4
trap:
  csrrw sp, mscratch, sp
  beqz sp, 1f
  csrr a1, mcause
  li a0, 1
  slli a0, a0, 63
  or a0, a0, a1
  li a1, 0
end_probe:
  // No access to the stack before MPRV is off.
  li t0, MSTATUS_MPRV
  csrc mstatus, t0
  csrw mscratch, zero
  ld ra, 0(sp)
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\n, 8 + 8 * \n(sp)
  .endr
  addi sp, sp, FRAME
  ret
1:
  la sp, stack_top
  csrr a0, mcause
  csrr a1, mepc
  csrr a2, mtval
  call unexpected_trap

  // park(mstatus): waits for good, in M-mode but with MPRV on, so that a debugger's addresses are those of S-mode.
  .globl park
park:
  li t0, MSTATUS_OF_A_PROBE
  csrc mstatus, t0
  csrs mstatus, a0
1:
  wfi
  j 1b

  .bss
  .balign 16
  .skip 4096
stack_top:
