/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr snapshot verify|export|info FILE`: what a snapshot's file holds.
 */
#ifndef LIVECTR_SERVICE_SNAPSHOT_VERB_H
#define LIVECTR_SERVICE_SNAPSHOT_VERB_H

enum { SNAPSHOT_OK, SNAPSHOT_BAD, SNAPSHOT_USAGE };

/* argv[0] is what to do. Returns the exit code, one of the above. Thread: main. */
int snapshot_main(int argc, char **argv);

#endif
