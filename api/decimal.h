/* SPDX-License-Identifier: Apache-2.0
 *
 * A double as the shortest decimal that reads back as the same double, as JSON has it: what
 * printf("%.15g"), else "%.16g", else "%.17g" prints in the C locale, byte for byte (15 digits
 * survive text -> double -> text, 17 always read back). Pure. Thread: any.
 */
#ifndef LIVECTR_API_DECIMAL_H
#define LIVECTR_API_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_BYTES_MAX = 48 };

/* Writes a finite value, returns the number of bytes (no NUL). */
size_t decimal_write(double value, char ret_bytes[DECIMAL_BYTES_MAX]);

/* The same by the C library, whatever the locale: ten to thirty times the time. For what is too
 * large or too small for exact arithmetic in 128 bits, and to be compared with. */
size_t decimal_write_slowly(double value, char ret_bytes[DECIMAL_BYTES_MAX]);

/* Writes a whole number, returns the number of bytes (no NUL). */
size_t decimal_write_whole(uint64_t value, char ret_bytes[DECIMAL_BYTES_MAX]);

#endif
