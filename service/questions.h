/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about the history, which only the snapshot thread can answer. A question belongs to
 * whoever asked and to the queue; the last of the two frees it, so an asker who gave up leaves
 * nothing behind that points to it. Under the checkpointer's lock, unless said otherwise.
 */
#ifndef LIVECTR_SERVICE_QUESTIONS_H
#define LIVECTR_SERVICE_QUESTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "service/checkpointer.h"

enum { QUESTIONS_MAX = 256 };

struct question {
    struct question *next;
    int users;
    bool answered;
    struct minute_key key; /* texts point to what follows */
    int64_t from_ms, until_ms, fold_ms;
    enum ctr_status status;
    struct history_points points;
    char texts[];
};

struct questions {
    struct question *first, *last;
    size_t count;
};

/* A question with one user; NULL: no memory. Needs no lock. */
struct question *question_new(const struct history_question *asked);

/* One user less. NULL is fine. */
void question_give(struct question *question);

/* Adds it, as one more user. False: the queue is full. */
bool questions_add(struct questions *questions, struct question *question);

/* Takes the oldest one off that somebody still waits for, with its use; the others before it go.
 * NULL: none. */
struct question *questions_take(struct questions *questions);

/* Reads the answer into a question, from the file that can give it. Needs no lock. Thread:
 * snapshot. */
void question_answer(struct question *question, struct copies *copies);

#endif
