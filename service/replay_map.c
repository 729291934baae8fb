/* SPDX-License-Identifier: Apache-2.0 */
#include "service/replay_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/near.h"
#include "storage/moment.h"

static const char *const field_names[REPLAY_FIELDS] = {"type", "ts",      "page",
                                                       "box",  "visitor", "id"};

static const char field_list[] = "type, ts, page, box, visitor, id";

enum ctr_status replay_map_add(struct replay_map *map, const char *pair, bool constant,
                               struct ctr_error *reterr)
{
    const char *flag = constant ? "--set" : "--map";
    const char *equals = strchr(pair, '=');
    size_t field = 0;

    if (!equals || !equals[1]) {
        return ctr_fail(reterr, CTR_INVALID, "%s %s: write %s FIELD=%s", flag, pair, flag,
                        constant ? "VALUE" : "COLUMN");
    }
    while (field < REPLAY_FIELDS &&
           (strlen(field_names[field]) != (size_t)(equals - pair) ||
            strncmp(field_names[field], pair, (size_t)(equals - pair)) != 0)) {
        field++;
    }
    if (field == REPLAY_FIELDS) {
        return ctr_fail(reterr, CTR_INVALID, "%s %s: the fields of an event are %s", flag, pair,
                        field_list);
    }
    if (map->columns[field] || map->constants[field]) {
        return ctr_fail(reterr, CTR_INVALID, "%s %s: \"%s\" is given twice", flag, pair,
                        field_names[field]);
    }
    if (constant && (field == REPLAY_TS || field == REPLAY_ID)) {
        return ctr_fail(reterr, CTR_INVALID, "--set %s: every event needs its own \"%s\"", pair,
                        field_names[field]);
    }
    if (constant && field == REPLAY_TYPE && strcmp(equals + 1, "view") != 0 &&
        strcmp(equals + 1, "click") != 0) {
        return ctr_fail(reterr, CTR_INVALID, "--set %s: a type is view or click", pair);
    }
    *(constant ? &map->constants[field] : &map->columns[field]) = equals + 1;
    return CTR_OK;
}

enum ctr_status replay_map_click(struct replay_map *map, const char *pair, struct ctr_error *reterr)
{
    const char *equals = strchr(pair, '=');
    size_t length = equals ? (size_t)(equals - pair) : 0;

    if (length == 0 || length >= sizeof map->click_column) {
        return ctr_fail(reterr, CTR_INVALID, "--click-if %s: write --click-if COLUMN=VALUE", pair);
    }
    memcpy(map->click_column, pair, length);
    map->click_column[length] = '\0';
    map->click_value = equals + 1;
    return CTR_OK;
}

enum ctr_status replay_map_check(struct replay_map *map, struct ctr_error *reterr)
{
    const char *type = map->constants[REPLAY_TYPE];

    if (map->click_column[0]) {
        if (map->columns[REPLAY_TYPE] || (type && strcmp(type, "view") != 0)) {
            return ctr_fail(reterr, CTR_INVALID,
                            "--click-if makes clicks out of rows that are views; leave out the "
                            "type or the --click-if");
        }
        map->constants[REPLAY_TYPE] = "view";
    }
    if (!map->columns[REPLAY_TYPE] && !map->constants[REPLAY_TYPE]) {
        return ctr_fail(reterr, CTR_INVALID,
                        "what are the rows? Add --set type=view, --set type=click, --map "
                        "type=COLUMN or --click-if COLUMN=VALUE");
    }
    if (!map->columns[REPLAY_TS]) {
        return ctr_fail(reterr, CTR_INVALID,
                        "which column holds the event time? Add --map ts=COLUMN");
    }
    if (!map->columns[REPLAY_PAGE] && !map->constants[REPLAY_PAGE]) {
        return ctr_fail(reterr, CTR_INVALID,
                        "which column holds the page? Add --map page=COLUMN or --set page=VALUE");
    }
    return CTR_OK;
}

static bool text_is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

/* The names of the header, cut, for people. */
static void list_columns(const struct csv_row *header, char *list, size_t list_bytes)
{
    size_t used = 0;

    for (size_t i = 0; i < header->count; i++) {
        struct text column = header->fields[i];
        const char *separator = i ? ", " : "";

        if (used + column.length + sizeof ", ..." > list_bytes) {
            (void)snprintf(list + used, list_bytes - used, ", ...");
            return;
        }
        used += (size_t)snprintf(list + used, list_bytes - used, "%s%.*s", separator,
                                 (int)column.length, column.bytes);
    }
}

static enum ctr_status bind_column(const struct csv_row *header, const char *name,
                                   size_t *ret_column, struct ctr_error *reterr)
{
    struct near_miss miss;
    char list[128] = "";

    near_miss_init(&miss, name);
    for (size_t i = 0; i < header->count; i++) {
        struct text column = header->fields[i];

        if (text_is(column, name)) {
            *ret_column = i;
            return CTR_OK;
        }
        near_miss_add(&miss, column.bytes, column.length);
    }
    list_columns(header, list, sizeof list);
    return ctr_fail(reterr, CTR_INVALID, "no column \"%s\"%s (there are: %s)", name,
                    near_miss_sentence(&miss), list);
}

enum ctr_status replay_map_bind(const struct replay_map *map, const struct csv_row *header,
                                struct replay_columns *ret_columns, struct ctr_error *reterr)
{
    struct replay_columns columns = {.map = map, .count = header->count, .click = SIZE_MAX};

