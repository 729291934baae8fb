/* SPDX-License-Identifier: Apache-2.0
 *
 * The verb `serve`: settings, signals, the service manager, the exit code.
 */
#include <stdio.h>
#include <string.h>

#include "service/log.h"
#include "service/manual.h"
#include "service/notify.h"
#include "service/reload.h"
#include "service/serve.h"
#include "service/signals.h"
#include "service/standard_files.h"
#include "service/verb.h"

struct life {
    struct server *server;
    struct reload_doors doors;
};

static bool alive(void *owner)
{
    return server_alive(((struct life *)owner)->server);
}

static void describe(void *owner, char *ret_text, size_t text_bytes)
{
    server_describe(((struct life *)owner)->server, ret_text, text_bytes);
}

static void reload(void *owner)
{
    struct life *life = owner;

    reload_and_log(&life->doors, server_config(life->server));
    server_reload_files(life->server);
}

static void say_listening(const struct server *server, const struct config *config)
{
    char line[2 * sizeof config->listen.host + 64];

    (void)snprintf(line, sizeof line, "listening http=%s:%u admin=%s:%u\n", config->listen.host,
                   (unsigned)server_port(server), config->admin_listen.host,
                   (unsigned)server_admin_port(server));
    standard_files_say(line);
}

/* READY=1 means listening, not /readyz: a Kafka that is away must not make the manager give up. */
static int live(struct life *life)
{
    const struct signals_hooks hooks = {
        .owner = life, .alive = alive, .describe = describe, .reload = reload};
    struct notify notify;
    int64_t drain_ms = 0;
    int code = 0;

    notify_open(&notify);
    notify_send(&notify, "READY=1\nSTATUS=listening");
    signals_serve(&notify, &hooks);
    drain_ms = server_config(life->server)->drain_ms;
    server_drain(life->server);
    notify_send(&notify, "STOPPING=1");
    log_line(LOG_INFO, "stopping", "drain_ms=%lld", (long long)drain_ms);
    (void)signals_drain(&notify, &hooks, drain_ms);
    code = server_stop(life->server);
    notify_close(&notify);
    log_line(code == 0 ? LOG_INFO : LOG_ERROR, "stopped", "exit=%d", code);
    return code;
}

int serve_main(int argc, char **argv)
{
    extern char **environ;
    struct config config;
    struct life life = {.doors = {.argc = argc, .argv = argv, .environment = environ}};
    struct ctr_error error = {.text = ""};

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        manual_write_help(&verb_serve, stdout);
        return 0;
    }
    signals_block(); /* before any thread starts, so that all of them leave the signals to this one
                      */
    if (config_load(argc, argv, environ, &config, &error) != CTR_OK ||
        server_start(&config, &life.server, &error) != CTR_OK) {
        (void)fprintf(stderr, "livectr: %s\n", error.text);
        return 1;
    }
    say_listening(life.server, &config);
    return live(&life);
}
