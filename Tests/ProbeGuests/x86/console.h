// Ports, and text on the first serial port by polling.
#ifndef PERCH_PROBE_CONSOLE_H
#define PERCH_PROBE_CONSOLE_H

#include <stdint.h>

static inline void port_write(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void print(const char *text) {
  for (; *text; text++) {
    // 16550: bit 5 of the line status register says that the transmitter is empty.
    while (!(port_read(0x3f8 + 5) & 0x20)) {
    }
    port_write(0x3f8, (uint8_t)*text);
  }
}

static inline void print_hexadecimal(uint64_t value) {
  char text[] = "0x0000000000000000";
  for (int digit = 0; digit < 16; digit++) text[17 - digit] = "0123456789abcdef"[value >> (4 * digit) & 15];
  print(text);
}

#endif
