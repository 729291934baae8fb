/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { PATH_STEPS_MAX = 8, FIELD_BYTES = 128 };

/* Where a field stands: one name, or the steps of an RFC 6901 pointer. */
struct path {
    char name[FIELD_BYTES]; /* as configured, for messages */
    char steps[PATH_STEPS_MAX][FIELD_BYTES];
    size_t count;
};

enum field { FIELD_TYPE, FIELD_TS, FIELD_PAGE, FIELD_BOX, FIELD_VISITOR, FIELD_ID, FIELD_COUNT };

struct decoder {
    struct path paths[FIELD_COUNT];
    struct path filter; /* count 0: none */
    char filter_value[FIELD_BYTES];
    char view_types[CONFIG_TEXT_BYTES], click_types[CONFIG_TEXT_BYTES];
    size_t record_bytes_max;
    json_t *root; /* of the record decoded last */
};

/* ---- paths --------------------------------------------------------------------------------- */

/* One step of a pointer up to `end`; ~1 is a slash, ~0 a tilde. */
static bool copy_step(const char *at, const char *end, char ret_step[FIELD_BYTES])
{
    size_t length = 0;

    for (; at != end; at++) {
        char byte = *at;

        if (byte == '~') {
            at++;
            if (at == end || (*at != '0' && *at != '1')) {
                return false;
            }
            byte = *at == '0' ? '~' : '/';
        }
        ret_step[length++] = byte;
    }
    ret_step[length] = '\0';
    return true;
}

static enum ctr_status path_parse(const char *text, struct path *ret_path, struct ctr_error *reterr)
{
    const char *at = text;

    (void)snprintf(ret_path->name, sizeof ret_path->name, "%s", text);
    ret_path->count = 0;
    if (*text != '/') {
        (void)snprintf(ret_path->steps[0], FIELD_BYTES, "%s", text);
        ret_path->count = 1;
        return CTR_OK;
    }
    while (*at == '/') {
        const char *end = at + 1 + strcspn(at + 1, "/");

        if (ret_path->count == PATH_STEPS_MAX ||
            !copy_step(at + 1, end, ret_path->steps[ret_path->count])) {
            return ctr_fail(reterr, CTR_INVALID,
                            "\"%s\" is no JSON pointer of at most %d steps (RFC 6901: ~ is written "
                            "~0, / inside a name ~1)",
                            text, (int)PATH_STEPS_MAX);
        }
        ret_path->count++;
        at = end;
    }
    return CTR_OK;
}

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

enum ctr_status decoder_new(const struct config *config, struct decoder **ret_decoder,
                            struct ctr_error *reterr)
{
    const char *const names[FIELD_COUNT] = {config->fields.type,    config->fields.ts,
                                            config->fields.page,    config->fields.box,
                                            config->fields.visitor, config->fields.id};
    struct decoder *decoder = calloc(1, sizeof *decoder);

    if (decoder == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for a decoder");
    }
    for (int field = 0; field < FIELD_COUNT; field++) {
        enum ctr_status status = path_parse(names[field], &decoder->paths[field], reterr);

        if (status != CTR_OK) {
            decoder_free(decoder);
            return status;
        }
    }
    if (config->filter_field[0] != '\0') {
        enum ctr_status status = path_parse(config->filter_field, &decoder->filter, reterr);

        if (status != CTR_OK) {
            decoder_free(decoder);
            return status;
        }
        (void)snprintf(decoder->filter_value, sizeof decoder->filter_value, "%s",
                       config->filter_value);
    }
    (void)snprintf(decoder->view_types, sizeof decoder->view_types, "%s", config->view_types);
    (void)snprintf(decoder->click_types, sizeof decoder->click_types, "%s", config->click_types);
    decoder->record_bytes_max = config->record_bytes_max;
    *ret_decoder = decoder;
    return CTR_OK;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder != NULL) {
        json_decref(decoder->root);
        free(decoder);
    }
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void remove_visitor(struct decoder *decoder)
{
    const struct path *path = &decoder->paths[FIELD_VISITOR];

    (void)json_object_del(path_parent(decoder->root, path), path->steps[path->count - 1]);
}

