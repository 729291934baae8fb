/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr demo`: the real service on made-up traffic whose true CTRs are known.
 */
#ifndef LIVECTR_SERVICE_DEMO_H
#define LIVECTR_SERVICE_DEMO_H

/* argv[0] is the first flag. Returns the exit code: 0; 1 when something failed or no CTR was seen;
 * 2 for wrong options. Leaves nothing behind. Thread: main, before any other is started; blocks
 * SIGINT, SIGTERM and SIGHUP for as long as it runs. */
int demo_main(int argc, char **argv);

#endif
