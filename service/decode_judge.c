/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode_judge.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_memory.h"
#include "storage/moment.h"

struct judge {
    const struct schema *schema;
    size_t record_bytes_max;
    json_t *root; /* of the record judged last, in the arena */
    struct json_arena arena;
};

struct judge *judge_new(const struct schema *schema, size_t record_bytes_max)
{
    struct judge *judge = calloc(1, sizeof *judge);

    if (judge != NULL) {
        json_memory_install(json_set_alloc_funcs);
        judge->schema = schema;
        judge->record_bytes_max = record_bytes_max;
    }
    return judge;
}

static void drop_root(struct judge *judge)
{
    json_arena_use(&judge->arena);
    json_decref(judge->root);
    json_arena_use(NULL);
    judge->root = NULL;
}

void judge_free(struct judge *judge)
{
    if (judge != NULL) {
        drop_root(judge);
        json_arena_free(&judge->arena);
        free(judge);
    }
}

/* ---- paths --------------------------------------------------------------------------------- */

static json_t *path_parent(json_t *root, const struct path *path)
{
    json_t *at = root;

    for (size_t i = 0; at != NULL && i + 1 < path->count; i++) {
        at = json_object_get(at, path->steps[i]);
    }
    return at;
}

/* NULL where there is no such field. */
static json_t *path_get(json_t *root, const struct path *path)
{
    return json_object_get(path_parent(root, path), path->steps[path->count - 1]);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void remove_visitor(struct judge *judge)
{
    const struct path *path = &judge->schema->paths[FIELD_VISITOR];

    (void)json_object_del(path_parent(judge->root, path), path->steps[path->count - 1]);
}

/* Says what is wrong, then shows as much of the record as fits, without its visitor. */
static void refuse(struct judge *judge, struct decoded *ret_decoded, enum malformed_reason reason,
                   const char *field, const char *what)
{
    char *detail = ret_decoded->detail;
    size_t room = sizeof ret_decoded->detail;
    int length = snprintf(detail, room, "%.40s: %s; ", field, what);

    ret_decoded->is_event = false;
    ret_decoded->reason = reason;
    if (judge->root != NULL && length > 0 && (size_t)length < room) {
        size_t left = room - (size_t)length - 1;
        size_t wanted = 0;

        remove_visitor(judge);
        /* ASCII only, so that cutting cannot split a character. */
        wanted = json_dumpb(judge->root, detail + length, left, JSON_COMPACT | JSON_ENSURE_ASCII);
        detail[(size_t)length + (wanted < left ? wanted : left)] = '\0';
    }
}

/* What jansson refused: the position is told, the content is not (it may name a visitor). */
static void refuse_text(struct decoded *ret_decoded, const json_error_t *error)
{
    enum malformed_reason reason = MALFORMED_NOT_JSON;

    if (json_error_code(error) == json_error_duplicate_key) {
        reason = MALFORMED_KEY_TWICE;
    } else if (json_error_code(error) == json_error_invalid_utf8) {
        reason = MALFORMED_NOT_UTF8;
    }
    ret_decoded->is_event = false;
    ret_decoded->reason = reason;
    (void)snprintf(ret_decoded->detail, sizeof ret_decoded->detail, "at byte %d", error->position);
}

/* ---- fields -------------------------------------------------------------------------------- */

static struct text text_in(const json_t *string)
{
    return (struct text){.bytes = json_string_value(string), .length = json_string_length(string)};
}

static bool has_control(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* An id of 1 to 512 bytes without control characters; an optional one may be absent, null or "".
 * False: refused. */
static bool take_id(struct judge *judge, enum field field, bool optional,
                    struct decoded *ret_decoded, struct text *ret_text)
{
    const struct path *path = &judge->schema->paths[field];
    json_t *value = path_get(judge->root, path);

    *ret_text = (struct text){0};
    if (value == NULL || json_is_null(value)) {
        if (!optional) {
            refuse(judge, ret_decoded, value == NULL ? MALFORMED_MISSING : MALFORMED_WRONG_TYPE,
                   path->name, value == NULL ? "missing" : "null");
        }
        return optional;
    }
    if (!json_is_string(value)) {
        refuse(judge, ret_decoded, MALFORMED_WRONG_TYPE, path->name, "not a string");
        return false;
    }
    *ret_text = text_in(value);
    if (ret_text->length == 0 && !optional) {
        refuse(judge, ret_decoded, MALFORMED_BAD_VALUE, path->name, "empty");
        return false;
    }
    if (ret_text->length > EVENT_ID_BYTES_MAX) {
        refuse(judge, ret_decoded, MALFORMED_TOO_LONG, path->name, "longer than 512 bytes");
        return false;
    }
    if (has_control(ret_text->bytes, ret_text->length)) {
        refuse(judge, ret_decoded, MALFORMED_BAD_VALUE, path->name, "has a control character");
        return false;
    }
    return true;
}

static bool take_ts(struct judge *judge, struct decoded *ret_decoded)
{
    const struct path *path = &judge->schema->paths[FIELD_TS];
    json_t *value = path_get(judge->root, path);
    bool good = false;

    if (value == NULL) {
        refuse(judge, ret_decoded, MALFORMED_MISSING, path->name, "missing");
        return false;
    }
    if (json_is_integer(value)) {
        ret_decoded->event.ts_ms = json_integer_value(value);
        good = ret_decoded->event.ts_ms >= 0 && ret_decoded->event.ts_ms <= EVENT_TS_MS_MAX;
    } else if (json_is_string(value)) {
        good = moment_parse(json_string_value(value), json_string_length(value),
                            &ret_decoded->event.ts_ms);
    } else {
        refuse(judge, ret_decoded, MALFORMED_WRONG_TYPE, path->name,
               "neither an integer (epoch ms) nor a string");
        return false;
    }
    if (!good) {
        refuse(judge, ret_decoded, MALFORMED_BAD_VALUE, path->name,
               "neither epoch ms up to the year 9999 nor RFC 3339");
    }
    return good;
}

static bool take_type(struct judge *judge, enum topic_type type, struct decoded *ret_decoded)
{
    const struct path *path = &judge->schema->paths[FIELD_TYPE];
    json_t *value = NULL;

    if (type != TOPIC_TYPE_FROM_EVENT) {
        ret_decoded->event.type = type == TOPIC_TYPE_VIEW ? EVENT_VIEW : EVENT_CLICK;
        return true;
    }
    value = path_get(judge->root, path);
    if (!json_is_string(value)) {
        refuse(judge, ret_decoded, value == NULL ? MALFORMED_MISSING : MALFORMED_WRONG_TYPE,
               path->name, value == NULL ? "missing" : "not a string");
        return false;
    }
    if (schema_type(judge->schema, text_in(value), &ret_decoded->event.type)) {
        return true;
    }
    refuse(judge, ret_decoded, MALFORMED_BAD_VALUE, path->name, "neither a view nor a click");
    return false;
}

/* Whether the filter's field has the filter's value: true and false by name, integers in decimal.
 */
static bool is_filtered(const struct judge *judge)
{
    const struct path *path = &judge->schema->paths[FIELD_FILTER];
    char number[32];
    int length = 0;
    json_t *value = NULL;

    if (path->count == 0) {
        return false;
    }
    value = path_get(judge->root, path);
    switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_STRING:
        return schema_filters(judge->schema, text_in(value));
    case JSON_TRUE:
        return schema_filters(judge->schema, (struct text){"true", 4});
    case JSON_FALSE:
        return schema_filters(judge->schema, (struct text){"false", 5});
    case JSON_INTEGER:
        length =
            snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return length > 0 && schema_filters(judge->schema, (struct text){number, (size_t)length});
    case JSON_NULL:
    case JSON_REAL:
    case JSON_ARRAY:
    case JSON_OBJECT:
    default:
        return false;
    }
}

static void decide(struct judge *judge, const char *bytes, size_t length, enum topic_type type,
                   struct decoded *ret_decoded)
{
    struct event *event = &ret_decoded->event;
    json_error_t error;

    ret_decoded->is_event = ret_decoded->no_memory = false;
    ret_decoded->detail[0] = '\0';
    if (bytes == NULL || length == 0) {
        refuse(judge, ret_decoded, MALFORMED_EMPTY, "record", bytes == NULL ? "null" : "empty");
        return;
    }
    if (length > judge->record_bytes_max) {
        refuse(judge, ret_decoded, MALFORMED_TOO_LONG, "record", "longer than max_record_bytes");
        return;
    }
    if (!json_arena_reserve(&judge->arena, bytes, length)) {
        ret_decoded->no_memory = true;
        return;
    }
    judge->root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (judge->root == NULL) {
        refuse_text(ret_decoded, &error);
        return;
    }
    if (!json_is_object(judge->root)) {
        json_decref(judge->root);
        judge->root = NULL; /* an array may hold a visitor anywhere: show nothing of it */
        refuse(judge, ret_decoded, MALFORMED_WRONG_TYPE, "record", "not an object");
        return;
    }
    ret_decoded->is_event = take_type(judge, type, ret_decoded) && take_ts(judge, ret_decoded) &&
                            take_id(judge, FIELD_PAGE, false, ret_decoded, &event->page) &&
                            take_id(judge, FIELD_BOX, true, ret_decoded, &event->box) &&
                            take_id(judge, FIELD_VISITOR, true, ret_decoded, &event->visitor) &&
                            take_id(judge, FIELD_ID, true, ret_decoded, &event->id);
    event->filtered = ret_decoded->is_event && is_filtered(judge);
}

void judge_record(struct judge *judge, const char *bytes, size_t length, enum topic_type type,
                  struct decoded *ret_decoded)
{
    drop_root(judge);
    json_arena_use(&judge->arena);
    decide(judge, bytes, length, type, ret_decoded);
    json_arena_use(NULL);
}
