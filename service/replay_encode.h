/* SPDX-License-Identifier: Apache-2.0
 *
 * The inverse of decode: an event as the JSON object DESIGN "The event" shows. Pure. Thread: any.
 */
#ifndef LIVECTR_SERVICE_REPLAY_ENCODE_H
#define LIVECTR_SERVICE_REPLAY_ENCODE_H

#include <stddef.h>

#include "storage/event.h"

/* Writes one line without its end and without a NUL; absent texts are left out. Bytes that are not
 * UTF-8 pass as they are: the decoder judges them. Returns the length, 0 when it does not fit. */
size_t replay_encode(const struct event *event, char *buffer, size_t buffer_bytes);

#endif
