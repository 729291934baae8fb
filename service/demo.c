/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread does it all beside the service's own: it produces what is due, draws the table, and
 * takes signals while it sleeps, so there is nothing to lock and no handler to get wrong.
 */
#include "service/demo.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/demo_options.h"
#include "service/demo_place.h"
#include "service/demo_table.h"
#include "service/kafka/mock.h"
#include "service/kafka/producer.h"
#include "service/log.h"
#include "service/manual.h"
#include "service/replay_encode.h"
#include "service/serve.h"
#include "service/traffic.h"
#include "service/verb.h"

static const char topic_name[] = "livectr-demo";

enum {
    PARTITIONS = 4,
    LINGER_MS = 5,
    SLEEP_MS = 10,
    BURST_MAX = 5000, /* events before the table and signals get their turn again */
    RECORD_BYTES = 16384,
    FIRST_LOOK_MS = 50, /* until there is a CTR */
    REDRAW_MS = 1000,   /* on a terminal */
    PLAIN_MS = 5000,    /* elsewhere */
    RETENTION_MS = 86400000,
    FLUSH_MS = 5000,
    WARM_UP_MS = 10000, /* longer than a visit lasts */
    API_PORT = 8080,
    ADMIN_PORT = 8081
};

struct demo {
    struct demo_options options;
    sigset_t signals, saved_signals;
    char directory[DEMO_DIRECTORY_BYTES];
    struct mock *mock; /* NULL with --kafka */
    struct producer *producer;
    struct traffic *traffic;
    struct config config;
    struct server *server;
    size_t window;
    int64_t start_ms; /* monotonic */
    int64_t next_draw_ms;
    bool tty, seen_live;
    size_t drawn_lines; /* on the terminal, to be drawn over */
    struct demo_table table;
};

static enum ctr_status set(struct demo *demo, const char *name, const char *value,
                           struct ctr_error *reterr)
{
    return config_set(&demo->config, name, value, "livectr demo", reterr);
}

/* Traffic that has been going on for a while, so that the first clicks are not missing: what it
 * did before now is thrown away. */
static enum ctr_status open_traffic(struct demo *demo, struct ctr_error *reterr)
{
    int64_t now_ms = clock_wall_ms();
    struct traffic_options options = {
        .seed = demo->options.seed, .rate = demo->options.rate, .start_ms = now_ms - WARM_UP_MS};
    enum ctr_status status = traffic_new(&options, &demo->traffic);
    struct event event;

    while (status == CTR_OK && traffic_next_ms(demo->traffic) < now_ms) {
        status = traffic_next(demo->traffic, &event);
    }
    return status == CTR_OK ? CTR_OK : ctr_fail(reterr, status, "out of memory");
}

/* The broker, its topic and a producer for it. */
static enum ctr_status open_kafka(struct demo *demo, struct ctr_error *reterr)
{
    struct producer_topic topic = {
        .name = topic_name, .partitions = PARTITIONS, .retention_ms = RETENTION_MS};
    const char *brokers = demo->options.kafka;
    uint32_t partitions;
    enum ctr_status status = CTR_OK;

