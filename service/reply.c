/* SPDX-License-Identifier: Apache-2.0 */
#include "service/reply.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static int64_t whole_of_member(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

static bool ratio_of_member(const json_t *object, const char *name, double *ret_ratio)
{
    const json_t *value = json_object_get(object, name);

    *ret_ratio = json_number_value(value); /* 0 where it is no number */
    return json_is_number(value);
}

static void read_row(const json_t *object, struct reply_row *ret_row)
{
    const json_t *difference = json_object_get(object, "difference");
    bool has_ctr = ratio_of_member(object, "ctr", &ret_row->ctr);
    bool has_low = ratio_of_member(object, "ctr_low", &ret_row->low);
    bool has_high = ratio_of_member(object, "ctr_high", &ret_row->high);

    ret_row->page = text_of_member(object, "page");
    ret_row->box = text_of_member(object, "box");
    ret_row->impressions = whole_of_member(object, "impressions", 0);
    ret_row->clicks = whole_of_member(object, "clicks", 0);
    ret_row->viewers = whole_of_member(object, "viewers", -1);
    ret_row->has_ctr = has_ctr && has_low && has_high;
    ret_row->has_difference = ratio_of_member(difference, "ctr", &ret_row->difference);
}

static enum ctr_status read_rows(const json_t *object, struct reply *reply)
{
    const json_t *items = json_object_get(object, "items");
    size_t count = json_is_array(items) ? json_array_size(items) : 1;

    reply->rows = calloc(count == 0 ? 1 : count, sizeof *reply->rows);
    if (reply->rows == NULL) {
        return CTR_NO_MEMORY;
    }
    reply->rows_count = count;
    for (size_t i = 0; i < count; i++) {
        read_row(json_is_array(items) ? json_array_get(items, i) : object, &reply->rows[i]);
    }
    return CTR_OK;
}

enum ctr_status reply_read(const char *body, size_t length, struct reply *ret_reply,
                           struct ctr_error *reterr)
{
    json_error_t error;
    json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &error);

    *ret_reply = (struct reply){.json = object};
    if (!json_is_object(object) || *text_of_member(object, "state") == '\0' ||
        *text_of_member(object, "window") == '\0') {
        json_decref(object);
        return ctr_fail(reterr, CTR_INVALID, "the answer is not livectr's; is the URL right?");
    }
    ret_reply->window = text_of_member(object, "window");
    ret_reply->to = text_of_member(object, "to");
    ret_reply->state = text_of_member(object, "state");
    ret_reply->lag_ms = whole_of_member(object, "lag_ms", 0);
    ret_reply->total = whole_of_member(object, "total", 1);
    (void)ratio_of_member(object, "coverage", &ret_reply->coverage);
    if (read_rows(object, ret_reply) != CTR_OK) {
        json_decref(object);
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    return CTR_OK;
}

void reply_done(struct reply *reply)
{
    json_decref(reply->json);
    free(reply->rows);
    *reply = (struct reply){.json = NULL};
}

void reply_problem(int status, const char *body, size_t length, char *ret_text, size_t text_bytes)
{
    json_error_t error;
    json_t *object = json_loadb(body, length, 0, &error);
    const char *detail = text_of_member(object, "detail");
    const char *title = text_of_member(object, "title");

    if (*detail == '\0' && *title == '\0') {
        (void)snprintf(ret_text, text_bytes, "HTTP %d", status);
    } else {
        (void)snprintf(ret_text, text_bytes, "%s (HTTP %d)", *detail == '\0' ? title : detail,
                       status);
    }
    json_decref(object);
}
