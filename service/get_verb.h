/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr get`: one CTR of a running service.
 */
#ifndef LIVECTR_SERVICE_GET_VERB_H
#define LIVECTR_SERVICE_GET_VERB_H

/* What scripts may rely on; verbs.c says what each means. */
enum { GET_OK, GET_NO_ANSWER, GET_USAGE, GET_NOT_LIVE, GET_NO_CTR };

/* Returns the exit code, one of the above. Thread: main. */
int get_main(int argc, char **argv);

#endif
