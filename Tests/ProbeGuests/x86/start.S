// The entry: QEMU jumps here in 32-bit protected mode without paging, as the PVH note asks (Xen's
// docs/misc/pvh.pandoc; XEN_ELFNOTE_PHYS32_ENTRY is 18). The descriptors of the processor stand here too.

#include "selectors.h"

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                // name size, descriptor size, type
        .asciz  "Xen"
        .long   _start

        .text
        .code32
        .globl  _start
_start:
        cli
        cld
        lgdt    descriptor_table
        ljmp    $KERNEL_CODE_32, $1f
1:      mov     $KERNEL_DATA, %eax
        mov     %eax, %ss
        // Data goes through the user's segment at both levels: a return to ring 3 would clear a more privileged one.
        mov     $USER_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     $stack_top, %esp
        call    run
        hlt

        // void load_task_64(void): LTR reads the long descriptor in 64-bit mode.
        .globl  load_task_64
load_task_64:
        ljmp    $KERNEL_CODE_64, $1f
        .code64
1:      mov     $TASK_64, %eax
        ltr     %ax
        ljmp    *2f
        .balign 8
2:      .long   3f
        .word   KERNEL_CODE_32
        .code32
3:      ret

        .data
        .balign 8
        .globl  descriptors
descriptors:                            // all flat and marked accessed; C writes the task segments' addresses
        .quad   0
        .quad   0x00cf9b000000ffff      // kernel code, 32-bit
        .quad   0x00cf93000000ffff      // kernel data
        .quad   0x00af9b000000ffff      // kernel code, 64-bit
        .quad   0x00cffb000000ffff      // user code, 32-bit
        .quad   0x00cff3000000ffff      // user data
        .quad   0x00affb000000ffff      // user code, 64-bit
        .quad   0, 0, 0                 // task segments
descriptors_end:
descriptor_table:
        .word   descriptors_end - descriptors - 1
        .long   descriptors

        .bss
        .balign 16
        .skip   0x4000
        .globl  stack_top
stack_top:
        .skip   0x1000
        .globl  trap_stack_top
trap_stack_top:
