/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the merged events one by one, waits until each is due, and hands it to the producer (or to
 * stdout). Everything the user sees is printed here.
 */
#include "service/replay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/kafka/producer.h"
#include "service/log.h"
#include "service/manual.h"
#include "service/offline.h"
#include "service/replay_merge.h"
#include "service/replay_options.h"
#include "service/replay_pace.h"
#include "service/verb.h"
#include "storage/moment.h"

enum {
    COMPLAINTS_SHOWN = 10,
    POLL_EVERY = 512,        /* events between two looks at deliveries, signals and the clock */
    WAIT_MS_MAX = 100,       /* the longest wait that no signal ends */
    PROGRESS_US = 500000,    /* between two progress lines */
    LINGER_MS = 50,          /* for batches worth compressing */
    GIVE_UP_FLUSH_MS = 10000 /* after a signal */
};

extern char **environ; /* POSIX declares it nowhere */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct run {
    struct replay_options options;
    struct replay_merge *merge;
    struct producer *producer; /* NULL: dry run */
    struct replay_pace pace;
    int64_t start_us, progress_us;
    uint64_t events[2]; /* by enum event_type: produced */
    uint64_t outside;   /* of --from and --until */
    uint64_t complaints;
    int64_t first_ts_ms, last_ts_ms; /* of the produced; MOMENT_NONE */
    bool tty, progress_shown;
};

static void clear_progress(struct run *run)
{
    if (run->progress_shown) {
        (void)fputs("\r\033[K", stderr);
    }
    run->progress_shown = false;
}

static void complain(void *owner, const char *complaint)
{
    struct run *run = owner;

    if (run->complaints++ >= COMPLAINTS_SHOWN) {
        return;
    }
    clear_progress(run);
    (void)fprintf(stderr, "%s\n", complaint);
}

static uint64_t produced(const struct run *run)
{
    return run->events[EVENT_VIEW] + run->events[EVENT_CLICK];
}

static void show_progress(struct run *run)
{
    int64_t now_us = clock_mono_us();
    char text[MOMENT_TEXT_BYTES];

    if (!run->tty || run->last_ts_ms == MOMENT_NONE || now_us - run->progress_us < PROGRESS_US) {
        return;
    }
    run->progress_us = now_us;
    run->progress_shown = true;
    moment_format(run->last_ts_ms, text);
    (void)fprintf(stderr, "\r\033[K%" PRIu64 " events  %.0f/s  event time %s", produced(run),
                  (double)produced(run) / ((double)(now_us - run->start_us + 1) / 1e6), text);
}

static void pause_ms(struct run *run, int64_t ms)
{
    int wait_ms = ms < WAIT_MS_MAX ? (int)ms : WAIT_MS_MAX;
    struct timespec span = {.tv_nsec = (long)wait_ms * 1000000};

    if (run->producer) {
        producer_poll(run->producer, wait_ms);
    } else {
        (void)nanosleep(&span, NULL); /* a signal may cut it short */
    }
}

/* False: a signal came first. Sends up to a millisecond early. */
static bool wait_until_due(struct run *run, const struct replay_item *item)
{
    int64_t due_us;

    if (produced(run) == 0) {
        run->pace.first_ts_ms = item->ts_ms;
    }
    due_us = replay_due_us(&run->pace, item->ts_ms, produced(run));
    while (!interrupted) {
        int64_t ahead_ms = (due_us - (clock_mono_us() - run->start_us)) / 1000;

        if (ahead_ms <= 0) {
            return true;
        }
        if (!run->producer) {
            (void)fflush(stdout); /* who reads along must not wait; errors show at the end */
        }
        show_progress(run);
        pause_ms(run, ahead_ms);
    }
    return false;
}

static enum ctr_status emit(struct run *run, const struct replay_item *item,
                            struct ctr_error *reterr)
{
    struct producer_record record = {
        .topic = run->options.topics[item->type],
        .time_ms = item->ts_ms,
        .key = item->key,
        .value = item->value,
    };
    enum ctr_status status = CTR_OK;

