/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checkpointer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/log.h"
#include "service/questions.h"
#include "storage/moment.h"

struct checkpointer {
    struct snapshot *snapshot; /* the thread's own */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct checkpoint *mail;
    struct questions questions;
    unsigned askers; /* threads inside checkpointer_history */
    bool writing, stopping, ended;
    bool whole_next;
    struct checkpointer_health health;
};

static void note_result(struct checkpointer *checkpointer, enum ctr_status status,
                        const struct ctr_error *error, int64_t took_ms)
{
    struct checkpointer_health *health = &checkpointer->health;
    uint64_t bytes = snapshot_bytes(checkpointer->snapshot);

    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->writing = false;
    checkpointer->whole_next = status != CTR_OK;
    health->persisting = status == CTR_OK;
    health->took_ms = took_ms;
    if (status == CTR_OK) {
        health->saves++;
        health->saved_ms = clock_wall_ms();
        health->bytes = bytes;
        health->error[0] = '\0';
    } else {
        health->failures++;
        (void)snprintf(health->error, sizeof health->error, "%s", error->text);
    }
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

static void write_one(struct checkpointer *checkpointer, struct checkpoint *checkpoint)
{
    int64_t begun_ms = clock_mono_ms();
    struct ctr_error error = {.text = ""};
    enum ctr_status status =
        snapshot_save(checkpointer->snapshot, checkpoint, clock_wall_ms(), &error);
    int64_t took_ms = clock_mono_ms() - begun_ms;

    if (status != CTR_OK) {
        log_line(LOG_ERROR, "not_persisting", "error=\"%s\" retry=next_interval", error.text);
    } else {
        log_line(LOG_DEBUG, "snapshot_saved", "whole=%d keys=%zu slices=%zu took_ms=%lld",
                 (int)checkpoint->whole, checkpoint->keys_count, checkpoint->slices_count,
                 (long long)took_ms);
    }
    checkpoint_free(checkpoint);
    note_result(checkpointer, status, &error, took_ms);
}

/* Tells whoever waits; a question nobody waits for any more is freed. */
static void finish_question(struct checkpointer *checkpointer, struct question *question)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    question->answered = true;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    question_give(question);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

/* The next thing to do: a cut first, which comes once in an interval, so that however many ask,
 * saving goes on. False: told to stop, and nothing is left. */
static bool next_task(struct checkpointer *checkpointer, struct checkpoint **ret_checkpoint,
                      struct question **ret_question)
{
    bool found = false;

    (void)pthread_mutex_lock(&checkpointer->lock);
    while (checkpointer->mail == NULL && checkpointer->questions.first == NULL &&
           !checkpointer->stopping) {
        (void)pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
    }
    *ret_question = NULL;
    *ret_checkpoint = checkpointer->mail;
    checkpointer->mail = NULL;
    checkpointer->writing = *ret_checkpoint != NULL;
    if (*ret_checkpoint == NULL) {
        *ret_question = questions_take(&checkpointer->questions);
    }
    found = *ret_question != NULL || *ret_checkpoint != NULL || !checkpointer->stopping;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return found;
}

static void *run(void *argument)
{
    struct checkpointer *checkpointer = argument;
    struct checkpoint *checkpoint = NULL;
    struct question *question = NULL;

    while (next_task(checkpointer, &checkpoint, &question)) {
        if (checkpoint != NULL) {
            write_one(checkpointer, checkpoint);
        } else if (question != NULL) {
            question_answer(question, checkpointer->snapshot);
            finish_question(checkpointer, question);
        }
    }
    snapshot_close(checkpointer->snapshot);
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->ended = true;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return NULL;
}

enum ctr_status checkpointer_start(struct snapshot **snapshot,
                                   struct checkpointer **ret_checkpointer, struct ctr_error *reterr)
{
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);

    if (checkpointer == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the snapshot thread");
    }
    checkpointer->snapshot = *snapshot;
    checkpointer->whole_next = true;
    checkpointer->health.persisting = true;
    checkpointer->health.saved_ms = MOMENT_NONE;
    (void)pthread_mutex_init(&checkpointer->lock, NULL);
    (void)pthread_cond_init(&checkpointer->changed, NULL);
    if (pthread_create(&checkpointer->thread, NULL, run, checkpointer) != 0) {
        free(checkpointer);
        return ctr_fail(reterr, CTR_IO, "no thread for snapshots");
    }
    *snapshot = NULL;
    *ret_checkpointer = checkpointer;
    return CTR_OK;
}

