/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite notices little of what happens to a page: a zeroed or a flipped one may just have fewer
 * rows. So each page carries XXH3 over its content and its number in bytes that SQLite leaves to
 * us ("reserved bytes"). The log of a WAL file needs nothing: pages go to it as they are, SQLite
 * checks it when it recovers, and folding passes all of it through here.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/sql_raw.h"

/* Of the header of a database: where the size of the reserved bytes stands. */
enum { HEADER_BYTES = 24, HEADER_RESERVED = 20, ASK_CHECKED = 0x4c43 };

static const char magic[16] = "SQLite format 3";
static const char vfs_name[] = "livectr";

struct page_file {
    sqlite3_file base;
    bool checked;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *system_vfs;

static struct page_file *own(sqlite3_file *file)
{
    return (struct page_file *)(void *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return own(file)->real;
}

/* ---- checksums ----------------------------------------------------------------------------- */

static bool is_page(const struct page_file *file, int length, sqlite3_int64 offset)
{
    return file->checked && length == SQL_PAGE_BYTES && offset % SQL_PAGE_BYTES == 0;
}

static uint64_t checksum_of(const unsigned char *page, sqlite3_int64 offset)
{
    return hash_mix(hash_checksum(page, SQL_PAGE_BYTES - SQL_RESERVED_BYTES), (uint64_t)offset,
                    SQL_PAGE_BYTES);
}

static void note_header(struct page_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    const unsigned char *header = bytes;

    if (offset == 0 && length >= HEADER_BYTES && memcmp(header, magic, sizeof magic) == 0) {
        file->checked = header[HEADER_RESERVED] == SQL_RESERVED_BYTES;
    }
}

static int read_page(sqlite3_file *file, void *into, int length, sqlite3_int64 offset)
{
    const unsigned char *page = into;
    uint64_t stored = 0;
    sqlite3_int64 size = 0;
    int code = real_of(file)->pMethods->xRead(real_of(file), into, length, offset);

    if (code == SQLITE_OK) {
        note_header(own(file), into, length, offset);
    }
    if (!is_page(own(file), length, offset)) {
        return code;
    }
    if (code == SQLITE_IOERR_SHORT_READ) {
        code = real_of(file)->pMethods->xFileSize(real_of(file), &size);
        return code != SQLITE_OK ? code : size == 0 ? SQLITE_IOERR_SHORT_READ : SQLITE_IOERR_DATA;
    }
    if (code == SQLITE_OK) {
        memcpy(&stored, page + SQL_PAGE_BYTES - SQL_RESERVED_BYTES, sizeof stored);
        code = stored == checksum_of(page, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
    }
    return code;
}

static int write_page(sqlite3_file *file, const void *from, int length, sqlite3_int64 offset)
{
    unsigned char page[SQL_PAGE_BYTES];
    uint64_t checksum = 0;

    note_header(own(file), from, length, offset);
    if (is_page(own(file), length, offset)) {
        /* A copy: the bytes are SQLite's, which has them in its cache. */
        memcpy(page, from, SQL_PAGE_BYTES - SQL_RESERVED_BYTES);
        checksum = checksum_of(page, offset);
        memcpy(page + SQL_PAGE_BYTES - SQL_RESERVED_BYTES, &checksum, sizeof checksum);
        from = page;
    }
    return real_of(file)->pMethods->xWrite(real_of(file), from, length, offset);
}

/* ---- the rest goes through ----------------------------------------------------------------- */

static int close_file(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int sync_file(sqlite3_file *file, int flags)
{
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int lock_file(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int unlock_file(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int check_reserved(sqlite3_file *file, int *ret_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_reserved);
}

static int control(sqlite3_file *file, int operation, void *argument)
{
    if (operation == ASK_CHECKED) {
        *(bool *)argument = own(file)->checked;
        return SQLITE_OK;
    }
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    /* Version 1: no shared memory and no mapped pages, as with locking_mode=EXCLUSIVE. */
    static const sqlite3_io_methods methods = {.iVersion = 1,
                                               .xClose = close_file,
                                               .xRead = read_page,
                                               .xWrite = write_page,
                                               .xTruncate = truncate_file,
                                               .xSync = sync_file,
                                               .xFileSize = file_size,
                                               .xLock = lock_file,
                                               .xUnlock = unlock_file,
                                               .xCheckReservedLock = check_reserved,
                                               .xFileControl = control,
                                               .xSectorSize = sector_size,
                                               .xDeviceCharacteristics = characteristics};
    struct page_file *mine = own(file);
    unsigned char header[HEADER_BYTES] = {0};
    sqlite3_int64 size = 0;
    int code = SQLITE_OK;

    (void)vfs;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
        return system_vfs->xOpen(system_vfs, name, file, flags, ret_flags);
    }
    memset(mine, 0, sizeof *mine);
    mine->real = (sqlite3_file *)(void *)(mine + 1);
    code = system_vfs->xOpen(system_vfs, name, mine->real, flags, ret_flags);
    if (code != SQLITE_OK) {
        return code;
    }
    mine->base.pMethods = &methods;
    /* A new file has them from its first page on, in whatever order pages come. */
    mine->checked = mine->real->pMethods->xFileSize(mine->real, &size) == SQLITE_OK && size == 0;
    if (size >= HEADER_BYTES &&
        mine->real->pMethods->xRead(mine->real, header, sizeof header, 0) == SQLITE_OK) {
        note_header(mine, header, sizeof header, 0);
    }
    return SQLITE_OK;
}

static void register_vfs(void)
{
    static sqlite3_vfs vfs;

    system_vfs = sqlite3_vfs_find(NULL);
    if (system_vfs == NULL) {
        return;
    }
    vfs = *system_vfs;
    vfs.pNext = NULL;
    vfs.zName = vfs_name;
    vfs.szOsFile = system_vfs->szOsFile + (int)sizeof(struct page_file);
    vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) {
        system_vfs = NULL;
    }
}

const char *sql_pages_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, register_vfs);
    return system_vfs == NULL ? NULL : vfs_name;
}

bool sql_pages_checked(sqlite3 *handle)
{
    bool checked = false;

    return sqlite3_file_control(handle, "main", ASK_CHECKED, &checked) == SQLITE_OK && checked;
}
