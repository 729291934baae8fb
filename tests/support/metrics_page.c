/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_page: writes docs/metrics.md, as the list of metrics makes it, to stdout.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/metrics.h"

int main(void)
{
    struct writer writer;
    char *bytes = NULL;
    size_t length = 0;
    int code = 1;

    writer_init(&writer, 1048576);
    metrics_write_document(&writer);
    if (writer_take(&writer, &bytes, &length) == CTR_OK)
        code = fwrite(bytes, 1, length, stdout) == length ? 0 : 1;
    writer_done(&writer);
    free(bytes);
    return code;
}
