// The first program of a Linux boot in the tests: prints a line and the lowest symbol of the kernel's image from
// /proc/kallsyms, and powers the machine off. Static, without a C library; Linux x86-64 system calls.

        .globl _start
_start:
        lea     greeting(%rip), %rsi
        mov     $greeting_end - greeting, %edx
        call    print

        // mount("proc", "/proc", "proc", 0, 0)
        mov     $165, %eax
        lea     proc(%rip), %rdi
        lea     proc_path(%rip), %rsi
        lea     proc(%rip), %rdx
        xor     %r10d, %r10d
        xor     %r8d, %r8d
        syscall

        mov     $2, %eax                // open("/proc/kallsyms", O_RDONLY)
        lea     kallsyms(%rip), %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        syscall
        mov     %eax, %r12d

        // Byte by byte, so that lines are whole. Those of per-processor variables begin with zeros and come first.
line:   lea     buffer(%rip), %rbx
next:   xor     %eax, %eax              // read
        mov     %r12d, %edi
        mov     %rbx, %rsi
        mov     $1, %edx
        syscall
        cmp     $1, %rax
        jne     off
        mov     (%rbx), %al
        inc     %rbx
        cmp     $'\n', %al
        jne     next
        lea     buffer(%rip), %rsi
        cmpb    $'f', (%rsi)
        jne     line
        mov     %rbx, %rdx
        sub     %rsi, %rdx
        call    print
        lea     end(%rip), %rsi
        mov     $end_end - end, %edx
        call    print

off:    // reboot(MAGIC1, MAGIC2, POWER_OFF, 0)
        mov     $169, %eax
        mov     $0xfee1dead, %edi
        mov     $672274793, %esi
        mov     $0x4321fedc, %edx
        xor     %r10d, %r10d
        syscall
1:      pause
        jmp     1b

// rsi: text, edx: its length; writes to the console, which is file descriptor 1.
print:  mov     $1, %eax
        mov     $1, %edi
        syscall
        ret

        .section .rodata
greeting:       .ascii "init: running from the initrd\n"
greeting_end:
end:            .ascii "init: done\n"
end_end:
proc:           .asciz "proc"
proc_path:      .asciz "/proc"
kallsyms:       .asciz "/proc/kallsyms"
        .bss
        .align  4096
buffer:         .space 4096
