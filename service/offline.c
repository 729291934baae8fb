/* SPDX-License-Identifier: Apache-2.0 */
#include "service/offline.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/checkpointer.h"
#include "service/clock.h"
#include "service/file_source.h"
#include "service/kafka/consumer.h"
#include "service/log.h"
#include "service/offline_output.h"
#include "service/pipeline.h"
#include "service/replay.h"
#include "service/scratch.h"
#include "service/settings.h"
#include "storage/copies.h"
#include "storage/moment.h"
#include "storage/store_status.h"

enum {
    COMPLAINTS_SHOWN = 10,
    LOOK_MS = 20,
    PROGRESS_MS = 500,
    SILENCE_MS = 30000, /* of a cluster, before the end of its topics */
    SAVE_INTERVAL_MS = 2000,
    SAVE_STOP_MS = 600000,
    SOURCE_STOP_MS = 3000,
    PATH_BYTES = 1200
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct offline {
    const struct replay_options *options;
    struct config config; /* with the folder below */
    char database[PATH_BYTES];
    struct source *source;
    struct store *store;
    struct checkpointer *checkpointer;
    struct pipeline *pipeline;
    uint64_t complaints;
    int64_t started_ms, progress_ms;
    int64_t read_ms; /* wall clock when all was read, MOMENT_NONE */
    bool tty;
    struct store_status status; /* at the end */
    bool has_status;
    uint64_t rows;
};

static void complain(void *owner, const char *complaint)
{
    struct offline *offline = owner;

    if (offline->complaints++ < COMPLAINTS_SHOWN) {
        (void)fprintf(stderr, "%s%s\n", offline->tty ? "\r\033[K" : "", complaint);
    }
}

/* ---- counting ------------------------------------------------------------------------------ */

static enum ctr_status open_source(struct offline *offline, struct ctr_error *reterr)
{
    const struct replay_options *options = offline->options;
    struct replay_merge *merge = NULL;
    enum ctr_status status = CTR_OK;

    if (options->from_kafka) {
        return kafka_source_open(&offline->config, &offline->source, reterr);
    }
    if (options->dump != NULL) {
        return file_source_open_dump(options->dump, options->any_topic ? NULL : &offline->config,
                                     &offline->source, reterr);
    }
    status = replay_merge_open(options, complain, offline, &merge, reterr);
    return status == CTR_OK ? file_source_open_merge(merge, REPLAY_FILES_TOPIC, options->from_ms,
                                                     options->until_ms, &offline->source, reterr)
                            : status;
}

static enum ctr_status start_counting(struct offline *offline, struct ctr_error *reterr)
{
    const struct copies_options one = {.paths = {offline->database}, .count = 1};
    struct copies *copies = NULL;
    struct store_options options;
    enum ctr_status status = settings_store_options(&offline->config, &options, reterr);

