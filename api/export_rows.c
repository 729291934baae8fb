/* SPDX-License-Identifier: Apache-2.0 */
#include "api/export_rows.h"

#include <inttypes.h>
#include <string.h>

#include "storage/rate.h"

/* ---- rows as bytes -------------------------------------------------------------------------- */

enum { PACKED_OTHER = 1, PACKED_PRIOR = 2, PACKED_SAME_PRIOR = 4, PACKED_SAME_BOX = 8 };

/* What follows: the prior's two numbers unless the row has none or that of the row before, the
 * page, the box unless it is that of the row before. Never leaves the process. */
struct packed {
    uint8_t level, people, flags, unused;
    uint16_t page_length, box_length;
    struct crowd crowd;
    uint32_t unused_too;
    struct totals totals;
};

static bool differ(double left, double right)
{
    return left < right || left > right;
}

static bool is_same_prior(const struct export_memory *memory, const struct figures *figures)
{
    return !differ(memory->prior_ctr, figures->prior_ctr) &&
           !differ(memory->prior_weight, figures->prior_weight);
}

static uint8_t find_flags(struct export_memory *memory, const struct walk_row *row)
{
    unsigned flags = row->other ? PACKED_OTHER : 0;

    if (row->figures.has_prior) {
        flags |= PACKED_PRIOR;
        if (is_same_prior(memory, &row->figures))
            flags |= PACKED_SAME_PRIOR;
        memory->prior_ctr = row->figures.prior_ctr;
        memory->prior_weight = row->figures.prior_weight;
    }
    if (row->box.length > 0 && row->box.length == memory->box_length &&
        memcmp(row->box.bytes, memory->box, row->box.length) == 0)
        flags |= PACKED_SAME_BOX;
    if (row->box.length > 0) {
        memcpy(memory->box, row->box.bytes, row->box.length);
        memory->box_length = row->box.length;
    }
    return (uint8_t)flags;
}

enum ctr_status export_put_row(struct spool *spool, struct export_memory *memory,
                               const struct walk_row *row)
{
    struct packed packed = {
        .level = (uint8_t)row->level,
        .people = (uint8_t)row->figures.people,
        .flags = find_flags(memory, row),
        .page_length = (uint16_t)row->page.length,
        .box_length = (uint16_t)row->box.length,
        .crowd = row->figures.crowd,
        .totals = row->figures.totals,
    };
    double prior[2] = {row->figures.prior_ctr, row->figures.prior_weight};
    enum ctr_status status = spool_put(spool, &packed, sizeof packed);

    if (status == CTR_OK && (packed.flags & (PACKED_PRIOR | PACKED_SAME_PRIOR)) == PACKED_PRIOR)
        status = spool_put(spool, prior, sizeof prior);
    if (status == CTR_OK && row->page.length > 0)
        status = spool_put(spool, row->page.bytes, row->page.length);
    if (status == CTR_OK && row->box.length > 0 && (packed.flags & PACKED_SAME_BOX) == 0)
        status = spool_put(spool, row->box.bytes, row->box.length);
    return status;
}

enum ctr_status export_get_row(struct spool *spool, struct export_memory *memory,
                               struct walk_row *ret_row)
{
    struct packed packed;
    double prior[2];
    enum ctr_status status = spool_get(spool, &packed, sizeof packed);

    if (status == CTR_OK && (packed.flags & (PACKED_PRIOR | PACKED_SAME_PRIOR)) == PACKED_PRIOR) {
        status = spool_get(spool, prior, sizeof prior);
        memory->prior_ctr = prior[0];
        memory->prior_weight = prior[1];
    }
    if (status == CTR_OK && packed.page_length > 0)
        status = spool_get(spool, memory->page, packed.page_length);
    if (status == CTR_OK && packed.box_length > 0 && (packed.flags & PACKED_SAME_BOX) == 0)
        status = spool_get(spool, memory->box, packed.box_length);
    if (status != CTR_OK)
        return status;
    *ret_row = (struct walk_row){
        .level = (enum level)packed.level,
        .other = (packed.flags & PACKED_OTHER) != 0,
        .page = {memory->page, packed.page_length},
        .box = {memory->box, packed.box_length},
        .figures = {.totals = packed.totals,
                    .people = (enum people_known)packed.people,
                    .crowd = packed.crowd,
                    .has_prior = (packed.flags & PACKED_PRIOR) != 0,
                    .prior_ctr = memory->prior_ctr,
                    .prior_weight = memory->prior_weight},
    };
    return CTR_OK;
}

/* ---- CSV (RFC 4180) ------------------------------------------------------------------------- */

static void csv_next(struct writer *writer)
{
    if (writer->comma_due)
        writer_plain(writer, ",", 1);
    writer->comma_due = true;
}

static void csv_text(struct writer *writer, struct text text)
{
    csv_next(writer);
    if (text.length == 0)
        return;
    writer_plain(writer, "\"", 1);
    for (size_t at = 0; at < text.length;) {
        const char *quote = memchr(text.bytes + at, '"', text.length - at);
        size_t until = quote == NULL ? text.length : (size_t)(quote - text.bytes) + 1;

        writer_plain(writer, text.bytes + at, until - at);
        if (quote != NULL)
            writer_plain(writer, "\"", 1);
        at = until;
    }
    writer_plain(writer, "\"", 1);
}

