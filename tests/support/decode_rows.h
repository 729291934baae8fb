/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of records for the fast decoder: each goes through the judge as well, with every scan, and
 * both must make the same event of it. Whether it is plain is said beside it: a decoder that gave
 * all to the judge would be right, too, and slow.
 */
#ifndef LIVECTR_TESTS_SUPPORT_DECODE_ROWS_H
#define LIVECTR_TESTS_SUPPORT_DECODE_ROWS_H

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/decode_pair.h"

#define REST          "\"type\":\"view\",\"ts\":1795454594000,\"page\":\"p\"}"
#define WITH(members) "{" members "," REST

struct row {
    const char *record;
    bool plain;
};

static inline void check(struct pair *pair, const char *bytes, size_t length, enum topic_type type,
                         bool plain)
{
    unsigned long before = pair->plain;
    char *copy = malloc(length == 0 ? 1 : length);
    const char *wrong = NULL;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    wrong = pair_check(pair, copy, length, type, SCAN_KINDS);
    if (wrong != NULL)
        fail_msg("%s: %.*s", wrong, (int)length, bytes);
    if ((pair->plain > before) != plain)
        fail_msg("%s: %.*s", plain ? "not plain" : "plain", (int)length, bytes);
    free(copy);
}

static inline void check_rows(const struct pair_setting *settings, size_t count,
                              const struct row *rows, size_t rows_count)
{
    struct pair *pair = pair_new(settings, count);

    assert_non_null(pair);
    for (size_t i = 0; i < rows_count; i++)
        check(pair, rows[i].record, strlen(rows[i].record), TOPIC_TYPE_FROM_EVENT, rows[i].plain);
    pair_free(pair);
}

#define CHECK(rows) check_rows(NULL, 0, rows, sizeof(rows) / sizeof(rows)[0])

#endif
