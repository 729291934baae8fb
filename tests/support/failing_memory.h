/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator that refuses on demand. It stands behind the linker's --wrap (tests/CMakeLists.txt
 * names the programs), so that our own objects meet it and libraries do not. One per program.
 */
#ifndef LIVECTR_TESTS_SUPPORT_FAILING_MEMORY_H
#define LIVECTR_TESTS_SUPPORT_FAILING_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault {
    _Atomic uint64_t seen; /* allocations while armed, of any thread */
    uint64_t at;           /* the one that fails, 0 none */
    bool sticky;           /* all from `at` on */
    _Atomic bool armed;
    int failures; /* for the test's own use */
};

static struct fault fault;
/* Of these sizes every one fails, in any thread; 0 none. */
static _Atomic size_t fault_sizes[2];
static _Atomic unsigned fault_refused[2];

static bool fault_must_fail(size_t size)
{
    uint64_t number = 0;

    for (int i = 0; i < 2; i++) {
        if (size == atomic_load(&fault_sizes[i]) && size != 0) {
            (void)atomic_fetch_add(&fault_refused[i], 1);
            return true;
        }
    }
    if (!atomic_load(&fault.armed)) {
        return false;
    }
    number = atomic_fetch_add(&fault.seen, 1) + 1;
    return fault.at != 0 && (fault.sticky ? number >= fault.at : number == fault.at);
}

/* NOLINTBEGIN(readability-identifier-naming): the linker's names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return fault_must_fail(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fault_must_fail(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fault_must_fail(size) ? NULL : __real_realloc(old, size);
}
/* NOLINTEND(readability-identifier-naming) */

#endif
