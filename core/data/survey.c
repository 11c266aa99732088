#include "data/survey.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/source.h"

/* ---- tallies ---- */

static void add_row(tide_episode_tally *t, double reward, int is_end)
{
    t->running_return += reward;
    t->running_length++;
    if (!is_end)
        return;
    size_t n = t->episodes++, length = t->running_length;
    double total = t->running_return;
    t->return_min = n == 0 || total < t->return_min ? total : t->return_min;
    t->return_max = n == 0 || total > t->return_max ? total : t->return_max;
    t->length_min = n == 0 || length < t->length_min ? length : t->length_min;
    t->length_max = n == 0 || length > t->length_max ? length : t->length_max;
    t->return_sum += total;
    t->length_sum += (double)length;
    t->running_return = 0.0;
    t->running_length = 0;
}

int tide_tally_row(tide_tally *tally, int terminal, int timeout, int broken, double reward)
{
    tally->steps++;
    int is_late = tally->max_episode_steps > 0 && tally->steps >= tally->max_episode_steps;
    int cut = !terminal && (timeout || is_late);
    int unmarked = broken && !terminal && !cut;
    if (terminal || timeout || cut)
        tally->steps = 0;
    tally->rows++;
    tally->terminals += terminal != 0;
    tally->timeouts += (size_t)cut;
    tally->unmarked += (size_t)unmarked;
    add_row(&tally->marked, reward, terminal || cut);
    add_row(&tally->all, reward, terminal || cut || unmarked);
    return timeout || cut;
}

void tide_tally_finish(const tide_tally *tally, tide_dataset_info *info)
{
    int chained = tally->unmarked * 2 <= tally->rows;
    const tide_episode_tally *t = chained ? &tally->all : &tally->marked;
    info->file_rows = tally->rows;
    info->terminals = tally->terminals;
    info->timeouts = tally->timeouts;
    info->unmarked_cuts = chained ? tally->unmarked : 0;
    info->episodes = t->episodes;
    info->unfinished = t->running_length;
    info->return_min = t->return_min;
    info->return_max = t->return_max;
    info->length_min = t->length_min;
    info->length_max = t->length_max;
    info->return_mean = t->episodes == 0 ? 0.0 : t->return_sum / (double)t->episodes;
    info->length_mean = t->episodes == 0 ? 0.0 : t->length_sum / (double)t->episodes;
}

/* ---- surveys ---- */

enum { BLOCK_ROWS = 4096 };

struct tide_survey {
    tide_source source;
    tide_dataset_options options;
    tide_tally tally;
    size_t done, kept, dropped, stand_ins, unmarked_ends;
    double *mean, *squares; /* of the observations kept so far: mean, sum of squared distances from it */
    float *observations;    /* BLOCK_ROWS + 1 rows; then as many of the others */
    float *next_observations, *rewards, *terminals, *flags;
    uint8_t *timeouts;
};

static tide_status take_memory(tide_survey *s)
{
    size_t dim = s->source.observation_dim, rows = BLOCK_ROWS + 1;
    TIDE_TRY(tide_alloc_array(dim, sizeof *s->mean, (void **)&s->mean));
    TIDE_TRY(tide_alloc_array(dim, sizeof *s->squares, (void **)&s->squares));
    TIDE_TRY(tide_alloc_untouched(rows * dim, sizeof(float), (void **)&s->observations));
    TIDE_TRY(tide_alloc_untouched(rows * dim, sizeof(float), (void **)&s->next_observations));
    TIDE_TRY(tide_alloc_untouched(rows, sizeof(float), (void **)&s->rewards));
    TIDE_TRY(tide_alloc_untouched(rows, sizeof(float), (void **)&s->terminals));
    TIDE_TRY(tide_alloc_untouched(rows, sizeof(float), (void **)&s->flags));
    return tide_alloc(rows, (void **)&s->timeouts);
}

tide_status tide_survey_open(const char *path, const tide_dataset_options *options, tide_survey **survey)
{
    tide_survey *s;
    tide_layout layout;
    *survey = NULL;
    TIDE_TRY(tide_alloc(sizeof *s, (void **)&s));
    if (options != NULL)
        s->options = *options;
    s->options.infos = 0;
    s->tally.max_episode_steps = s->options.max_episode_steps;
    tide_status status = tide_source_open(path, &s->options, &s->source);
    if (status == TIDE_OK)
        status = tide_layout_make(s->source.observation_dim, s->source.action_dim, &layout);
    if (status == TIDE_OK)
        status = take_memory(s);
    if (status != TIDE_OK) {
        tide_survey_close(s);
        return status;
    }
    *survey = s;
    return TIDE_OK;
}

