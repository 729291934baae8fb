/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr replay`: events from files to a Kafka topic, at a chosen speed.
 */
#ifndef LIVECTR_SERVICE_REPLAY_H
#define LIVECTR_SERVICE_REPLAY_H

enum { REPLAY_OK, REPLAY_INCOMPLETE, REPLAY_USAGE, REPLAY_INTERRUPTED = 130 };

/* argv[0] is the first flag. Returns the exit code, one of the above. Thread: main; takes SIGINT
 * and SIGTERM for as long as it runs. */
int replay_main(int argc, char **argv);

#endif