bool checkpointer_idle(struct checkpointer *checkpointer, bool *ret_whole)
{
    bool idle = false;

    (void)pthread_mutex_lock(&checkpointer->lock);
    idle = checkpointer->mail == NULL && !checkpointer->writing;
    *ret_whole = checkpointer->whole_next;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return idle;
}

void checkpointer_submit(struct checkpointer *checkpointer, struct checkpoint **checkpoint)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    CTR_ASSERT(checkpointer->mail == NULL && !checkpointer->writing);
    checkpointer->mail = *checkpoint;
    *checkpoint = NULL;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

bool checkpointer_wait(struct checkpointer *checkpointer, int deadline_ms)
{
    struct timespec until = clock_after_ms(deadline_ms);
    bool idle = false;
    int failed = 0;

    (void)pthread_mutex_lock(&checkpointer->lock);
    while ((checkpointer->mail != NULL || checkpointer->writing) && failed == 0) {
        failed = pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, &until);
    }
    idle = checkpointer->mail == NULL && !checkpointer->writing;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return idle;
}

void checkpointer_health(struct checkpointer *checkpointer, struct checkpointer_health *ret_health)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    *ret_health = checkpointer->health;
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

/* Under the lock. */
static enum ctr_status await_answer(struct checkpointer *checkpointer,
                                    const struct question *question,
                                    const struct timespec *deadline)
{
    int failed = 0;

    while (!question->answered && !checkpointer->stopping && failed == 0) {
        failed = pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, deadline);
    }
    if (question->answered) {
        return question->status;
    }
    return checkpointer->stopping ? CTR_STOPPED : CTR_RETRY;
}

enum ctr_status checkpointer_history(struct checkpointer *checkpointer,
                                     const struct history_question *asked,
                                     struct history_points *ret_points)
{
    struct question *question = question_new(asked);
    enum ctr_status status = CTR_RETRY;

    if (question == NULL) {
        return CTR_NO_MEMORY;
    }
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->askers++;
    if (checkpointer->stopping) {
        status = CTR_STOPPED;
    } else if (questions_add(&checkpointer->questions, question)) {
        (void)pthread_cond_broadcast(&checkpointer->changed);
        status = await_answer(checkpointer, question, &asked->deadline);
    }
    if (status == CTR_OK) {
        *ret_points = question->points;
        question->points.items = NULL;
    }
    question_give(question);
    checkpointer->askers--;
    if (checkpointer->stopping) {
        (void)pthread_cond_broadcast(&checkpointer->changed); /* the last one to leave */
    }
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return status;
}

void checkpointer_stop(struct checkpointer *checkpointer, int deadline_ms)
{
    struct timespec until = clock_after_ms(deadline_ms);
    int failed = 0;
    bool ended = false;

    if (checkpointer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->stopping = true;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    while ((!checkpointer->ended || checkpointer->askers > 0) && failed == 0) {
        failed = pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, &until);
    }
    ended = checkpointer->ended && checkpointer->askers == 0;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    if (!ended) {
        /* A disk that hangs must not hold up the end; what it was writing is whole or not there. */
        (void)pthread_detach(checkpointer->thread);
        log_line(LOG_ERROR, "snapshot_abandoned", "after_ms=%d", deadline_ms);
        return;
    }
    (void)pthread_join(checkpointer->thread, NULL);
    (void)pthread_cond_destroy(&checkpointer->changed);
    (void)pthread_mutex_destroy(&checkpointer->lock);
    free(checkpointer);
}
