/* SPDX-License-Identifier: Apache-2.0 */
#include "service/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/event.h"

enum { HEAD_BYTES_MAX = 512 };

static enum ctr_status map_file(const char *path, struct dump *dump, struct ctr_error *reterr)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;

    if (file < 0) {
        return ctr_fail(reterr, errno == ENOENT ? CTR_NOT_FOUND : CTR_IO, "%.200s: %s", path,
                        strerror(errno));
    }
    if (fstat(file, &status) == 0 && status.st_size > 0) {
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    (void)close(file);
    if (bytes == MAP_FAILED) {
        return ctr_fail(reterr, CTR_IO, "%.200s: it is empty or cannot be read", path);
    }
    dump->bytes = bytes;
    dump->length = (size_t)status.st_size;
    return CTR_OK;
}

static struct dump_part *part_of(struct dump *dump, const char *topic, int32_t number)
{
    struct dump_part *part = NULL;

    for (size_t i = 0; i < dump->parts_count; i++) {
        if (dump->parts[i].number == number && strcmp(dump->parts[i].topic, topic) == 0) {
            return &dump->parts[i];
        }
    }
    if (dump->parts_count == PARTITIONS_MAX) {
        return NULL;
    }
    part = &dump->parts[dump->parts_count++];
    part->number = number;
    (void)snprintf(part->topic, sizeof part->topic, "%s", topic);
    return part;
}

static bool add_record(struct dump_part *part, const struct dump_record *record)
{
    if (part->count == part->capacity) {
        size_t capacity = part->capacity == 0 ? 1024 : part->capacity * 2;
        struct dump_record *records = realloc(part->records, capacity * sizeof *records);

        if (records == NULL) {
            return false;
        }
        part->records = records;
        part->capacity = capacity;
    }
    part->records[part->count++] = *record;
    return true;
}

/* The value of a line: what stands behind its head, in quotes; or null. */
static bool find_value(const char *at, const char *end, struct dump_record *record)
{
    const char *close = NULL;

    if (end - at >= 4 && memcmp(at, "null", 4) == 0) {
        return true;
    }
    if (at == end || *at != '"') {
        return false;
    }
    close = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (close == NULL) {
        return false;
    }
    record->value = at + 1;
    record->length = (size_t)(close - at - 1);
    return true;
}

static enum ctr_status read_line(struct dump *dump, const char *line, const char *end,
                                 const char *path, uint64_t number, struct ctr_error *reterr)
{
    char head[HEAD_BYTES_MAX + 1];
    size_t length = (size_t)(end - line) < HEAD_BYTES_MAX ? (size_t)(end - line) : HEAD_BYTES_MAX;
    char topic[PARTITION_TOPIC_BYTES];
    int32_t partition = 0;
    int value_at = 0;
    struct dump_record record = {.value = NULL};
    struct dump_part *part = NULL;

    memcpy(head, line, length);
    head[length] = '\0';
    if (sscanf(head, /* NOLINT(cert-err34-c): numbers of a tool's own making; out of range wraps */
               " {\"topic\" : \"%255[^\"\\]\" , \"partition\" : %" SCNd32 " , \"offset\" : %" SCNd64
               " , \"time\" : %" SCNd64 " , \"value_b64\" : %n",
               topic, &partition, &record.offset, &record.time_ms, &value_at) != 4 ||
        value_at == 0 || !find_value(line + value_at, end, &record)) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%.150s:%" PRIu64 ": no line of a dump; it must look like "
                        "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"time\":0,"
                        "\"value_b64\":\"...\"}",
                        path, number);
    }
    part = part_of(dump, topic, partition);
    if (part == NULL) {
        return ctr_fail(reterr, CTR_LIMIT, "%.150s: more than %d partitions", path,
                        (int)PARTITIONS_MAX);
    }
    if (part->count > 0 && record.offset <= part->records[part->count - 1].offset) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%.150s:%" PRIu64 ": offset %" PRId64 " is out of order", path, number,
                        record.offset);
    }
    return add_record(part, &record) ? CTR_OK
                                     : ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the dump");
}

enum ctr_status dump_open(const char *path, struct dump **ret_dump, struct ctr_error *reterr)
{
    struct dump *dump = calloc(1, sizeof *dump);
    enum ctr_status status = CTR_NO_MEMORY;
    uint64_t number = 0;

    if (dump == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the dump");
    }
    status = map_file(path, dump, reterr);
    for (const char *line = dump->bytes; status == CTR_OK && line < dump->bytes + dump->length;) {
        size_t rest = (size_t)(dump->bytes + dump->length - line);
        const char *newline = memchr(line, '\n', rest);
        const char *end = newline == NULL ? line + rest : newline;

        number++;
        if (end > line) {
            status = read_line(dump, line, end, path, number, reterr);
        }
        line = end + 1;
    }
    if (status != CTR_OK) {
        dump_close(dump);
        return status;
    }
    *ret_dump = dump;
    return CTR_OK;
}

void dump_close(struct dump *dump)
{
    if (dump == NULL) {
        return;
    }
    for (size_t i = 0; i < dump->parts_count; i++) {
        free(dump->parts[i].records);
    }
    if (dump->bytes != NULL) {
        (void)munmap((void *)(uintptr_t)dump->bytes, dump->length);
    }
    free(dump);
}

size_t dump_value_room(const struct dump_record *record)
{
    return record->length / 4 * 3 + 3;
}

int64_t dump_value(const struct dump_record *record, char *ret_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = record->length;
    uint32_t bits = 0;
    int used = 0;
    int64_t out = 0;

    while (length > 0 && record->value[length - 1] == '=') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        const char *digit = memchr(digits, record->value[i], sizeof digits - 1);

        if (digit == NULL) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        used += 6;
        if (used >= 8) {
            used -= 8;
            ret_bytes[out++] = (char)(bits >> used & 0xff);
        }
    }
    return out;
}

const char *dump_stray_topic(const struct dump *dump, const struct config *config)
{
    for (size_t i = 0; i < dump->parts_count; i++) {
        bool known = false;

        for (size_t at = 0; at < config->topics_count; at++) {
            known = known || strcmp(config->topics[at].name, dump->parts[i].topic) == 0;
        }
        if (!known) {
            return dump->parts[i].topic;
        }
    }
    return NULL;
}
