// What is wrong so far. Included once, by kernel.c.
#pragma once

#include <stdint.h>

#include "console.h"

// Among the data, as everything that is written before bss is known to be zero.
[[gnu::section(".data")]] static int failures = 0;

static void panic(const char *reason, uint64_t value) {
  if (last_character != '\n') print("\n");
  print("PANIC: ");
  print(reason);
  print_field(" value", value);
  print("\n");
  failures++;
}

static void expect(int holds, const char *otherwise, uint64_t value) {
  if (!holds) panic(otherwise, value);
}
