// What every compiler takes for granted. String instructions, since a loop would be compiled into a call of itself.

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  return start;
}

void *memmove(void *to, const void *from, size_t count) {
  if ((char *)to - (char *)from >= (ptrdiff_t)count || to <= from) return memcpy(to, from, count);
  void *start = to;
  to = (char *)to + count - 1;
  from = (const char *)from + count - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  return start;
}

void *memset(void *to, int byte, size_t count) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
  return start;
}

int memcmp(const void *one, const void *other, size_t count) {
  const unsigned char *left = one, *right = other;
  for (; count; count--, left++, right++) {
    if (*left != *right) return *left - *right;
  }
  return 0;
}
