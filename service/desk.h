/* SPDX-License-Identifier: Apache-2.0
 *
 * Which store answers. A reader takes it and gives it back; whoever wants to free a store has
 * another one answer first and then waits for the last reader to leave. Thread: any.
 */
#ifndef LIVECTR_SERVICE_DESK_H
#define LIVECTR_SERVICE_DESK_H

#include <pthread.h>
#include <stddef.h>

#include "storage/store.h"

/* Main's store and the scout's. */
enum { DESK_STORES_MAX = 2 };

struct desk {
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct {
        struct store *store; /* NULL: free */
        unsigned readers;
    } places[DESK_STORES_MAX];
    size_t answers; /* the place that new readers get */
};

/* `store` (borrowed) answers. */
void desk_init(struct desk *desk, struct store *store);
void desk_done(struct desk *desk);

/* The store that answers now. It stays what it is until desk_give(). */
struct store *desk_take(struct desk *desk);
void desk_give(struct desk *desk, struct store *store);

/* From now on `store` (borrowed) answers. */
void desk_serve(struct desk *desk, struct store *store);

/* Forgets a store that does not answer any more, once nobody reads it. Nothing if it never did. */
void desk_retire(struct desk *desk, struct store *store);

#endif
