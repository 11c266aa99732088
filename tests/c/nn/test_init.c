/* Initial weights: their ranges, spreads and, for orthogonal ones, their products. */
#include "../testing.h"

#include "nn/mlp.h"

static tide_mlp *network(size_t in, size_t out)
{
    tide_mlp *mlp;
    MUST(tide_mlp_create(&mlp, (const size_t[]){in, out}, 1, (tide_mlp_options){0}));
    memset(mlp->parameters->values, 0x7F, mlp->parameters->count * sizeof(float));
    return mlp;
}

/* Uniform on [-bound, bound): all inside, the ends nearly reached, mean 0, variance bound^2 / 3. */
static void check_uniform(const float *x, size_t n, double bound)
{
    double mean = 0.0, squares = 0.0, largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)x[i] / (double)n;
        squares += (double)x[i] * (double)x[i] / (double)n;
        largest = fmax(largest, fabs((double)x[i]));
    }
    EXPECT(largest <= bound * (1.0 + 1e-6) && largest > bound * (1.0 - 20.0 / (double)n));
    NEAR(mean, 0.0, 0.0, 5.0 * bound / sqrt(3.0 * (double)n));
    NEAR(squares, bound * bound / 3.0, 5.0 * sqrt(0.8 / (double)n), 0.0);
}

START_TEST(torch_draws_weight_and_bias_within_one_over_root_in)
{
    tide_rng rng = testing_rng("init");
    tide_mlp *mlp = network(300, 200);
    MUST(tide_mlp_init_layer(mlp, 0, TIDE_INIT_TORCH, 0.0f, &rng));
    check_uniform(mlp->parameters->values + mlp->weight_at[0], 60000, 1.0 / sqrt(300.0));
    check_uniform(mlp->parameters->values + mlp->bias_at[0], 200, 1.0 / sqrt(300.0));
    tide_mlp_destroy(mlp);
}
END_TEST

START_TEST(xavier_has_its_gain_and_no_bias)
{
    static const float gains[] = {1.0f, 0.01f, 1.41421356f};
    tide_rng rng = testing_rng("init");
    for (size_t g = 0; g < 3; g++) {
        tide_mlp *mlp = network(120, 256);
        uint64_t version = mlp->parameters->version;
        MUST(tide_mlp_init_layer(mlp, 0, TIDE_INIT_XAVIER, gains[g], &rng));
        EXPECT(mlp->parameters->version != version);
        check_uniform(mlp->parameters->values + mlp->weight_at[0], 120 * 256, (double)gains[g] * sqrt(6.0 / 376.0));
        for (size_t i = 0; i < 256; i++)
            EXPECT(mlp->parameters->values[mlp->bias_at[0] + i] == 0.0f);
        tide_mlp_destroy(mlp);
    }
}
END_TEST

START_TEST(orthogonal_rows_or_columns_are_orthonormal_times_the_gain)
{
    static const size_t shapes[][2] = {{64, 64}, {17, 100}, {100, 17}, {1, 5}, {5, 1}, {1, 1}, {70, 200}};
    tide_rng rng = testing_rng("init");
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        size_t in = shapes[s][0], out = shapes[s][1], few = in < out ? in : out, many = in < out ? out : in;
        tide_mlp *mlp = network(in, out);
        MUST(tide_mlp_init_layer(mlp, 0, TIDE_INIT_ORTHOGONAL, 1.5f, &rng));
        const float *w = mlp->parameters->values + mlp->weight_at[0];
        for (size_t i = 0; i < few; i++) {
            for (size_t j = 0; j <= i; j++) {
                double dot = 0.0;
                for (size_t k = 0; k < many; k++)
                    dot += out < in ? (double)w[i * in + k] * (double)w[j * in + k]
                                    : (double)w[k * in + i] * (double)w[k * in + j];
                NEAR(dot, i == j ? 2.25 : 0.0, 0.0, 2e-6);
            }
        }
        for (size_t i = 0; i < out; i++)
            EXPECT(mlp->parameters->values[mlp->bias_at[0] + i] == 0.0f);
        tide_mlp_destroy(mlp);
    }
}
END_TEST

/* Haar measure: an entry's square has mean 1 / n, and each sign is as likely. */
START_TEST(orthogonal_matrices_have_no_preferred_direction)
{
    tide_rng rng = testing_rng("init");
    enum { ROUNDS = 2000, N = 4 };
    double mean[N * N] = {0}, squares[N * N] = {0};
    tide_mlp *mlp = network(N, N);
    for (int round = 0; round < ROUNDS; round++) {
        MUST(tide_mlp_init_layer(mlp, 0, TIDE_INIT_ORTHOGONAL, 1.0f, &rng));
        for (size_t i = 0; i < N * N; i++) {
            double x = (double)mlp->parameters->values[mlp->weight_at[0] + i];
            mean[i] += x / ROUNDS;
            squares[i] += x * x / ROUNDS;
        }
    }
    for (size_t i = 0; i < N * N; i++) {
        NEAR(mean[i], 0.0, 0.0, 5.0 * 0.5 / sqrt(ROUNDS));
        NEAR(squares[i], 0.25, 0.0, 5.0 * 0.25 / sqrt(ROUNDS));
    }
    tide_mlp_destroy(mlp);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bits)
{
    for (int scheme = TIDE_INIT_TORCH; scheme <= TIDE_INIT_ORTHOGONAL; scheme++) {
        tide_mlp *a = network(33, 20), *b = network(33, 20);
        tide_rng one = tide_rng_make(5, 2), other = tide_rng_make(5, 2), third = tide_rng_make(5, 3);
        MUST(tide_mlp_init_layer(a, 0, (tide_init)scheme, 1.0f, &one));
        MUST(tide_mlp_init_layer(b, 0, (tide_init)scheme, 1.0f, &other));
        ck_assert_mem_eq(a->parameters->values + a->weight_at[0], b->parameters->values + b->weight_at[0],
                         660 * sizeof(float));
        MUST(tide_mlp_init_layer(b, 0, (tide_init)scheme, 1.0f, &third));
        ck_assert_mem_ne(a->parameters->values + a->weight_at[0], b->parameters->values + b->weight_at[0],
                         660 * sizeof(float));
        tide_mlp_destroy(a);
        tide_mlp_destroy(b);
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, torch_draws_weight_and_bias_within_one_over_root_in);
    tcase_add_test(tests, xavier_has_its_gain_and_no_bias);
    tcase_add_test(tests, orthogonal_rows_or_columns_are_orthonormal_times_the_gain);
    tcase_add_test(tests, orthogonal_matrices_have_no_preferred_direction);
    tcase_add_test(tests, the_same_seed_gives_the_same_bits);
}

int main(void)
{
    return testing_run("init", add);
}