/* Says what is wrong, then shows as much of the record as fits, without its visitor. */
static void refuse(struct decoder *decoder, struct decoded *ret_decoded,
                   enum malformed_reason reason, const char *field, const char *what)
{
    char *detail = ret_decoded->detail;
    size_t room = sizeof ret_decoded->detail;
    int length = snprintf(detail, room, "%.40s: %s; ", field, what);

    ret_decoded->is_event = false;
    ret_decoded->reason = reason;
    if (decoder->root != NULL && length > 0 && (size_t)length < room) {
        size_t left = room - (size_t)length - 1;
        size_t wanted = 0;

        remove_visitor(decoder);
        /* ASCII only, so that cutting cannot split a character. */
        wanted = json_dumpb(decoder->root, detail + length, left, JSON_COMPACT | JSON_ENSURE_ASCII);
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
static bool take_id(struct decoder *decoder, enum field field, bool optional,
                    struct decoded *ret_decoded, struct text *ret_text)
{
    const struct path *path = &decoder->paths[field];
    json_t *value = path_get(decoder->root, path);

    *ret_text = (struct text){0};
    if (value == NULL || json_is_null(value)) {
        if (!optional) {
            refuse(decoder, ret_decoded, value == NULL ? MALFORMED_MISSING : MALFORMED_WRONG_TYPE,
                   path->name, value == NULL ? "missing" : "null");
        }
        return optional;
    }
    if (!json_is_string(value)) {
        refuse(decoder, ret_decoded, MALFORMED_WRONG_TYPE, path->name, "not a string");
        return false;
    }
    *ret_text =
        (struct text){.bytes = json_string_value(value), .length = json_string_length(value)};
    if (ret_text->length == 0 && !optional) {
        refuse(decoder, ret_decoded, MALFORMED_BAD_VALUE, path->name, "empty");
        return false;
    }
    if (ret_text->length > EVENT_ID_BYTES_MAX) {
        refuse(decoder, ret_decoded, MALFORMED_TOO_LONG, path->name, "longer than 512 bytes");
        return false;
    }
    if (has_control(ret_text->bytes, ret_text->length)) {
        refuse(decoder, ret_decoded, MALFORMED_BAD_VALUE, path->name, "has a control character");
        return false;
    }
    return true;
}

static bool take_ts(struct decoder *decoder, struct decoded *ret_decoded)
{
    const struct path *path = &decoder->paths[FIELD_TS];
    json_t *value = path_get(decoder->root, path);
    bool good = false;

    if (value == NULL) {
        refuse(decoder, ret_decoded, MALFORMED_MISSING, path->name, "missing");
        return false;
    }
    if (json_is_integer(value)) {
        ret_decoded->event.ts_ms = json_integer_value(value);
        good = ret_decoded->event.ts_ms >= 0 && ret_decoded->event.ts_ms <= EVENT_TS_MS_MAX;
    } else if (json_is_string(value)) {
        good = moment_parse(json_string_value(value), json_string_length(value),
                            &ret_decoded->event.ts_ms);
    } else {
        refuse(decoder, ret_decoded, MALFORMED_WRONG_TYPE, path->name,
               "neither an integer (epoch ms) nor a string");
        return false;
    }
    if (!good) {
        refuse(decoder, ret_decoded, MALFORMED_BAD_VALUE, path->name,
               "neither epoch ms up to the year 9999 nor RFC 3339");
    }
    return good;
}

static bool listed(const char *list, const char *word, size_t length)
{
    for (const char *at = list; length > 0;) {
        size_t part = 0;

        at += strspn(at, " \t");
        part = strcspn(at, ", \t");
        if (part == length && memcmp(at, word, length) == 0) {
            return true;
        }
        at += strcspn(at, ",");
        if (*at == '\0') {
            break;
        }
        at++;
    }
    return false;
}

static bool take_type(struct decoder *decoder, enum topic_type type, struct decoded *ret_decoded)
{
    const struct path *path = &decoder->paths[FIELD_TYPE];
    json_t *value = NULL;

    if (type != TOPIC_TYPE_FROM_EVENT) {
        ret_decoded->event.type = type == TOPIC_TYPE_VIEW ? EVENT_VIEW : EVENT_CLICK;
        return true;
    }
    value = path_get(decoder->root, path);
    if (!json_is_string(value)) {
        refuse(decoder, ret_decoded, value == NULL ? MALFORMED_MISSING : MALFORMED_WRONG_TYPE,
               path->name, value == NULL ? "missing" : "not a string");
        return false;
    }
    if (listed(decoder->view_types, json_string_value(value), json_string_length(value))) {
        ret_decoded->event.type = EVENT_VIEW;
        return true;
    }
    if (listed(decoder->click_types, json_string_value(value), json_string_length(value))) {
        ret_decoded->event.type = EVENT_CLICK;
        return true;
    }
    refuse(decoder, ret_decoded, MALFORMED_BAD_VALUE, path->name, "neither a view nor a click");
    return false;
}

/* Whether the filter's field has the filter's value: true and false by name, integers in decimal.
 */
static bool is_filtered(const struct decoder *decoder)
{
    char number[32];
    json_t *value = NULL;

    if (decoder->filter.count == 0) {
        return false;
    }
    value = path_get(decoder->root, &decoder->filter);
    switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_STRING:
        return json_string_length(value) == strlen(decoder->filter_value) &&
               memcmp(json_string_value(value), decoder->filter_value, json_string_length(value)) ==
                   0;
    case JSON_TRUE:
        return strcmp(decoder->filter_value, "true") == 0;
    case JSON_FALSE:
        return strcmp(decoder->filter_value, "false") == 0;
    case JSON_INTEGER:
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return strcmp(decoder->filter_value, number) == 0;
    case JSON_NULL:
    case JSON_REAL:
    case JSON_ARRAY:
    case JSON_OBJECT:
    default:
        return false;
    }
}

void decode_record(struct decoder *decoder, const char *bytes, size_t length, enum topic_type type,
                   struct decoded *ret_decoded)
{
    struct event *event = &ret_decoded->event;
    json_error_t error;

