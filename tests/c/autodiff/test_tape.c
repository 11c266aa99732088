/* The tape: what backward visits, refuses and releases; how a step ends. */
#include "../testing.h"

#include "autodiff/elementwise.h"
#include "autodiff/reduce.h"
#include "autodiff/shape.h"
#include "autodiff/tape.h"

enum { N = 4 };

static tide_tape *tape;
static tide_parameters *p, *q;
static const size_t dims[] = {N};

static tide_value *leaf_of(tide_parameters *block)
{
    tide_tensor t = tide_tensor_make(block->values, 1, dims);
    tide_value *value;
    MUST(tide_tape_parameter(tape, block, &t, &value));
    return value;
}

static tide_value *binary(tide_binary kind, tide_value *a, tide_value *b)
{
    tide_value *out;
    MUST(tide_binary_op(tape, kind, a, b, &out));
    return out;
}

static tide_value *sum(tide_value *a)
{
    tide_value *out;
    MUST(tide_reduce(tape, TIDE_SUM, a, TIDE_ALL, &out));
    return out;
}

static void begin(void)
{
    MUST(tide_tape_create(&tape));
    MUST(tide_parameters_create(&p, N));
    MUST(tide_parameters_create(&q, N));
    for (size_t i = 0; i < N; i++) {
        p->values[i] = (float)(i + 1);
        q->values[i] = 10.0f * (float)(i + 1);
    }
}

static void end(void)
{
    tide_parameters_destroy(p);
    tide_parameters_destroy(q);
    tide_tape_destroy(tape);
}

START_TEST(gradients_come_only_where_they_are_wanted)
{
    tide_value *loss = sum(binary(TIDE_MULTIPLY, leaf_of(p), leaf_of(q)));
    MUST(tide_tape_backward(tape, loss, &p, 1, true));
    EXPECT(p->has_gradient && !q->has_gradient && !p->wanted && !q->wanted);
    for (size_t i = 0; i < N; i++)
        EXPECT(p->gradients[i] == q->values[i]);
    p->has_gradient = false;
    MUST(tide_tape_backward(tape, loss, NULL, 0, false)); /* without a list: everything */
    EXPECT(p->has_gradient && q->has_gradient && !p->wanted && !q->wanted);
    EXPECT(q->gradients[2] == p->values[2]);
}
END_TEST

START_TEST(gradients_add_up_until_they_are_forgotten)
{
    for (int round = 1; round <= 3; round++) {
        MUST(tide_tape_backward(tape, sum(binary(TIDE_MULTIPLY, leaf_of(p), leaf_of(q))), &p, 1, false));
        EXPECT(p->gradients[1] == (float)round * q->values[1]);
        tide_tape_end_step(tape);
    }
}
END_TEST

START_TEST(a_graph_is_walked_twice_only_if_kept)
{
    tide_value *loss = sum(binary(TIDE_MULTIPLY, leaf_of(p), leaf_of(q)));
    MUST(tide_tape_backward(tape, loss, &p, 1, true));
    MUST(tide_tape_backward(tape, loss, &p, 1, false));
    EXPECT(p->gradients[0] == 2.0f * q->values[0]);
    MUST_FAIL(tide_tape_backward(tape, loss, &p, 1, false), TIDE_STATE, "walked already");
    EXPECT(p->gradients[0] == 2.0f * q->values[0]);
}
END_TEST

/* A shared trunk walked by the first loss: the second is refused before any gradient has changed. */
START_TEST(a_refused_backward_changes_no_gradient)
{
    tide_value *trunk = binary(TIDE_MULTIPLY, leaf_of(p), leaf_of(p));
    MUST(tide_tape_backward(tape, sum(trunk), &p, 1, false));
    float kept = p->gradients[0];
    tide_value *loss = sum(binary(TIDE_MULTIPLY, trunk, leaf_of(q)));
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "walked already");
    EXPECT(!q->has_gradient && p->gradients[0] == kept && !p->wanted && !q->wanted);
}
END_TEST

START_TEST(parameters_that_changed_are_refused)
{
    tide_value *loss = sum(binary(TIDE_ADD, leaf_of(p), leaf_of(q)));
    tide_parameters_touch(p);
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "changed after the loss");
    EXPECT(!p->has_gradient && !q->has_gradient);
    MUST(tide_tape_backward(tape, loss, &q, 1, false)); /* q's gradient does not need p */
}
END_TEST

START_TEST(elements_that_changed_are_refused_where_backward_reads_them)
{
    tide_value *data, *loss;
    MUST(tide_tape_fresh(tape, 1, dims, &data));
    for (size_t i = 0; i < N; i++)
        data->tensor.data[i] = 1.0f;
    tide_value *view;
    MUST(tide_reshape(tape, data, 2, (const size_t[]){2, 2}, &view));
    MUST(tide_reshape(tape, view, 1, dims, &view));
    loss = sum(binary(TIDE_MULTIPLY, leaf_of(p), view));
    tide_value *harmless = sum(binary(TIDE_ADD, leaf_of(p), view));
    tide_tape_touch(data); /* through the view's source */
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "overwritten");
    MUST(tide_tape_backward(tape, harmless, NULL, 0, false));
}
END_TEST

