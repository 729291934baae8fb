/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tools/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void tool_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

const char *tool_text(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    if (otherwise == NULL) {
        tool_die(name, "is missing");
    }
    return otherwise;
}

int64_t tool_number(int argc, char **argv, const char *name, int64_t otherwise)
{
    const char *text = tool_text(argc, argv, name, "");
    char *end = NULL;
    int64_t number = strtoll(text, &end, 10);

    if (*text == '\0') {
        return otherwise;
    }
    if (*end != '\0' || number < 0) {
        tool_die(name, "takes a number");
    }
    return number;
}

const char *tool_setting(int argc, char **argv, int *at, char ret_name[TOOL_NAME_BYTES])
{
    for (; *at + 1 < argc; (*at)++) {
        const char *text = argv[*at + 1];
        size_t length = strcspn(text, "=");

        if (strcmp(argv[*at], "-X") == 0 && text[length] == '=' && length < TOOL_NAME_BYTES) {
            memcpy(ret_name, text, length);
            ret_name[length] = '\0';
            (*at)++;
            return text + length + 1;
        }
    }
    return NULL;
}

static int64_t clock_us(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t tool_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t tool_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t tool_cpu_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

void tool_nap(void)
{
    const struct timespec nap = {.tv_nsec = 500000};

    (void)nanosleep(&nap, NULL);
}

rd_kafka_conf_t *tool_conf(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    tool_set(conf, "bootstrap.servers", brokers);
    return conf;
}

void tool_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[200] = "";

    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        tool_die(name, reason);
    }
}

rd_kafka_t *tool_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char reason[200] = "";
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);

    if (client == NULL) {
        tool_die("librdkafka", reason);
    }
    return client;
}
