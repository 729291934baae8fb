/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checkpointer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/log.h"
#include "service/questions.h"
#include "storage/cond.h"
#include "storage/image.h"
#include "storage/moment.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 10000, HANG_MS = 30000 };

struct checkpointer {
    struct copies *copies; /* the thread's own */
    bool mending;          /* likewise: there is something to do between tasks */
    int64_t rest_ms;       /* likewise: how long to wait for tasks before that */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct checkpoint *mail;
    struct image_batch *image_mail;
    struct questions questions;
    unsigned askers; /* threads inside checkpointer_history */
    bool writing, stopping, ended;
    bool whole_next;
    bool image_failed; /* the thread's own */
    int64_t begun_ms;  /* monotonic; since when a cut waits, or something is being written */
    int64_t pause_ms;
    struct checkpointer_health health;
};

/* Says so when it begins to fail, when the reason changes, and when it works again. */
static void log_change(const struct checkpointer_health *before, enum ctr_status status,
                       const struct ctr_error *error)
{
    if (status != CTR_OK && (before->persisting || strcmp(before->error, error->text) != 0)) {
        log_line(LOG_ERROR, "not_persisting", "error=\"%s\" retry=by_itself", error->text);
    } else if (status == CTR_OK && !before->persisting) {
        log_line(LOG_INFO, "persisting_again", "failures=%llu",
                 (unsigned long long)before->failures);
    }
}

