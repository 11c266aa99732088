/* Memory: counted blocks and the arena. */
#include "../testing.h"

#include "base/alloc.h"

START_TEST(blocks_are_aligned_zeroed_and_counted)
{
    uint64_t before = tide_alloc_total();
    void *block;
    MUST(tide_alloc(100, &block));
    ck_assert_uint_eq((uintptr_t)block % TIDE_ALIGNMENT, 0);
    for (size_t i = 0; i < 100; i++)
        ck_assert_int_eq(((char *)block)[i], 0);
    EXPECT(tide_alloc_total() >= before + 100);
    uint64_t after = tide_alloc_total();
    tide_free(block);
    EXPECT(tide_alloc_total() == after);
    MUST(tide_alloc(0, &block));
    ck_assert_ptr_null(block);
    tide_free(NULL);
}
END_TEST

START_TEST(blocks_in_large_pages_are_blocks_like_others)
{
    static const size_t SIZES[] = {0, 1, 100, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 21000003};
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) {
        size_t n = SIZES[k];
        void *block;
        uint64_t before = tide_alloc_total();
        MUST(tide_alloc_whole(n, 1, &block));
        EXPECT(tide_alloc_total() >= before + n);
        ck_assert(n == 0 ? block == NULL : (uintptr_t)block % TIDE_ALIGNMENT == 0);
        if (n >= 8 << 20)
            ck_assert_uint_eq((uintptr_t)block % (2 << 20), 0);
        for (size_t i = 0; i < n; i += 4095)
            ((unsigned char *)block)[i] = (unsigned char)(i % 251);
        for (size_t i = 0; i < n; i += 4095)
            EXPECT(((unsigned char *)block)[i] == i % 251);
        tide_free(block);
    }
    void *block = &block;
    MUST_FAIL(tide_alloc_whole(SIZE_MAX / 4, 8, &block), TIDE_MEMORY, "8 bytes");
    ck_assert_ptr_null(block);
    MUST_FAIL(tide_alloc_whole((size_t)1 << 59, 2, &block), TIDE_MEMORY, "the system has no");
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    void *block = &block;
    MUST_FAIL(tide_alloc_array(SIZE_MAX / 4, 8, &block), TIDE_MEMORY, "8 bytes");
    ck_assert_ptr_null(block);
    MUST_FAIL(tide_alloc(SIZE_MAX, &block), TIDE_MEMORY, "more than a process can hold");
    MUST_FAIL(tide_alloc(SIZE_MAX - 10, &block), TIDE_MEMORY, "more than a process can hold");
    MUST_FAIL(tide_alloc((size_t)1 << 60, &block), TIDE_MEMORY, "the system has no");
    MUST(tide_alloc_array(7, 0, &block));
    ck_assert_ptr_null(block);
}
END_TEST

