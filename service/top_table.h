/* SPDX-License-Identifier: Apache-2.0
 *
 * The page that `livectr top` shows, as text. Pure, but for the locale (printable.h). Thread: main.
 */
#ifndef LIVECTR_SERVICE_TOP_TABLE_H
#define LIVECTR_SERVICE_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/reply.h"

/* Lines that are no rows: state, trouble, names of columns, what it is. */
enum { TOP_TABLE_HEAD = 4 };

struct top_picture {
    const char *url, *level, *by;
    const struct reply *reply; /* NULL: there was none yet */
    int64_t age_ms;            /* of the reply, or since the start */
    const char *trouble;       /* why the newest question was not answered; "" it was */
    size_t rows, columns;      /* what the page must fit into; rows 0: as many as there are */
    bool colours;
    bool keys; /* say how it is ended */
};

/* malloc'ed text, each line with its line feed and no wider than columns; NULL: no memory. */
char *top_table(const struct top_picture *picture);

#endif
