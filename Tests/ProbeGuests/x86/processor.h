// The processor's tables and registers, from 32-bit code.
#ifndef PERCH_PROBE_PROCESSOR_H
#define PERCH_PROBE_PROCESSOR_H

#include <stdint.h>

// What an attempt's exception left behind (access.S writes it).
struct outcome {
  uint64_t accumulator, vector, error_code, instruction_pointer, fault_address;
};

extern volatile struct outcome outcome;

void attempt_32(uint64_t address, uint64_t operand, const void *code, uint32_t user);
void attempt_64(uint64_t address, uint64_t operand, const void *code, uint32_t user);

// Writes the interrupt descriptor tables and the task segments of both modes.
void install_descriptors(void);
// From unpaged 32-bit protected mode to the paging that the control words of a set ask for, and back. Long mode is
// entered as its compatibility mode.
void enter_translation(uint64_t cr3, uint64_t cr4, uint64_t efer, uint64_t cr0);
void leave_translation(void);

#define CR0_PAGING 0x8000'0000u
#define EFER_LONG_MODE 0x100u

#endif
