/* SPDX-License-Identifier: Apache-2.0 */
#include "api/body.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "api/batch_scan.h"
#include "api/text.h"

/* Openings and commas outside strings. A batch of 1,000 items has at most three per item; what has
 * far more is no batch, and jansson's tree of it could take a hundred times its bytes. */
enum { BODY_MARKS_MAX = 16384 };

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;

    if (content_type == NULL || strncasecmp(content_type, json, length) != 0)
        return false;
    length += strspn(content_type + length, " \t");
    return content_type[length] == '\0' || content_type[length] == ';';
}

static size_t count_marks(const char *bytes, size_t length)
{
    bool in_string = false;
    size_t marks = 0;

    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];

        if (byte == '"')
            in_string = !in_string;
        else if (in_string && byte == '\\')
            i++;
        else if (!in_string && (byte == '{' || byte == '[' || byte == ','))
            marks++;
    }
    return marks;
}

/* Reads a member that must be a string. `where` names it in the problem. */
static enum ctr_status read_string(const json_t *value, const char *where, struct text *ret_text,
                                   struct problem *ret_problem)
{
    if (!json_is_string(value))
        return problem_set(ret_problem, PROBLEM_SHAPE,
                           "%s must be a string; leave it out where there is none.", where);
    *ret_text = (struct text){json_string_value(value), json_string_length(value)};
    return CTR_OK;
}

static enum ctr_status read_id(const json_t *value, size_t item, const char *member,
                               struct text *ret_text, struct problem *ret_problem)
{
    char where[64];
    char quoted[TEXT_QUOTE_BYTES];
    enum ctr_status status;
    enum text_fault fault;

    (void)snprintf(where, sizeof where, "items[%zu].%s", item, member);
    status = read_string(value, where, ret_text, ret_problem);
    if (status != CTR_OK)
        return status;
    fault = text_check_id(*ret_text);
    if (fault == TEXT_FINE)
        return CTR_OK;
    text_quote(*ret_text, quoted);
    return problem_set(ret_problem, PROBLEM_SHAPE,
                       "%s %s: %s. An id is 1 to %d bytes of UTF-8 without control characters; "
                       "leave it out where there is none.",
                       where, text_fault_words(fault), quoted, EVENT_ID_BYTES_MAX);
}

static enum ctr_status refuse_member(const char *where, const char *name, const char *known,
                                     struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    text_quote(text_of(name), quoted);
    return problem_set(ret_problem, PROBLEM_SHAPE, "%s has no member %s; the members are: %s.",
                       where, quoted, known);
}

static enum ctr_status read_item(json_t *item, size_t index, struct key_name *ret_name,
                                 struct problem *ret_problem)
{
    const char *name;
    json_t *value;
    enum ctr_status status = CTR_OK;

    if (!json_is_object(item))
        return problem_set(ret_problem, PROBLEM_SHAPE,
                           "items[%zu] must be an object; {} asks for the site.", index);
    *ret_name = (struct key_name){0};
    json_object_foreach(item, name, value)
    {
        if (strcmp(name, "page") == 0)
            status = read_id(value, index, name, &ret_name->page, ret_problem);
        else if (strcmp(name, "box") == 0)
            status = read_id(value, index, name, &ret_name->box, ret_problem);
        else
            status = refuse_member("An item", name, "page and box", ret_problem);
        if (status != CTR_OK)
            return status;
    }
    return CTR_OK;
}

static enum ctr_status read_items(const json_t *items, struct batch_body *batch,
                                  struct problem *ret_problem)
{
    if (!json_is_array(items))
        return problem_set(ret_problem, PROBLEM_SHAPE, "items must be an array of objects.");
    batch->count = json_array_size(items);
    if (batch->count > BATCH_ITEMS_MAX)
        return problem_set(ret_problem, PROBLEM_TOO_LARGE,
                           "The body has %zu items; at most %d are answered at once.", batch->count,
                           BATCH_ITEMS_MAX);
    batch->names = calloc(batch->count + 1, sizeof *batch->names); /* one more: never 0 bytes */
    if (batch->names == NULL)
        return CTR_NO_MEMORY;
    for (size_t i = 0; i < batch->count; i++) {
        enum ctr_status status =
            read_item(json_array_get(items, i), i, &batch->names[i], ret_problem);

        if (status != CTR_OK)
            return status;
    }
    return CTR_OK;
}

