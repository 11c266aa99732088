/* MuJoCo's errors end the process by default. Here its error handler jumps back to the
 * guard around the running call. */
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>

#include "sim/mujoco.h"

typedef struct guard {
    jmp_buf place;
    char text[512]; /* what MuJoCo said */
} guard;

static _Thread_local guard *running;
static _Thread_local uint64_t warnings;

/* Handlers that were there before, for MuJoCo calls that others make in this process. */
static void (*former_error)(const char *);

static void on_error(const char *text)
{
    if (running != NULL) {
        snprintf(running->text, sizeof running->text, "%s", text);
        longjmp(running->place, 1);
    }
    if (former_error != NULL)
        former_error(text);
}

static void on_warning(const char *text)
{
    (void)text; /* the counters in mjData say what it was */
    warnings++;
}

static void install_handlers(void)
{
    static atomic_flag installed = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&installed))
        return;
    former_error = mju_user_error;
    mju_user_error = on_error;
    mju_user_warning = on_warning;
}

uint64_t tide_sim_warnings(void)
{
    return warnings;
}

tide_status tide_sim_guard(void (*work)(void *), void *argument)
{
    install_handlers();
    guard here;
    guard *volatile outer = running;
    here.text[0] = '\0';
    running = &here;
    if (setjmp(here.place) != 0) {
        running = outer;
        return tide_fail(TIDE_SIMULATOR, "MuJoCo: %s", here.text);
    }
    work(argument);
    running = outer;
    return TIDE_OK;
}
