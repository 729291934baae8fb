# SPDX-License-Identifier: Apache-2.0
"""ingest: a backlog of 202-byte events in 4 partitions, everything on, beside a consumer that does
nothing with the same topic."""

from __future__ import annotations

from typing import Any

from parts import Row
from parts.bench import Bench

TRIES = 3
SPAN_MS = 600_000  # of the backlog: as long as people are kept
STEADY_SPANS = 1.6
KEPT_MB = 1200  # more than it takes


def pair(bench: Bench, topic: str, after: float = 0.1, kept_mb: int = 0) -> dict[str, Any]:
    """Both directly after one another: on a shared machine a minute later is another machine."""
    yardstick = bench.nothing(topic)
    ours = bench.ingest(topic, after=after, kept_mb=kept_mb)
    after = bench.nothing(topic)
    for key in ("events_per_cpu_s", "events_per_s"):
        yardstick[key] = (yardstick[key] + after[key]) / 2
    return {"ours": ours, "nothing": yardstick,
            "per_cpu": ours["events_per_cpu_s"] / yardstick["events_per_cpu_s"],
            "per_wall": ours["events_per_s"] / yardstick["events_per_s"]}


def steady(bench: Bench) -> Row:
    """A longer backlog, from where people, ids and memory are as many as they get: what comes now
    replaces what goes."""
    topic = bench.topic("steady", int(bench.events * STEADY_SPANS),
                        span=int(SPAN_MS * STEADY_SPANS))
    found = pair(bench, topic, after=1 / STEADY_SPANS)
    return Row("the same after ten minutes of event time", found["ours"]["events_per_cpu_s"], "1/s",
               "consumer that does nothing", found["nothing"]["events_per_cpu_s"],
               found["per_cpu"],
               f"ingest thread {found['ours']['ns_per_event']['ingest']:,.0f} ns/event; "
               f"{found['ours']['pairs']:,} pairs, {found['ours']['peak_mb']:,} MB", more=found)


def on_kept_memory(bench: Bench, topic: str) -> Row:
    """Where the host of a virtual machine takes back what is free, memory that is new costs what the
    host asks for it. Here it is kept beforehand, as a machine of one's own has it."""
    kept = [pair(bench, topic, kept_mb=100 if bench.quick else KEPT_MB)
            for _ in range(1 if bench.quick else TRIES)]
    best = max(kept, key=lambda one: one["per_cpu"])
    return Row("the same on memory that the machine has already", best["ours"]["events_per_cpu_s"],
               "1/s", "consumer that does nothing", best["nothing"]["events_per_cpu_s"],
               best["per_cpu"], "tries: " + " ".join(f"{one['per_cpu']:.2f}" for one in kept)
               + f"; ingest thread {best['ours']['ns_per_event']['ingest']:,.0f} ns/event; "
               f"a wall second {max(one['per_wall'] for one in kept):.2f}", more={"tries": kept})


def run(bench: Bench) -> list[Row]:
    topic = bench.topic("backlog", bench.events)
    tries = []
    for number in range(1 if bench.quick else TRIES):
        tries.append(pair(bench, topic))
        bench.say(f"try {number + 1}: {tries[-1]['ours']['events_per_cpu_s']:,.0f} events a CPU "
                  f"second, {tries[-1]['per_cpu']:.3f} of the consumer's")
    best = max(tries, key=lambda one: one["per_cpu"])
    wall = max(tries, key=lambda one: one["per_wall"])
    ours, nothing = best["ours"], best["nothing"]
    reader, beside_it = bench.reader(topic), bench.nothing(topic)
    rows = [
        Row("events a CPU second", ours["events_per_cpu_s"], "1/s", "consumer that does nothing",
            nothing["events_per_cpu_s"], best["per_cpu"],
            "tries: " + " ".join(f"{one['per_cpu']:.2f}" for one in tries), more={"tries": tries}),
        Row("events a wall second", wall["ours"]["events_per_s"], "1/s",
            "consumer that does nothing", wall["nothing"]["events_per_s"], wall["per_wall"],
            "tries: " + " ".join(f"{one['per_wall']:.2f}" for one in tries)),
        Row("our source alone, events a CPU second", reader["events_per_cpu_s"], "1/s",
            "consumer that does nothing", beside_it["events_per_cpu_s"],
            reader["events_per_cpu_s"] / beside_it["events_per_cpu_s"], more=reader)]
    rows += [on_kept_memory(bench, topic), steady(bench)]
    spent = ours["ns_per_event"]
    rows += [Row(f"budget: {name}", spent[key], "ns/event", beside, value, may_be_zero=True)
             for name, key, beside, value in (
                 ("librdkafka's threads", "librdkafka", "all of the consumer that does nothing",
                  1e9 / nothing["events_per_cpu_s"]),
                 ("the ingest thread", "ingest", "", None),
                 ("all other threads (saving, asking)", "others", "", None))]
    rows.append(Row("peak memory", ours["peak_mb"], "MB", note=f"{ours['keys']:,} keys, "
                    f"{ours['pairs']:,} pairs, {ours['ids']:,} ids"))
    return rows
