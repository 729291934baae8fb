/* SPDX-License-Identifier: Apache-2.0
 *
 * ktool's verbs for what is rarer: transactions, and topics that go.
 */
#include "tests/support/ktool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LATE_S = 4 };

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        die(what, rd_kafka_error_string(error));
    }
}

int verb_transact(const struct args *args)
{
    need_rest(args, 2);
    const char *id = args->rest[0], *how = args->rest[1];
    rd_kafka_t *client = transactor_start(args, id);
    uint64_t number = 0;

    check(rd_kafka_init_transactions(client, ADMIN_MS), id);
    if (strcmp(how, "none") == 0) { /* ends what an earlier run left open */
        rd_kafka_destroy(client);
        return 0;
    }
    check(rd_kafka_begin_transaction(client), id);
    number = send_lines(client, args);
    if (rd_kafka_flush(client, ADMIN_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(id, "not everything was acknowledged");
    }
    if (strcmp(how, "commit-late") == 0) {
        (void)sleep(LATE_S);
    }
    if (strncmp(how, "commit", 6) == 0) {
        check(rd_kafka_commit_transaction(client, ADMIN_MS), id);
    } else if (strcmp(how, "abort") == 0) {
        check(rd_kafka_abort_transaction(client, ADMIN_MS), id);
    } else if (strcmp(how, "hang") != 0) {
        die(how, "is not commit, commit-late, abort, hang or none");
    }
    (void)printf("produced %llu\n", (unsigned long long)deliveries_done);
    (void)fflush(stdout);
    if (strcmp(how, "hang") == 0) {
        _exit(0); /* ending the client would abort */
    }
    rd_kafka_destroy(client);
    return deliveries_failed == 0 && deliveries_done == number ? 0 : 1;
}

static void await_gone(rd_kafka_t *client, const char *name)
{
    for (int tries = 0; tries < ADMIN_MS / 50; tries++) {
        const struct rd_kafka_metadata *metadata = describe(client, name);
        rd_kafka_resp_err_t err = metadata->topics[0].err;

        rd_kafka_metadata_destroy(metadata);
        if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            return;
        }
        (void)rd_kafka_poll(client, 50);
    }
    die(name, "is still there");
}

int verb_delete(const struct args *args)
{
    need_rest(args, 1);
    rd_kafka_t *client = admin_start(args);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(args->rest[0]);
    const rd_kafka_topic_result_t **results;
    rd_kafka_event_t *event;
    size_t count;

    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    event = admin_answer(queue, args->rest[0]);
    results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    check_topics(results, count);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topic);
    await_gone(client, args->rest[0]);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}
