# SPDX-License-Identifier: Apache-2.0
"""All scenarios in the order they run. Each is a function; its docstring is its promise."""

from __future__ import annotations

from functools import partial
from typing import Callable

from kit.world import Scene

from scenarios import (contract, demo, faults, ids, keys, life, live, open_bandit, partitions,
                       poison, proof, quiet, settings, skew)

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
        "poison": poison.run,
        "restart_event_mode": life.restart_event_mode,
        "sigterm": life.sigterm,
        "second_instance": life.second_instance,
        "broker_away_at_start": life.broker_away_at_start,
        "new_partition": partitions.run,
        "skew": skew.lagging_views,
        "silent_partition": skew.silent_partition,
        "hanging_broker": skew.hanging_broker,
        "kill9": faults.kill9,
        "keys_100k": keys.run,
        "out_of_order": live.out_of_order,
        "live_10k": live.run,
        "proof": proof.run,
        "demo": demo.run,
        "contract": contract.run,
    }
    return found