    if (!brokers) {
        status = mock_open(&demo->mock, reterr);
        if (status == CTR_OK) {
            status = mock_topic_create(demo->mock, topic_name, PARTITIONS, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
        brokers = mock_brokers(demo->mock);
    }
    status = set(demo, "brokers", brokers, reterr);
    if (status == CTR_OK) {
        status = producer_open(&demo->config, LINGER_MS, &demo->producer, reterr);
    }
    if (status == CTR_OK && !demo->mock) {
        status = producer_topic_find(demo->producer, topic_name, &partitions, reterr);
        if (status == CTR_NOT_FOUND) {
            status = producer_topic_create(demo->producer, &topic, reterr);
        }
    }
    return status;
}

/* 127.0.0.1 and the port, or a free one, with a note. */
static void choose_address(uint16_t port, const char *what, char ret_address[32])
{
    if (!demo_port_free(port)) {
        (void)printf("note: port %u is taken; the %s gets a free one\n", port, what);
        port = 0;
    }
    (void)snprintf(ret_address, 32, "127.0.0.1:%u", port);
}

static enum ctr_status open_server(struct demo *demo, struct ctr_error *reterr)
{
    char listen[32], admin_listen[32];
    const char *const settings[][2] = {
        {"topics", topic_name},
        {"start", "earliest"},
        {"windows", "1m,10m,20m,1h,24h"}, /* 20m: what rose or fell in 10m is known */
        {"data_dir", demo->directory},
        {"listen", listen},
        {"admin_listen", admin_listen},
        {"log_level", "error"},
        {"access_log", "off"},
        /* The mock answers a fetch of nothing only when this is over. */
        {"kafka.fetch.wait.max.ms", "20"},
    };
    enum ctr_status status = CTR_OK;

    choose_address(API_PORT, "API", listen);
    choose_address(ADMIN_PORT, "admin listener", admin_listen);
    for (size_t i = 0; i < sizeof settings / sizeof *settings && status == CTR_OK; i++) {
        status = set(demo, settings[i][0], settings[i][1], reterr);
    }
    if (status == CTR_OK) {
        status = config_check(&demo->config, reterr);
    }
    if (status == CTR_OK) {
        status = server_start(&demo->config, &demo->server, reterr);
    }
    return status;
}

static enum ctr_status choose_window(struct demo *demo, struct ctr_error *reterr)
{
    const struct window_set *windows = &demo->config.windows;
    const char *name = demo->options.window;
    char list[WINDOWS_MAX * (WINDOW_NAME_BYTES + 2)] = "";
    size_t used = 0;

    demo->window = name ? window_set_find(windows, name, strlen(name)) : windows->preferred;
    if (demo->window < windows->count) {
        return CTR_OK;
    }
    for (size_t i = 0; i < windows->count; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", windows->items[i].name);
    }
    return ctr_fail(reterr, CTR_INVALID, "--window %s: there are%s", name, list);
}

static void greet(const struct demo *demo)
{
    unsigned port = server_port(demo->server);

    (void)printf("\nlivectr on made-up traffic: %.0f events/s (seed %" PRIu64 ") through %s\n"
                 "  look   http://127.0.0.1:%u/\n"
                 "  API    http://127.0.0.1:%u\n"
                 "  admin  http://127.0.0.1:%u\n"
                 "Try, in another terminal:\n"
                 "  curl 'http://127.0.0.1:%u/v1/ctr?page=/offer/show&box=offer.buy'\n"
                 "  curl 'http://127.0.0.1:%u/v1/boxes?page=/offer/list'\n"
                 "  curl 'http://127.0.0.1:%u/v1/status'\n"
                 "Ctrl-C ends it.\n\n",
                 demo->options.rate, demo->options.seed,
                 demo->options.kafka ? demo->options.kafka : "a Kafka stand-in in this process",
                 port, port, server_admin_port(demo->server), port, port, port);
    (void)fflush(stdout);
}

static enum ctr_status send_due(struct demo *demo, int64_t now_ms, struct ctr_error *reterr)
{
    char bytes[RECORD_BYTES];
    enum ctr_status status = CTR_OK;

    for (int i = 0; i < BURST_MAX && status == CTR_OK && traffic_next_ms(demo->traffic) <= now_ms;
         i++) {
        struct producer_record record = {.topic = topic_name};
        struct event event;

        if (traffic_next(demo->traffic, &event) != CTR_OK) {
            return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
        }
        record.time_ms = event.ts_ms;
        record.key = event.visitor;
        record.value = (struct text){bytes, replay_encode(&event, bytes, sizeof bytes)};
        status = producer_send(demo->producer, &record, reterr);
    }
    producer_poll(demo->producer, 0);
    return status;
}

static void print_table(struct demo *demo)
{
    if (demo->tty && demo->drawn_lines > 0) {
        (void)printf("\033[%zuA\033[J", demo->drawn_lines); /* up over the last one, erase it */
    }
    (void)fputs(demo->table.text, stdout);
    if (!demo->tty) {
        (void)putchar('\n');
    }
    (void)fflush(stdout);
    demo->drawn_lines = demo->table.lines;
}

static void draw_when_due(struct demo *demo)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms < demo->next_draw_ms) {
        return;
    }
    demo_table_read(server_store(demo->server), demo->window, clock_wall_ms(), &demo->table);
    if (!demo->table.live && !demo->seen_live) {
        demo->next_draw_ms = now_ms + FIRST_LOOK_MS;
        return;
    }
    if (!demo->seen_live) {
        (void)printf("First live CTR after %.1f s:\n\n", (double)(now_ms - demo->start_ms) / 1000);
    }
    demo->seen_live = true;
    print_table(demo);
    demo->next_draw_ms = now_ms + (demo->tty ? REDRAW_MS : PLAIN_MS);
}

