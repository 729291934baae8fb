/* SPDX-License-Identifier: Apache-2.0 */
#include "service/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/counters.h"
#include "api/http.h"
#include "service/checkpointer.h"
#include "service/clock.h"
#include "service/kafka/consumer.h"
#include "service/log.h"
#include "service/pipeline.h"
#include "service/state.h"
#include "storage/moment.h"

enum { HEARTBEAT_MS = 60000, SNAPSHOT_STOP_MS = 8000, SOURCE_STOP_MS = 3000, FILES_SPARE = 256 };

struct server {
    struct config config;
    struct api_context context;
    struct http_counters counters;
    struct store *store;
    struct checkpointer *checkpointer;
    struct http_server *http, *admin;
    /* Set while the listeners answer already; NULL until then. */
    struct source *_Atomic source;
    struct pipeline *_Atomic pipeline;
    bool restored;
    int64_t started_ms;
    _Atomic bool draining;
};

/* ---- facts for the API --------------------------------------------------------------------- */

static void copy_snapshot_facts(struct server *server, struct service_facts *ret_facts)
{
    struct checkpointer_health health;

    checkpointer_health(server->checkpointer, &health);
    ret_facts->snapshot_ms = health.saved_ms;
    ret_facts->snapshot_took_ms = health.took_ms;
    ret_facts->snapshot_bytes = health.bytes;
    ret_facts->snapshots = health.saves;
    ret_facts->snapshot_failures = health.failures;
    ret_facts->persisting = health.persisting;
    (void)snprintf(ret_facts->snapshot_error, sizeof ret_facts->snapshot_error, "%s", health.error);
}

/* Thread: any. */
static void facts(void *owner, struct service_facts *ret_facts)
{
    struct server *server = owner;
    const struct pipeline *pipeline = atomic_load(&server->pipeline);
    struct source *source = atomic_load(&server->source);
    struct source_health health = {.state = "starting"};

    memset(ret_facts, 0, sizeof *ret_facts);
    ret_facts->draining = atomic_load(&server->draining);
    ret_facts->ready = !ret_facts->draining && pipeline != NULL && pipeline_ready(pipeline);
    ret_facts->alive =
        pipeline == NULL || clock_mono_ms() - pipeline_heartbeat_ms(pipeline) < HEARTBEAT_MS;
    ret_facts->started_ms = server->started_ms;
    copy_snapshot_facts(server, ret_facts);
    if (source != NULL) {
        source->ops->health(source, &health);
    }
    (void)snprintf(ret_facts->source_state, sizeof ret_facts->source_state, "%s", health.state);
    (void)snprintf(ret_facts->source_error, sizeof ret_facts->source_error, "%s", health.error);
    ret_facts->source_errors = health.errors;
}

/* Thread: any. */
static enum ctr_status read_history(void *owner, const struct api_history_question *question,
                                    struct api_history *ret_history)
{
    struct server *server = owner;
    struct history_points points = {0};
    struct history_question asked = {
        .key = &question->key,
        .from_ms = question->from_ms,
        .until_ms = question->until_ms,
        .fold_ms = question->fold_ms,
        .deadline = {.tv_sec = question->deadline_ms / 1000,
                     .tv_nsec = (long)(question->deadline_ms % 1000) * 1000000}};
    enum ctr_status status = checkpointer_history(server->checkpointer, &asked, &points);

    *ret_history = (struct api_history){
        .items = points.items, .count = points.count, .saved_cut = points.saved_cut};
    return status;
}

/* ---- start --------------------------------------------------------------------------------- */

static enum ctr_status start_state(struct server *server, struct ctr_error *reterr)
{
    struct state state;
    enum ctr_status status = state_open(&server->config, &state, reterr);

    server->store = state.store;
    server->checkpointer = state.checkpointer;
    server->restored = state.restored;
    return status;
}

static enum ctr_status start_listener(struct server *server, bool admin,
                                      struct http_server **ret_http, struct ctr_error *reterr)
{
    const struct config *config = &server->config;
    const struct config_address *address = admin ? &config->admin_listen : &config->listen;
    struct http_options options = {.host = address->host,
                                   .port = address->port,
                                   .admin = admin,
                                   .threads = admin ? 1 : config->http_threads,
                                   .connections_max = admin ? 64 : config->connections_max,
                                   .context = &server->context,
                                   .wall_ms = clock_wall_ms,
                                   .mono_ms = clock_mono_ms};

    return http_server_start(&options, ret_http, reterr);
}

/* Files for the connections, the logs and the brokers; what the system refuses is lived with. */
static void raise_file_limit(const struct config *config)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->connections_max + FILES_SPARE;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
            log_line(LOG_WARN, "few_files", "limit=%llu wanted=%llu",
                     (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
        }
    }
}

static enum ctr_status start_listeners(struct server *server, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    server->context = (struct api_context){.store = server->store,
                                           .facts = facts,
                                           .facts_owner = server,
                                           .history = read_history,
                                           .history_owner = server,
                                           .keep_minutes_ms = server->config.keep_minutes_ms,
                                           .keep_hours_ms = server->config.keep_hours_ms,
                                           .version = LIVECTR_VERSION,
                                           .http = &server->counters};
    status = start_listener(server, false, &server->http, reterr);
    return status == CTR_OK ? start_listener(server, true, &server->admin, reterr) : status;
}

