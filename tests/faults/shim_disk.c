/* SPDX-License-Identifier: Apache-2.0
 *
 * For LD_PRELOAD: a disk that fails, hangs or is pulled out at a call that can be named. It touches
 * the files of one folder only.
 *
 *   FAULT_DISK_DIR      the folder, as the program will name it or absolute
 *   FAULT_DISK_CONTROL  a file with the plan; read again when it changes (replace it by renaming),
 *                       and then every rule counts from 1 again. No file: nothing fails
 *   FAULT_DISK_COUNT    a file that always says how many calls there were since the start:
 *                       "total N", then "KIND N" for each kind
 *
 * A plan has a rule a line, # begins a comment. KINDS is a list of open, read, write, sync,
 * truncate, unlink, rename, allocate, map, or all (the default):
 *
 *   fail N ERROR once|always [KINDS]   the N-th such call fails (always: it and all after it), with
 *                                      EIO, ENOSPC, EROFS, EDQUOT, EACCES, EMFILE or ENOMEM
 *   short N [KINDS]                    the N-th write takes half of its bytes
 *   tear N [KINDS]                     the N-th write writes half of its bytes, then as kill -9
 *   kill N [KINDS]                     as kill -9 before the N-th such call
 *   delay MS [KINDS]                   each such call takes so much longer (sync if none are named)
 *
 * What the C library opens for itself (fopen) is not seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SYNC, TRUNCATE, UNLINK, RENAME, ALLOCATE, MAP, KINDS };
enum { FILES_MAX = 65536, RULES_MAX = 16, PLAN_BYTES = 4096, COUNT_BYTES = 4096 };

static const char *const kind_names[KINDS] = {"open",   "read",   "write",    "sync", "truncate",
                                              "unlink", "rename", "allocate", "map"};
static const struct {
    const char *name;
    int number;
} errors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EROFS", EROFS},  {"EDQUOT", EDQUOT},
              {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}};

enum action { FAIL, SHORT, TEAR, KILL, DELAY, NO_ACTION };

struct rule {
    enum action action;
    unsigned kinds; /* bit per kind */
    long at;        /* DELAY: ms */
    long seen;
    int error;
    bool always;
};

static struct {
    pthread_mutex_t lock;
    bool ours[FILES_MAX]; /* descriptors of files in the folder */
    char folder[PATH_MAX];
    const char *control;
    struct timespec changed; /* the plan that was read */
    ino_t inode;
    struct rule rules[RULES_MAX];
    int rules_count;
    uint64_t total, kinds[KINDS];
    char *count; /* mapped, so that it is there after a kill */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the plan ------------------------------------------------------------------------------ */

static unsigned parse_kinds(const char *list, unsigned otherwise)
{
    unsigned kinds = 0;

    for (int kind = 0; list != NULL && kind < KINDS; kind++) {
        kinds |= strstr(list, kind_names[kind]) != NULL ? 1U << kind : 0;
    }
    return kinds == 0 ? otherwise : kinds;
}

static int parse_error(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(errors[i].name, name) == 0) {
            return errors[i].number;
        }
    }
    return EIO;
}

/* A line that is no rule ends the process: a plan with a typing error must not pass for a fault
 * that was survived. */
static void parse_rule(char *line)
{
    static const char *const names[] = {"fail", "short", "tear", "kill", "delay"};
    char *rest = NULL;
    const char *verb = strtok_r(line, " \t", &rest);
    struct rule *rule = &disk.rules[disk.rules_count];
    const char *number = NULL;

    if (verb == NULL || verb[0] == '#') {
        return;
    }
    *rule = (struct rule){.action = NO_ACTION};
    for (int i = 0; i < NO_ACTION; i++) {
        if (strcmp(verb, names[i]) == 0) {
            rule->action = (enum action)i;
        }
    }
    number = strtok_r(NULL, " \t", &rest);
    rule->at = number == NULL ? 0 : strtol(number, NULL, 10);
    if (rule->action == NO_ACTION || rule->at <= 0 || disk.rules_count == RULES_MAX - 1) {
        (void)dprintf(2, "shim_disk: no rule: %s\n", verb);
        _exit(70);
    }
    if (rule->action == FAIL) {
        const char *when = NULL;

        rule->error = parse_error(strtok_r(NULL, " \t", &rest));
        when = strtok_r(NULL, " \t", &rest);
        rule->always = when != NULL && strcmp(when, "always") == 0;
    }
    rule->kinds = parse_kinds(strtok_r(NULL, " \t", &rest),
                              rule->action == DELAY                           ? 1U << SYNC
                              : rule->action == SHORT || rule->action == TEAR ? 1U << WRITE
                                                                              : ~0U);
    disk.rules_count++;
}

