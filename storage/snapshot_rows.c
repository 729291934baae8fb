/* SPDX-License-Identifier: Apache-2.0
 *
 * What a row of the snapshot looks like, for writing and for reading.
 */
#include <string.h>

#include "storage/hash.h"
#include "storage/pack.h"
#include "storage/snapshot_internal.h"

enum { NUMBERS_MAX = 3 };

const char *const snapshot_meta_names[META_COUNT] = {
    [META_AS_OF] = "as_of",
    [META_TO] = "to",
    [META_COVERED_FROM] = "covered_from",
    [META_KEYS_FOLDED] = "keys_folded",
    [META_CLOCK] = "clock",
    [META_PAGE_IMPRESSIONS] = "page_impressions",
    [META_PARTITIONS] = "partitions",
    [META_KEYS] = "keys",
    [META_SLICES] = "slices",
    [META_HELD] = "held",
    [META_SAVED_AT] = "saved_at",
    [META_CUT] = "cut",
    [META_PEOPLE_HORIZON] = "people_horizon",
    [META_DEDUP_HORIZON] = "dedup_horizon",
    [META_CLICK_GAP] = "click_gap",
    [META_SECRET_CHECK] = "secret_check",
    [META_REPEATED] = "repeated",
    [META_JOURNALS] = "journals",
    [META_MINUTES] = "minutes",
};

int64_t snapshot_checksum(const int64_t *numbers, size_t count, const void *bytes, size_t length)
{
    uint64_t sum = hash_checksum(bytes, length);

    for (size_t i = 0; i < count; i++) {
        sum = hash_mix(sum, (uint64_t)numbers[i], i);
    }
    return (int64_t)sum;
}

bool snapshot_checked_bytes(struct sql_statement *row, int at, struct unpacker *ret_unpacker)
{
    int64_t numbers[NUMBERS_MAX] = {0};
    size_t length = 0;
    const unsigned char *bytes = sql_get_bytes(row, at, &length);

    for (int i = 0; i < at - 1; i++) {
        numbers[i] = sql_get_integer(row, i);
    }
    *ret_unpacker = (struct unpacker){.at = bytes, .end = bytes == NULL ? bytes : bytes + length};
    return sql_get_integer(row, at - 1) ==
           snapshot_checksum(numbers, (size_t)at - 1, bytes, length);
}

bool snapshot_checked_journal(struct sql_statement *row, struct unpacker *ret_unpacker)
{
    int64_t newest_ms = sql_get_integer(row, 1);

    return snapshot_checked_bytes(row, 3, ret_unpacker) ||
           sql_get_integer(row, 2) ==
               snapshot_checksum(&newest_ms, 1, ret_unpacker->at,
                                 (size_t)(ret_unpacker->end - ret_unpacker->at));
}

int64_t snapshot_key_checksum(uint32_t kid, uint8_t level, struct text page, struct text box)
{
    const int64_t numbers[] = {kid, level, (int64_t)hash_checksum(page.bytes, page.length)};

    return snapshot_checksum(numbers, sizeof numbers / sizeof numbers[0], box.bytes, box.length);
}

/* Since version 3: what a partition went through, and by what its log is known again. */
static void pack_identity(const struct partition *partition, struct packer *packer)
{
    pack_unsigned(packer, partition->redelivered);
    pack_unsigned(packer, partition->unverified);
    pack_unsigned(packer, partition->log_changes);
    pack_signed(packer, partition->print.offset);
    pack_signed(packer, partition->print.time_ms);
    pack_hash(packer, partition->print.hash);
}

/* Rows of version 2 end before it. */
static void unpack_identity(struct unpacker *unpacker, struct partition *ret_partition)
{
    ret_partition->print.offset = -1;
    if (unpacker->failed || unpacker->at == unpacker->end) {
        return;
    }
    ret_partition->redelivered = unpack_unsigned(unpacker);
    ret_partition->unverified = unpack_unsigned(unpacker);
    ret_partition->log_changes = unpack_unsigned(unpacker);
    ret_partition->print.offset = unpack_signed(unpacker);
    ret_partition->print.time_ms = unpack_signed(unpacker);
    ret_partition->print.hash = unpack_hash(unpacker);
}

void snapshot_pack_partition(const struct partition *partition, struct packer *packer)
{
    const struct partition_counts *counts = &partition->counts;
    const uint64_t numbers[] = {
        counts->read,   counts->counted,   counts->held,       counts->duplicate, counts->late,
        counts->future, counts->unchecked, counts->stragglers, partition->lost,   counts->filtered};

    pack_bytes(packer, partition->topic, strlen(partition->topic));
    pack_signed(packer, partition->number);
    pack_signed(packer, partition->arrival_ms);
    pack_unsigned(packer, partition->intervals_count);
    for (size_t i = 0; i < partition->intervals_count; i++) {
        pack_signed(packer, partition->intervals[i].first);
        pack_signed(packer, partition->intervals[i].next);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        pack_unsigned(packer, numbers[i]);
    }
    pack_unsigned(packer, MALFORMED_COUNT);
    for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
        pack_unsigned(packer, counts->malformed[reason]);
    }
    pack_identity(partition, packer);
}

bool snapshot_unpack_partition(struct unpacker *unpacker, struct partition *ret_partition)
{
    struct partition_counts *counts = &ret_partition->counts;
    uint64_t *const numbers[] = {&counts->read,      &counts->counted,    &counts->held,
                                 &counts->duplicate, &counts->late,       &counts->future,
                                 &counts->unchecked, &counts->stragglers, &ret_partition->lost,
                                 &counts->filtered};
    size_t length = 0;
    const char *topic = unpack_bytes(unpacker, PARTITION_TOPIC_BYTES - 1, &length);

    if (topic == NULL) {
        return false;
    }
    memcpy(ret_partition->topic, topic, length);
    ret_partition->number = (int32_t)unpack_signed(unpacker);
    ret_partition->arrival_ms = unpack_signed(unpacker);
    ret_partition->intervals_count = unpack_unsigned(unpacker);
    if (ret_partition->intervals_count > PARTITION_INTERVALS_MAX) {
        return false;
    }
    for (size_t i = 0; i < ret_partition->intervals_count; i++) {
        ret_partition->intervals[i].first = unpack_signed(unpacker);
        ret_partition->intervals[i].next = unpack_signed(unpacker);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = unpack_unsigned(unpacker);
    }
    if (unpack_unsigned(unpacker) != MALFORMED_COUNT) {
        return false;
    }
    for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
        counts->malformed[reason] = unpack_unsigned(unpacker);
    }
    unpack_identity(unpacker, ret_partition);
    return !unpacker->failed && unpacker->at == unpacker->end;
}
