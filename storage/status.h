/* SPDX-License-Identifier: Apache-2.0
 *
 * The one vocabulary of failure. A status says what the caller can do next; a ctr_error adds one
 * line for a person. Nothing in here allocates or logs. Thread: any.
 */
#ifndef LIVECTR_STORAGE_STATUS_H
#define LIVECTR_STORAGE_STATUS_H

#include <stddef.h>

enum ctr_status {
    CTR_OK = 0,
    CTR_INVALID,   /* the input is wrong: say so to whoever sent it */
    CTR_NOT_FOUND, /* there is no such thing */
    CTR_LIMIT,     /* a configured limit is reached */
    CTR_NO_MEMORY, /* an allocation failed; nothing was changed */
    CTR_IO,        /* the outside world failed; it may heal */
    CTR_CORRUPT,   /* stored bytes are damaged: do not use them */
    CTR_RETRY,     /* not now; call again later */
    CTR_STOPPED,   /* the thing was told to stop */
};

enum { CTR_ERROR_TEXT_BYTES = 320 };

/* A failure with its sentence. `text` is always NUL-terminated and says the way out. */
struct ctr_error {
    enum ctr_status status;
    char text[CTR_ERROR_TEXT_BYTES];
};

#define CTR_MUST_USE                    __attribute__((warn_unused_result))
#define CTR_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* Fills `reterr` (which may be NULL) with a status and its sentence. */
void ctr_explain(struct ctr_error *reterr, enum ctr_status status, const char *format, ...)
    CTR_PRINTF(3, 4);

/* Explains and gives the status, so that `return ctr_fail(...)` reads well. A macro, so that a
 * static analyser sees which status comes back. */
#define ctr_fail(reterr, status, ...) (ctr_explain((reterr), (status), __VA_ARGS__), (status))

/* Prints the broken condition and aborts. Reached only through CTR_ASSERT. */
_Noreturn void ctr_assert_failed(const char *condition, const char *file, int line);

/* A programmer's error: on in every build, so that what is tested is what is shipped. */
#define CTR_ASSERT(condition)                                                                      \
    ((condition) ? (void)0 : ctr_assert_failed(#condition, __FILE__, __LINE__))

#endif
