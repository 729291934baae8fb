/* SPDX-License-Identifier: Apache-2.0
 *
 * The key that ids are hashed under, kept in a file, so that what was saved before a restart can be
 * recognised after it, and nobody without the file can tell whose visitor a number is.
 */
#ifndef LIVECTR_SERVICE_SECRET_H
#define LIVECTR_SERVICE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/hash.h"
#include "storage/status.h"

/* Reads the key of HASH_SECRET_WORDS * 8 bytes from `path`; where there is no such file and `make`
 * is true, makes one of random bytes, for this user alone. Errors: CTR_IO, CTR_INVALID (another
 * size), CTR_NOT_FOUND. Thread: main. */
CTR_MUST_USE enum ctr_status secret_load(const char *path, bool make,
                                         uint64_t ret_secret[HASH_SECRET_WORDS],
                                         struct ctr_error *reterr);

#endif
