/* Elementary functions against libm in double: how many units in the last place they are off. */
#include "../testing.h"

#include "base/vmath.h"

/* |got - wanted| in units of the last place of a float of wanted's size. */
static double ulps(float got, double wanted)
{
    int exponent;
    frexp(wanted, &exponent);
    double unit = ldexp(1.0, exponent - 24);
    if (unit < 0x1p-149)
        unit = 0x1p-149;
    return fabs((double)got - wanted) / unit;
}

static double worst_of(float (*f)(float), double (*reference)(double), float low, float high)
{
    enum { POINTS = 2000000 };
    double worst = 0.0;
    float at = 0.0f;
    for (int i = 0; i <= POINTS; i++) {
        float x = (float)((double)low + ((double)high - (double)low) * i / POINTS);
        double off = ulps(f(x), reference((double)x));
        if (!(off <= worst)) {
            worst = off;
            at = x;
        }
    }
    printf("worst on [%g, %g]: %.2f ulp at %.9g\n", (double)low, (double)high, worst, (double)at);
    return worst;
}

/* f over all magnitudes: x = +-2^e (1 + fraction) */
static double worst_over_magnitudes(float (*f)(float), double (*reference)(double), int from, int to, bool negative)
{
    double worst = 0.0;
    for (int e = from; e <= to; e++) {
        for (int i = 0; i < 4096; i++) {
            float x = (float)ldexp(1.0 + i / 4096.0, e) * (negative ? -1.0f : 1.0f);
            worst = fmax(worst, ulps(f(x), reference((double)x)));
        }
    }
    printf("worst from 2^%d to 2^%d: %.2f ulp\n", from, to, worst);
    return worst;
}

static double softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return x >= 0.0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
}

START_TEST(exp_is_within_2_ulp)
{
    ck_assert_double_lt(worst_of(tide_expf, exp, -87.0f, 88.0f), 2.0);
    ck_assert_double_lt(worst_of(tide_expf, exp, -1.0f, 1.0f), 2.0);
}
END_TEST

START_TEST(exp_holds_its_ends_and_passes_nan)
{
    EXPECT(tide_expf(0.0f) == 1.0f);
    EXPECT(tide_expf(-1e30f) == tide_expf(-87.0f) && tide_expf(-INFINITY) == tide_expf(-87.0f));
    EXPECT(tide_expf(1e30f) == tide_expf(88.0f) && tide_expf(INFINITY) == tide_expf(88.0f));
    EXPECT(isnan(tide_expf(NAN)));
}
END_TEST

START_TEST(log_is_within_2_ulp)
{
    ck_assert_double_lt(worst_of(tide_logf, log, 0.5f, 2.0f), 2.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_logf, log, -126, 126, false), 2.0);
    EXPECT(tide_logf(1.0f) == 0.0f);
}
END_TEST

START_TEST(softplus_is_within_4_ulp_in_both_tails)
{
    ck_assert_double_lt(worst_of(tide_softplusf, softplus, -87.0f, 20.0f), 4.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_softplusf, softplus, -60, 60, false), 4.0);
    EXPECT(tide_softplusf(1e30f) == 1e30f && tide_softplusf(INFINITY) == INFINITY);
    EXPECT(tide_softplusf(-1e30f) >= 0.0f && tide_softplusf(-1e30f) < 1e-37f);
    EXPECT(isnan(tide_softplusf(NAN)));
}
END_TEST

START_TEST(sigmoid_is_within_4_ulp)
{
    ck_assert_double_lt(worst_of(tide_sigmoidf, sigmoid, -80.0f, 20.0f), 4.0);
    EXPECT(tide_sigmoidf(0.0f) == 0.5f && tide_sigmoidf(1e30f) == 1.0f && tide_sigmoidf(-1e30f) < 1e-37f);
    EXPECT(isnan(tide_sigmoidf(NAN)));
}
END_TEST

START_TEST(tanh_is_within_4_ulp_and_odd)
{
    ck_assert_double_lt(worst_of(tide_tanhf, tanh, -10.0f, 10.0f), 4.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_tanhf, tanh, -60, 6, false), 4.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_tanhf, tanh, -60, 6, true), 4.0);
    EXPECT(tide_tanhf(1e30f) == 1.0f && tide_tanhf(-INFINITY) == -1.0f);
    EXPECT(tide_tanhf(0.0f) == 0.0f && signbit(tide_tanhf(-0.0f)));
    EXPECT(isnan(tide_tanhf(NAN)));
    for (float x = -1000.0f; x < 1000.0f; x += 0.37f)
        EXPECT(fabsf(tide_tanhf(x)) <= 1.0f);
}
END_TEST

START_TEST(atanh_is_within_4_ulp_and_odd)
{
    ck_assert_double_lt(worst_of(tide_atanhf, atanh, -1.0f + 1e-6f, 1.0f - 1e-6f), 4.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_atanhf, atanh, -60, -1, false), 4.0);
    ck_assert_double_lt(worst_over_magnitudes(tide_atanhf, atanh, -60, -1, true), 4.0);
    EXPECT(tide_atanhf(0.0f) == 0.0f && signbit(tide_atanhf(-0.0f)));
    EXPECT(isnan(tide_atanhf(NAN)));
}
END_TEST

/* Near its zeros sin loses relative digits for want of digits in u; the absolute error is what counts. */
START_TEST(sincos_turn_is_within_1e_7)
{
    enum { POINTS = 1 << 20 };
    double worst = 0.0;
    for (int i = 0; i < POINTS; i++) {
        float u = (float)i / POINTS, sine, cosine;
        tide_sincos_turnf(u, &sine, &cosine);
        double angle = 2.0 * 3.14159265358979323846 * (double)u;
        worst = fmax(worst, fmax(fabs((double)sine - sin(angle)), fabs((double)cosine - cos(angle))));
        EXPECT(fabsf(sine) <= 1.0f && fabsf(cosine) <= 1.0f);
    }
    printf("worst sine or cosine: %.3g\n", worst);
    ck_assert_double_lt(worst, 1.2e-7);
}
END_TEST

/* An element's bits do not depend on its place: the vectorised body and the rest of a loop agree. */
START_TEST(the_place_in_an_array_does_not_matter)
{
    enum { N = 67 };
    tide_rng rng = testing_rng("vmath");
    float x[N], y[N];
    tide_rng_uniform(&rng, x, N, -20.0f, 20.0f);
    for (size_t i = 0; i < N; i++)
        y[i] = tide_softplusf(x[i]) + tide_tanhf(x[i]) + tide_expf(x[i]);
    for (size_t i = 0; i < N; i++) {
        volatile float alone = x[i];
        float one = tide_softplusf(alone) + tide_tanhf(alone) + tide_expf(alone);
        ck_assert_mem_eq(&one, &y[i], sizeof one);
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, exp_is_within_2_ulp);
    tcase_add_test(tests, exp_holds_its_ends_and_passes_nan);
    tcase_add_test(tests, log_is_within_2_ulp);
    tcase_add_test(tests, softplus_is_within_4_ulp_in_both_tails);
    tcase_add_test(tests, sigmoid_is_within_4_ulp);
    tcase_add_test(tests, tanh_is_within_4_ulp_and_odd);
    tcase_add_test(tests, atanh_is_within_4_ulp_and_odd);
    tcase_add_test(tests, sincos_turn_is_within_1e_7);
    tcase_add_test(tests, the_place_in_an_array_does_not_matter);
}

int main(void)
{
    return testing_run("vmath", add);
}
