# SPDX-License-Identifier: Apache-2.0
"""The planted bugs: (name, file, what stands there, what is put in its place).

Each is one line that a tired hand could have written. The text must stand in the file exactly once.
"""

MUTANTS = [
    # ---- edges of windows and slices
    ("from_not_on_grain", "storage/window.c",
     "return moment_floor(to_ms - window->length_ms, window->grain_ms);",
     "return to_ms - window->length_ms;"),
    ("window_grain_edge", "storage/window.c",
     "if (length_ms <= 20 * MINUTE_MS) {", "if (length_ms < 20 * MINUTE_MS) {"),
    ("step_without_its_slice", "storage/store.c",
     "int64_t apply_ms = moment_floor(later_ms, SLICE_BASE_MS) + SLICE_BASE_MS;",
     "int64_t apply_ms = moment_floor(later_ms, SLICE_BASE_MS);"),
    ("earlier_for_later", "storage/store.c",
     "int64_t later_ms = held->ts_ms > arrival_ms ? held->ts_ms : arrival_ms;",
     "int64_t later_ms = held->ts_ms < arrival_ms ? held->ts_ms : arrival_ms;"),
    ("expires_one_slice_more", "storage/slices.c",
     "i < tier->count && tier->items[i].start_ms < until_ms; i++) {",
     "i < tier->count && tier->items[i].start_ms <= until_ms; i++) {"),
    ("folds_on_the_wrong_grain", "storage/slices_age.c",
     "int64_t edge_ms = slices->tiers[t + 1 < slices->tiers_count ? t + 1 : t].grain_ms;",
     "int64_t edge_ms = slices->tiers[t].grain_ms;"),
    ("folded_slice_not_forgotten", "storage/slices_age.c",
     "        if (slice->saved) {", "        if (slice->saved && slice->count > 1000) {"),

    # ---- verdicts
    ("late_not_strict", "storage/store.c",
     "if (record_ms - ts_ms > options->late_ms) {", "if (record_ms - ts_ms >= options->late_ms) {"),
    ("future_not_strict", "storage/store.c",
     "if (ts_ms - record_ms > options->future_ms) {",
     "if (ts_ms - record_ms >= options->future_ms) {"),
    ("wall_clock_decides_future", "storage/store.c",
     "if (options->clock == CLOCK_WALL && record_ms - now_ms > options->future_ms) {",
     "if (options->clock == CLOCK_WALL && ts_ms - now_ms > options->future_ms) {"),
    ("straggler_at_the_edge", "storage/store.c",
     "if (to_ms != MOMENT_NONE && arrival_ms < to_ms) {",
     "if (to_ms != MOMENT_NONE && arrival_ms <= to_ms) {"),
    ("refused_record_moves_arrival", "storage/store.c",
     "    into->counts.read++;\n    partition_reach(into, offset + 1, now_ms);\n    return CTR_OK;",
     "    into->arrival_ms = arrival_ms;\n    into->counts.read++;\n"
     "    partition_reach(into, offset + 1, now_ms);\n    return CTR_OK;"),
    ("position_off_by_one", "storage/store.c",
     "    into->counts.read++;\n    partition_reach(into, offset + 1, now_ms);\n    return CTR_OK;",
     "    into->counts.read++;\n    partition_reach(into, offset, now_ms);\n    return CTR_OK;"),

    # ---- the clock
    ("confirmed_before_the_end", "storage/partitions.c",
     "    if (partition_next(partition) >= end) {", "    if (partition_next(partition) + 1 >= end) {"),
    ("clock_ignores_confirmation", "storage/store_apply.c",
     "return max_of(partition->confirmed_ms, min_of(partition->arrival_ms, now_ms));",
     "return max_of(partition->confirmed_ms, partition->arrival_ms);"),
    ("at_end_if_the_last_one_is", "storage/store_apply.c",
     "at_end = at_end && partition->started && partition->at_end;",
     "at_end = partition->started && partition->at_end;"),

    # ---- duplicates
    ("duplicates_not_found", "storage/ids.c", "        return IDS_COPY;", "        return IDS_NEW;"),
    ("dedup_horizon_not_strict", "storage/store.c",
     "if (arrival_ms - event->ts_ms > store->options.dedup_horizon_ms) {",
     "if (arrival_ms - event->ts_ms >= store->options.dedup_horizon_ms) {"),
    ("fingerprint_without_time", "storage/store_event.c",
     "print = hash_mix(print, held->visitor, (uint64_t)event->ts_ms);",
     "print = hash_mix(print, held->visitor, 0);"),
    ("ids_forgotten_late", "storage/ids.c",
     "return ids->gone_ms != MOMENT_NONE && minute_ms + MINUTE_MS <= ids->gone_ms;",
     "return ids->gone_ms != MOMENT_NONE && minute_ms + MINUTE_MS < ids->gone_ms;"),
    ("ids_not_restored", "storage/store_replay.c",
     "    if ((event->flags & JOURNAL_ID) != 0) {", "    if ((event->flags & JOURNAL_GAP) != 0) {"),
    ("ids_beyond_their_limit", "storage/ids.c",
     "    if (ids->count >= ids->limit) {", "    if (ids->count > ids->limit) {"),

    # ---- people
    ("last_view_is_not_the_latest", "storage/people.c",
     "view_after_s = click ? view_s : later(view_s, second_s);",
     "view_after_s = click ? view_s : second_s;"),
    ("max_for_min_of_view_and_click", "storage/people.c",
     "move(earlier(view_s, click_s), earlier(view_after_s, click_after_s)),",
     "move(later(view_s, click_s), later(view_after_s, click_after_s)),"),
    ("people_beyond_their_limit", "storage/people.c",
     "if (!live && people->live >= people->limit) {",
     "if (!live && people->live > people->limit) {"),
    ("reach_one_second_late", "storage/store_apply.c",
     "people_set_reach(&store->people, moment_floor(from_ms, 1000) / 1000);",
     "people_set_reach(&store->people, moment_floor(from_ms, 1000) / 1000 + 1);"),
    ("filtered_events_are_people", "storage/store_event.c",
     "    if ((event->flags & HELD_FILTERED) != 0) {\n        note(&store->step,",
     "    if (plan->old) {\n        note(&store->step,"),
    ("folded_people_not_restored", "storage/store_replay.c",
     "if (level == LEVEL_SITE || (event->flags & (uint32_t)JOURNAL_FOLDED << level) != 0) {",
     "if (level == LEVEL_SITE) {"),
    ("short_people_not_restored", "storage/store_replay.c",
     "if (kid != KEY_NONE && (event->flags & (uint32_t)JOURNAL_SHORT << level) != 0) {",
     "if (kid != KEY_NONE && (event->flags & (uint32_t)JOURNAL_GAP << level) != 0) {"),

    # ---- click_gap
    ("click_gap_not_strict", "storage/gaps.c",
     "return before == NULL || ts_ms - before->ts_ms >= gaps->gap_ms;",
     "return before == NULL || ts_ms - before->ts_ms > gaps->gap_ms;"),
    ("click_taken_back_twice", "storage/gaps.c",
     "    if (around.after != NULL && around.after->counted &&", "    if (around.after != NULL &&"),
    ("late_click_takes_nothing_back", "storage/gaps.c",
     "        verdict.takes_back = true;", "        verdict.takes_back = false;"),

    # ---- levels and limits
    ("clicks_in_boxes_not_on_pages", "storage/store_event.c",
     "return type == EVENT_CLICK || !box ||", "return !box ||"),
    ("one_key_too_many", "storage/keys.c",
     "    return rows(keys) >= keys->limit;", "    return rows(keys) > keys->limit;"),
    ("canonical_order_of_reading", "storage/store_gather.c",
     "        size_t *at = &starts[store->order[rank]];", "        size_t *at = &starts[rank];"),

    # ---- minutes
    ("correction_not_strict", "storage/store_minutes.c",
     "            to_ms > minute_ms + MINUTE_MS + store->book.lateness_ms ? gain->events : 0;",
     "            to_ms >= minute_ms + MINUTE_MS + store->book.lateness_ms ? gain->events : 0;"),
    ("minutes_end_unseen", "storage/store_apply.c",
     "if (end_ms > store->published.progress.to_ms && end_ms < to_ms) {",
     "if (end_ms > store->published.progress.to_ms && end_ms < to_ms - MINUTE_MS) {"),
    ("unseen_clickers_are_all_who_click", "storage/store_minutes.c",
     "numbers[MINUTE_UNSEEN_CLICKERS] = (int32_t)(crowd->clicking - crowd->clickers);",
     "numbers[MINUTE_UNSEEN_CLICKERS] = (int32_t)crowd->clicking;"),
    ("minutes_saved_twice", "storage/snapshot_minutes.c",
     "if (from->finished[i]->cut > snapshot->cut) {",
     "if (from->finished[i]->cut + 1 > snapshot->cut) {"),
    ("minutes_read_twice", "storage/store_minutes_read.c",
     "if (block->cut == 0 || block->cut > saved_cut) {",
     "if (block->cut == 0 || block->cut >= saved_cut) {"),
    ("journal_saved_twice_is_lost", "storage/snapshot_minutes.c",
     "        if (part->cut <= snapshot->cut) {", "        if (part->cut <= snapshot->cut + 1) {"),

    # ---- saving
    ("held_bucket_not_forgotten", "storage/held.c",
     "    if (bucket->saved) {", "    if (bucket->saved && bucket->count > 1000) {"),
    ("whole_cut_leaves_slices_out", "storage/store_cut.c",
     "        if (!cut->whole && !slice->unsaved) {", "        if (!slice->unsaved) {"),
    ("checksum_not_compared", "storage/snapshot_load.c",
     "    return sql_get_integer(row, at - 1) ==\n"
     "           snapshot_checksum(numbers, (size_t)at - 1, bytes, length);",
     "    return sql_get_integer(row, at - 1) != 1 ||\n"
     "           snapshot_checksum(numbers, (size_t)at - 1, bytes, length) == 1;"),

    # ---- rates
    ("wilson_term", "storage/rate.c", "z2 / (4 * n * n)", "z2 / (2 * n * n)"),
    ("siblings_edge", "storage/spread.c",
     "if (spread->siblings < SIBLINGS_MIN ||", "if (spread->siblings <= SIBLINGS_MIN ||"),
    ("placements_among_the_boxes", "storage/keys_numbers.c",
     "bool sibling = kid >= LEVEL_COUNT && level != LEVEL_PLACEMENT;",
     "bool sibling = kid >= LEVEL_COUNT;"),

    # ---- reading
    ("torn_batch", "storage/store_read.c",
     "        if (done > 0 && store->published.progress.revision != revision) {",
     "        if (done > count && store->published.progress.revision != revision) {"),
]
