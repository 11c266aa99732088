#include "base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE_PAGE = 2 << 20, LARGE_FROM = 4 << 20 }; /* bytes */

static _Atomic uint64_t total;

/* To a multiple of `alignment`, a power of two. */
static size_t round_up(size_t bytes, size_t alignment)
{
    return (bytes + (alignment - 1)) & ~(alignment - 1);
}

size_t tide_machine_memory(void)
{
    static _Atomic size_t known;
    size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes == 0) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        bytes = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
        atomic_store_explicit(&known, bytes, memory_order_relaxed);
    }
    return bytes;
}

/* As tide_alloc, not zeroed, at a multiple of `alignment`. */
static tide_status alloc_raw(size_t bytes, size_t alignment, void **block)
{
    *block = NULL;
    if (bytes == 0)
        return TIDE_OK;
    if (bytes > PTRDIFF_MAX - alignment)
        return tide_fail(TIDE_MEMORY, "alloc: %zu bytes are more than a process can hold", bytes);
    size_t rounded = round_up(bytes, alignment);
    void *fresh = rounded > tide_machine_memory() ? NULL : aligned_alloc(alignment, rounded);
    if (fresh == NULL)
        return tide_fail(TIDE_MEMORY, "alloc: the system has no %zu bytes", bytes);
    atomic_fetch_add_explicit(&total, rounded, memory_order_relaxed);
    *block = fresh;
    return TIDE_OK;
}

tide_status tide_alloc(size_t bytes, void **block)
{
    TIDE_TRY(alloc_raw(bytes, TIDE_ALIGNMENT, block));
    if (*block != NULL)
        memset(*block, 0, bytes);
    return TIDE_OK;
}

tide_status tide_alloc_array(size_t count, size_t size, void **block)
{
    if (size != 0 && count > PTRDIFF_MAX / size) {
        *block = NULL;
        return tide_fail(TIDE_MEMORY, "alloc: %zu things of %zu bytes are more than a process can hold", count, size);
    }
    return tide_alloc(count * size, block);
}

tide_status tide_alloc_untouched(size_t count, size_t size, void **block)
{
    *block = NULL;
    if (size != 0 && count > PTRDIFF_MAX / size)
        return tide_fail(TIDE_MEMORY, "alloc: %zu things of %zu bytes are more than a process can hold", count, size);
    return alloc_raw(count * size, TIDE_ALIGNMENT, block);
}

/* As alloc_raw, in large pages where the system has them. */
static tide_status alloc_large(size_t bytes, void **block)
{
    if (bytes < LARGE_FROM)
        return alloc_raw(bytes, TIDE_ALIGNMENT, block);
    TIDE_TRY(alloc_raw(bytes, LARGE_PAGE, block));
#ifdef MADV_HUGEPAGE
    (void)madvise(*block, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE); /* without them it is right, too */
#endif
    return TIDE_OK;
}

tide_status tide_alloc_whole(size_t count, size_t size, void **block)
{
    if (size == 0 || count > PTRDIFF_MAX / size)
        return tide_alloc_untouched(count, size, block);
    return alloc_large(count * size, block);
}

void tide_free(void *block)
{
    free(block);
}

uint64_t tide_alloc_total(void)
{
    return atomic_load_explicit(&total, memory_order_relaxed);
}

/* Chunks form a list, newest first; only the newest has room. Blocks given back
 * wait in one list per size: a step knows few sizes, so a short table does. */
typedef struct chunk {
    struct chunk *older;
    size_t size, used;
    char *memory;
} chunk;

typedef struct free_block {
    struct free_block *next;
} free_block;

typedef struct size_class {
    size_t size;
    free_block *blocks;
} size_class;

enum { SIZE_CLASSES = 128, LEAST_CUT = 16 << 10, MOST_TIMES = 4 };
static const size_t FIRST_CHUNK = (size_t)1 << 20;

struct tide_arena {
    chunk *newest;
    size_t capacity, limit;
    size_t n_classes;
    size_class classes[SIZE_CLASSES];
};

tide_status tide_arena_create(tide_arena **arena)
{
    TIDE_TRY(tide_alloc(sizeof **arena, (void **)arena));
    size_t half = tide_machine_memory() / 2, most = (size_t)8 << 30;
    (*arena)->limit = half < most ? half : most;
    return TIDE_OK;
}