static bool over(const struct demo *demo)
{
    struct timespec span = {.tv_nsec = (long)SLEEP_MS * 1000000};
    int64_t run_ms = clock_mono_ms() - demo->start_ms;

    if (demo->options.seconds > 0 && run_ms >= demo->options.seconds * 1000) {
        return true;
    }
    if (ferror(stdout)) { /* whoever read along has gone */
        return true;
    }
    return sigtimedwait(&demo->signals, NULL, &span) > 0;
}

static enum ctr_status run(struct demo *demo, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    demo->next_draw_ms = clock_mono_ms();
    do {
        status = send_due(demo, clock_wall_ms(), reterr);
        draw_when_due(demo);
    } while (status == CTR_OK && !over(demo));
    if (status == CTR_OK && !demo->tty && demo->seen_live) {
        demo_table_read(server_store(demo->server), demo->window, clock_wall_ms(), &demo->table);
        print_table(demo);
    }
    if (status == CTR_OK && demo->options.seconds > 0 && !demo->seen_live) {
        status = ctr_fail(reterr, CTR_RETRY, "no CTR within %" PRId64 " s", demo->options.seconds);
    }
    return status;
}

static enum ctr_status start(struct demo *demo, struct ctr_error *reterr)
{
    enum ctr_status status;

    log_set_level(LOG_ERROR); /* lines of the log would tear the table */
    config_defaults(&demo->config);
    status = choose_window(demo, reterr);
    if (status == CTR_OK) {
        status = demo_directory_make(demo->directory, reterr);
    }
    if (status == CTR_OK) {
        status = open_kafka(demo, reterr);
    }
    if (status == CTR_OK) {
        status = open_traffic(demo, reterr);
    }
    if (status == CTR_OK) {
        status = send_due(demo, clock_wall_ms(), reterr); /* so that there is something to read */
    }
    if (status == CTR_OK) {
        status = open_server(demo, reterr);
    }
    if (status == CTR_OK) {
        greet(demo);
    }
    return status;
}

/* Undoes what start() did, however far it came. */
static enum ctr_status stop(struct demo *demo, struct ctr_error *reterr)
{
    struct ctr_error problem;

    if (demo->server) {
        (void)server_stop(demo->server);
    }
    if (demo->producer && !demo->mock &&
        producer_flush(demo->producer, FLUSH_MS, &problem) != CTR_OK) {
        (void)fprintf(stderr, "livectr demo: %s\n", problem.text);
    }
    producer_close(demo->producer);
    traffic_free(demo->traffic);
    mock_close(demo->mock);
    return demo_directory_remove(demo->directory, reterr);
}

/* Blocks what ends the demo in this thread and all that it will start. */
static void block_signals(struct demo *demo)
{
    (void)sigemptyset(&demo->signals);
    (void)sigaddset(&demo->signals, SIGINT);
    (void)sigaddset(&demo->signals, SIGTERM);
    (void)sigaddset(&demo->signals, SIGHUP);
    (void)sigaddset(&demo->signals, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &demo->signals, &demo->saved_signals);
}

/* A signal that came while stopping must not kill now. */
static void unblock_signals(const struct demo *demo)
{
    struct timespec none = {0};

    while (sigtimedwait(&demo->signals, NULL, &none) > 0) {
        none = (struct timespec){0}; /* one after the other, until none is left */
    }
    (void)pthread_sigmask(SIG_SETMASK, &demo->saved_signals, NULL);
}

int demo_main(int argc, char **argv)
{
    struct demo *demo = calloc(1, sizeof *demo);
    struct ctr_error problem = {0}, left = {0};
    enum ctr_status status;
    int code;

    if (!demo) {
        return 1;
    }
    demo->start_ms = clock_mono_ms();
    demo->tty = isatty(STDOUT_FILENO) == 1;
    status = demo_options_parse(argc, argv, &demo->options, &problem);
    if (status == CTR_OK && demo->options.help) {
        manual_write_help(&verb_demo, stdout);
        free(demo);
        return 0;
    }
    if (status == CTR_OK) {
        block_signals(demo);
        status = start(demo, &problem);
        if (status == CTR_OK) {
            status = run(demo, &problem);
        }
        if (stop(demo, &left) != CTR_OK) {
            (void)fprintf(stderr, "livectr demo: %s\n", left.text);
        }
        unblock_signals(demo);
    }
    if (status != CTR_OK) {
        (void)fprintf(stderr, "livectr demo: %s\n", problem.text);
    }
    code = status == CTR_OK && left.status == CTR_OK ? 0 : status == CTR_INVALID ? 2 : 1;
    free(demo);
    return code;
}
