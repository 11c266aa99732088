#include "data/survey.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/block.h"

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

/* Returns 1 where the row is a cut. */
static int count_row(tide_tally *tally, int terminal, int timeout, int broken, double reward)
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

/* From row i on: counts those up to where something may end, of which there are few. Returns its row. */
static size_t count_middle(tide_tally *tally, size_t i, size_t n, const float *terminals, const float *rewards,
                           const uint8_t *broken, const uint8_t *timeouts)
{
    size_t first = i, limit = tally->max_episode_steps;
    if (limit > 0) /* the row that reaches it is not among these */
        n = tally->steps + 1 >= limit ? i : n - i < limit - 1 - tally->steps ? n : i + (limit - 1 - tally->steps);
    double marked = tally->marked.running_return, all = tally->all.running_return;
    for (; i < n && terminals[i] == 0.0f && !timeouts[i] && !broken[i]; i++) {
        marked += (double)rewards[i];
        all += (double)rewards[i];
    }
    tally->marked.running_return = marked;
    tally->all.running_return = all;
    tally->marked.running_length += i - first;
    tally->all.running_length += i - first;
    tally->steps += i - first;
    tally->rows += i - first;
    return i;
}

void tide_tally_rows(tide_tally *tally, size_t n, const float *terminals, const float *rewards, const uint8_t *broken,
                     uint8_t *timeouts)
{
    for (size_t i = 0; i < n; i++) {
        i = count_middle(tally, i, n, terminals, rewards, broken, timeouts);
        if (i < n)
            timeouts[i] = (uint8_t)count_row(tally, terminals[i] != 0.0f, timeouts[i], broken[i], (double)rewards[i]);
    }
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

struct tide_survey {
    tide_source source;
    tide_dataset_options options;
    tide_block block;
    tide_tally tally;
    size_t done, kept, dropped, stand_ins, unmarked_ends;
    double *mean, *squares; /* of the observations kept so far: mean, sum of squared distances from it */
};

static tide_status take_memory(tide_survey *s)
{
    size_t dim = s->source.observation_dim;
    TIDE_TRY(tide_alloc_array(dim, sizeof *s->mean, (void **)&s->mean));
    TIDE_TRY(tide_alloc_array(dim, sizeof *s->squares, (void **)&s->squares));
    return tide_block_make(&s->source, dim, 0, &s->block);
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
    tide_block_free(&survey->block);
    tide_free(survey->mean);
    tide_free(survey->squares);
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

/* Row i of the block, counted: is it one that a dataset has? */
static void look_at_row(tide_survey *s, size_t i)
{
    const tide_block *b = &s->block;
    int from_file = b->next_observations != NULL, terminal = b->terminals[i] != 0.0f;
    int is_last = b->first + i + 1 == s->source.rows;
    if (!from_file && terminal)
        s->stand_ins++;
    if (!from_file && !terminal && (b->timeouts[i] || is_last))
        s->dropped++;
    else
        keep_row(s, b->observations + i * b->observation_dim);
}

tide_status tide_survey_step(tide_survey *survey)
{
    tide_block *b = &survey->block;
    TIDE_TRY(tide_block_read(&survey->source, b, &survey->unmarked_ends));
    tide_tally_rows(&survey->tally, b->n, b->terminals, b->rewards, b->broken, b->timeouts);
    for (size_t i = 0; i < b->n; i++)
        look_at_row(survey, i);
    survey->done += b->n;
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
