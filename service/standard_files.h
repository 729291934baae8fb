/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIVECTR_SERVICE_STANDARD_FILES_H
#define LIVECTR_SERVICE_STANDARD_FILES_H

/* Opens those of the descriptors 0, 1 and 2 that are closed on /dev/null, so that no database and
 * no connection ever gets such a number: whatever prints would then write into it. First of all. */
void standard_files_open(void);

/* Writes a line for people on stdout. A reader who does not read is waited for at most briefly. */
void standard_files_say(const char *line);

#endif
