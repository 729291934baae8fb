/* SPDX-License-Identifier: Apache-2.0 */
#include "service/facts.h"

#include <stdio.h>

static void add_beat(struct service_facts *facts, const char *thread, int64_t silent_ms)
{
    struct beat_facts *beat = &facts->beats[facts->beats_count];

    (void)snprintf(beat->thread, sizeof beat->thread, "%s", thread);
    beat->silent_ms = silent_ms < 0 ? 0 : silent_ms; /* it moved after mono_ms was read */
    facts->alive = facts->alive && silent_ms < BEATS_LIMIT_MS;
    facts->beats_count++;
}

void facts_read_beats(struct engine *main, struct scout *scout, int64_t mono_ms,
                      struct service_facts *ret_facts)
{
    ret_facts->alive = true;
    ret_facts->beats_count = 0;
    add_beat(ret_facts, "ingest", engine_silent_ms(main, mono_ms));
    if (scout != NULL) {
        add_beat(ret_facts, "scout", scout_silent_ms(scout, mono_ms));
        add_beat(ret_facts, "scout_ingest", scout_ingest_silent_ms(scout));
    }
}

void facts_read_snapshot(struct checkpointer *checkpointer, struct service_facts *ret_facts)
{
    struct checkpointer_health health;

    checkpointer_health(checkpointer, &health);
    ret_facts->snapshot_ms = health.saved_ms;
    ret_facts->snapshot_took_ms = health.took_ms;
    ret_facts->snapshot_files = health.files;
    ret_facts->snapshots = health.saves;
    ret_facts->snapshot_failures = health.failures;
    ret_facts->persisting = health.persisting;
    (void)snprintf(ret_facts->snapshot_error, sizeof ret_facts->snapshot_error, "%s", health.error);
}

void facts_read_source(struct engine *main, struct service_facts *ret_facts)
{
    struct source_health health;

    engine_health(main, &health);
    (void)snprintf(ret_facts->source_state, sizeof ret_facts->source_state, "%s", health.state);
    (void)snprintf(ret_facts->source_error, sizeof ret_facts->source_error, "%s", health.error);
    ret_facts->source_errors = health.errors;
}

enum ctr_status facts_read_history(struct checkpointer *checkpointer,
                                   const struct api_history_question *question,
                                   struct api_history *ret_history)
{
    struct history_points points = {0};
    struct history_question asked = {
        .key = &question->key,
        .from_ms = question->from_ms,
        .until_ms = question->until_ms,
        .fold_ms = question->fold_ms,
        .deadline = {.tv_sec = question->deadline_ms / 1000,
                     .tv_nsec = (long)(question->deadline_ms % 1000) * 1000000}};
    enum ctr_status status = checkpointer_history(checkpointer, &asked, &points);

    *ret_history = (struct api_history){
        .items = points.items, .count = points.count, .saved_cut = points.saved_cut};
    return status;
}
