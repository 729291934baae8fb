/* SPDX-License-Identifier: Apache-2.0
 *
 * The flags of `livectr replay` one by one, before the whole can be judged. Used by
 * replay_options.c only.
 */
#ifndef LIVECTR_SERVICE_REPLAY_FLAGS_H
#define LIVECTR_SERVICE_REPLAY_FLAGS_H

#include <stdbool.h>

#include "service/replay_options.h"
#include "storage/status.h"

enum { REPLAY_HANDED_ON_MAX = 2 * CONFIG_KAFKA_MAX + 64, REPLAY_FLAG_BYTES = 160 };

struct replay_flags {
    struct replay_options *options; /* borrowed, filled in */
    struct ctr_error *reterr;       /* borrowed */
    char flag[REPLAY_FLAG_BYTES];   /* the name of the one being read */
    char *topic, *split;            /* borrowed from argv, NULL when not given */
    bool speed_given, separator_given, click_after_given, brokers_given, format_given;
    char *handed_on[REPLAY_HANDED_ON_MAX]; /* what config_load() shall read */
    int handed_on_count;
};

/* Reads all of argv. Errors: CTR_INVALID, CTR_LIMIT with the way out in flags->reterr. */
CTR_MUST_USE enum ctr_status replay_flags_read(struct replay_flags *flags, int argc, char **argv);

/* Adds an argument (borrowed) for config_load(). Errors: CTR_INVALID when there are too many. */
CTR_MUST_USE enum ctr_status replay_flags_hand_on(struct replay_flags *flags, char *argument);

#endif
