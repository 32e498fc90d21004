// Memory for Swift's own values: blocks of powers of two, cut from one region and kept for their size when they come back.
// Smaller blocks lie behind a header of 32 bytes, so that they stay aligned to as many.

#include <stddef.h>

#include "runtime.h"

enum { SMALLEST = 6, SIZES = 48 };

struct block {
  struct block *next;
  size_t size_shift;
};

static uintptr_t next, end;
static struct block *free_blocks[SIZES];

void heap_start(uintptr_t from, uintptr_t to) {
  next = from;
  end = to;
}

static struct block *take(size_t shift) {
  struct block *block = free_blocks[shift];
  if (block) {
    free_blocks[shift] = block->next;
    return block;
  }
  size_t size = (size_t)1 << shift;
  if (end - next < size) return NULL;
  block = (struct block *)next;
  next += size;
  block->size_shift = shift;
  return block;
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  // The pointer to its block stands before every allocation; a greater alignment takes room to be found in.
  size_t room = alignment > 32 ? alignment : 32;
  if (size > end - next + ((size_t)1 << 40)) heap_is_used_up(size);
  size_t shift = SMALLEST;
  while (((size_t)1 << shift) < size + room + 32) shift++;
  struct block *block = shift < SIZES ? take(shift) : NULL;
  if (!block) heap_is_used_up(size);
  uintptr_t start = ((uintptr_t)block + 32 + room - 1) & ~(uintptr_t)(room - 1);
  ((struct block **)start)[-1] = block;
  *result = (void *)start;
  return 0;
}

void free(void *pointer) {
  if (!pointer) return;
  struct block *block = ((struct block **)pointer)[-1];
  block->next = free_blocks[block->size_shift];
  free_blocks[block->size_shift] = block;
}

// Swift seeds its hash tables with it. Nothing here is kept in one that an attacker fills.
void arc4random_buf(void *buffer, size_t count) {
  for (unsigned char *byte = buffer; count; count--) *byte++ = (unsigned char)count;
}
