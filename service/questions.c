/* SPDX-License-Identifier: Apache-2.0 */
#include "service/questions.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

struct question *question_new(const struct history_question *asked)
{
    const struct minute_key *key = asked->key;
    struct question *question = calloc(1, sizeof *question + key->page.length + key->box.length);

    if (question == NULL) {
        return NULL;
    }
    question->users = 1;
    question->key = *key;
    question->key.page.bytes = question->texts;
    question->key.box.bytes = question->texts + key->page.length;
    if (key->page.length > 0) {
        memcpy(question->texts, key->page.bytes, key->page.length);
    }
    if (key->box.length > 0) {
        memcpy(question->texts + key->page.length, key->box.bytes, key->box.length);
    }
    question->from_ms = asked->from_ms;
    question->until_ms = asked->until_ms;
    question->fold_ms = asked->fold_ms;
    question->status = CTR_STOPPED;
    return question;
}

void question_give(struct question *question)
{
    if (question != NULL && --question->users == 0) {
        free(question->points.items);
        free(question);
    }
}

bool questions_add(struct questions *questions, struct question *question)
{
    if (questions->count == QUESTIONS_MAX) {
        return false;
    }
    if (questions->first == NULL) {
        questions->first = question;
    } else {
        questions->last->next = question;
    }
    questions->last = question;
    questions->count++;
    question->users++;
    return true;
}

struct question *questions_take(struct questions *questions)
{
    for (;;) {
        struct question *question = questions->first;

        if (question == NULL) {
            return NULL;
        }
        questions->first = question->next;
        question->next = NULL;
        questions->count--;
        if (question->users > 1) {
            return question;
        }
        question_give(question); /* whoever asked has given up */
    }
}

/* ---- answering ----------------------------------------------------------------------------- */

struct collecting {
    struct history_points *points;
    int64_t fold_ms;
    size_t capacity;
    bool failed;
};

/* Sums a point into the newest one where both lie in one fold. */
static bool fold(const struct collecting *collecting, const struct history_point *point)
{
    struct history_points *points = collecting->points;
    struct history_point *last = points->count == 0 ? NULL : &points->items[points->count - 1];

    if (last == NULL || last->grain_ms != point->grain_ms ||
        collecting->fold_ms % point->grain_ms != 0 ||
        moment_floor(last->start_ms, collecting->fold_ms) !=
            moment_floor(point->start_ms, collecting->fold_ms)) {
        return false;
    }
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        last->numbers[n] += point->numbers[n];
    }
    return true;
}

static bool collect(void *owner, const struct history_point *point)
{
    struct collecting *collecting = owner;
    struct history_points *points = collecting->points;

    if (fold(collecting, point)) {
        return true;
    }
    if (points->count == collecting->capacity) {
        size_t capacity = collecting->capacity == 0 ? 64 : collecting->capacity * 2;
        struct history_point *items = realloc(points->items, capacity * sizeof *items);

        if (items == NULL) {
            collecting->failed = true;
            return false;
        }
        points->items = items;
        collecting->capacity = capacity;
    }
    points->items[points->count++] = *point;
    return true;
}

void question_answer(struct question *question, struct copies *copies)
{
    struct ctr_error error = {.text = ""};

    do {
        struct collecting collecting = {.points = &question->points, .fold_ms = question->fold_ms};
        struct history *history = copies_history(copies);

        free(question->points.items);
        question->points = (struct history_points){.items = NULL, .saved_cut = copies_cut(copies)};
        question->status = history == NULL
                               ? CTR_IO
                               : history_read(history, &question->key, question->from_ms,
                                              question->until_ms, collect, &collecting, &error);
        if (collecting.failed) {
            question->status = CTR_NO_MEMORY;
        }
    } while (copies_history_failed(copies, question->status, error.text));
}
