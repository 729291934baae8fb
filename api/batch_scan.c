/* SPDX-License-Identifier: Apache-2.0 */
#include "api/batch_scan.h"

#include <string.h>

#include "api/text.h"

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' ||
                                        *cursor->at == '\r' || *cursor->at == '\t'))
        cursor->at++;
}

/* The next byte that is no white space, if it is this one. */
static bool take(struct cursor *cursor, char byte)
{
    if (cursor->at < cursor->end && *cursor->at != byte)
        skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bytes up to the first that ends an id or needs a closer look: a quote, a backslash, a control
 * character, or one beyond ASCII. Eight at a time; a borrow may call a byte behind the first one
 * special that is not, so only the first is looked at. */
static const char *find_special(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        uint64_t quote;
        uint64_t slash;
        uint64_t rub;

        memcpy(&word, at, sizeof word);
        quote = word ^ EACH('"');
        slash = word ^ EACH('\\');
        rub = word ^ EACH(0x7F);
        if (((word | (word - EACH(0x20)) | (quote - EACH(1)) | (slash - EACH(1)) |
              (rub - EACH(1))) &
             EACH(0x80)) != 0)
            break;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7F && *at != '"' &&
           *at != '\\')
        at++;
    return at;
}

/* A string that may be an id, without escapes. */
static bool take_id(struct cursor *cursor, struct text *ret_text)
{
    const char *begin;
    bool plain = true;

    if (!take(cursor, '"'))
        return false;
    begin = cursor->at;
    cursor->at = find_special(begin, cursor->end);
    while (cursor->at < cursor->end && (*cursor->at & 0x80) != 0) {
        plain = false;
        cursor->at = find_special(cursor->at + 1, cursor->end);
    }
    *ret_text = (struct text){begin, (size_t)(cursor->at - begin)};
    if (cursor->at == cursor->end || *cursor->at != '"' || ret_text->length == 0 ||
        ret_text->length > EVENT_ID_BYTES_MAX)
        return false;
    cursor->at++;
    return plain || text_is_utf8(*ret_text);
}

static bool take_item(struct cursor *cursor, struct key_name *ret_name)
{
    *ret_name = (struct key_name){0};
    if (!take(cursor, '{'))
        return false;
    if (take(cursor, '}'))
        return true;
    do {
        struct text name;
        struct text *value;

        if (!take_id(cursor, &name) || !take(cursor, ':'))
            return false;
        if (text_equals(name, "page"))
            value = &ret_name->page;
        else if (text_equals(name, "box"))
            value = &ret_name->box;
        else
            return false;
        if (value->bytes != NULL || !take_id(cursor, value))
            return false;
    } while (take(cursor, ','));
    return take(cursor, '}');
}

static bool take_items(struct cursor *cursor, struct batch_scan *scan)
{
    scan->count = 0;
    if (!take(cursor, '['))
        return false;
    if (take(cursor, ']'))
        return true;
    do {
        if (scan->count == scan->max || !take_item(cursor, &scan->names[scan->count]))
            return false;
        scan->count++;
    } while (take(cursor, ','));
    return take(cursor, ']');
}

bool batch_scan(struct text body, struct batch_scan *scan)
{
    struct cursor cursor;
    bool items = false;

    scan->window = (struct text){0};
    if (body.length == 0)
        return false; /* and there may be no bytes to point at */
    cursor = (struct cursor){body.bytes, body.bytes + body.length};
    if (!take(&cursor, '{'))
        return false;
    do {
        struct text name;

        if (!take_id(&cursor, &name) || !take(&cursor, ':'))
            return false;
        if (!items && text_equals(name, "items")) {
            items = take_items(&cursor, scan);
            if (!items)
                return false;
        } else if (scan->window.bytes == NULL && text_equals(name, "window")) {
            if (!take_id(&cursor, &scan->window))
                return false;
        } else {
            return false;
        }
    } while (take(&cursor, ','));
    if (!take(&cursor, '}'))
        return false;
    skip_space(&cursor);
    return items && cursor.at == cursor.end;
}