static void read_plan(void)
{
    char plan[PLAN_BYTES];
    char *rest = NULL;
    long length = 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, disk.control, O_RDONLY | O_CLOEXEC);

    disk.rules_count = 0;
    if (file < 0) {
        return;
    }
    length = syscall(SYS_read, file, plan, sizeof plan - 1);
    (void)syscall(SYS_close, file);
    plan[length < 0 ? 0 : length] = '\0';
    for (char *line = strtok_r(plan, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        parse_rule(line);
    }
}

static void look_at_plan(void)
{
    struct stat now = {0};

    if (disk.control == NULL) {
        return;
    }
    if (stat(disk.control, &now) != 0) {
        now.st_ino = 0;
    }
    if (now.st_ino != disk.inode || now.st_mtim.tv_sec != disk.changed.tv_sec ||
        now.st_mtim.tv_nsec != disk.changed.tv_nsec) {
        disk.inode = now.st_ino;
        disk.changed = now.st_mtim;
        read_plan();
    }
}

/* ---- counting ------------------------------------------------------------------------------ */

static void map_count(const char *path)
{
    int file =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    void *mapped = NULL;

    if (file < 0) {
        return;
    }
    if (syscall(SYS_ftruncate, file, COUNT_BYTES) == 0) {
        mapped = (void *)syscall(SYS_mmap, NULL, COUNT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                                 file, 0);
        if (mapped != MAP_FAILED) {
            disk.count = mapped;
            memset(disk.count, '\n', COUNT_BYTES);
        }
    }
    (void)syscall(SYS_close, file);
}

static void write_count(void)
{
    char text[COUNT_BYTES];
    size_t length = 0;

    if (disk.count == NULL) {
        return;
    }
    length = (size_t)snprintf(text, sizeof text, "total %llu\n", (unsigned long long)disk.total);
    for (int kind = 0; kind < KINDS; kind++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s %llu\n",
                                   kind_names[kind], (unsigned long long)disk.kinds[kind]);
    }
    memcpy(disk.count, text, length);
}

static void begin(void)
{
    const char *folder = getenv("FAULT_DISK_DIR");
    const char *count = getenv("FAULT_DISK_COUNT");

    disk.control = getenv("FAULT_DISK_CONTROL");
    if (folder != NULL) {
        (void)snprintf(disk.folder, sizeof disk.folder, "%s", folder);
    }
    if (count != NULL) {
        map_count(count);
    }
}