    if (run->producer) {
        status = producer_send(run->producer, &record, reterr);
    } else if (fwrite(item->value.bytes, 1, item->value.length, stdout) != item->value.length ||
               putchar('\n') == EOF) {
        status = ctr_fail(reterr, CTR_IO, "writing to stdout failed");
    }
    if (status != CTR_OK) {
        return status;
    }
    run->events[item->type]++;
    if (run->first_ts_ms == MOMENT_NONE) {
        run->first_ts_ms = item->ts_ms;
    }
    run->last_ts_ms = item->ts_ms;
    return CTR_OK;
}

/* CTR_STOPPED: everything was produced. CTR_OK: a signal ended it. */
static enum ctr_status produce_all(struct run *run, struct ctr_error *reterr)
{
    struct replay_item item;
    uint64_t taken = 0;
    enum ctr_status status = CTR_OK;

    run->start_us = clock_mono_us();
    while (!interrupted) {
        status = replay_merge_next(run->merge, &item, reterr);
        if (status != CTR_OK) {
            return status;
        }
        if (taken++ % POLL_EVERY == 0) {
            if (run->producer) {
                producer_poll(run->producer, 0);
            }
            show_progress(run);
        }
        if (item.ts_ms < run->options.from_ms || item.ts_ms >= run->options.until_ms) {
            run->outside++;
            continue;
        }
        if (!wait_until_due(run, &item)) {
            break;
        }
        status = emit(run, &item, reterr);
        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

static enum ctr_status finish(struct run *run, struct ctr_error *reterr)
{
    int64_t deadline_ms = clock_mono_ms() + GIVE_UP_FLUSH_MS;
    enum ctr_status status;

    if (!run->producer) {
        if (fflush(stdout) != 0 || ferror(stdout)) {
            return ctr_fail(reterr, CTR_IO, "writing to stdout failed");
        }
        return CTR_OK;
    }
    /* librdkafka gives records up itself after message.timeout.ms, so this ends */
    while ((status = producer_flush(run->producer, WAIT_MS_MAX, reterr)) == CTR_RETRY) {
        if (interrupted && clock_mono_ms() > deadline_ms) {
            break;
        }
    }
    return status;
}

static enum ctr_status open_topic(struct run *run, const char *name, struct ctr_error *reterr)
{
    struct producer_topic topic = {
        .name = name, .partitions = run->options.partitions, .retention_ms = -1};
    struct ctr_error problem;
    uint32_t partitions = 0;
    enum ctr_status status = producer_topic_find(run->producer, name, &partitions, &problem);

    if (status == CTR_NOT_FOUND && topic.partitions > 0) {
        return producer_topic_create(run->producer, &topic, reterr);
    }
    if (status == CTR_NOT_FOUND) {
        return ctr_fail(reterr, status, "%s (--create N would make it, with N partitions)",
                        problem.text);
    }
    if (status != CTR_OK) {
        return ctr_fail(reterr, status, "%s", problem.text);
    }
    if (topic.partitions > 0 && partitions != topic.partitions) {
        (void)fprintf(stderr, "note: topic \"%s\" exists and has %" PRIu32 " partitions\n", name,
                      partitions);
    }
    return CTR_OK;
}

static enum ctr_status open_all(struct run *run, struct ctr_error *reterr)
{
    const struct replay_options *options = &run->options;
    enum ctr_status status = replay_merge_open(options, complain, run, &run->merge, reterr);

    if (status != CTR_OK || options->dry_run) {
        return status;
    }
    status = producer_open(&options->config, LINGER_MS, &run->producer, reterr);
    if (status == CTR_OK) {
        status = open_topic(run, options->topics[EVENT_VIEW], reterr);
    }
    if (status == CTR_OK && options->topics[EVENT_CLICK] != options->topics[EVENT_VIEW]) {
        status = open_topic(run, options->topics[EVENT_CLICK], reterr);
    }
    return status;
}

static void report(struct run *run)
{
    double seconds = (double)(clock_mono_us() - run->start_us) / 1e6;
    uint64_t delivered = run->producer ? producer_counts(run->producer).delivered : produced(run);
    char first[MOMENT_TEXT_BYTES] = "-", last[MOMENT_TEXT_BYTES] = "-";

    clear_progress(run);
    if (run->first_ts_ms != MOMENT_NONE) {
        moment_format(run->first_ts_ms, first);
        moment_format(run->last_ts_ms, last);
    }
    if (run->complaints > COMPLAINTS_SHOWN) {
        (void)fprintf(stderr, "... and %" PRIu64 " more lines that are no events\n",
                      run->complaints - COMPLAINTS_SHOWN);
    }
    (void)fprintf(stderr,
                  "%s %" PRIu64 " events (%" PRIu64 " views, %" PRIu64 " clicks) in %.1f s, event "
                  "time %s to %s; %" PRIu64 " %s; outside --from/--until %" PRIu64
                  ", lines skipped %" PRIu64 "\n",
                  run->producer ? "produced" : "printed", produced(run), run->events[EVENT_VIEW],
                  run->events[EVENT_CLICK], seconds, first, last, delivered,
                  run->producer ? "confirmed by the broker" : "written", run->outside,
                  run->complaints);
    if (interrupted) {
        (void)fprintf(stderr, "interrupted; go on with --from %s\n", last);
    }
}

static int run_replay(struct run *run)
{
    struct ctr_error problem = {0};
    enum ctr_status status = open_all(run, &problem);

    if (status != CTR_OK) {
        (void)fprintf(stderr, "livectr replay: %s\n", problem.text);
        return status == CTR_INVALID || status == CTR_NOT_FOUND ? REPLAY_USAGE : REPLAY_INCOMPLETE;
    }
    status = produce_all(run, &problem);
    if (status == CTR_OK || status == CTR_STOPPED) {
        status = finish(run, &problem);
    }
    report(run);
    if (status != CTR_OK) {
        (void)fprintf(stderr, "livectr replay: %s\n", problem.text);
    }
    if (interrupted) {
        return REPLAY_INTERRUPTED;
    }
    return status == CTR_OK && run->complaints == 0 ? REPLAY_OK : REPLAY_INCOMPLETE;
}

int replay_main(int argc, char **argv)
{
    struct sigaction stop = {.sa_handler = on_signal}, saved[2];
    struct run *run = calloc(1, sizeof *run);
    struct ctr_error problem = {0};
    int code = REPLAY_USAGE;

    if (!run) {
        (void)fputs("livectr replay: out of memory\n", stderr);
        return REPLAY_INCOMPLETE;
    }
    if (replay_options_parse(argc, argv, environ, &run->options, &problem) != CTR_OK) {
        (void)fprintf(stderr, "livectr replay: %s\n", problem.text);
        goto out;
    }
    if (run->options.help) {
        manual_write_help(&verb_replay, stdout);
        code = REPLAY_OK;
        goto out;
    }
    if (run->options.offline) {
        code = offline_run(&run->options);
        goto out;
    }
    log_set_level(run->options.config.log_level);
    run->tty = isatty(STDERR_FILENO) == 1;
    run->pace = (struct replay_pace){.speed = run->options.speed, .rate = run->options.rate};
    run->first_ts_ms = run->last_ts_ms = MOMENT_NONE;
    interrupted = 0;
    (void)sigaction(SIGINT, &stop, &saved[0]);
    (void)sigaction(SIGTERM, &stop, &saved[1]);
    code = run_replay(run);
    (void)sigaction(SIGINT, &saved[0], NULL);
    (void)sigaction(SIGTERM, &saved[1], NULL);
    producer_close(run->producer);
    replay_merge_close(run->merge);
out:
    free(run);
    return code;
}
