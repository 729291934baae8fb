/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids are anybody's bytes; a terminal obeys some of them. Thread: main (it sets the locale).
 */
#ifndef LIVECTR_SERVICE_PRINTABLE_H
#define LIVECTR_SERVICE_PRINTABLE_H

#include <stddef.h>

/* Makes of UTF-8 what can be shown in at most columns_max columns: what a terminal would obey, or
 * cannot show, is a '?', and what is too long ends with "...". O(length). Returns the columns
 * used, which may be less. ret_text holds text_bytes, 4 * columns_max + 4 are always enough. */
size_t printable(const char *text, size_t columns_max, char *ret_text, size_t text_bytes);

#endif
