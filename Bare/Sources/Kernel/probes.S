// Accesses that may fault. Each returns 0 when it did not; whoever catches the fault goes on at probe_over.

  .section .text.probes, "ax", @progbits

// rdi: the address. Clobbers rax.
  .globl probe_read
probe_read:
  movb (%rdi), %al
  xorl %eax, %eax
  ret

// rdi: the address. Leaves the byte as it is. Clobbers the flags.
  .globl probe_write
probe_write:
  orb $0, (%rdi)
  ret

// rdi: the address. What runs there returns to whoever called.
  .globl probe_execute
probe_execute:
  jmp *%rdi

// Divides by zero. Clobbers rax, rcx, rdx and the flags.
  .globl probe_divide
probe_divide:
  xorl %eax, %eax
  xorl %edx, %edx
  xorl %ecx, %ecx
  divl %ecx
  ret

// Where a probe ends: its stack is that of its entry.
  .globl probe_over
probe_over:
  ret

// Uses up the stack; does not return.
  .globl use_up_stack
use_up_stack:
  call use_up_stack

  .section .data.probes, "aw", @progbits
// Code among the data: return.
  .globl code_in_data
code_in_data:
  .byte 0xc3
// A word that the tests write.
  .balign 8
  .globl word_in_data
word_in_data:
  .quad 0

  .section .note.GNU-stack, "", @progbits
