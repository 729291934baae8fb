/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ctr_explain(struct ctr_error *reterr, enum ctr_status status, const char *format, ...)
{
    if (reterr != NULL) {
        va_list args;

        reterr->status = status;
        va_start(args, format);
        (void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
        va_end(args);
    }
}

void ctr_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "assert failed: %s at %s:%d\n", condition, file, line);
    abort();
}
