// The kernel's first instructions: in 64-bit mode, interrupts off; rdi: the virtual address of Perch's boot
// information; rsp: a stack that is ready. Nothing else is promised.

  .section .text.start, "ax", @progbits
  .globl _start
_start:
  rdtsc
  shlq $32, %rdx
  orq %rdx, %rax
  movq %rax, %rsi
  xorl %ebp, %ebp
  cld
  andq $-16, %rsp
  call kernel_main

  .section .data.rel.ro.pointer, "aw", @progbits
// What the linker said of _start, as a pointer: right only where the image was relocated, or runs where it was linked.
  .balign 8
  .globl start_pointer
start_pointer:
  .quad _start

  .section .data.pointer, "aw", @progbits
// The same in the other segment.
  .balign 8
  .globl start_pointer_in_data
start_pointer_in_data:
  .quad _start

  .section .bss.heap, "aw", @nobits
  .balign 4096
  .globl heap_memory, heap_limit
heap_memory:
  .skip 256 * 1024
heap_limit:

  .section .note.GNU-stack, "", @progbits
