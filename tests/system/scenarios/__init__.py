# SPDX-License-Identifier: Apache-2.0
"""All scenarios in the order they run. Each is a function; its docstring is its promise."""

from __future__ import annotations

from functools import partial
from typing import Callable

from kit.world import Scene

from scenarios import (
    benchmarks,
    contract,
    crowd,
    demo,
    disk,
    ending,
    faults,
    gaps,
    ids,
    keys,
    life,
    live,
    logs,
    memory,
    open_bandit,
    partitions,
    poison,
    proof,
    quiet,
    restart,
    running,
    scout,
    settings,
    skew,
    source_states,
    transactions,
)

Scenario = Callable[[Scene], None]


def table(versions: list[str]) -> dict[str, Scenario]:
    """Name and function of every scenario."""
    found: dict[str, Scenario] = {}
    for at, version in enumerate(versions):
        found[f"open_bandit_{version}"] = partial(open_bandit.run, version=version,
                                                  by_replay=at == len(versions) - 1)
    found |= {
        "settings": settings.run,
        "ids_and_malformed": ids.run,
        "quiet": quiet.run,
        "benchmarks": benchmarks.run,
        "poison": poison.run,
        "restart_event_mode": life.restart_event_mode,
        "sigterm": life.sigterm,
        "restart_image": restart.images,
        "restart_ready": restart.short_stop,
        "second_instance": life.second_instance,
        "drain": ending.drain,
        "hanging_end": ending.hanging,
        "bad_disk_at_the_end": ending.end_on_a_bad_disk,
        "instances": ending.instances,
        "reload": running.reload,
        "watched": running.watched,
        "sinks": running.sinks,
        "few_files": running.few_files,
        "stalls": running.stalls,
        "busy_cpus": running.busy_cpus,
        "ceiling": memory.ceiling,
        "broker_away_at_start": life.broker_away_at_start,
        "new_partition": partitions.run,
        "partitions_under_load": partitions.under_load,
        "gap_at_start": gaps.at_start,
        "gap_first_start": gaps.first_start,
        "gap_live": gaps.live,
        "damaged_batch": gaps.damaged,
        "log_replaced": logs.at_start,
        "log_under_us": logs.under_us,
        "log_fewer_partitions": logs.fewer,
        "transactions": transactions.run,
        "transaction_slow": transactions.late_commit,
        "compacted": transactions.compacted,
        "source_states": source_states.run,
        "source_broker_gone": source_states.broker_gone,
        "skew": skew.lagging_views,
        "silent_partition": skew.silent_partition,
        "hanging_broker": skew.hanging_broker,
        "kill9": faults.kill9,
        "scout": scout.run,
        "scout_no_broker": scout.no_broker,
        "scout_sigterm": scout.sigterm,
        "disk": disk.run,
        "keys_100k": keys.run,
        "out_of_order": live.out_of_order,
        "live_10k": live.run,
        "proof": proof.run,
        "demo": demo.run,
        "crowd_slow": crowd.slow,
        "crowd_full": crowd.full,
        "contract": contract.run,
    }
    return found