static void free_chunks(tide_arena *arena)
{
    for (chunk *c = arena->newest; c != NULL;) {
        chunk *older = c->older;
        tide_free(c->memory);
        tide_free(c);
        c = older;
    }
    arena->newest = NULL;
    arena->capacity = 0;
}

void tide_arena_destroy(tide_arena *arena)
{
    if (arena == NULL)
        return;
    free_chunks(arena);
    tide_free(arena);
}

static tide_status add_chunk(tide_arena *arena, size_t size)
{
    if (size > arena->limit || arena->capacity > arena->limit - size)
        return tide_fail(TIDE_MEMORY,
                         "arena: a step holds %zu bytes of activations and wants %zu more; the limit is %zu: "
                         "end each training step, so that its memory serves the next",
                         arena->capacity, size, arena->limit);
    chunk *fresh;
    TIDE_TRY(tide_alloc(sizeof *fresh, (void **)&fresh));
    tide_status status = alloc_large(size, (void **)&fresh->memory);
    if (status != TIDE_OK) {
        tide_free(fresh);
        return status;
    }
    fresh->size = size;
    fresh->older = arena->newest;
    arena->newest = fresh;
    arena->capacity += size;
    return TIDE_OK;
}

/* The class of `size`, made if there is room for it; NULL otherwise. */
static size_class *find_class(tide_arena *arena, size_t size, int make)
{
    for (size_t i = 0; i < arena->n_classes; i++)
        if (arena->classes[i].size == size)
            return &arena->classes[i];
    if (!make || arena->n_classes == SIZE_CLASSES)
        return NULL;
    size_class *fresh = &arena->classes[arena->n_classes++];
    *fresh = (size_class){.size = size};
    return fresh;
}

/* A class whose blocks are waiting, of this size, or not much larger where it is worth cutting: memory that is used
 * again is still in cache. NULL where there is none. */
static size_class *find_waiting(tide_arena *arena, size_t size)
{
    size_class *class = find_class(arena, size, 0);
    if (class != NULL && class->blocks != NULL)
        return class;
    for (size_t i = 0; i < arena->n_classes && size >= LEAST_CUT; i++) {
        class = &arena->classes[i];
        if (class->blocks != NULL && class->size > size && class->size / MOST_TIMES <= size)
            return class;
    }
    return NULL;
}

tide_status tide_arena_take(tide_arena *arena, size_t bytes, void **block)
{
    *block = NULL;
    if (bytes > PTRDIFF_MAX - TIDE_ALIGNMENT)
        return tide_fail(TIDE_MEMORY, "arena: %zu bytes are more than a process can hold", bytes);
    size_t size = round_up(bytes == 0 ? 1 : bytes, TIDE_ALIGNMENT);
    size_class *class = find_waiting(arena, size);
    if (class != NULL) {
        *block = class->blocks;
        class->blocks = class->blocks->next;
        if (class->size > size)
            tide_arena_give_back(arena, (char *)*block + size, class->size - size);
        return TIDE_OK;
    }
    if (arena->newest == NULL || arena->newest->size - arena->newest->used < size) {
        size_t wanted = arena->capacity == 0 ? FIRST_CHUNK : arena->capacity; /* twice as much, if it may be */
        bool fits = wanted > size && arena->capacity <= arena->limit && wanted <= arena->limit - arena->capacity;
        TIDE_TRY(add_chunk(arena, fits ? wanted : size));
    }
    *block = arena->newest->memory + arena->newest->used;
    arena->newest->used += size;
    return TIDE_OK;
}

void tide_arena_give_back(tide_arena *arena, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    size_class *class = find_class(arena, round_up(bytes == 0 ? 1 : bytes, TIDE_ALIGNMENT), 1);
    if (class == NULL)
        return;
    free_block *freed = block;
    freed->next = class->blocks;
    class->blocks = freed;
}

void tide_arena_rewind(tide_arena *arena)
{
    arena->n_classes = 0;
    if (arena->newest != NULL && arena->newest->older != NULL) {
        /* The step outgrew one chunk: hold as much in a single one from now on. */
        size_t capacity = arena->capacity;
        free_chunks(arena);
        if (add_chunk(arena, capacity) != TIDE_OK)
            return; /* the next take reports it */
    }
    if (arena->newest != NULL)
        arena->newest->used = 0;
}

void tide_arena_set_limit(tide_arena *arena, size_t bytes)
{
    arena->limit = bytes;
}

size_t tide_arena_capacity(const tide_arena *arena)
{
    return arena->capacity;
}
