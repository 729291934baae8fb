/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "service/bytes.h"

static_assert(NODES_MAX <= 64, "decode_fast.c keeps a bit for each node in one word");

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

/* ---- the tree ------------------------------------------------------------------------------ */

/* The child of nodes[parent] with that name, appended if it is new. All children of one node are
 * asked for before those of the next, so that they stand side by side. */
static size_t child_of(struct schema *schema, size_t parent, const char *name, size_t *count)
{
    struct name_node *above = &schema->nodes[parent];
    size_t length = strlen(name);

    for (size_t i = above->children; i < (size_t)above->children + above->children_count; i++) {
        if (schema->nodes[i].length == length && memcmp(schema->nodes[i].name, name, length) == 0) {
            return i;
        }
    }
    above->children = above->children_count == 0 ? (uint8_t)*count : above->children;
    above->children_count++;
    schema->nodes[*count] = (struct name_node){
        .name = name, .head = bytes_head(name, length), .length = (uint8_t)length};
    return (*count)++;
}

static void grow_tree(struct schema *schema)
{
    size_t places[FIELD_COUNT] = {0}; /* the node that each path has come to ... */
    size_t steps[FIELD_COUNT] = {0};  /* ... by so many steps */
    size_t count = 1;

    for (size_t parent = 0; parent < count; parent++) {
        for (int field = 0; field < FIELD_COUNT; field++) {
            const struct path *path = &schema->paths[field];

            if (places[field] != parent || steps[field] == path->count) {
                continue;
            }
            places[field] = child_of(schema, parent, path->steps[steps[field]], &count);
            if (++steps[field] == path->count) {
                schema->nodes[places[field]].fields |= (uint8_t)FIELD_BIT(field);
            }
        }
    }
}

/* ---- types --------------------------------------------------------------------------------- */

/* Adds the words of a list: what is between commas, from the first byte that is no blank to the
 * next one that is. */
static void read_words(struct schema *schema, const char *list)
{
    for (const char *at = list; *at != '\0';) {
        size_t length = 0;

        at += strspn(at, " \t");
        length = strcspn(at, ", \t");
        if (length > 0) {
            schema->words[schema->words_count++] =
                (struct type_word){.word = at, .head = bytes_head(at, length), .length = length};
        }
        at += strcspn(at, ",");
        at += *at == ',';
    }
}

bool schema_type(const struct schema *schema, struct text word, enum event_type *ret_type)
{
    uint64_t head = bytes_head(word.bytes, word.length);

    for (size_t i = 0; i < schema->words_count; i++) {
        const struct type_word *known = &schema->words[i];

        if (known->head == head && known->length == word.length &&
            (word.length <= BYTES_TOGETHER || memcmp(known->word, word.bytes, word.length) == 0)) {
            *ret_type = i < schema->views_count ? EVENT_VIEW : EVENT_CLICK;
            return true;
        }
    }
    return false;
}

bool schema_filters(const struct schema *schema, struct text value)
{
    return schema->paths[FIELD_FILTER].count > 0 && value.length == schema->filter_length &&
           memcmp(value.bytes, schema->filter_value, value.length) == 0;
}

/* ---- both ---------------------------------------------------------------------------------- */

enum ctr_status schema_read(const struct config *config, struct schema *ret_schema,
                            struct ctr_error *reterr)
{
    const char *const texts[FIELD_COUNT] = {
        config->fields.type,    config->fields.ts, config->fields.page,  config->fields.box,
        config->fields.visitor, config->fields.id, config->filter_field,
    };

    *ret_schema = (struct schema){0};
    for (int field = 0; field < FIELD_COUNT; field++) {
        enum ctr_status status = CTR_OK;

        if (field == FIELD_FILTER && texts[field][0] == '\0') {
            continue;
        }
        status = path_parse(texts[field], &ret_schema->paths[field], reterr);
        if (status != CTR_OK) {
            return status;
        }
    }
    grow_tree(ret_schema);
    (void)snprintf(ret_schema->view_types, sizeof ret_schema->view_types, "%s", config->view_types);
    (void)snprintf(ret_schema->click_types, sizeof ret_schema->click_types, "%s",
                   config->click_types);
    read_words(ret_schema, ret_schema->view_types);
    ret_schema->views_count = ret_schema->words_count;
    read_words(ret_schema, ret_schema->click_types);
    (void)snprintf(ret_schema->filter_value, sizeof ret_schema->filter_value, "%s",
                   config->filter_value);
    ret_schema->filter_length = strlen(ret_schema->filter_value);
    return CTR_OK;
}
