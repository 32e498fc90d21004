// From where a boot loader leaves off to Swift: 32-bit protected mode, flat segments, paging off, this image at any
// physical address below 4 GiB.

  .set LINK_BASE, 0x1000000

  .section .text.start, "ax", @progbits
  .code32

// Multiboot 2 (specification 2.0, 3.1), within the first 32 KiB of the file.
  .balign 8
header:
  .long 0xe85250d6, 0, header_end - header
  .long -(0xe85250d6 + (header_end - header))
  // Information request: command line, modules, memory map.
  .balign 8
  .word 1, 0
  .long 20, 1, 3, 6
  // Modules start on a page.
  .balign 8
  .word 6, 0
  .long 8
  // Relocatable: anywhere from 1 MiB to the end of 4 GiB, 4 KiB aligned, best where it is linked.
  .balign 8
  .word 10, 0
  .long 24, 0x100000, 0xffffffff, 0x1000, 0
  .balign 8
  .word 0, 0
  .long 8
header_end:

// eax: 0x36d76289 by Multiboot 2, anything by PVH. ebx: the boot information. The only memory known to be writable is
// where ebx points: its first word is lent as a stack, to learn where this code is.
  .balign 128
  .globl start32
start32:
  cli
  cld
  movl %eax, %esi
  movl (%ebx), %ebp
  leal 4(%ebx), %esp
  call anchor
anchor:
  popl %edi
  movl %ebp, (%ebx)
  rdtsc
  movl %eax, first_stamp - anchor(%edi)
  movl %edx, first_stamp + 4 - anchor(%edi)
  leal stack_top - anchor(%edi), %esp
  call check_processor
  leal boot_tables - anchor(%edi), %edx
  pushl %edx
  call map_low_memory
  // The descriptor table's address is this run's own.
  leal boot_gdt - anchor(%edi), %eax
  movl %eax, boot_gdtr + 2 - anchor(%edi)
  lgdt boot_gdtr - anchor(%edi)
  jmp enter_long_mode

// Returns where the processor has 64-bit mode and pages without code (CPUID 80000001H, EDX bits 29 and 20); else says so
// and ends. edi: where `anchor` is. Clobbers eax, ecx, edx.
check_processor:
  pushl %ebx
  movl $0x80000000, %eax
  cpuid
  xorl %edx, %edx
  cmpl $0x80000001, %eax
  jb 1f
  movl $0x80000001, %eax
  cpuid
1:
  popl %ebx
  andl $(1 << 29 | 1 << 20), %edx
  cmpl $(1 << 29 | 1 << 20), %edx
  jne refuse_processor
  ret

// edi: where `anchor` is. Writes a line to the first serial port and ends the run as refused (Power.swift).
refuse_processor:
  leal refusal - anchor(%edi), %esi
1:
  movw $0x3fd, %dx
  inb %dx, %al
  testb $0x20, %al
  jz 1b
  movw $0x3f8, %dx
  lodsb
  outb %al, %dx
  cmpb $0x0a, %al
  jne 1b
  movw $0xf4, %dx
  movl $0x12, %eax
  outl %eax, %dx
2:
  hlt
  jmp 2b

// On the stack: where six frames are. Identity for 4 GiB in 2 MiB pages: a root, one table of 1 GiB entries, four of
// 2 MiB entries. Clobbers eax, ecx, edx, ebp.
map_low_memory:
  movl 4(%esp), %edx
  leal 0x1003(%edx), %eax
  movl %eax, (%edx)
  leal 0x2003(%edx), %eax
  movl $4, %ecx
1:
  leal (%edx, %ecx, 8), %ebp
  subl $8, %ebp
  pushl %ecx
  decl %ecx
  shll $12, %ecx
  addl %eax, %ecx
  movl %ecx, 0x1000(%ebp)
  popl %ecx
  loop 1b
  // Present, writable, large.
  movl $0x83, %eax