    for (size_t i = 0; i < REPLAY_FIELDS; i++) {
        columns.fields[i] = SIZE_MAX;
        if (!map->columns[i]) {
            continue;
        }
        if (bind_column(header, map->columns[i], &columns.fields[i], reterr) != CTR_OK) {
            return CTR_INVALID;
        }
    }
    if (map->click_column[0] &&
        bind_column(header, map->click_column, &columns.click, reterr) != CTR_OK) {
        return CTR_INVALID;
    }
    *ret_columns = columns;
    return CTR_OK;
}

static struct text field_text(const struct replay_columns *columns, const struct csv_row *row,
                              enum replay_field field)
{
    const char *constant = columns->map->constants[field];

    if (columns->fields[field] != SIZE_MAX) {
        return row->fields[columns->fields[field]];
    }
    return (struct text){.bytes = constant, .length = constant ? strlen(constant) : 0};
}

/* Epoch ms, or RFC 3339 where a space may stand for the T as databases write it. */
static bool parse_ts(struct text text, int64_t *ret_ms)
{
    char copy[64];
    int64_t ms = 0;

    if (text.length == 0 || text.length >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.bytes, text.length);
    if (text.length > 10 && copy[10] == ' ') {
        copy[10] = 'T';
    }
    if (moment_parse(copy, text.length, ret_ms)) {
        return true;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (copy[i] < '0' || copy[i] > '9' || i >= 15) {
            return false;
        }
        ms = ms * 10 + (copy[i] - '0');
    }
    *ret_ms = ms;
    return ms <= EVENT_TS_MS_MAX;
}

static enum ctr_status read_ts(const struct replay_columns *columns, struct text text,
                               struct event *event, struct ctr_error *reterr)
{
    if (!parse_ts(text, &event->ts_ms)) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%s: \"%.*s\" is no time; wanted epoch ms or RFC 3339 with an offset, "
                        "2026-11-23T17:30:14.000Z",
                        columns->map->columns[REPLAY_TS], text.length > 40 ? 40 : (int)text.length,
                        text.length ? text.bytes : "");
    }
    return CTR_OK;
}

static enum ctr_status read_type(const struct replay_columns *columns, struct text text,
                                 struct event *event, struct ctr_error *reterr)
{
    if (!text_is(text, "view") && !text_is(text, "click")) {
        return ctr_fail(reterr, CTR_INVALID, "%s: \"%.*s\" is no type; wanted view or click",
                        columns->map->columns[REPLAY_TYPE],
                        text.length > 40 ? 40 : (int)text.length, text.length ? text.bytes : "");
    }
    event->type = text_is(text, "view") ? EVENT_VIEW : EVENT_CLICK;
    return CTR_OK;
}

/* "FILE:LINE:KIND". Cut where it is too long, which the decoder then refuses. */
static struct text made_id(char buffer[REPLAY_ID_BYTES], const char *file, uint64_t line,
                           enum event_type type)
{
    (void)snprintf(buffer, REPLAY_ID_BYTES, "%s:%" PRIu64 ":%s", file, line,
                   type == EVENT_VIEW ? "v" : "c");
    return (struct text){.bytes = buffer, .length = strlen(buffer)};
}

/* "ID:c", for the click of a row whose view is called ID. */
static struct text click_id(char buffer[REPLAY_ID_BYTES], struct text id)
{
    memcpy(buffer, id.bytes, id.length);
    memcpy(buffer + id.length, ":c", 2);
    return (struct text){.bytes = buffer, .length = id.length + 2};
}

static enum ctr_status give_ids(struct replay_row *row, struct text mapped, uint64_t line,
                                const char *file, struct ctr_error *reterr)
{
    if (mapped.length > EVENT_ID_BYTES_MAX) {
        return ctr_fail(reterr, CTR_INVALID, "the id is longer than %d bytes", EVENT_ID_BYTES_MAX);
    }
    if (mapped.length > 0) {
        row->view.id = mapped;
        row->click.id = click_id(row->click_id, mapped);
    } else {
        row->view.id = made_id(row->view_id, file, line, row->view.type);
        row->click.id = made_id(row->click_id, file, line, EVENT_CLICK);
    }
    return CTR_OK;
}

enum ctr_status replay_map_read(const struct replay_columns *columns, const struct csv_row *row,
                                const char *file, struct replay_row *ret_row,
                                struct ctr_error *reterr)
{
    struct event *view = &ret_row->view;

    if (row->count != columns->count) {
        return ctr_fail(reterr, CTR_INVALID, "%zu fields where the header has %zu", row->count,
                        columns->count);
    }
    *view = (struct event){
        .page = field_text(columns, row, REPLAY_PAGE),
        .box = field_text(columns, row, REPLAY_BOX),
        .visitor = field_text(columns, row, REPLAY_VISITOR),
    };
    if (read_ts(columns, field_text(columns, row, REPLAY_TS), view, reterr) != CTR_OK ||
        read_type(columns, field_text(columns, row, REPLAY_TYPE), view, reterr) != CTR_OK) {
        return CTR_INVALID;
    }
    ret_row->has_click = columns->click != SIZE_MAX &&
                         text_is(row->fields[columns->click], columns->map->click_value);
    if (ret_row->has_click) {
        ret_row->click = *view;
        ret_row->click.type = EVENT_CLICK;
        ret_row->click.ts_ms += columns->map->click_after_ms;
    }
    return give_ids(ret_row, field_text(columns, row, REPLAY_ID), row->line, file, reterr);
}
