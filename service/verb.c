/* SPDX-License-Identifier: Apache-2.0 */
#include "service/verb.h"

#include <string.h>

#include "service/near.h"

enum { FLAG_BYTES = 64 };

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < verbs_count; i++) {
        if (strcmp(verbs[i]->name, name) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

bool verb_row_is_flag(const struct verb_row *row)
{
    return row->name != NULL;
}

bool verb_row_is_last(const struct verb_row *row)
{
    return row->name == NULL && row->group == NULL && row->help == NULL;
}

const struct verb_row *verb_find_row(const struct verb *verb, const char *name)
{
    for (const struct verb_row *row = verb->rows; row != NULL && !verb_row_is_last(row); row++) {
        if (verb_row_is_flag(row) && strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

static enum ctr_status unknown(const struct verb *verb, const char *name, struct ctr_error *reterr)
{
    struct near_miss miss;

    near_miss_init(&miss, name);
    for (const struct verb_row *row = verb->rows; row != NULL && !verb_row_is_last(row); row++) {
        if (verb_row_is_flag(row)) {
            near_miss_add(&miss, row->name, strlen(row->name));
        }
    }
    return ctr_fail(reterr, CTR_INVALID, "unknown option %s%s (livectr %s --help lists them)", name,
                    near_miss_sentence(&miss), verb->name);
}

enum ctr_status verb_next_flag(const struct verb *verb, int argc, char **argv, int *at,
                               struct verb_flag *ret_flag, struct ctr_error *reterr)
{
    char *argument = argv[*at];
    size_t length = strcspn(argument, "=");
    bool joined = argument[length] == '=';
    char name[FLAG_BYTES];

    (*at)++;
    *ret_flag = (struct verb_flag){.value = argument};
    if (argument[0] != '-' || argument[1] == '\0') {
        return CTR_OK;
    }
    if (length >= sizeof name) {
        length = sizeof name - 1;
    }
    memcpy(name, argument, length);
    name[length] = '\0';
    ret_flag->row = verb_find_row(verb, strcmp(name, "-h") == 0 ? "--help" : name);
    if (ret_flag->row == NULL) {
        return unknown(verb, name, reterr);
    }
    ret_flag->value = joined ? argument + strcspn(argument, "=") + 1 : NULL;
    if (ret_flag->row->value == NULL && joined) {
        return ctr_fail(reterr, CTR_INVALID, "%s takes no value", name);
    }
    if (ret_flag->row->value != NULL && !joined) {
        if (*at == argc) {
            return ctr_fail(reterr, CTR_INVALID, "%s needs a value behind it", name);
        }
        ret_flag->value = argv[(*at)++];
    }
    return CTR_OK;
}