static enum ctr_status start_reading(struct server *server, struct ctr_error *reterr)
{
    struct pipeline_options options = {.config = &server->config,
                                       .store = server->store,
                                       .checkpointer = server->checkpointer,
                                       .wall_ms = clock_wall_ms,
                                       .mono_ms = clock_mono_ms,
                                       .restored = server->restored};
    struct pipeline *pipeline = NULL;
    enum ctr_status status = kafka_source_open(&server->config, &options.source, reterr);

    if (status == CTR_OK) {
        atomic_store(&server->source, options.source);
        status = pipeline_start(&options, &pipeline, reterr);
    }
    if (status == CTR_OK) {
        atomic_store(&server->pipeline, pipeline);
    }
    return status;
}

/* The listeners before the source: they answer `starting` meanwhile, and a port in use is told
 * before anything was read. */
static enum ctr_status start_all(struct server *server, struct ctr_error *reterr)
{
    enum ctr_status status = start_state(server, reterr);

    if (status == CTR_OK) {
        status = start_listeners(server, reterr);
    }
    return status == CTR_OK ? start_reading(server, reterr) : status;
}

/* In the reverse order of the start; parts that were never started are NULL. */
static void free_server(struct server *server)
{
    struct source *source = atomic_load(&server->source);

    http_server_stop(server->http);
    http_server_stop(server->admin);
    pipeline_stop(atomic_load(&server->pipeline));
    checkpointer_stop(server->checkpointer, SNAPSHOT_STOP_MS);
    if (source != NULL) {
        source->ops->close(source, SOURCE_STOP_MS);
    }
    store_free(server->store);
    free(server);
}

enum ctr_status server_start(const struct config *config, struct server **ret_server,
                             struct ctr_error *reterr)
{
    struct server *server = calloc(1, sizeof *server);
    enum ctr_status status = CTR_OK;

    if (server == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the service");
    }
    server->config = *config;
    server->started_ms = clock_wall_ms();
    log_set_level(config->log_level);
    raise_file_limit(config);
    status = start_all(server, reterr);
    if (status != CTR_OK) {
        free_server(server);
        return status;
    }
    *ret_server = server;
    return CTR_OK;
}

uint16_t server_port(const struct server *server)
{
    return http_server_port(server->http);
}

uint16_t server_admin_port(const struct server *server)
{
    return http_server_port(server->admin);
}

struct store *server_store(struct server *server)
{
    return server->store;
}

void server_stop(struct server *server, int64_t drain_ms)
{
    atomic_store(&server->draining, true);
    http_server_drain(server->http);
    (void)poll(NULL, 0, (int)drain_ms);
    http_server_quiesce(server->http);
    free_server(server);
}

/* ---- the verb ------------------------------------------------------------------------------ */

static int print_help(void)
{
    char *settings = config_help();

    if (settings == NULL) {
        return 1;
    }
    (void)printf(
        "usage: livectr serve [--config FILE] [--KEY VALUE ...]\n\n"
        "Reads view and click events from Kafka and serves their live click-through rates.\n"
        "Every setting has three doors, later ones winning: \"key = value\" lines of the\n"
        "file (# begins a comment), LIVECTR_KEY in the environment, --key VALUE here.\n\n"
        "%s\n"
        "Durations: 500ms, 10s, 10m, 48h, 8d. On SIGTERM or SIGINT it drains, saves and\n"
        "exits with 0; a second signal skips the draining. Exit 1: it could not start.\n",
        settings);
    free(settings);
    return 0;
}

/* Waits for SIGTERM or SIGINT (blocked in every thread). With a timeout: false when none came. */
static bool wait_signal(const sigset_t *signals, int64_t timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};

    for (;;) {
        int caught =
            timeout_ms < 0 ? sigwaitinfo(signals, NULL) : sigtimedwait(signals, NULL, &timeout);

        if (caught > 0 || errno != EINTR) {
            return caught > 0;
        }
    }
}

static void serve_until_signal(struct server *server, const sigset_t *signals)
{
    (void)wait_signal(signals, -1);
    log_line(LOG_INFO, "stopping", "drain_ms=%lld", (long long)server->config.drain_ms);
    atomic_store(&server->draining, true);
    http_server_drain(server->http);
    (void)wait_signal(signals, server->config.drain_ms);
    server_stop(server, 0);
    log_line(LOG_INFO, "stopped", "exit=0");
}

int serve_main(int argc, char **argv)
{
    extern char **environ;
    struct config config;
    struct server *server = NULL;
    struct ctr_error error = {.text = ""};
    sigset_t signals;

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        return print_help();
    }
    /* Before any thread starts, so that all of them leave the signals to this one. */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (config_load(argc, argv, environ, &config, &error) != CTR_OK ||
        server_start(&config, &server, &error) != CTR_OK) {
        (void)fprintf(stderr, "livectr: %s\n", error.text);
        return 1;
    }
    (void)printf("listening http=%s:%u admin=%s:%u\n", config.listen.host,
                 (unsigned)server_port(server), config.admin_listen.host,
                 (unsigned)server_admin_port(server));
    (void)fflush(stdout);
    serve_until_signal(server, &signals);
    return 0;
}