    if (status == CTR_OK) {
        status = store_new(&options, &offline->store, reterr);
    }
    if (status == CTR_OK) {
        status = copies_open(&one, &copies, reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    copies_keep(copies, INT64_MAX, INT64_MAX); /* all of it is the result */
    status = checkpointer_start(&copies, &offline->checkpointer, reterr);
    copies_close(copies);
    if (status == CTR_OK) {
        struct pipeline_options pipeline = {.config = &offline->config,
                                            .source = offline->source,
                                            .store = offline->store,
                                            .checkpointer = offline->checkpointer,
                                            .wall_ms = clock_wall_ms,
                                            .mono_ms = clock_mono_ms};

        status = pipeline_start(&pipeline, &offline->pipeline, reterr);
    }
    return status;
}

struct account {
    uint64_t read, held;
};

static struct account account_of(const struct offline *offline)
{
    struct store_status status;
    struct account account = {.held = UINT64_MAX};

    if (store_status_read(offline->store, &status) == CTR_OK) {
        account.held = status.held;
        for (size_t i = 0; i < status.partitions_count; i++) {
            account.read += status.partitions[i].counts.read;
        }
        store_status_done(&status);
    }
    return account;
}

static void show_progress(struct offline *offline, uint64_t read)
{
    struct progress progress = store_progress(offline->store);
    int64_t now_ms = clock_mono_ms();
    char text[MOMENT_TEXT_BYTES] = "-";

    if (!offline->tty || now_ms - offline->progress_ms < PROGRESS_MS) {
        return;
    }
    offline->progress_ms = now_ms;
    if (progress.to_ms != MOMENT_NONE) {
        moment_format(progress.to_ms, text);
    }
    (void)fprintf(stderr, "\r\033[K%" PRIu64 " records  %.0f/s  counted to %s", read,
                  (double)read * 1e3 / (double)(now_ms - offline->started_ms + 1), text);
}

static bool all_read(const struct offline *offline)
{
    return offline->options->from_kafka ? store_progress(offline->store).caught_up_once
                                        : pipeline_finished(offline->pipeline);
}

/* Until everything that is read is counted; but what is dated ahead of the moment when all was read
 * stays held. The clock of the events has no such moment: its end is the newest event. */
static bool all_counted(struct offline *offline, uint64_t held)
{
    if (!all_read(offline)) {
        return false;
    }
    if (offline->read_ms == MOMENT_NONE) {
        offline->read_ms = clock_wall_ms();
    }
    return offline->config.clock == CLOCK_EVENT || held == 0 ||
           store_progress(offline->store).to_ms >= offline->read_ms;
}

/* Until everything is counted, or a signal. A cluster that stays silent is given up. */
static enum ctr_status wait_until_counted(struct offline *offline, struct ctr_error *reterr)
{
    int64_t heard_ms = clock_mono_ms();
    struct account account = {.held = UINT64_MAX};

    while (!interrupted && !all_counted(offline, account.held)) {
        struct account now = account_of(offline);

        if (now.read != account.read) {
            heard_ms = clock_mono_ms();
        }
        account = now;
        if (offline->options->from_kafka && clock_mono_ms() - heard_ms > SILENCE_MS) {
            struct source_health health = {.state = ""};

            offline->source->ops->health(offline->source, &health);
            return ctr_fail(reterr, CTR_RETRY,
                            "no record for %d s, and the topics' ends were not reached: %s %.200s",
                            (int)SILENCE_MS / 1000, health.state, health.error);
        }
        show_progress(offline, account.read);
        (void)poll(NULL, 0, LOOK_MS);
    }
    return CTR_OK;
}

/* After it, nothing is counted any more and everything is in the file. */
static enum ctr_status stop_counting(struct offline *offline, struct ctr_error *reterr)
{
    struct checkpointer_health health;
    enum ctr_status status = CTR_OK;
    bool saved = false;

    (void)pipeline_stop(offline->pipeline);
    offline->pipeline = NULL;
    saved = checkpointer_wait(offline->checkpointer, SAVE_STOP_MS);
    checkpointer_health(offline->checkpointer, &health);
    checkpointer_stop(offline->checkpointer, SAVE_STOP_MS);
    offline->checkpointer = NULL;
    if (!offline->options->from_kafka) {
        status = file_source_error(offline->source, reterr);
    }
    if (status == CTR_OK && (!saved || health.saves == 0 || !health.persisting)) {
        status = ctr_fail(reterr, CTR_IO, "%s: %.250s", offline->config.data_dir,
                          health.error[0] ? health.error : "nothing was saved");
    }
    if (status == CTR_OK) {
        status = store_status_read(offline->store, &offline->status);
        offline->has_status = status == CTR_OK;
    }
    if (status == CTR_OK && offline->status.minutes_lost > 0) {
        status = ctr_fail(reterr, CTR_LIMIT,
                          "%" PRIu64 " events are missing in their minutes: raise --max-minutes",
                          offline->status.minutes_lost);
    }
    return status;
}

/* ---- the verb ------------------------------------------------------------------------------ */

static void report(const struct offline *offline)
{
    struct partition_counts sum = {.read = 0};
    char to[MOMENT_TEXT_BYTES] = "-";
    uint64_t malformed = 0;

    for (size_t i = 0; i < offline->status.partitions_count; i++) {
        const struct partition_counts *counts = &offline->status.partitions[i].counts;

        sum.read += counts->read;
        sum.counted += counts->counted;
        sum.filtered += counts->filtered;
        sum.duplicate += counts->duplicate;
        sum.late += counts->late;
        sum.future += counts->future;
        malformed += partition_malformed(counts);
    }
    if (offline->status.progress.to_ms != MOMENT_NONE) {
        moment_format(offline->status.progress.to_ms, to);
    }
    if (offline->complaints > COMPLAINTS_SHOWN) {
        (void)fprintf(stderr, "... and %" PRIu64 " more lines that are no events\n",
                      offline->complaints - COMPLAINTS_SHOWN);
    }
    (void)fprintf(stderr,
                  "read %" PRIu64 " records in %.1f s, counted to %s: counted %" PRIu64
                  " (of those filtered %" PRIu64 "), duplicates %" PRIu64 ", late %" PRIu64
                  ", future %" PRIu64 ", malformed %" PRIu64 ", held %" PRIu64
                  ", lines skipped %" PRIu64 "; %" PRIu64 " rows written\n",
                  sum.read, (double)(clock_mono_ms() - offline->started_ms) / 1e3, to, sum.counted,
                  sum.filtered, sum.duplicate, sum.late, sum.future, malformed,
                  offline->status.held, offline->complaints, offline->rows);
}

static enum ctr_status save_result(struct offline *offline, struct ctr_error *reterr)
{
    struct offline_output output = {.database = offline->database,
                                    .name = offline->options->output,
                                    .format = offline->options->format,
                                    .lateness_ms = offline->config.lateness_ms};

    return offline_output_write(&output, &offline->rows, reterr);
}

static enum ctr_status count_all(struct offline *offline, struct ctr_error *reterr)
{
    enum ctr_status status =
        scratch_make(offline->config.data_dir, sizeof offline->config.data_dir, reterr);

    (void)snprintf(offline->database, sizeof offline->database, "%s/livectr.db",
                   offline->config.data_dir);
    if (status == CTR_OK) {
        status = open_source(offline, reterr);
    }
    if (status == CTR_OK) {
        status = start_counting(offline, reterr);
    }
    if (status == CTR_OK) {
        status = wait_until_counted(offline, reterr);
    }
    if (status == CTR_OK && !interrupted) {
        status = stop_counting(offline, reterr);
    }
    if (offline->tty) {
        (void)fputs("\r\033[K", stderr);
    }
    return status == CTR_OK && !interrupted ? save_result(offline, reterr) : status;
}

static void release(struct offline *offline)
{
    (void)pipeline_stop(offline->pipeline);
    checkpointer_stop(offline->checkpointer, SAVE_STOP_MS);
    if (offline->source != NULL) {
        offline->source->ops->close(offline->source, SOURCE_STOP_MS);
    }
    if (offline->has_status) {
        store_status_done(&offline->status);
    }
    store_free(offline->store);
    scratch_remove(offline->config.data_dir);
    free(offline);
}

static int exit_code(const struct offline *offline, enum ctr_status status)
{
    if (interrupted) {
        return REPLAY_INTERRUPTED;
    }
    if (status == CTR_INVALID || status == CTR_NOT_FOUND) {
        return REPLAY_USAGE;
    }
    return status == CTR_OK && offline->complaints == 0 ? REPLAY_OK : REPLAY_INCOMPLETE;
}

int offline_run(const struct replay_options *options)
{
    struct sigaction stop = {.sa_handler = on_signal}, saved[3];
    struct sigaction ignore = {.sa_handler = SIG_IGN}; /* a reader that leaves is a failed write */
    struct offline *offline = calloc(1, sizeof *offline);
    struct ctr_error problem = {.text = ""};
    enum ctr_status status = CTR_OK;
    int code = REPLAY_INCOMPLETE;

    if (offline == NULL) {
        (void)fputs("livectr replay: out of memory\n", stderr);
        return REPLAY_INCOMPLETE;
    }
    offline->options = options;
    offline->read_ms = MOMENT_NONE;
    offline->config = options->config;
    offline->config.snapshot_interval_ms = SAVE_INTERVAL_MS;
    offline->tty = isatty(STDERR_FILENO) == 1;
    offline->started_ms = clock_mono_ms();
    log_set_level(options->config.log_level > LOG_WARN ? LOG_WARN : options->config.log_level);
    interrupted = 0;
    (void)sigaction(SIGINT, &stop, &saved[0]);
    (void)sigaction(SIGTERM, &stop, &saved[1]);
    (void)sigaction(SIGPIPE, &ignore, &saved[2]);
    status = count_all(offline, &problem);
    if (status != CTR_OK) {
        (void)fprintf(stderr, "livectr replay: %s\n", problem.text);
    } else if (interrupted) {
        (void)fputs("interrupted; nothing was written\n", stderr);
    } else {
        report(offline);
    }
    code = exit_code(offline, status);
    release(offline);
    (void)sigaction(SIGINT, &saved[0], NULL);
    (void)sigaction(SIGTERM, &saved[1], NULL);
    (void)sigaction(SIGPIPE, &saved[2], NULL);
    return code;
}
