/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying people, ids and clicks out of a running store for an image (storage/image.h), a few MB at
 * a time. Thread: ingest.
 *
 * Its cost follows the events: a new image is wanted once IMAGE_BYTES_AN_EVENT for each event since
 * the last one began come to what the image would take. So at most that much is written for an
 * event, and a start merges at most as many events as there are bytes in an image divided by it.
 */
#ifndef LIVECTR_STORAGE_STORE_IMAGE_H
#define LIVECTR_STORAGE_STORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/status.h"

struct store;
struct image_batch;

enum { IMAGE_BYTES_AN_EVENT = 512, IMAGE_EVENTS_MIN = 20000 };

/* An image is worth its cost by now. At a stop (`last`) it is from IMAGE_EVENTS_MIN on. */
bool store_image_wanted(const struct store *store, bool last);

/* Begins one, right after a cut: it is the image's. One that was under way is given up. */
void store_image_begin(struct store *store);

/* One is under way. */
bool store_image_active(const struct store *store);

/* Copies the next pieces, about `bytes` of them. The image counts from the first cut on that is
 * made after the last batch. Errors: CTR_NO_MEMORY: the image is given up. The caller owns
 * *ret_batch. */
CTR_MUST_USE enum ctr_status store_image_next(struct store *store, size_t bytes,
                                              struct image_batch **ret_batch);

#endif
