/* SPDX-License-Identifier: Apache-2.0
 *
 * LD_PRELOAD: memory that cannot be had, under the real binary. What fails is told while it runs,
 * by a file that is mapped: SHIM_MEMORY names it, 64 bytes, little-endian, all zeros at
 * first.
 *
 *   offset  0  u32  what fails: 0 nothing, 1 the at-th allocation, 2 all from the at-th on,
 *                   3 one in `at`, by chance
 *           8  u64  at, counted from when it was written (set `seen` to 0 with it)
 *          16  u64  seen: allocations by the callers below
 *          24  u64  failed
 *
 * SHIM_MEMORY_CALLERS names whose allocations count, by parts of their files' names with
 * commas; unset: the program's own. What libc allocates for a caller (strdup) counts as libc's.
 * librdkafka aborts the process where it gets no memory, which is its right and not tried here.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOTHING, ONE, ALL, CHANCE };
enum { RANGES_MAX = 32, CONTROL_BYTES = 64 };

struct control {
    _Atomic uint32_t what;
    uint32_t unused;
    _Atomic uint64_t at, seen, failed;
};

/* Parts of the program whose allocations count. */
struct range {
    uintptr_t begin, end;
};

static struct control *control;
static struct range ranges[RANGES_MAX];
static size_t ranges_count;
static _Atomic uint64_t chance = 88172645463325252U;

/* NOLINTBEGIN(readability-identifier-naming): libc's names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
/* NOLINTEND(readability-identifier-naming) */

/* ---- whose --------------------------------------------------------------------------------- */

static bool is_named(const char *file, const char *names)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;

    for (const char *at = names; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t length = strcspn(at, ",");
        char name[64];

        if (length == 0 || length >= sizeof name) {
            continue;
        }
        memcpy(name, at, length);
        name[length] = '\0';
        if (strstr(base, name) != NULL) {
            return true;
        }
    }
    return false;
}

/* The program itself has no name here. */
static int note_range(struct dl_phdr_info *info, size_t size, void *owner)
{
    const char *names = owner;
    bool wanted = info->dlpi_name[0] == '\0' || (names != NULL && is_named(info->dlpi_name, names));

    (void)size;
    for (int i = 0; wanted && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0 && ranges_count < RANGES_MAX) {
            ranges[ranges_count].begin = info->dlpi_addr + part->p_vaddr;
            ranges[ranges_count].end = ranges[ranges_count].begin + part->p_memsz;
            ranges_count++;
        }
    }
    return 0;
}

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("SHIM_MEMORY");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *mapped = MAP_FAILED;

    if (file < 0) {
        return;
    }
    mapped = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    (void)dl_iterate_phdr(note_range, getenv("SHIM_MEMORY_CALLERS"));
    control = mapped == MAP_FAILED ? NULL : mapped;
}

static bool counts(uintptr_t caller)
{
    for (size_t i = 0; i < ranges_count; i++) {
        if (caller >= ranges[i].begin && caller < ranges[i].end) {
            return true;
        }
    }
    return false;
}

/* ---- whether ------------------------------------------------------------------------------- */

/* xorshift64 (Marsaglia 2003). */
static uint64_t draw(void)
{
    uint64_t word = atomic_load_explicit(&chance, memory_order_relaxed);

    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    atomic_store_explicit(&chance, word, memory_order_relaxed);
    return word;
}

static bool refused(const void *caller)
{
    uint64_t at = 0;
    uint64_t number = 0;
    bool fails = false;

    if (control == NULL || !counts((uintptr_t)caller)) {
        return false;
    }
    number = atomic_fetch_add(&control->seen, 1) + 1;
    at = atomic_load(&control->at);
    switch (atomic_load(&control->what)) {
    case ONE:
        fails = number == at;
        break;
    case ALL:
        fails = number >= at;
        break;
    case CHANCE:
        fails = at > 0 && draw() % at == 0;
        break;
    default:
        break;
    }
    if (fails) {
        (void)atomic_fetch_add(&control->failed, 1);
        errno = ENOMEM;
    }
    return fails;
}

/* ---- instead of libc's --------------------------------------------------------------------- */

void *malloc(size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    void *memory = NULL;

    if (refused(__builtin_return_address(0))) {
        return ENOMEM;
    }
    memory = __libc_memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *ret_memory = memory;
    return 0;
}
