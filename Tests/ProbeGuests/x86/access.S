// One access and what came of it. The code around it is 32-bit in every mode: in long mode it runs in compatibility
// mode, and only the access and the way back from an exception are 64-bit.
//
// An attempt ends with an exception in any case: the one it provokes, or the RETURN_VECTOR of a success. Each leaves
// its vector, error code, place and CR2 in `outcome` and goes on where the attempt was made, on the stack it had.

#include "selectors.h"

// The accesses: address in rbx, operand in rcx, what was read in rax. Once for the kernel, once in the user window.
.macro accesses prefix
        .globl  \prefix\()_load_32, \prefix\()_store_32, \prefix\()_load_64, \prefix\()_store_64
        .code32
\prefix\()_load_32:
        mov     (%ebx), %eax
        int     $RETURN_VECTOR
\prefix\()_store_32:
        mov     %ecx, (%ebx)
        int     $RETURN_VECTOR
        .code64
\prefix\()_load_64:
        mov     (%rbx), %rax
        int     $RETURN_VECTOR
\prefix\()_store_64:
        mov     %rcx, (%rbx)
        int     $RETURN_VECTOR
.endm

        .section .window, "ax"
        accesses user
        // No stack in ring 3, so no call: the code at the address comes back by RETURN_VECTOR itself.
        .globl  user_execute_32, user_execute_64
        .code32
user_execute_32:
        jmp     *%ebx
        .code64
user_execute_64:
        jmp     *%rbx

        .text
        accesses kernel
        .globl  kernel_execute_32, kernel_execute_64
        .code32
kernel_execute_32:
        call    *%ebx
        int     $RETURN_VECTOR
        .code64
kernel_execute_64:
        call    *%rbx
        int     $RETURN_VECTOR

        // void attempt_32(uint64_t address, uint64_t operand, const void *code, uint32_t user)
        .code32
        .globl  attempt_32
attempt_32:
        push    %ebp
        push    %ebx
        push    %esi
        push    %edi
        mov     %esp, resume_stack
        mov     20(%esp), %ebx
        mov     28(%esp), %ecx
        mov     36(%esp), %edx
        cmpl    $0, 40(%esp)
        jne     1f
        jmp     *%edx
1:      push    $USER_DATA
        push    $0
        push    $2                      // flags: only the bit that is always set
        push    $USER_CODE_32
        push    %edx
        iret

        // The same in long mode.
        .globl  attempt_64
attempt_64:
        push    %ebp
        push    %ebx
        push    %esi
        push    %edi
        mov     %esp, resume_stack
        mov     %esp, %ebp
        ljmp    $KERNEL_CODE_64, $1f
        .code64
1:      mov     %ebp, %ebp              // upper halves are undefined after a change of mode
        mov     %ebp, %esp
        mov     20(%rbp), %rbx
        mov     28(%rbp), %rcx
        mov     36(%rbp), %edx
        cmpl    $0, 40(%rbp)
        jne     2f
        jmp     *%rdx
2:      push    $USER_DATA
        push    $0
        push    $2
        push    $USER_CODE_64
        push    %rdx
        iretq

// Stubs of 16 bytes: a zero where the processor pushes no error code, and the vector.
.macro stubs target
        .set    vector, 0
        .rept   RETURN_VECTOR + 1
        .balign 16
        .ifeq   (vector == 8) | (vector >= 10 && vector <= 14) | (vector == 17) | (vector == 21)
        push    $0
        .endif
        push    $vector
        jmp     \target
        .set    vector, vector + 1
        .endr
.endm

        .code32
        .globl  stubs_32, stubs_64
        .balign 16
stubs_32:
        stubs   record_32
        .code64
        .balign 16
stubs_64:
        stubs   record_64

        .code32
record_32:
        mov     %eax, outcome
        pop     outcome + 8
        pop     outcome + 16
        pop     outcome + 24
        mov     %cr2, %eax
        mov     %eax, outcome + 32
        jmp     resume

        .code64
record_64:
        mov     %rax, outcome
        pop     outcome + 8
        pop     outcome + 16
        pop     outcome + 24
        mov     %cr2, %rax
        mov     %rax, outcome + 32
        ljmp    *1f
        .balign 8
1:      .long   resume
        .word   KERNEL_CODE_32

        .code32
resume:
        mov     $KERNEL_DATA, %eax      // in long mode, an exception from ring 3 leaves a null selector
        mov     %eax, %ss
        mov     resume_stack, %esp
        test    %esp, %esp
        jz      1f
        movl    $0, resume_stack
        pop     %edi
        pop     %esi
        pop     %ebx
        pop     %ebp
        ret
        // Nothing was being attempted.
1:      mov     $stack_top, %esp
        call    report_unexpected_exception

        .bss
        .balign 8
        .globl  outcome
outcome:                                // rax, vector, error code, instruction pointer, CR2
        .skip   40
resume_stack:
        .skip   4
