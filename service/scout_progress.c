/* SPDX-License-Identifier: Apache-2.0
 *
 * How far main is and when it will be there: for /v1/status, the log and the terminal.
 */
#include <stdio.h>
#include <string.h>

#include "service/log.h"
#include "service/scout_internal.h"
#include "storage/moment.h"
#include "storage/store_status.h"

enum { SAMPLE_MS = 500, LINE_MS = 10000 };

void scout_progress_reset(struct scout *scout, int64_t from_ms)
{
    scout->samples_count = scout->next_sample = 0;
    scout->next_show_ms = scout->options.mono_ms();
    scout->next_line_ms = scout->next_show_ms + LINE_MS;
    (void)pthread_mutex_lock(&scout->lock);
    scout->backfill = (struct backfill_facts){.running = true,
                                              .from_ms = from_ms,
                                              .to_ms = from_ms,
                                              .target_ms = MOMENT_NONE,
                                              .remaining_ms = -1};
    (void)pthread_mutex_unlock(&scout->lock);
}

void scout_progress_end(struct scout *scout)
{
    (void)pthread_mutex_lock(&scout->lock);
    scout->backfill = (struct backfill_facts){.running = false};
    (void)pthread_mutex_unlock(&scout->lock);
    log_progress("");
}

/* The oldest sample there is, after adding one. */
static struct scout_sample add_sample(struct scout *scout, const struct scout_sample *sample)
{
    struct scout_sample oldest = *sample;

    if (scout->samples_count == SCOUT_SAMPLES_MAX) {
        oldest = scout->samples[scout->next_sample];
    } else if (scout->samples_count > 0) {
        oldest = scout->samples[0];
    }
    scout->samples[scout->next_sample] = *sample;
    scout->next_sample = (scout->next_sample + 1) % SCOUT_SAMPLES_MAX;
    scout->samples_count += scout->samples_count < SCOUT_SAMPLES_MAX ? 1 : 0;
    return oldest;
}

/* What is left shrinks by what main reads less what is written meanwhile. */
static void measure(struct scout *scout, struct backfill_facts *facts)
{
    struct scout_sample now = {.mono_ms = scout->options.mono_ms(), .to_ms = facts->to_ms};
    struct scout_sample then;
    double span_s = 0;

    if (!scout_backlog(scout, &now.left, &now.read)) {
        return;
    }
    facts->records_left = now.left;
    then = add_sample(scout, &now);
    span_s = (double)(now.mono_ms - then.mono_ms) / 1000;
    if (span_s <= 0) {
        return;
    }
    facts->records_per_s = (double)(now.read - then.read) / span_s;
    facts->times_real_time = then.to_ms == MOMENT_NONE || now.to_ms == MOMENT_NONE
                                 ? 0
                                 : (double)(now.to_ms - then.to_ms) / 1000 / span_s;
    facts->remaining_ms = -1;
    if (now.left == 0) {
        facts->remaining_ms = 0;
    } else if (then.left > now.left) {
        facts->remaining_ms =
            (int64_t)((double)now.left / ((double)(then.left - now.left) / span_s) * 1000);
    }
}

static uint64_t bytes_of(const struct scout *scout)
{
    struct store_status status;
    uint64_t bytes = 0;

    if (store_status_read(engine_store(scout->engine), &status) == CTR_OK) {
        bytes = status.bytes;
        store_status_done(&status);
    }
    return bytes;
}

/* A moment that may not be there yet. */
static void format(int64_t time_ms, char ret_text[MOMENT_TEXT_BYTES])
{
    if (time_ms == MOMENT_NONE) {
        (void)snprintf(ret_text, MOMENT_TEXT_BYTES, "-");
    } else {
        moment_format(time_ms, ret_text);
    }
}

static double done_percent(const struct backfill_facts *facts)
{
    if (facts->from_ms == MOMENT_NONE || facts->to_ms == MOMENT_NONE ||
        facts->target_ms <= facts->from_ms) {
        return 0;
    }
    return 100 * (double)(facts->to_ms - facts->from_ms) /
           (double)(facts->target_ms - facts->from_ms);
}

static void tell(struct scout *scout, const struct backfill_facts *facts)
{
    int64_t now_ms = scout->options.mono_ms();
    char to[MOMENT_TEXT_BYTES], target[MOMENT_TEXT_BYTES], remaining[32] = "?";
    char line[1024];

    format(facts->to_ms, to);
    format(facts->target_ms, target);
    if (facts->remaining_ms >= 0) {
        (void)snprintf(remaining, sizeof remaining, "%lld",
                       (long long)(facts->remaining_ms / 1000));
    }
    if (now_ms >= scout->next_line_ms) {
        scout->next_line_ms = now_ms + LINE_MS;
        log_line(LOG_INFO, "backfilling",
                 "to=%s target=%s done_percent=%.1f records_left=%llu records_per_s=%.0f "
                 "times_real_time=%.1f remaining_s=%s",
                 to, target, done_percent(facts), (unsigned long long)facts->records_left,
                 facts->records_per_s, facts->times_real_time, remaining);
    }
    (void)snprintf(line, sizeof line,
                   "backfilling: %.1f %%, %s of %s, %llu records left, %.0f/s, %s s to go",
                   done_percent(facts), to, target, (unsigned long long)facts->records_left,
                   facts->records_per_s, remaining);
    log_progress(line);
}

void scout_progress_note(struct scout *scout, const struct progress *main_progress,
                         const struct progress *own)
{
    bool due = scout->options.mono_ms() >= scout->next_show_ms;
    struct backfill_facts facts = scout->backfill; /* only this thread changes it */

    facts.answers = atomic_load(&scout->answers);
    facts.to_ms = main_progress->to_ms;
    facts.target_ms = own->to_ms;
    if (due) {
        scout->next_show_ms = scout->options.mono_ms() + SAMPLE_MS;
        facts.bytes = bytes_of(scout);
        measure(scout, &facts);
    }
    (void)pthread_mutex_lock(&scout->lock);
    scout->backfill = facts;
    (void)pthread_mutex_unlock(&scout->lock);
    if (due) {
        tell(scout, &facts);
    }
}
