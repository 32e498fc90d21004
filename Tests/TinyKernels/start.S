// The first instruction, the exceptions, and the instructions that are meant to fault.
//
// Every reference is RIP-relative, so that the file is the same for every code model and every place.

  .section .text.start, "ax", @progbits

// One stub for each exception: all leave an error code and the vector on the stack.
//
//   rsp + 0   vector
//       + 8   error code (0 where the processor pushes none)
//       + 16  rip, cs, rflags, rsp, ss
  .balign 16
  .globl exception_stubs
exception_stubs:
  .set vector, 0
  .rept 32
    .balign 16
    // Vectors 8, 10-14, 17, 21, 29 and 30 push an error code (Intel SDM vol. 3A, table 6-1; AMD APM vol. 2, 8.2).
    .if !((0x60227d00 >> vector) & 1)
      push $0
    .endif
    push $vector
    jmp exception
    .set vector, vector + 1
  .endr

exception:
  // A page fault during a probe is an answer: the probe returns its error code, with bit 63 set.
  cmpl $14, (%rsp)
  jne 1f
  cmpb $0, probing(%rip)
  je 1f
  movb $0, probing(%rip)
  movq 8(%rsp), %rax
  btsq $63, %rax
  leaq probe_over(%rip), %rcx
  movq %rcx, 16(%rsp)
  addq $16, %rsp
  iretq
1:
  movq (%rsp), %rdi
  movq 8(%rsp), %rsi
  movq 16(%rsp), %rdx
  movq %cr2, %rcx
  call unexpected_exception
  jmp halt

// rdi: Perch's boot information. rsp: a stack that is ready. Nothing else is promised.
  .globl _start
_start:
  movq %rsp, %rsi
  leaq _start(%rip), %rdx
  pushfq
  popq %rcx
  xorl %ebp, %ebp
  call kernel_main
  .globl halt
halt:
  cli
  hlt
  jmp halt

// uint64_t probe_read(address), probe_write(address), probe_execute(address): 0, or bit 63 and the fault's error code.
  .globl probe_read
probe_read:
  movb $1, probing(%rip)
  movb (%rdi), %al
  xorl %eax, %eax
  movb $0, probing(%rip)
  ret

  .globl probe_write
probe_write:
  movb $1, probing(%rip)
  orb $0, (%rdi)
  xorl %eax, %eax
  movb $0, probing(%rip)
  ret

  .globl probe_execute
probe_execute:
  movb $1, probing(%rip)
  jmp *%rdi

// Position-independent code for probe_execute to find in memory of any kind: return 0.
  .globl return_zero
return_zero:
  xorl %eax, %eax
probe_over:
  ret

  .section .data, "aw", @progbits
probing:
  .byte 0

  .section .note.GNU-stack, "", @progbits
