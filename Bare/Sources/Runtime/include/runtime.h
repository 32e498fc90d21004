// What compiled Swift calls, and what it needs to do so.
#pragma once

#include <stdint.h>

// Gives the program memory for Swift's own values, once: whole pages.
void heap_start(uintptr_t from, uintptr_t to);

// What the program does when that memory is used up; it does not return.
_Noreturn void heap_is_used_up(uintptr_t bytes);
