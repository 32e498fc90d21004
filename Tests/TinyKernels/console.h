// Text on the first serial port, by polling.
#pragma once

#include <stdint.h>

static inline void port_write(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint8_t port_read(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

// The last character written: a line begins after a newline.
[[gnu::section(".data")]] static char last_character = '\n';

static void print_character(char character) {
  // 16550: bit 5 of the line status register says that the transmitter is empty.
  while (!(port_read(0x3f8 + 5) & 0x20)) {}
  port_write(0x3f8, (uint8_t)character);
  last_character = character;
}

static void print(const char *text) {
  for (; *text; text++) {
    if (*text == '\n') print_character('\r');
    print_character(*text);
  }
}

static void print_hexadecimal(uint64_t value) {
  print("0x");
  int shift = 60;
  while (shift > 0 && !(value >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) print_character("0123456789abcdef"[(value >> shift) & 15]);
}

static void print_decimal(uint64_t value) {
  if (value >= 10) print_decimal(value / 10);
  print_character((char)('0' + value % 10));
}

// " name=0x1234"
static void print_field(const char *name, uint64_t value) {
  print(name);
  print("=");
  print_hexadecimal(value);
}