    json_decref(decoder->root);
    decoder->root = NULL;
    ret_decoded->is_event = false;
    ret_decoded->detail[0] = '\0';
    if (bytes == NULL || length == 0) {
        refuse(decoder, ret_decoded, MALFORMED_EMPTY, "record", bytes == NULL ? "null" : "empty");
        return;
    }
    if (length > decoder->record_bytes_max) {
        refuse(decoder, ret_decoded, MALFORMED_TOO_LONG, "record", "longer than max_record_bytes");
        return;
    }
    decoder->root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (decoder->root == NULL) {
        refuse_text(ret_decoded, &error);
        return;
    }
    if (!json_is_object(decoder->root)) {
        json_decref(decoder->root);
        decoder->root = NULL; /* an array may hold a visitor anywhere: show nothing of it */
        refuse(decoder, ret_decoded, MALFORMED_WRONG_TYPE, "record", "not an object");
        return;
    }
    ret_decoded->is_event = take_type(decoder, type, ret_decoded) &&
                            take_ts(decoder, ret_decoded) &&
                            take_id(decoder, FIELD_PAGE, false, ret_decoded, &event->page) &&
                            take_id(decoder, FIELD_BOX, true, ret_decoded, &event->box) &&
                            take_id(decoder, FIELD_VISITOR, true, ret_decoded, &event->visitor) &&
                            take_id(decoder, FIELD_ID, true, ret_decoded, &event->id);
    event->filtered = ret_decoded->is_event && is_filtered(decoder);
}