START_TEST(arena_blocks_do_not_overlap)
{
    tide_arena *arena;
    MUST(tide_arena_create(&arena));
    enum { N = 500 };
    unsigned char *blocks[N];
    size_t sizes[N];
    tide_rng rng = testing_rng("arena");
    for (size_t i = 0; i < N; i++) {
        uint64_t size;
        tide_rng_indices(&rng, &size, 1, 40000);
        sizes[i] = size;
        void *block;
        MUST(tide_arena_take(arena, sizes[i], &block));
        blocks[i] = block;
        ck_assert_uint_eq((uintptr_t)block % TIDE_ALIGNMENT, 0);
        memset(block, (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            EXPECT(blocks[i][j] == i % 251);
    tide_arena_destroy(arena);
}
END_TEST

START_TEST(a_block_given_back_serves_the_next_of_its_size)
{
    tide_arena *arena;
    MUST(tide_arena_create(&arena));
    void *a, *b, *c;
    MUST(tide_arena_take(arena, 1000, &a));
    MUST(tide_arena_take(arena, 2000, &b));
    tide_arena_give_back(arena, a, 1000);
    MUST(tide_arena_take(arena, 2000, &c));
    ck_assert_ptr_ne(c, a);
    MUST(tide_arena_take(arena, 1000, &c));
    ck_assert_ptr_eq(c, a);
    tide_arena_give_back(arena, NULL, 10);
    for (size_t size = 1; size < 64 * 300; size += 64) { /* more sizes than the arena has lists for */
        MUST(tide_arena_take(arena, size, &a));
        tide_arena_give_back(arena, a, size);
    }
    tide_arena_destroy(arena);
}
END_TEST

START_TEST(a_block_given_back_serves_smaller_ones_without_overlap)
{
    enum { SIZE = 1 << 20 };
    tide_arena *arena;
    MUST(tide_arena_create(&arena));
    void *block, *half, *rest, *other;
    MUST(tide_arena_take(arena, SIZE, &block));
    tide_arena_give_back(arena, block, SIZE);
    MUST(tide_arena_take(arena, SIZE / 8, &other)); /* too small for it */
    ck_assert(other < block || (char *)other >= (char *)block + SIZE);
    MUST(tide_arena_take(arena, SIZE / 2, &half));
    ck_assert_ptr_eq(half, block);
    MUST(tide_arena_take(arena, SIZE / 2 - 1000, &rest));
    ck_assert_ptr_eq(rest, (char *)block + SIZE / 2);
    ck_assert_uint_eq((uintptr_t)rest % TIDE_ALIGNMENT, 0);
    MUST(tide_arena_take(arena, SIZE, &other)); /* nothing of it is left */
    ck_assert((char *)other + SIZE <= (char *)block || (char *)other >= (char *)block + SIZE);
    tide_arena_give_back(arena, half, SIZE / 2);
    MUST(tide_arena_take(arena, SIZE / 2, &other));
    ck_assert_ptr_eq(other, half);
    tide_arena_destroy(arena);
}
END_TEST

START_TEST(a_warm_arena_asks_for_nothing)
{
    tide_arena *arena;
    MUST(tide_arena_create(&arena));
    uint64_t after_warm_up = 0;
    for (int step = 0; step < 5; step++) {
        if (step == 2)
            after_warm_up = tide_alloc_total();
        for (size_t i = 0; i < 100; i++) {
            void *block;
            MUST(tide_arena_take(arena, 50000 + 640 * i, &block));
            if (i % 3 == 0)
                tide_arena_give_back(arena, block, 50000 + 640 * i);
        }
        tide_arena_rewind(arena);
    }
    EXPECT(tide_alloc_total() == after_warm_up);
    tide_arena_destroy(arena);
}
END_TEST

START_TEST(the_limit_counts_what_is_held_not_how_it_grows)
{
    tide_arena *arena;
    MUST(tide_arena_create(&arena));
    tide_arena_set_limit(arena, 10 << 20);
    void *block;
    for (int i = 0; i < 9; i++) /* doubling would ask for 16 MiB on the way */
        MUST(tide_arena_take(arena, 1 << 20, &block));
    MUST_FAIL(tide_arena_take(arena, 2 << 20, &block), TIDE_MEMORY, "the limit is 10485760");
    EXPECT(tide_arena_capacity(arena) <= 10 << 20);
    tide_arena_rewind(arena);
    MUST(tide_arena_take(arena, 1 << 20, &block));
    MUST_FAIL(tide_arena_take(arena, SIZE_MAX - 8, &block), TIDE_MEMORY, "more than a process can hold");
    tide_arena_destroy(arena);
    tide_arena_destroy(NULL);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, blocks_are_aligned_zeroed_and_counted);
    tcase_add_test(tests, blocks_in_large_pages_are_blocks_like_others);
    tcase_add_test(tests, sizes_that_overflow_are_refused);
    tcase_add_test(tests, arena_blocks_do_not_overlap);
    tcase_add_test(tests, a_block_given_back_serves_the_next_of_its_size);
    tcase_add_test(tests, a_block_given_back_serves_smaller_ones_without_overlap);
    tcase_add_test(tests, a_warm_arena_asks_for_nothing);
    tcase_add_test(tests, the_limit_counts_what_is_held_not_how_it_grows);
}

int main(void)
{
    return testing_run("alloc", add);
}
