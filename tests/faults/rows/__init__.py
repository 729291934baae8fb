# SPDX-License-Identifier: Apache-2.0
"""The fault matrix. A row that is not tried says why."""

from __future__ import annotations

from typing import Callable, NamedTuple

from kit.world import Scene

from scenarios import (gaps, ids, live, logs, partitions, poison, proof, settings, skew,
                       source_states, transactions)

from rows import disk, events, kills, memory, network, outage, points, process, soak


class Row(NamedTuple):
    """One fault. short and long: tries of a bounded run and of a long one."""

    number: str
    name: str
    title: str
    short: int
    long: int
    play: Callable[[Scene, int], None] | None
    reason: str = ""


def tested(number: str, name: str, title: str, scenario: Callable[[Scene], None],
           long: int = 3) -> Row:
    """A row that `./dev test` tries as a system test each time, and a long run again."""
    return Row(number, name, title, 0, long, events.system_test(scenario),
               "a system test of ./dev test")


def table() -> list[Row]:
    """All of them, by number. R45 to R50 are about HTTP and are not part of this suite."""
    return sorted([*_process(), *_kafka(), *_events()], key=lambda row: int(row.number[1:]))


def _process() -> list[Row]:
    return [
        Row("R1", "kill_random", "kill -9 at a random moment", 20, 500, kills.kill_at_random),
        Row("R2", "kill_points", "kill -9 at each named point (tries at each)", 1, 20,
            points.kill_at_points),
        Row("R3", "kill_recovery", "three kills in a row during recovery", 5, 100,
            kills.kill_in_recovery),
        Row("R4", "power_cut", "power cut", 10, 100, kills.power_cut),
        Row("R5", "torn_write", "the n-th write is torn, and the process gone (n up to)", 8, 100,
            disk.torn_write),
        Row("R6", "error_at_call", "I/O error at the n-th call (n up to)", 6, 150,
            disk.error_at_call),
        Row("R7", "disk_full", "the disk is full, then freed", 4, 50, disk.disk_full),
        Row("R8", "disk_read_only", "the file system turns read-only", 3, 50, disk.read_only),
        Row("R9", "disk_slow", "a sync takes five seconds", 1, 10, disk.slow),
        Row("R10", "damaged", "the newest file is damaged", 20, 2000, disk.damaged),
        Row("R11", "second_instance", "second process on the same files", 5, 200,
            process.second_instance),
        Row("R12", "no_memory", "allocations fail under load", 4, 100, memory.no_memory),
        Row("R12", "no_memory_start", "the n-th allocation of a start fails", 8, 400,
            memory.no_memory_at_start),
        Row("R13", "ceiling", "max_memory under a flood of ids (with R42)", 0, 3, memory.ceiling,
            "a system test of ./dev test"),
        Row("R14", "few_files", "no descriptors left", 0, 3, memory.few_files,
            "a system test of ./dev test"),
        Row("R15", "stalls", "SIGSTOP, SIGCONT", 3, 100, process.stalls),
        Row("R16", "starved", "no CPU to be had", 20, 600, process.starved),
        Row("R17", "sigterm", "SIGTERM under a read load", 6, 200, process.sigterm),
        Row("R18", "sigterm_broker_hung", "SIGTERM while the broker hangs", 1, 30,
            process.sigterm_broker_hung),
        Row("R51", "readers", "readers while cuts are made (seconds)", 5, 300,
            process.readers_meanwhile),
        tested("R52", "settings", "wrong settings", settings.run),
        Row("R53", "upgrade", "killed while a file of an older version is migrated", 0, 40,
            points.upgrade, "among the points of R2"),
        Row("R54", "sinks", "whoever reads its log does not", 0, 3, memory.sinks,
            "a system test of ./dev test"),
        Row("R55", "soak", "everything at once (quiet points)", 1, 3, soak.soak),
    ]


def _kafka() -> list[Row]:
    return [
        Row("R19", "broker_killed", "kill -9 of the broker", 2, 50, network.broker_killed),
        Row("R20", "broker_away", "no broker (seconds; no clock makes it 20 hours)", 0, 120,
            network.away, "only with --long"),
        Row("R21", "outage", "backlog (hours of 500 events/s)", 1, 20, outage.outage),
        Row("R23", "leader_moved", "leader moved (mock cluster)", 1, 20,
            events.unit_test("service_kafka_faults")),
        tested("R24", "gap_at_start", "retention ran past the saved offset", gaps.at_start, 30),
        tested("R24", "gap_live", "retention ran past a reader", gaps.live, 10),
        tested("R25", "log_replaced", "truncated or made anew while it was down", logs.at_start, 10),
        tested("R26", "log_under_us", "topic deleted and made anew under it", logs.under_us, 10),
        tested("R26", "log_fewer", "made anew with fewer partitions", logs.fewer),
        tested("R27", "new_partition", "partitions added under load", partitions.run, 10),
        Row("R28", "again", "the same bytes again (fake source)", 1, 20,
            events.unit_test("service_pipeline")),
        tested("R29", "compacted", "holes of compaction and aborted transactions",
               transactions.compacted, 10),
        tested("R30", "transactions", "open, aborted, late transactions", transactions.run, 10),
        tested("R31", "damaged_batch", "a batch damaged on the broker's disk", gaps.damaged, 10),
        Row("R31", "bits_flipped", "bits turned on the way from the broker", 3, 100,
            network.flipped),
        Row("R32", "request_errors", "every passing error of every question (mock cluster)", 0, 0, None,
            "the program of R23"),
        tested("R32", "refusals", "login, authorisation, names, protocols refused",
               source_states.run),
        Row("R33", "network_slow", "slow, narrow, silent, torn network", 12, 100,
            network.slow_or_torn),
        Row("R34", "network_gone", "network partition", 2, 20, network.partitioned),
    ]


def _events() -> list[Row]:
    return [
        Row("R22", "old_events", "events of 20 hours ago arrive", 3, 30, events.old_events_arrive),
        tested("R35", "copies", "copies of events, late ones, seven ways of reading, kills (with R38)",
               proof.run, 1),
        tested("R36", "malformed", "records that are no events", ids.run),
        tested("R37", "poison", "future, past, seconds for milliseconds", poison.run),
        tested("R38", "out_of_order", "events in any order", live.out_of_order),
        tested("R39", "skew", "clicks before their views by ten minutes", skew.lagging_views, 1),
        tested("R40", "idle", "a silent partition", skew.silent_partition),
        Row("R41", "clock_jumps", "the host's clock jumps", 7, 300, process.clock_jumps),
        Row("R42", "cardinality", "flood of ids", 0, 0, None, "together with R13"),
        Row("R43", "hash_flood", "ids that collide", 0, 0, None,
            "nobody outside can build them: 192 random bytes are the secret of the hash"),
        Row("R44", "hot_key", "99 of 100 events in one box", 1, 5, events.hot_key),
    ]
