/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a batch as nearly everybody sends it, read in one pass and without a copy:
 *
 *   {"window":"10m","items":[{"page":"/offer/list","box":"opbox.carousel.1"},...]}
 *
 * Members in any order, each at most once, any white space. Only what is surely right is taken; all
 * else (escapes, other members, other types, faults) is left to jansson, which stays the judge of
 * what JSON is and finds the words for what is wrong. Pure. Thread: any.
 */
#ifndef LIVECTR_API_BATCH_SCAN_H
#define LIVECTR_API_BATCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/store.h"

struct batch_scan {
    struct text window;     /* bytes NULL: not named; borrows the body */
    struct key_name *names; /* room for `max`, the caller's; texts borrow the body */
    size_t max, count;
};

/* False: leave it to the judge; nothing in `scan` but its room means anything then. */
bool batch_scan(struct text body, struct batch_scan *scan);

#endif
