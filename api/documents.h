/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are part of the program: CMake makes an array of each (cmake/embed.cmake). Their tags
 * hang on their bytes alone. Thread: any (constants).
 */
#ifndef LIVECTR_API_DOCUMENTS_H
#define LIVECTR_API_DOCUMENTS_H

#include <stddef.h>

/* openapi.yaml. */
extern const unsigned char documents_openapi[];
extern const size_t documents_openapi_length;

/* docs/api.html, which ./dev docs makes of it. */
extern const unsigned char documents_page[];
extern const size_t documents_page_length;

/* The files of api/dashboard (cmake/embed_folder.cmake). */
struct document_file {
    const char *name; /* without a folder */
    const unsigned char *bytes;
    size_t length;
    const char *content_type;
};
extern const struct document_file documents_dashboard[];
extern const size_t documents_dashboard_count;

#endif