static enum ctr_status read_document(json_t *document, struct batch_body *batch,
                                     struct problem *ret_problem)
{
    const json_t *items = NULL;
    const char *name;
    json_t *value;
    enum ctr_status status = CTR_OK;

    if (!json_is_object(document))
        return problem_set(ret_problem, PROBLEM_SHAPE,
                           "The body must be an object with items, and a window if you like.");
    json_object_foreach(document, name, value)
    {
        if (strcmp(name, "window") == 0)
            status = read_string(value, "window", &batch->window, ret_problem);
        else if (strcmp(name, "items") == 0)
            items = value;
        else
            status = refuse_member("The body", name, "window and items", ret_problem);
        if (status != CTR_OK)
            return status;
    }
    if (items == NULL)
        return problem_set(ret_problem, PROBLEM_SHAPE, "The body must have items.");
    return read_items(items, batch, ret_problem);
}

static enum ctr_status load(const struct api_request *request, struct batch_body *batch,
                            struct problem *ret_problem)
{
    json_error_t error;
    char quoted[TEXT_QUOTE_BYTES];

    json_memory_install(json_set_alloc_funcs);
    if (!json_arena_reserve(&batch->arena, request->body, request->body_length))
        return CTR_NO_MEMORY;
    json_arena_use(&batch->arena);
    batch->document = json_loadb(request->body == NULL ? "" : request->body, request->body_length,
                                 JSON_REJECT_DUPLICATES, &error);
    json_arena_use(NULL);
    if (batch->document != NULL)
        return CTR_OK;
    text_quote(text_of(error.text), quoted);
    return problem_set(ret_problem, PROBLEM_NOT_JSON, "Line %d, column %d of the body: %s.",
                       error.line, error.column, quoted);
}

static enum ctr_status check_head(const struct api_request *request, struct problem *ret_problem)
{
    if (!is_json(request->content_type))
        return problem_set(ret_problem, PROBLEM_MEDIA_TYPE,
                           "Send the batch with Content-Type: application/json.");
    if (request->body_length > BODY_BYTES_MAX)
        return problem_set(ret_problem, PROBLEM_TOO_LARGE,
                           "The body has %zu bytes; at most %d are taken.", request->body_length,
                           BODY_BYTES_MAX);
    return CTR_OK;
}

/* The plain form. False: what it is, or what is wrong with it, is not known. */
static bool scan(const struct api_request *request, struct batch_body *ret_body)
{
    /* An item is two bytes at least, and a comma but for the last. */
    size_t most = (request->body_length + 1) / 3 + 1;
    struct batch_scan scan = {.max = most < BATCH_ITEMS_MAX ? most : BATCH_ITEMS_MAX};

    scan.names = malloc(scan.max * sizeof *scan.names);
    if (scan.names != NULL &&
        batch_scan((struct text){request->body, request->body_length}, &scan)) {
        *ret_body =
            (struct batch_body){.window = scan.window, .count = scan.count, .names = scan.names};
        return true;
    }
    free(scan.names);
    return false;
}

enum ctr_status body_read(const struct api_request *request, struct batch_body *ret_body,
                          struct problem *ret_problem)
{
    enum ctr_status status = check_head(request, ret_problem);

    if (status != CTR_OK || scan(request, ret_body))
        return status;
    return body_read_judged(request, ret_body, ret_problem);
}

enum ctr_status body_read_judged(const struct api_request *request, struct batch_body *ret_body,
                                 struct problem *ret_problem)
{
    struct batch_body batch = {0};
    enum ctr_status status = check_head(request, ret_problem);

    if (status != CTR_OK)
        return status;
    if (count_marks(request->body, request->body_length) > BODY_MARKS_MAX)
        return problem_set(ret_problem, PROBLEM_TOO_LARGE,
                           "The body holds more values than a batch of %d items can have.",
                           BATCH_ITEMS_MAX);
    status = load(request, &batch, ret_problem);
    if (status == CTR_OK)
        status = read_document(batch.document, &batch, ret_problem);
    if (status == CTR_OK)
        *ret_body = batch;
    else
        body_done(&batch);
    return status;
}

void body_done(struct batch_body *batch)
{
    free(batch->names);
    if (batch->document != NULL) {
        json_arena_use(&batch->arena);
        json_decref(batch->document);
        json_arena_use(NULL);
    }
    json_arena_free(&batch->arena);
    *batch = (struct batch_body){0};
}
