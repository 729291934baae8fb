/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs of the benchmarks share that talk to Kafka by librdkafka alone, without a line
 * of the service. Whatever fails ends the program with a line that says why.
 */
#ifndef LIVECTR_TESTS_BENCH_TOOLS_TOOL_H
#define LIVECTR_TESTS_BENCH_TOOLS_TOOL_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

_Noreturn void tool_die(const char *what, const char *why);

/* The value of an option "NAME VALUE". otherwise NULL: it must be there. */
const char *tool_text(int argc, char **argv, const char *name, const char *otherwise);
/* Not negative. */
int64_t tool_number(int argc, char **argv, const char *name, int64_t otherwise);

enum { TOOL_NAME_BYTES = 100 };

/* The next "-X NAME=VALUE" from argv[*at] on: the value, and the name; NULL: no more. *at begins at
 * 1. */
const char *tool_setting(int argc, char **argv, int *at, char ret_name[TOOL_NAME_BYTES]);

int64_t tool_wall_us(void);
int64_t tool_mono_us(void);
int64_t tool_cpu_us(void); /* of all threads of this process */
void tool_nap(void);       /* about a millisecond at most */

rd_kafka_conf_t *tool_conf(const char *brokers);
void tool_set(rd_kafka_conf_t *conf, const char *name, const char *value);
rd_kafka_t *tool_client(rd_kafka_type_t type, rd_kafka_conf_t *conf); /* takes conf */

#endif