2:
  movl %eax, 0x2000(%edx, %ecx, 8)
  addl $0x200000, %eax
  incl %ecx
  cmpl $2048, %ecx
  jne 2b
  ret

// On the stack: the root table. edi: where `anchor` is. Long mode (Intel SDM vol. 3A, 9.8.5), NX, and on to
// 64-bit code.
enter_long_mode:
  movl %cr4, %eax
  orl $0x20, %eax
  movl %eax, %cr4
  popl %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x900, %eax
  wrmsr
  movl %cr0, %eax
  orl $0x80010001, %eax
  movl %eax, %cr0
  leal start64 - anchor(%edi), %eax
  pushl $0x08
  pushl %eax
  lret

  .code64
// ebx, esi: as start32 kept them. The image's absolute words still are what the linker wrote.
start64:
  movl $0x10, %eax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  leaq image_start(%rip), %rdi
  subq $LINK_BASE, %rdi
  call relocate
  movl %esi, %edi
  movl %ebx, %esi
  movq first_stamp(%rip), %rdx
  xorl %ebp, %ebp
  call loader_main

// rdi: how far the image is from where it was linked. SHT_RELR (gABI, ch. 4): an even word is the address of a word to
// relocate; an odd one has a bit for each of the 63 words behind the last. Clobbers rax, rcx, rdx, r8, r9.
relocate:
  leaq relocations_start(%rip), %rax
  leaq relocations_end(%rip), %rdx
1:
  cmpq %rdx, %rax
  jae 5f
  movq (%rax), %rcx
  addq $8, %rax
  testb $1, %cl
  jnz 2f
  leaq (%rcx, %rdi), %r8
  addq %rdi, (%r8)
  addq $8, %r8
  jmp 1b
2:
  movq %r8, %r9
3:
  shrq %rcx
  jz 4f
  testb $1, %cl
  jz 6f
  addq %rdi, (%r9)
6:
  addq $8, %r9
  jmp 3b
4:
  addq $(63 * 8), %r8
  jmp 1b
5:
  ret

// void enter_32_bit(uint32_t address): leaves long mode, and jumps. What runs here and what comes next is mapped where it
// lies; descriptors and stack are this image's own.
  .globl enter_32_bit
enter_32_bit:
  movl %edi, %ebx
  leaq 1f(%rip), %rax
  pushq $0x18
  pushq %rax
  lretq
  .code32
1:
  movl %cr0, %eax
  andl $0x7fffffff, %eax
  movl %eax, %cr0
  movl $0xc0000080, %ecx
  rdmsr
  andl $~0x100, %eax
  wrmsr
  xorl %eax, %eax
  movl %eax, %cr4
  jmp *%ebx

  .section .data, "aw", @progbits
  .balign 16
boot_gdt:
  .quad 0
  .quad 0x00af9b000000ffff
  .quad 0x00cf93000000ffff
  .quad 0x00cf9b000000ffff
boot_gdtr:
  .word . - boot_gdt - 1
  .quad 0
first_stamp:
  .quad 0
refusal:
  .ascii "error: the processor has no 64-bit mode, or no pages without code (NX): CPUID 80000001H, EDX bits 29 and 20\n"

  .section .bss, "aw", @nobits
  .balign 4096
boot_tables:
  .skip 6 * 4096
  .globl more_tables, more_tables_end
more_tables:
  .skip 64 * 4096
more_tables_end:
  .globl hypercall_page, hypercall_request
hypercall_page:
  .skip 4096
hypercall_request:
  .skip 4096
  .skip 64 * 1024
stack_top:
  .globl heap_memory, heap_limit
heap_memory:
  .skip 6 * 1024 * 1024
heap_limit:

// XEN_ELFNOTE_PHYS32_ENTRY (Xen, public/elfnote.h): the linker script holds start32 to this address.
  .section .note.pvh, "a", @note
  .balign 4
  .long 4, 4, 18
  .asciz "Xen"
  .long LINK_BASE + 0x80

  .section .note.GNU-stack, "", @progbits