/* Whether a path is in the folder; relative ones are looked at from the current folder. */
static bool in_folder(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char whole[PATH_MAX * 2];
    char here[PATH_MAX];
    size_t length = 0;

    (void)pthread_once(&once, begin);
    length = strlen(disk.folder);
    if (length == 0 || path == NULL) {
        return false;
    }
    if (disk.folder[0] == '/' && path[0] != '/' && getcwd(here, sizeof here) != NULL) {
        (void)snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return strncmp(path, disk.folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* ---- faults -------------------------------------------------------------------------------- */

struct verdict {
    int error; /* 0 none */
    bool half, torn;
};

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static void apply(struct rule *rule, struct verdict *verdict, long *delay_ms)
{
    rule->seen++;
    switch (rule->action) {
    case FAIL:
        if (rule->seen == rule->at || (rule->always && rule->seen > rule->at)) {
            verdict->error = rule->error;
        }
        break;
    case SHORT:
        verdict->half = verdict->half || rule->seen == rule->at;
        break;
    case TEAR:
        verdict->torn = verdict->torn || rule->seen == rule->at;
        break;
    case KILL:
        if (rule->seen == rule->at) {
            die();
        }
        break;
    case DELAY:
        *delay_ms = rule->at;
        break;
    case NO_ACTION:
        break;
    }
}

/* Counts a call and says what becomes of it. */
static struct verdict judge(enum kind kind)
{
    struct verdict verdict = {0};
    long delay_ms = 0;

    (void)pthread_mutex_lock(&disk.lock);
    look_at_plan();
    disk.total++;
    disk.kinds[kind]++;
    write_count();
    for (int i = 0; i < disk.rules_count; i++) {
        if ((disk.rules[i].kinds >> kind & 1) != 0) {
            apply(&disk.rules[i], &verdict, &delay_ms);
        }
    }
    (void)pthread_mutex_unlock(&disk.lock);
    if (delay_ms > 0) {
        struct timespec wait = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000};

        (void)nanosleep(&wait, NULL);
    }
    return verdict;
}

/* Whether this call is to fail; errno is set then. */
static bool fails(enum kind kind)
{
    struct verdict verdict = judge(kind);

    if (verdict.error != 0) {
        errno = verdict.error;
    }
    return verdict.error != 0;
}

static bool is_ours(int file)
{
    return file >= 0 && file < FILES_MAX && disk.ours[file];
}

/* ---- opening and closing ------------------------------------------------------------------- */

static int open_path(int folder, const char *path, int flags, mode_t mode)
{
    bool ours = in_folder(path);
    int file = -1;

    if (ours && fails(OPEN)) {
        return -1;
    }
    file = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (file >= 0 && file < FILES_MAX) {
        disk.ours[file] = ours;
    }
    return file;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

#define OPENS(name, flag)                                                                          \
    int name(const char *path, int flags, ...);                                                    \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list arguments;                                                                         \
        mode_t mode = 0;                                                                           \
        va_start(arguments, flags);                                                                \
        mode = mode_of(flags, arguments);                                                          \
        va_end(arguments);                                                                         \
        return open_path(AT_FDCWD, path, flags | (flag), mode);                                    \
    }
OPENS(open, 0)
OPENS(open64, O_LARGEFILE)

#define OPENS_AT(name)                                                                             \
    int name(int folder, const char *path, int flags, ...);                                        \
    int name(int folder, const char *path, int flags, ...)                                         \
    {                                                                                              \
        va_list arguments;                                                                         \
        mode_t mode = 0;                                                                           \
        va_start(arguments, flags);                                                                \
        mode = mode_of(flags, arguments);                                                          \
        va_end(arguments);                                                                         \
        return open_path(folder, path, flags, mode);                                               \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

/* What a hardened program calls. */
int __open_2(const char *path, int flags); /* NOLINT(readability-identifier-naming): glibc's */
int __open_2(const char *path, int flags)  /* NOLINT(readability-identifier-naming): glibc's */
{
    return open_path(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags); /* NOLINT(readability-identifier-naming): glibc's */
int __open64_2(const char *path, int flags)  /* NOLINT(readability-identifier-naming): glibc's */
{
    return open_path(AT_FDCWD, path, flags | O_LARGEFILE, 0);
}

int close(int file)
{
    if (is_ours(file)) {
        disk.ours[file] = false;
    }
    return (int)syscall(SYS_close, file);
}

/* ---- reading and writing ------------------------------------------------------------------- */

ssize_t read(int file, void *into, size_t length)
{
    return is_ours(file) && fails(READ) ? -1 : syscall(SYS_read, file, into, length);
}

ssize_t pread(int file, void *into, size_t length, off_t offset)
{
    return is_ours(file) && fails(READ) ? -1 : syscall(SYS_pread64, file, into, length, offset);
}

ssize_t pread64(int file, void *into, size_t length, off64_t offset)
{
    return pread(file, into, length, offset);
}

/* How many bytes are written in spite of the plan; -1: it fails. */
static ssize_t room_for(int file, size_t length, bool *ret_torn)
{
    struct verdict verdict = {0};

    *ret_torn = false;
    if (!is_ours(file)) {
        return (ssize_t)length;
    }
    verdict = judge(WRITE);
    if (verdict.error != 0) {
        errno = verdict.error;
        return -1;
    }
    *ret_torn = verdict.torn;
    return (ssize_t)((verdict.half || verdict.torn) && length > 1 ? length / 2 : length);
}

ssize_t write(int file, const void *from, size_t length)
{
    bool torn = false;
    ssize_t room = room_for(file, length, &torn);
    ssize_t written = room < 0 ? -1 : syscall(SYS_write, file, from, (size_t)room);

    if (torn) {
        die();
    }
    return written;
}

ssize_t pwrite(int file, const void *from, size_t length, off_t offset)
{
    bool torn = false;
    ssize_t room = room_for(file, length, &torn);
    ssize_t written = room < 0 ? -1 : syscall(SYS_pwrite64, file, from, (size_t)room, offset);

    if (torn) {
        die();
    }
    return written;
}

ssize_t pwrite64(int file, const void *from, size_t length, off64_t offset)
{
    return pwrite(file, from, length, offset);
}

int fsync(int file)
{
    return is_ours(file) && fails(SYNC) ? -1 : (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    return is_ours(file) && fails(SYNC) ? -1 : (int)syscall(SYS_fdatasync, file);
}

int ftruncate(int file, off_t length)
{
    return is_ours(file) && fails(TRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int ftruncate64(int file, off64_t length)
{
    return ftruncate(file, length);
}

int fallocate(int file, int mode, off_t offset, off_t length)
{
    return is_ours(file) && fails(ALLOCATE)
               ? -1
               : (int)syscall(SYS_fallocate, file, mode, offset, length);
}

int fallocate64(int file, int mode, off64_t offset, off64_t length)
{
    return fallocate(file, mode, offset, length);
}

void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset)
{
    return is_ours(file) && fails(MAP)
               ? MAP_FAILED
               : (void *)syscall(SYS_mmap, at, length, protection, flags, file, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int file, off64_t offset)
{
    return mmap(at, length, protection, flags, file, offset);
}

/* ---- names --------------------------------------------------------------------------------- */

int unlink(const char *path)
{
    return in_folder(path) && fails(UNLINK) ? -1 : (int)syscall(SYS_unlink, path);
}

int rename(const char *from, const char *to)
{
    return in_folder(from) && fails(RENAME) ? -1 : (int)syscall(SYS_rename, from, to);
}