static void note_result(struct checkpointer *checkpointer, enum ctr_status status,
                        const struct ctr_error *error, int64_t took_ms)
{
    struct checkpointer_health *health = &checkpointer->health;
    struct copies_health files;

    copies_health(checkpointer->copies, &files);
    log_change(health, status, error); /* only this thread changes it */
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->writing = false;
    checkpointer->whole_next = copies_want_whole(checkpointer->copies);
    health->persisting = status == CTR_OK;
    health->took_ms = took_ms;
    health->files = files;
    if (status == CTR_OK) {
        health->saves++;
        health->saved_ms = clock_wall_ms();
        health->error[0] = '\0';
        checkpointer->pause_ms = 0;
    } else {
        int64_t pause_ms = checkpointer->pause_ms;

        health->failures++;
        (void)snprintf(health->error, sizeof health->error, "%s", error->text);
        pause_ms = pause_ms == 0 ? PAUSE_FIRST_MS : pause_ms * 2;
        checkpointer->pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
    }
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

static void write_one(struct checkpointer *checkpointer, struct checkpoint *checkpoint)
{
    int64_t begun_ms = clock_mono_ms();
    struct ctr_error error = {.text = ""};
    enum ctr_status status = copies_save(checkpointer->copies, checkpoint, clock_wall_ms(), &error);
    int64_t took_ms = clock_mono_ms() - begun_ms;

    if (status == CTR_OK) {
        log_line(LOG_DEBUG, "snapshot_saved", "whole=%d keys=%zu slices=%zu took_ms=%lld",
                 (int)checkpoint->whole, checkpoint->keys_count, checkpoint->slices_count,
                 (long long)took_ms);
    }
    checkpoint_free(checkpoint);
    note_result(checkpointer, status, &error, took_ms);
    checkpointer->mending = true;
}

static void write_image(struct checkpointer *checkpointer, struct image_batch *batch)
{
    struct ctr_error error = {.text = ""};
    enum ctr_status status = copies_put_image(checkpointer->copies, batch, &error);

    if (status != CTR_OK && !checkpointer->image_failed) {
        log_line(LOG_WARN, "no_image", "error=\"%s\" effect=longer_start", error.text);
    }
    if (batch->last && status == CTR_OK) {
        log_line(LOG_DEBUG, "image_written", "cut=%llu", (unsigned long long)batch->cut);
    }
    checkpointer->image_failed = status != CTR_OK;
    image_batch_free(batch);
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->writing = false;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

static void mend(struct checkpointer *checkpointer)
{
    struct copies_health files;
    int64_t begun_ms = clock_mono_ms();

    checkpointer->mending = copies_mend(checkpointer->copies);
    /* As long as the piece took: others want the disk and the processor, too. */
    checkpointer->rest_ms = clock_mono_ms() - begun_ms;
    if (!checkpointer->mending) {
        copies_health(checkpointer->copies, &files);
        (void)pthread_mutex_lock(&checkpointer->lock);
        checkpointer->health.files = files;
        (void)pthread_mutex_unlock(&checkpointer->lock);
    }
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

/* One of them is there, or there is something to mend. */
struct task {
    struct checkpoint *checkpoint;
    struct image_batch *image;
    struct question *question;
};

/* The next thing to do: a cut first, which comes once in an interval, so that however many ask,
 * saving goes on. Then a part of an image, which are few. False: told to stop, and nothing is left.
 */
static bool next_task(struct checkpointer *checkpointer, struct task *ret_task)
{
    struct timespec until = clock_after_ms((int)checkpointer->rest_ms);
    bool found = false;
    int failed = 0;

    (void)pthread_mutex_lock(&checkpointer->lock);
    while (checkpointer->mail == NULL && checkpointer->image_mail == NULL &&
           checkpointer->questions.first == NULL && !checkpointer->stopping && failed == 0) {
        failed = checkpointer->mending
                     ? pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, &until)
                     : pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
    }
    *ret_task = (struct task){.checkpoint = checkpointer->mail};
    checkpointer->mail = NULL;
    if (ret_task->checkpoint == NULL) {
        ret_task->image = checkpointer->image_mail;
        checkpointer->image_mail = NULL;
    }
    checkpointer->writing = ret_task->checkpoint != NULL || ret_task->image != NULL;
    if (ret_task->image != NULL) {
        checkpointer->begun_ms = clock_mono_ms();
    }
    if (!checkpointer->writing) {
        ret_task->question = questions_take(&checkpointer->questions);
    }
    found = ret_task->question != NULL || checkpointer->writing || !checkpointer->stopping;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return found;
}

static void *run(void *argument)
{
    struct checkpointer *checkpointer = argument;
    struct task task;

    while (next_task(checkpointer, &task)) {
        if (task.checkpoint != NULL) {
            write_one(checkpointer, task.checkpoint);
        } else if (task.image != NULL) {
            write_image(checkpointer, task.image);
        } else if (task.question != NULL) {
            question_answer(task.question, checkpointer->copies);
            finish_question(checkpointer, task.question);
        } else {
            mend(checkpointer);
        }
    }
    copies_close(checkpointer->copies);
    (void)pthread_mutex_lock(&checkpointer->lock);
    checkpointer->ended = true;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return NULL;
}

enum ctr_status checkpointer_start(struct copies **copies, struct checkpointer **ret_checkpointer,
                                   struct ctr_error *reterr)
{
    struct checkpointer *checkpointer = calloc(1, sizeof *checkpointer);

    if (checkpointer == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the snapshot thread");
    }
    checkpointer->copies = *copies;
    checkpointer->mending = true;
    checkpointer->whole_next = true;
    copies_health(*copies, &checkpointer->health.files);
    checkpointer->health.persisting = true;
    checkpointer->health.saved_ms = MOMENT_NONE;
    (void)pthread_mutex_init(&checkpointer->lock, NULL);
    cond_init_monotonic(&checkpointer->changed);
    if (pthread_create(&checkpointer->thread, NULL, run, checkpointer) != 0) {
        free(checkpointer);
        return ctr_fail(reterr, CTR_IO, "no thread for snapshots");
    }
    *copies = NULL;
    *ret_checkpointer = checkpointer;
    return CTR_OK;
}

/* Something is being written, or will be. Under the lock. */
static bool busy(const struct checkpointer *checkpointer)
{
    return checkpointer->mail != NULL || checkpointer->image_mail != NULL || checkpointer->writing;
}

bool checkpointer_idle(struct checkpointer *checkpointer, bool *ret_whole)
{
    bool idle = false;

    (void)pthread_mutex_lock(&checkpointer->lock);
    idle = !busy(checkpointer);
    *ret_whole = checkpointer->whole_next;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return idle;
}

int64_t checkpointer_pause_ms(struct checkpointer *checkpointer, int64_t interval_ms)
{
    int64_t pause_ms = 0;

    if (checkpointer == NULL) {
        return interval_ms;
    }
    (void)pthread_mutex_lock(&checkpointer->lock);
    pause_ms = checkpointer->pause_ms;
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return pause_ms > interval_ms ? pause_ms : interval_ms;
}

void checkpointer_submit(struct checkpointer *checkpointer, struct checkpoint **checkpoint)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    CTR_ASSERT(!busy(checkpointer));
    checkpointer->mail = *checkpoint;
    checkpointer->begun_ms = clock_mono_ms();
    *checkpoint = NULL;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

void checkpointer_submit_image(struct checkpointer *checkpointer, struct image_batch **batch)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    CTR_ASSERT(!busy(checkpointer));
    checkpointer->image_mail = *batch;
    *batch = NULL;
    (void)pthread_cond_broadcast(&checkpointer->changed);
    (void)pthread_mutex_unlock(&checkpointer->lock);
}

bool checkpointer_wait(struct checkpointer *checkpointer, int deadline_ms)
{
    struct timespec until = clock_after_ms(deadline_ms);
    bool idle = false;
    int failed = 0;

    (void)pthread_mutex_lock(&checkpointer->lock);
    while (busy(checkpointer) && failed == 0) {
        failed = pthread_cond_timedwait(&checkpointer->changed, &checkpointer->lock, &until);
    }
    idle = !busy(checkpointer);
    (void)pthread_mutex_unlock(&checkpointer->lock);
    return idle;
}

void checkpointer_health(struct checkpointer *checkpointer, struct checkpointer_health *ret_health)
{
    (void)pthread_mutex_lock(&checkpointer->lock);
    *ret_health = checkpointer->health;
    if ((checkpointer->writing || checkpointer->mail != NULL) &&
        clock_mono_ms() - checkpointer->begun_ms > HANG_MS) {
        /* A disk that hangs has not failed, but nothing is saved either. */
        ret_health->persisting = false;
        (void)snprintf(ret_health->error, sizeof ret_health->error,
                       "the disk has not answered for %lld s",
                       (long long)(clock_mono_ms() - checkpointer->begun_ms) / 1000);
    }
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
