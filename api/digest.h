/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256, and comparing without telling by the time it takes where two digests differ. Pure.
 * Thread: any.
 */
#ifndef LIVECTR_API_DIGEST_H
#define LIVECTR_API_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX = 64 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* SHA-256 of the bytes. False: the library refuses (a FIPS mode that is broken). */
bool digest_of(const char *bytes, size_t length, struct digest *ret_digest);

/* In a time that does not depend on the contents. */
bool digest_equals(const struct digest *left, const struct digest *right);

/* 64 hex digits of either case; false: they are not. */
bool digest_parse(const char *digits, size_t length, struct digest *ret_digest);

/* 64 lower-case hex digits and a NUL. */
void digest_format(const struct digest *digest, char ret_digits[DIGEST_HEX + 1]);

#endif
