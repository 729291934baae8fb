/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr token`: a new bearer token, and the line by which the service knows it.
 */
#ifndef LIVECTR_SERVICE_TOKEN_VERB_H
#define LIVECTR_SERVICE_TOKEN_VERB_H

/* argv[0] is the first flag. Returns the exit code: 0, 1 failed, 2 wrong usage. */
int token_main(int argc, char **argv);

#endif
