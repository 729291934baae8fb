/* SPDX-License-Identifier: Apache-2.0 */
#include "service/desk.h"

#include "storage/cond.h"
#include "storage/status.h"

void desk_init(struct desk *desk, struct store *store)
{
    *desk = (struct desk){.places = {{.store = store}}};
    (void)pthread_mutex_init(&desk->lock, NULL);
    cond_init_monotonic(&desk->left);
}

void desk_done(struct desk *desk)
{
    (void)pthread_cond_destroy(&desk->left);
    (void)pthread_mutex_destroy(&desk->lock);
}

/* The place of a store, or DESK_STORES_MAX. Under the lock. */
static size_t place_of(const struct desk *desk, const struct store *store)
{
    size_t place = 0;

    while (place < DESK_STORES_MAX && desk->places[place].store != store) {
        place++;
    }
    return place;
}

struct store *desk_take(struct desk *desk)
{
    struct store *store = NULL;

    (void)pthread_mutex_lock(&desk->lock);
    store = desk->places[desk->answers].store;
    desk->places[desk->answers].readers++;
    (void)pthread_mutex_unlock(&desk->lock);
    return store;
}

void desk_give(struct desk *desk, struct store *store)
{
    size_t place = 0;

    (void)pthread_mutex_lock(&desk->lock);
    place = place_of(desk, store);
    CTR_ASSERT(place < DESK_STORES_MAX && desk->places[place].readers > 0);
    if (--desk->places[place].readers == 0) {
        (void)pthread_cond_broadcast(&desk->left);
    }
    (void)pthread_mutex_unlock(&desk->lock);
}

void desk_serve(struct desk *desk, struct store *store)
{
    size_t place = 0;

    (void)pthread_mutex_lock(&desk->lock);
    place = place_of(desk, store);
    if (place == DESK_STORES_MAX) {
        place = place_of(desk, NULL);
        CTR_ASSERT(place < DESK_STORES_MAX); /* the last one was retired */
        desk->places[place].store = store;
    }
    desk->answers = place;
    (void)pthread_mutex_unlock(&desk->lock);
}

void desk_retire(struct desk *desk, struct store *store)
{
    size_t place = 0;

    (void)pthread_mutex_lock(&desk->lock);
    place = place_of(desk, store);
    if (place < DESK_STORES_MAX) {
        CTR_ASSERT(place != desk->answers);
        while (desk->places[place].readers > 0) {
            (void)pthread_cond_wait(&desk->left, &desk->lock);
        }
        desk->places[place].store = NULL;
    }
    (void)pthread_mutex_unlock(&desk->lock);
}