START_TEST(memory_that_moved_is_refused_not_written)
{
    tide_value *x = leaf_of(p), *loss = sum(binary(TIDE_ADD, x, leaf_of(q)));
    tide_storage *old = tide_parameters_hold(p);
    MUST(tide_parameters_join((tide_parameters *[]){q, p}, 2));
    EXPECT(x->tensor.data[3] == 4.0f); /* held: the step still reads it */
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "changed after the loss");
    tide_parameters_let_go(old);
    EXPECT(p->values[3] == 4.0f && q->values[3] == 40.0f);
}
END_TEST

START_TEST(losses_that_are_not_numbers_are_refused)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        tide_value *x = leaf_of(p), *shifted;
        MUST(tide_affine(tape, x, 1.0f, odd[i], &shifted));
        MUST_FAIL(tide_tape_backward(tape, sum(shifted), NULL, 0, false), TIDE_NUMERIC, "the loss is");
        EXPECT(!p->has_gradient);
    }
}
END_TEST

START_TEST(what_is_no_loss_is_refused)
{
    MUST_FAIL(tide_tape_backward(tape, leaf_of(p), NULL, 0, false), TIDE_SHAPE, "shape (4)");
    tide_value *data;
    MUST(tide_tape_fresh(tape, 0, NULL, &data));
    data->tensor.data[0] = 1.0f;
    MUST_FAIL(tide_tape_backward(tape, data, NULL, 0, false), TIDE_STATE, "nothing trainable");
    MUST_FAIL(tide_tape_backward(tape, sum(leaf_of(p)), &q, 1, false), TIDE_STATE, "none of the wanted");
    EXPECT(!q->wanted);
}
END_TEST

START_TEST(nothing_is_recorded_when_recording_is_off_or_parameters_are_frozen)
{
    EXPECT(tide_tape_set_recording(tape, false));
    tide_value *loss = sum(leaf_of(p));
    EXPECT(!loss->tracked);
    EXPECT(!tide_tape_set_recording(tape, true));
    p->trainable = false;
    EXPECT(!sum(leaf_of(p))->tracked);
    EXPECT(sum(binary(TIDE_ADD, leaf_of(p), leaf_of(q)))->tracked);
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "nothing trainable");
}
END_TEST

START_TEST(a_step_that_ends_takes_its_records_along)
{
    EXPECT(tide_tape_step(tape) == 1);
    (void)sum(leaf_of(p));
    tide_tape_end_step(tape);
    EXPECT(tide_tape_step(tape) == 2);
    tide_parameters_touch(p); /* the old graph would be stale */
    MUST(tide_tape_backward(tape, sum(leaf_of(p)), NULL, 0, false));
}
END_TEST

/* One larger step over all families of ops; its loss. */
static float run_step(void)
{
    tide_value *a = leaf_of(p), *b = leaf_of(q), *c, *loss;
    MUST(tide_unary_op(tape, TIDE_TANH, a, &c));
    MUST(tide_affine(tape, b, 0.01f, 0.0f, &b));
    MUST(tide_repeat_rows(tape, c, 64, &c));
    MUST(tide_repeat_rows(tape, b, 64, &b));
    MUST(tide_mse(tape, binary(TIDE_MULTIPLY, c, b), b, NULL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    float kept = loss->tensor.data[0];
    tide_tape_end_step(tape);
    return kept;
}

START_TEST(a_warm_step_allocates_nothing)
{
    run_step();
    run_step();
    uint64_t before = tide_alloc_total();
    for (int i = 0; i < 10; i++)
        run_step();
    EXPECT(tide_alloc_total() == before);
}
END_TEST

/* Memory of the arena is not zeroed: what a step reads it must have written. */
START_TEST(leftovers_of_a_past_step_change_no_bit)
{
    float first_loss = run_step(), first[N];
    memcpy(first, p->gradients, sizeof first);
    void *block;
    size_t room = tide_arena_capacity(tide_tape_arena(tape)) - 64;
    MUST(tide_arena_take(tide_tape_arena(tape), room, &block));
    memset(block, 0xFF, room); /* NaN everywhere */
    tide_tape_end_step(tape);
    p->has_gradient = q->has_gradient = false;
    float again = run_step();
    ck_assert_mem_eq(&first_loss, &again, sizeof again);
    ck_assert_mem_eq(first, p->gradients, sizeof first);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, gradients_come_only_where_they_are_wanted);
    tcase_add_test(tests, gradients_add_up_until_they_are_forgotten);
    tcase_add_test(tests, a_graph_is_walked_twice_only_if_kept);
    tcase_add_test(tests, a_refused_backward_changes_no_gradient);
    tcase_add_test(tests, parameters_that_changed_are_refused);
    tcase_add_test(tests, elements_that_changed_are_refused_where_backward_reads_them);
    tcase_add_test(tests, memory_that_moved_is_refused_not_written);
    tcase_add_test(tests, losses_that_are_not_numbers_are_refused);
    tcase_add_test(tests, what_is_no_loss_is_refused);
    tcase_add_test(tests, nothing_is_recorded_when_recording_is_off_or_parameters_are_frozen);
    tcase_add_test(tests, a_step_that_ends_takes_its_records_along);
    tcase_add_test(tests, a_warm_step_allocates_nothing);
    tcase_add_test(tests, leftovers_of_a_past_step_change_no_bit);
}

int main(void)
{
    return testing_run("tape", add);
}
