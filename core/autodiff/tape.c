#include "autodiff/tape.h"

#include <math.h>
#include <string.h>

struct tide_tape {
    tide_arena *arena;
    tide_value **records; /* tracked values in the order in which they were made */
    size_t n_records, capacity;
    uint64_t step;
    bool recording;
};

tide_status tide_tape_create(tide_tape **tape)
{
    *tape = NULL;
    tide_tape *fresh;
    TIDE_TRY(tide_alloc(sizeof *fresh, (void **)&fresh));
    tide_status status = tide_arena_create(&fresh->arena);
    if (status != TIDE_OK) {
        tide_free(fresh);
        return status;
    }
    fresh->step = 1;
    fresh->recording = true;
    *tape = fresh;
    return TIDE_OK;
}

void tide_tape_destroy(tide_tape *tape)
{
    if (tape == NULL)
        return;
    tide_arena_destroy(tape->arena);
    tide_free(tape->records);
    tide_free(tape);
}

void tide_tape_end_step(tide_tape *tape)
{
    tide_arena_rewind(tape->arena);
    tape->n_records = 0;
    tape->step++;
}

uint64_t tide_tape_step(const tide_tape *tape)
{
    return tape->step;
}

bool tide_tape_set_recording(tide_tape *tape, bool recording)
{
    bool before = tape->recording;
    tape->recording = recording;
    return before;
}

tide_arena *tide_tape_arena(tide_tape *tape)
{
    return tape->arena;
}

static tide_status append_record(tide_tape *tape, tide_value *value)
{
    if (tape->n_records == tape->capacity) {
        size_t capacity = tape->capacity == 0 ? 256 : 2 * tape->capacity;
        tide_value **records;
        TIDE_TRY(tide_alloc_array(capacity, sizeof *records, (void **)&records));
        if (tape->n_records > 0)
            memcpy(records, tape->records, tape->n_records * sizeof *records);
        tide_free(tape->records);
        tape->records = records;
        tape->capacity = capacity;
    }
    value->index = tape->n_records;
    tape->records[tape->n_records++] = value;
    return TIDE_OK;
}

tide_status tide_tape_leaf(tide_tape *tape, const tide_tensor *tensor, tide_value **value)
{
    TIDE_TRY(tide_arena_take(tape->arena, sizeof **value, (void **)value));
    **value = (tide_value){.tensor = *tensor};
    (*value)->changes = &(*value)->own_changes;
    return TIDE_OK;
}

tide_status tide_tape_view(tide_tape *tape, const tide_value *source, const tide_tensor *tensor, tide_value **value)
{
    TIDE_TRY(tide_tape_leaf(tape, tensor, value));
    (*value)->changes = source->changes;
    return TIDE_OK;
}

void tide_tape_touch(tide_value *value)
{
    ++*value->changes;
}

tide_status tide_tape_parameter(tide_tape *tape, tide_parameters *block, const tide_tensor *tensor, tide_value **value)
{
    TIDE_TRY(tide_tape_leaf(tape, tensor, value));
    (*value)->parameters = block;
    (*value)->version = block->version;
    (*value)->changes = &block->version;
    if (tape->recording && block->trainable) {
        TIDE_TRY(append_record(tape, *value));
        (*value)->tracked = true;
    }
    return TIDE_OK;
}

tide_status tide_tape_fresh(tide_tape *tape, size_t rank, const size_t *dims, tide_value **value)
{
    size_t count;
    TIDE_TRY(tide_tensor_check_dims(rank, dims, &count));
    void *data;
    TIDE_TRY(tide_arena_take(tape->arena, count * sizeof(float), &data));
    tide_tensor tensor = tide_tensor_make(data, rank, dims);
    return tide_tape_leaf(tape, &tensor, value);
}

bool tide_tape_would_record(const tide_tape *tape, tide_value *const *inputs, size_t n, const tide_parameters *block)
{
    if (!tape->recording)
        return false;
    bool tracked = block != NULL && block->trainable;
    for (size_t i = 0; i < n; i++)
        tracked |= inputs[i]->tracked;
    return tracked;
}

/* Counters only rise, so an equal sum means that none of them has. */
static uint64_t changes_around(const tide_value *value)
{
    uint64_t sum = *value->changes;
    for (size_t i = 0; i < value->n_inputs; i++)
        sum += *value->inputs[i]->changes;
    return sum;
}

tide_status tide_tape_record(tide_tape *tape, tide_value *value, const tide_op *op, tide_value *const *inputs, size_t n,
                             tide_parameters *block, void *saved)
{
    if (!tide_tape_would_record(tape, inputs, n, block))
        return TIDE_OK;
    if (n > 0) {
        TIDE_TRY(tide_arena_take(tape->arena, n * sizeof(tide_value *), (void **)&value->inputs));
        memcpy(value->inputs, inputs, n * sizeof(tide_value *));
    }
    TIDE_TRY(append_record(tape, value));
    value->n_inputs = n;
    value->op = op;
    value->parameters = block;
    value->version = block != NULL ? block->version : 0;
    value->seen = changes_around(value);
    value->saved = saved;
    value->tracked = true;
    return TIDE_OK;
}

