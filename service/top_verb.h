/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr top`: a live table of what leads, against a running service.
 */
#ifndef LIVECTR_SERVICE_TOP_VERB_H
#define LIVECTR_SERVICE_TOP_VERB_H

enum { TOP_OK, TOP_FAILED, TOP_USAGE };

/* Returns the exit code, one of the above. Thread: main. */
int top_main(int argc, char **argv);

#endif
