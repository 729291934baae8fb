/* SPDX-License-Identifier: Apache-2.0 */
#include "service/top_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/figures_text.h"
#include "service/printable.h"

enum { LINE_COLUMNS = 2000, LINE_BYTES = 4 * LINE_COLUMNS + 4, NAME_LEAST = 16, NAME_MOST = 60 };
enum { CALM_AGE_MS = 2500 };

#define RED    "\x1b[31;1m"
#define YELLOW "\x1b[33m"
#define GREEN  "\x1b[32m"
#define BOLD   "\x1b[1m"
#define FAINT  "\x1b[2m"
#define PLAIN  "\x1b[0m"

/* Columns beside the name, in the order in which they are given up where it is narrow. */
enum column {
    COLUMN_PEOPLE,
    COLUMN_INTERVAL,
    COLUMN_IMPRESSIONS,
    COLUMN_CLICKS,
    COLUMN_CTR,
    COLUMNS
};
static const int widths[COLUMNS] = {[COLUMN_PEOPLE] = 11,
                                    [COLUMN_INTERVAL] = 15,
                                    [COLUMN_IMPRESSIONS] = 13,
                                    [COLUMN_CLICKS] = 10,
                                    [COLUMN_CTR] = 8};

struct page {
    FILE *to;
    const struct top_picture *picture;
    enum column first; /* those before it have no room */
    size_t name;       /* columns of the name */
};

/* One line that fits, in a colour. */
static void add_line(const struct page *page, const char *colour, const char *text)
{
    char shown[LINE_BYTES];
    bool coloured = page->picture->colours && *colour != '\0';

    (void)printable(text, page->picture->columns, shown, sizeof shown);
    (void)fprintf(page->to, "%s%s%s\n", coloured ? colour : "", shown, coloured ? PLAIN : "");
}

static void add_state(const struct page *page)
{
    const struct top_picture *picture = page->picture;
    const struct reply *reply = picture->reply;
    char line[LINE_BYTES];

    if (reply == NULL) {
        (void)snprintf(line, sizeof line, "livectr top  %s", picture->url);
        add_line(page, BOLD, line);
        return;
    }
    (void)snprintf(line, sizeof line, "livectr top  %s  %s up to %.19sZ  %s, %s behind",
                   picture->url, reply->window, reply->to, reply->state,
                   figure_span(reply->lag_ms).text);
    add_line(page, *picture->trouble != '\0' ? FAINT : BOLD, line);
}

/* What a person should know before reading the numbers. */
static void add_trouble(const struct page *page)
{
    static const struct {
        const char *state, *words, *colour;
    } words[] = {
        {"live", "", GREEN},
        {"stale", "STALE: Kafka gives no sign of life; the numbers are right, but stand still",
         RED},
        {"catching_up", "CATCHING UP: right up to the time above, which lies behind", YELLOW},
        {"backfilling", "BACKFILLING: newest windows first; see coverage in /v1/status", YELLOW}};
    const struct top_picture *picture = page->picture;
    const char *state = picture->reply == NULL ? "" : picture->reply->state;
    char line[LINE_BYTES];

    if (*picture->trouble != '\0') {
        (void)snprintf(line, sizeof line, "AWAY for %s: %.400s", figure_span(picture->age_ms).text,
                       picture->trouble);
        add_line(page, RED, line);
        return;
    }
    if (picture->age_ms > CALM_AGE_MS) {
        (void)snprintf(line, sizeof line, "no answer for %s", figure_span(picture->age_ms).text);
        add_line(page, YELLOW, line);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(state, words[i].state) == 0) {
            add_line(page, words[i].colour, words[i].words);
            return;
        }
    }
    add_line(page, YELLOW, *state == '\0' ? "asking ..." : state);
}

static bool moves(const struct top_picture *picture)
{
    return strcmp(picture->by, "rise") == 0 || strcmp(picture->by, "fall") == 0;
}

static void choose_columns(struct page *page)
{
    size_t taken = 5; /* the place, and a blank */

    page->first = COLUMN_PEOPLE;
    for (size_t i = 0; i < COLUMNS; i++) {
        taken += (size_t)widths[i];
    }
    while (page->first < COLUMN_CTR && taken + NAME_LEAST > page->picture->columns) {
        taken -= (size_t)widths[page->first++];
    }
    page->name = page->picture->columns > taken ? page->picture->columns - taken : 1;
    page->name = page->name > NAME_MOST ? NAME_MOST : page->name;
}

static void begin_colour(const struct page *page, const char *colour)
{
    (void)fputs(page->picture->colours ? colour : "", page->to);
}

