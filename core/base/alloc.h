/* Memory: aligned blocks whose bytes are counted, and the arena of a training step.
 *
 * Whoever allocates frees. The count lets a benchmark show that a warmed-up
 * training step asks the system for nothing. */
#ifndef TIDE_BASE_ALLOC_H
#define TIDE_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { TIDE_ALIGNMENT = 64 }; /* one cache line, one AVX-512 register */

/* Puts a zeroed, 64-byte aligned block of `bytes` (0 gives NULL) into *block.
 * Free with tide_free. Errors: TIDE_MEMORY. */
tide_status tide_alloc(size_t bytes, void **block);

/* As tide_alloc, for `count` things of `size` bytes; the product is checked. */
tide_status tide_alloc_array(size_t count, size_t size, void **block);

/* As tide_alloc_array, not zeroed: a large block takes memory only where it is written. */
tide_status tide_alloc_untouched(size_t count, size_t size, void **block);

/* As tide_alloc_untouched, for what is soon written from end to end: in large pages where the system has them and the
 * block is large. Memory is there four times as fast, and found faster. */
tide_status tide_alloc_whole(size_t count, size_t size, void **block);

void tide_free(void *block);

/* Bytes ever requested through tide_alloc by this process, never decreasing. */
uint64_t tide_alloc_total(void);

/* Bytes of memory this machine has. */
size_t tide_machine_memory(void);

/* Arena: blocks that live until the next rewind. A block may be given back
 * early and then serves the next request of its size, or a part of it one that is not much
 * smaller, so that what a step reuses stays in cache. After a step as large as any before,
 * nothing is asked of the system. Pointers never move before the rewind. What it holds lies in
 * large pages where the system has them. */
typedef struct tide_arena tide_arena;

tide_status tide_arena_create(tide_arena **arena);
void tide_arena_destroy(tide_arena *arena);

/* Puts a 64-byte aligned block of at least `bytes` (not zeroed) into *block. */
tide_status tide_arena_take(tide_arena *arena, size_t bytes, void **block);

/* Returns a block taken with the same `bytes`; its content is gone. */
void tide_arena_give_back(tide_arena *arena, void *block, size_t bytes);

/* Ends the lives of all blocks. */
void tide_arena_rewind(tide_arena *arena);

/* Refuses to hold more than `bytes` at a time (default: half of the machine's memory, 8 GiB at most). */
void tide_arena_set_limit(tide_arena *arena, size_t bytes);

/* Bytes the arena holds from the system. */
size_t tide_arena_capacity(const tide_arena *arena);

#endif
