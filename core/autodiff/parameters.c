#include "autodiff/parameters.h"

#include <string.h>

#include "base/alloc.h"

struct tide_storage {
    size_t holders;
    float *memory; /* values, then gradients */
};

static tide_status storage_create(tide_storage **storage, size_t count)
{
    tide_storage *fresh;
    TIDE_TRY(tide_alloc(sizeof *fresh, (void **)&fresh));
    /* An empty block has an address too: memcpy and memset take no null, even for 0 bytes. */
    tide_status status = tide_alloc_array(count > 0 ? count : 1, 2 * sizeof(float), (void **)&fresh->memory);
    if (status != TIDE_OK) {
        tide_free(fresh);
        return status;
    }
    *storage = fresh;
    return TIDE_OK;
}

tide_storage *tide_parameters_hold(const tide_parameters *block)
{
    block->storage->holders++;
    return block->storage;
}

void tide_parameters_let_go(tide_storage *storage)
{
    if (storage == NULL || --storage->holders > 0)
        return;
    tide_free(storage->memory);
    tide_free(storage);
}

tide_status tide_parameters_create(tide_parameters **block, size_t count)
{
    *block = NULL;
    tide_parameters *fresh;
    TIDE_TRY(tide_alloc(sizeof *fresh, (void **)&fresh));
    tide_status status = storage_create(&fresh->storage, count);
    if (status != TIDE_OK) {
        tide_free(fresh);
        return status;
    }
    fresh->storage->holders = 1;
    fresh->values = fresh->storage->memory;
    fresh->gradients = fresh->storage->memory + count;
    fresh->count = count;
    fresh->trainable = true;
    *block = fresh;
    return TIDE_OK;
}

void tide_parameters_destroy(tide_parameters *block)
{
    if (block == NULL)
        return;
    tide_parameters_let_go(block->storage);
    tide_free(block);
}

/* Blocks start on cache lines. */
static size_t room_for(const tide_parameters *block)
{
    const size_t line = TIDE_ALIGNMENT / sizeof(float);
    return (block->count + line - 1) / line * line;
}

tide_status tide_parameters_join(tide_parameters **blocks, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += room_for(blocks[i]);
    tide_storage *joined;
    TIDE_TRY(storage_create(&joined, total));
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        tide_parameters *block = blocks[i];
        memcpy(joined->memory + offset, block->values, block->count * sizeof(float));
        tide_parameters_let_go(block->storage);
        joined->holders++;
        block->storage = joined;
        block->values = joined->memory + offset;
        block->gradients = joined->memory + total + offset;
        block->has_gradient = false;
        block->version++; /* a graph over the old memory is stale */
        offset += room_for(block);
    }
    return TIDE_OK;
}

void tide_parameters_touch(tide_parameters *block)
{
    block->version++;
}

static void polyak(float *restrict target, const float *restrict source, size_t n, float tau)
{
    for (size_t i = 0; i < n; i++)
        target[i] += tau * (source[i] - target[i]);
}

tide_status tide_parameters_polyak(tide_parameters *target, const tide_parameters *source, float tau)
{
    if (target->count != source->count)
        return tide_fail(TIDE_SHAPE, "polyak: the target has %zu parameters, the source %zu", target->count,
                         source->count);
    if (target == source)
        return TIDE_OK;
    if (tau == 1.0f)
        memcpy(target->values, source->values, target->count * sizeof(float));
    else
        polyak(target->values, source->values, target->count, tau);
    target->version++;
    return TIDE_OK;
}
