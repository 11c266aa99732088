#include "data/dataset.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

tide_dataset *tide_dataset_retain(tide_dataset *dataset)
{
    dataset->holders++;
    return dataset;
}

void tide_dataset_release(tide_dataset *dataset)
{
    if (dataset == NULL || --dataset->holders > 0)
        return;
    tide_free(dataset->rows);
    tide_free(dataset->timeouts);
    tide_free(dataset->qpos);
    tide_free(dataset->qvel);
    tide_free(dataset);
}

/* With m and v the mean and variance of the n rows there are, zeros up to N rows give
 * mean m n / N and variance v n / N + m^2 (n / N) (1 - n / N). */
tide_status tide_dataset_statistics(const tide_dataset *dataset, size_t padded_rows, float *mean, float *std)
{
    size_t n = dataset->count, dim = dataset->layout.observation_dim, stride = dataset->layout.stride;
    if (padded_rows != 0 && padded_rows < n)
        return tide_fail(TIDE_ARGUMENT, "statistics: padded to %zu rows, the dataset has %zu already", padded_rows, n);
    double share = padded_rows == 0 ? 1.0 : (double)n / (double)padded_rows;
    double more = padded_rows == 0 ? 0.0 : 1e-3;
    for (size_t j = 0; j < dim; j++) {
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i < n; i++)
            sum += (double)dataset->rows[i * stride + j];
        double m = sum / (double)n;
        for (size_t i = 0; i < n; i++) {
            double d = (double)dataset->rows[i * stride + j] - m;
            squares += d * d;
        }
        double variance = squares / (double)n * share + m * m * share * (1.0 - share);
        mean[j] = (float)(m * share);
        std[j] = (float)(sqrt(variance) + more);
    }
    return TIDE_OK;
}
