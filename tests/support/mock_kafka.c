/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for Kafka as a process of its own, for tests that need several services on the same
 * records and must run anywhere: mock_kafka TOPIC PARTITIONS. Prints its address, and ends when its
 * standard input does. A line with a number there: from now on each answer comes so many ms late.
 */
#include <stdio.h>
#include <stdlib.h>

#include "service/kafka/mock.h"

int main(int argc, char **argv)
{
    struct ctr_error error = {0};
    struct mock *mock = NULL;
    char line[32];
    enum ctr_status status;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: mock_kafka TOPIC PARTITIONS\n");
        return 2;
    }
    status = mock_open(&mock, &error);
    if (status == CTR_OK)
        status = mock_topic_create(mock, argv[1], (uint32_t)strtoul(argv[2], NULL, 10), &error);
    if (status == CTR_OK) {
        (void)printf("%s\n", mock_brokers(mock));
        (void)fflush(stdout);
        while (fgets(line, sizeof line, stdin) != NULL)
            mock_slow(mock, (uint32_t)strtoul(line, NULL, 10));
    } else {
        (void)fprintf(stderr, "mock_kafka: %s\n", error.text);
    }
    mock_close(mock);
    return status == CTR_OK ? 0 : 1;
}