static void csv_count(struct writer *writer, bool known, uint64_t count)
{
    csv_next(writer);
    if (known)
        writer_format(writer, "%" PRIu64, count);
}

static void csv_real(struct writer *writer, bool known, double value)
{
    csv_next(writer);
    writer->comma_due = false;
    if (known)
        writer_real(writer, value);
    writer->comma_due = true;
}

static void csv_time(struct writer *writer, int64_t time_ms)
{
    csv_next(writer);
    writer->comma_due = false;
    writer_time(writer, time_ms); /* in quotes, as CSV has them too */
    writer->comma_due = true;
}

static void csv_rates(struct writer *writer, const struct figures *figures, bool other)
{
    struct rate rate = rate_of(figures->totals.impressions, figures->totals.clicks);
    bool has_prior = figures->has_prior && figures->totals.clicks <= figures->totals.impressions;

    csv_real(writer, rate.has_ctr && !other, rate.ctr);
    csv_real(writer, rate.has_interval && !other, rate.low);
    csv_real(writer, rate.has_interval && !other, rate.high);
    csv_real(writer, has_prior && rate.has_ctr,
             rate_smoothed(figures->totals.impressions, figures->totals.clicks, figures->prior_ctr,
                           figures->prior_weight));
    csv_real(writer, has_prior, figures->prior_ctr);
    csv_real(writer, has_prior, figures->prior_weight);
}

static void csv_people(struct writer *writer, const struct figures *figures, bool other)
{
    bool known = figures->people == PEOPLE_KNOWN && !other;
    const struct crowd *crowd = &figures->crowd;

    csv_count(writer, known, crowd->viewers);
    csv_count(writer, known, crowd->clickers);
    csv_count(writer, known, crowd->clicking - crowd->clickers);
    csv_real(writer, known && crowd->viewers > 0, (double)crowd->clickers / (double)crowd->viewers);
}

static void csv_row(struct writer *writer, const struct answer_edges *edges,
                    const struct walk_row *row)
{
    writer->comma_due = false;
    writer_format(writer, "%s", level_name(row->level));
    writer->comma_due = true;
    csv_text(writer, row->page);
    csv_text(writer, row->box);
    csv_count(writer, true, row->other);
    csv_count(writer, true, row->figures.totals.impressions);
    csv_count(writer, true, row->figures.totals.clicks);
    csv_rates(writer, &row->figures, row->other);
    csv_people(writer, &row->figures, row->other);
    csv_time(writer, edges->from_ms);
    csv_time(writer, edges->to_ms);
    writer_plain(writer, "\r\n", 2);
}

/* ---- the document --------------------------------------------------------------------------- */

static void write_members(struct writer *writer, const struct walk_row *row)
{
    writer_key(writer, "level");
    writer_string(writer, level_name(row->level));
    if (row->other) {
        writer_key(writer, "other");
        writer_bool(writer, true);
        writer_key(writer, "impressions");
        writer_u64(writer, row->figures.totals.impressions);
        writer_key(writer, "clicks");
        writer_u64(writer, row->figures.totals.clicks);
    } else {
        answer_write_names(writer, row->page, row->box);
        answer_write_numbers(writer, &row->figures);
    }
}

void export_write_head(struct writer *writer, enum export_form form,
                       const struct answer_edges *edges, uint64_t rows)
{
    static const char columns[] =
        "level,page,box,other,impressions,clicks,ctr,ctr_low,ctr_high,smoothed_ctr,prior_ctr,"
        "prior_weight,viewers,clickers,unseen_clickers,unique_ctr,from,to\r\n";

    if (form == EXPORT_CSV) {
        writer_plain(writer, columns, sizeof columns - 1);
        return;
    }
    writer_open(writer, '{');
    answer_write_window(writer, edges);
    answer_write_freshness(writer, edges);
    writer_key(writer, "total");
    writer_u64(writer, rows);
    if (form == EXPORT_JSON) {
        writer_key(writer, "items");
        writer_open(writer, '[');
    } else {
        writer_close(writer, '}');
        writer_plain(writer, "\n", 1);
    }
}

void export_write_row(struct writer *writer, enum export_form form,
                      const struct answer_edges *edges, const struct walk_row *row)
{
    if (form == EXPORT_CSV) {
        csv_row(writer, edges, row);
        return;
    }
    if (form == EXPORT_NDJSON)
        writer->comma_due = false;
    writer_open(writer, '{');
    write_members(writer, row);
    writer_close(writer, '}');
    if (form == EXPORT_NDJSON)
        writer_plain(writer, "\n", 1);
}

void export_write_tail(struct writer *writer, enum export_form form)
{
    if (form != EXPORT_JSON)
        return;
    writer_close(writer, ']');
    writer_close(writer, '}');
}