static void end_colour(const struct page *page, const char *colour)
{
    (void)fprintf(page->to, "%s\n", page->picture->colours && *colour != '\0' ? PLAIN : "");
}

static void add_heading(const struct page *page)
{
    const char *names[COLUMNS] = {[COLUMN_PEOPLE] = moves(page->picture) ? "change" : "people",
                                  [COLUMN_INTERVAL] = "95 % from-to",
                                  [COLUMN_IMPRESSIONS] = "impressions",
                                  [COLUMN_CLICKS] = "clicks",
                                  [COLUMN_CTR] = "CTR %"};
    bool both = strcmp(page->picture->level, "placement") == 0;

    begin_colour(page, BOLD);
    (void)fprintf(page->to, "   # %-*.*s", (int)page->name, (int)page->name,
                  both ? "page  box" : page->picture->level);
    for (int i = COLUMN_CTR; i >= (int)page->first; i--) {
        (void)fprintf(page->to, "%*s", widths[i], names[i]);
    }
    end_colour(page, BOLD);
}

static struct figure_text change_of(const struct reply_row *row)
{
    struct figure_text change = {.text = "-"};

    if (row->has_difference) {
        (void)snprintf(change.text, sizeof change.text, "%s%.20s pp",
                       row->difference < 0 ? "" : "+", figure_percent(row->difference).text);
    }
    return change;
}

static void write_figure(char *ret_text, size_t size, const struct page *page, int column,
                         const struct reply_row *row)
{
    switch (column) {
    case COLUMN_CTR:
        (void)snprintf(ret_text, size, "%s", row->has_ctr ? figure_percent(row->ctr).text : "-");
        break;
    case COLUMN_CLICKS:
        (void)snprintf(ret_text, size, "%s", figure_count(row->clicks).text);
        break;
    case COLUMN_IMPRESSIONS:
        (void)snprintf(ret_text, size, "%s", figure_count(row->impressions).text);
        break;
    case COLUMN_INTERVAL:
        (void)snprintf(ret_text, size, "%s-%s", row->has_ctr ? figure_percent(row->low).text : "",
                       row->has_ctr ? figure_percent(row->high).text : "");
        break;
    default:
        (void)snprintf(ret_text, size, "%s",
                       moves(page->picture) ? change_of(row).text
                       : row->viewers < 0   ? "-"
                                            : figure_count(row->viewers).text);
    }
}

static void add_row(const struct page *page, size_t place, const struct reply_row *row)
{
    const char *colour = *page->picture->trouble != '\0' ? FAINT : "";
    char name[LINE_BYTES], shown[4 * NAME_MOST + 4], figure[80];
    bool both = *row->page != '\0' && *row->box != '\0';
    size_t columns = 0;

    (void)snprintf(name, sizeof name, "%.3900s%s%.3900s", row->page, both ? "  " : "", row->box);
    columns = printable(name, page->name, shown, sizeof shown);
    begin_colour(page, colour);
    (void)fprintf(page->to, "%4zu %s%*s", place, shown, (int)(page->name - columns), "");
    for (int i = COLUMN_CTR; i >= (int)page->first; i--) {
        write_figure(figure, sizeof figure, page, i, row);
        (void)fprintf(page->to, "%*s", widths[i], figure);
    }
    end_colour(page, colour);
}

static void add_tail(const struct page *page, size_t shown)
{
    const struct top_picture *picture = page->picture;
    char line[LINE_BYTES];

    (void)snprintf(line, sizeof line, "%ss by %s, %zu of %s%s", picture->level, picture->by, shown,
                   figure_count(picture->reply == NULL ? 0 : picture->reply->total).text,
                   picture->keys ? "; q ends" : "");
    add_line(page, FAINT, line);
}

char *top_table(const struct top_picture *picture)
{
    char *text = NULL;
    size_t length = 0, shown = 0;
    struct page page = {.to = open_memstream(&text, &length), .picture = picture};
    size_t room = picture->rows > TOP_TABLE_HEAD ? picture->rows - TOP_TABLE_HEAD : 0;

    if (page.to == NULL) {
        return NULL;
    }
    choose_columns(&page);
    add_state(&page);
    if (picture->rows != 1) {
        add_trouble(&page);
    }
    if (picture->rows == 0 || picture->rows >= TOP_TABLE_HEAD) {
        add_heading(&page);
        for (size_t i = 0; picture->reply != NULL && i < picture->reply->rows_count; i++) {
            if (picture->rows == 0 || shown < room) {
                add_row(&page, ++shown, &picture->reply->rows[i]);
            }
        }
        add_tail(&page, shown);
    }
    if (fclose(page.to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