tide_status tide_tape_gradient(tide_tape *tape, tide_value *input, float **gradient, bool *fresh)
{
    *fresh = input->gradient == NULL;
    if (*fresh)
        TIDE_TRY(
            tide_arena_take(tape->arena, tide_tensor_count(&input->tensor) * sizeof(float), (void **)&input->gradient));
    *gradient = input->gradient;
    return TIDE_OK;
}

tide_status tide_tape_gradient_zeroed(tide_tape *tape, tide_value *input, float **gradient)
{
    bool fresh;
    TIDE_TRY(tide_tape_gradient(tape, input, gradient, &fresh));
    if (fresh)
        memset(*gradient, 0, tide_tensor_count(&input->tensor) * sizeof(float));
    return TIDE_OK;
}

/* Marks, in the order of recording, what leads from a wanted block to the loss. */
static void mark_wanted(tide_tape *tape, size_t last, bool all)
{
    for (size_t i = 0; i <= last; i++) {
        tide_value *value = tape->records[i];
        tide_parameters *block = value->parameters;
        if (all && block != NULL && block->trainable)
            block->wanted = true;
        bool wanted = block != NULL && block->trainable && block->wanted;
        for (size_t j = 0; j < value->n_inputs; j++)
            wanted |= value->inputs[j]->tracked && value->inputs[j]->wanted;
        value->wanted = wanted;
        value->reached = false;
        value->gradient = NULL;
    }
}

static tide_status check_value(const tide_value *value)
{
    const char *name = value->op != NULL ? value->op->name : "a trainable tensor";
    if (value->walked)
        return tide_fail(TIDE_STATE,
                         "backward: %s was walked already; keep the graph with retain = true to walk it twice", name);
    if (value->parameters != NULL && value->version != value->parameters->version)
        return tide_fail(TIDE_STATE, "backward: the parameters of %s changed after the loss was computed", name);
    if (value->op != NULL && value->op->reads && value->seen != changes_around(value))
        return tide_fail(TIDE_STATE,
                         "backward: elements that %s read or made were overwritten after the loss was computed", name);
    return TIDE_OK;
}

/* Checks all that the walk will visit, before any gradient changes. */
static tide_status check_walk(tide_tape *tape, tide_value *loss)
{
    loss->reached = true;
    for (size_t i = loss->index + 1; i-- > 0;) {
        tide_value *value = tape->records[i];
        if (!value->reached || !value->wanted)
            continue;
        TIDE_TRY(check_value(value));
        for (size_t j = 0; j < value->n_inputs; j++)
            value->inputs[j]->reached = true;
    }
    return TIDE_OK;
}

/* A parameter leaf hands its gradient to its block. */
static void collect_leaf(tide_value *leaf)
{
    tide_parameters *block = leaf->parameters;
    size_t n = tide_tensor_count(&leaf->tensor);
    float *into = block->gradients + (leaf->tensor.data - block->values);
    if (!block->has_gradient) {
        memset(block->gradients, 0, block->count * sizeof(float));
        block->has_gradient = true;
    }
    for (size_t i = 0; i < n; i++)
        into[i] += leaf->gradient[i];
}

static tide_status walk_value(tide_tape *tape, tide_value *value, bool retain)
{
    if (value->op == NULL) {
        collect_leaf(value);
    } else {
        TIDE_TRY(value->op->backward(tape, value));
        if (!retain) {
            value->walked = true;
            if (value->op->release != NULL)
                value->op->release(tape, value);
        }
    }
    tide_arena_give_back(tape->arena, value->gradient, tide_tensor_count(&value->tensor) * sizeof(float));
    value->gradient = NULL;
    return TIDE_OK;
}

static tide_status walk(tide_tape *tape, tide_value *loss, bool all, bool retain)
{
    mark_wanted(tape, loss->index, all);
    if (!loss->wanted)
        return tide_fail(TIDE_STATE, "backward: none of the wanted parameters leads to this loss");
    TIDE_TRY(check_walk(tape, loss));
    float *gradient;
    bool fresh;
    TIDE_TRY(tide_tape_gradient(tape, loss, &gradient, &fresh));
    gradient[0] = 1.0f;
    for (size_t i = loss->index + 1; i-- > 0;) {
        tide_value *value = tape->records[i];
        if (value->gradient != NULL && value->wanted)
            TIDE_TRY(walk_value(tape, value, retain));
    }
    return TIDE_OK;
}

tide_status tide_tape_backward(tide_tape *tape, tide_value *loss, tide_parameters *const *blocks, size_t n, bool retain)
{
    char text[TIDE_SHAPE_TEXT];
    if (tide_tensor_count(&loss->tensor) != 1)
        return tide_fail(TIDE_SHAPE, "backward: a loss has one element, this has shape %s",
                         tide_tensor_shape_text(&loss->tensor, text));
    if (!loss->tracked)
        return tide_fail(TIDE_STATE, "backward: nothing trainable leads to this loss");
    if (!isfinite(loss->tensor.data[0]))
        return tide_fail(TIDE_NUMERIC, "backward: the loss is %g", (double)loss->tensor.data[0]);
    for (size_t i = 0; i < n; i++)
        blocks[i]->wanted = true;
    tide_status status = walk(tape, loss, n == 0, retain);
    for (size_t i = 0; i < n; i++)
        blocks[i]->wanted = false;
    for (size_t i = 0; n == 0 && i <= loss->index; i++)
        if (tape->records[i]->parameters != NULL)
            tape->records[i]->parameters->wanted = false;
    return status;
}
