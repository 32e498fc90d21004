// From an exception to Swift and back. Interrupts are off; the direction flag and the stack's alignment may be anything.

  .section .text.exceptions, "ax", @progbits

// One stub for each exception: all leave an error code and the vector on the stack.
  .balign 16
  .globl exception_stubs
exception_stubs:
  .set vector, 0
  .rept 32
    .balign 16
    // Vectors 8, 10-14, 17, 21, 29 and 30 push an error code (Intel SDM vol. 3A, table 6-1; AMD APM vol. 2, 8.2).
    .if !((0x60227d00 >> vector) & 1)
      pushq $0
    .endif
    pushq $vector
    jmp exception
    .set vector, vector + 1
  .endr

// Makes a struct exception_frame, lets Swift look at it and change it, and goes on as it says then.
exception:
  cld
  pushq %rax
  pushq %rbx
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %rbp
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, %rdi
  movq %rsp, %rbx
  andq $-16, %rsp
  call exception_arrived
  movq %rbx, %rsp
  jmp resume

// rsp: a struct exception_frame.
resume:
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rbp
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rbx
  popq %rax
  addq $16, %rsp
  iretq

  .section .bss.exceptions, "aw", @nobits
  .balign 16
  .globl exception_gates, exception_descriptors, exception_task_state, exception_stack_top
exception_gates:
  .skip 32 * 16
exception_descriptors:
  .skip 6 * 8
// 104 bytes, whose 64-bit fields are 4 bytes off their alignment (Intel SDM vol. 3A, figure 8-11).
exception_task_state:
  .skip 104
  .balign 16
  .skip 16 * 1024
exception_stack_top:

  .section .note.GNU-stack, "", @progbits