void tide_survey_close(tide_survey *survey)
{
    if (survey == NULL)
        return;
    tide_source_close(&survey->source);
    tide_free(survey->mean);
    tide_free(survey->squares);
    tide_free(survey->observations);
    tide_free(survey->next_observations);
    tide_free(survey->rewards);
    tide_free(survey->terminals);
    tide_free(survey->flags);
    tide_free(survey->timeouts);
    tide_free(survey);
}

/* Welford's running mean and sum of squares. */
static void keep_row(tide_survey *s, const float *observation)
{
    double share = 1.0 / (double)++s->kept;
    for (size_t j = 0; j < s->source.observation_dim; j++) {
        double x = (double)observation[j], d = x - s->mean[j];
        s->mean[j] += d * share;
        s->squares[j] += d * (x - s->mean[j]);
    }
}

/* Row i of the block, of which `is_last` is the file's last. */
static void count_row(tide_survey *s, size_t i, int is_last)
{
    size_t dim = s->source.observation_dim;
    const float *observation = s->observations + i * dim;
    int from_file = s->source.columns[TIDE_NEXT_OBSERVATIONS] != NULL, terminal = s->terminals[i] != 0.0f;
    int broken = from_file && !is_last &&
                 memcmp(s->next_observations + i * dim, observation + dim, dim * sizeof(float)) != 0;
    int cut = tide_tally_row(&s->tally, terminal, s->timeouts[i], broken, (double)s->rewards[i]);
    if (!from_file && terminal)
        s->stand_ins++;
    if (!from_file && !terminal && (cut || is_last))
        s->dropped++;
    else
        keep_row(s, observation);
}

tide_status tide_survey_step(tide_survey *survey)
{
    tide_source *source = &survey->source;
    size_t first = survey->done, left = source->rows - first, n = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    TIDE_TRY(tide_source_read(source, TIDE_OBSERVATIONS, first, left > n ? n + 1 : n, survey->observations));
    if (source->columns[TIDE_NEXT_OBSERVATIONS] != NULL)
        TIDE_TRY(tide_source_read(source, TIDE_NEXT_OBSERVATIONS, first, n, survey->next_observations));
    TIDE_TRY(tide_source_read(source, TIDE_REWARDS, first, n, survey->rewards));
    TIDE_TRY(tide_source_read(source, TIDE_TERMINALS, first, n, survey->terminals));
    TIDE_TRY(tide_source_timeouts(source, first, n, survey->terminals, survey->flags, survey->timeouts,
                                  &survey->unmarked_ends));
    for (size_t i = 0; i < n; i++)
        count_row(survey, i, first + i + 1 == source->rows);
    survey->done += n;
    return TIDE_OK;
}

size_t tide_survey_done(const tide_survey *survey)
{
    return survey->done;
}

size_t tide_survey_rows(const tide_survey *survey)
{
    return survey->source.rows;
}

tide_layout tide_survey_layout(const tide_survey *survey)
{
    tide_layout layout = {0};
    (void)tide_layout_make(survey->source.observation_dim, survey->source.action_dim, &layout);
    return layout;
}

void tide_survey_info(const tide_survey *survey, tide_dataset_info *info, size_t *kept)
{
    *info = (tide_dataset_info){0};
    tide_tally_finish(&survey->tally, info);
    info->dropped = survey->dropped;
    info->stand_ins = survey->stand_ins;
    info->unmarked_ends = survey->unmarked_ends;
    info->next_observations = tide_source_of_next(&survey->source);
    info->timeouts_source = tide_source_of_timeouts(&survey->source, &survey->options);
    *kept = survey->kept;
}

void tide_survey_statistics(const tide_survey *survey, float *mean, float *std)
{
    for (size_t j = 0; j < survey->source.observation_dim; j++) {
        mean[j] = (float)survey->mean[j];
        std[j] = survey->kept == 0 ? 0.0f : (float)sqrt(survey->squares[j] / (double)survey->kept);
    }
}
