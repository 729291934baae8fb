# SPDX-License-Identifier: Apache-2.0
"""Comparing what the service says of minutes with the log: one minute explained, and series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Mapping

import minutes
import rates
from checking import ABSENT, INTERVAL_TOLERANCE, differs
from decode import moment_ms, moment_text
from keys import level_of
from minutes import MINUTE_MS, Minute
from settings import span_ms

if TYPE_CHECKING:
    from oracle import Oracle

# What the answers call it: what minutes.Minute calls it.
COUNT_FIELDS = {"impressions": "impressions", "clicks": "clicks", "revision": "revision"}
PEOPLE_FIELDS = {"viewers_10m": "viewers", "clickers_10m": "clickers",
                 "unseen_clickers_10m": "unseen_clickers"}
APART_FIELDS = {"duplicates": "duplicates", "filtered": "filtered", "repeated": "repeated"}
REFUSED_FIELDS = {"late": "late", "future": "future"}
HELD, STATE, UNIQUE_CTR = "held", "state", "unique_ctr_10m"
EXPLAIN_MINUTE, EXPLAIN_STATE, COUNTED_TO = "minute", "minute_state", "counted_to"
POINT_START = "start"
RATES = ("ctr", "ctr_low", "ctr_high")  # in a point; of an explained minute where it has them


def check_minute(judge: "Oracle", answer: Mapping[str, Any], exact: bool = True,
                 began_ms: int | None = None) -> list[str]:
    """What is wrong with an explained minute, at its own `to`.

    exact: everything in the log had been read (late and future are counted when they are read).
    began_ms: the service's own start; what it says of minutes that began earlier is not judged, but
    it must be null of those that ended by then.
    """
    name = (answer.get("page"), answer.get("box"))
    start_ms, to_ms = moment_ms(answer[EXPLAIN_MINUTE]), moment_ms(answer[COUNTED_TO])
    label = f"{level_of(name)} {name} minute {answer[EXPLAIN_MINUTE]} to {answer[COUNTED_TO]}"
    if start_ms % MINUTE_MS or to_ms % 1000:
        return [f"{label}: odd edges"]
    if began_ms is not None and start_ms < began_ms:
        return [f"{label}: {fault}" for fault in _check_unknown(answer, start_ms, began_ms)]
    row = judge.minute(name, start_ms, to_ms)
    faults = list(_check_common(answer, row, EXPLAIN_STATE))
    for field, member in APART_FIELDS.items():
        faults += differs(field, answer, getattr(row, member))
    for field, member in REFUSED_FIELDS.items():
        wanted, said = getattr(row, member), answer.get(field, ABSENT)
        if exact or not isinstance(said, int) or not 0 <= said <= wanted:
            faults += differs(field, answer, wanted)
    held = answer.get(HELD, ABSENT)
    if not isinstance(held, int) or not 0 <= held <= row.held_max:
        faults.append(f"{HELD} {held}, expected up to {row.held_max}")
    faults += _check_rates(answer, row, [field for field in RATES if field in answer])
    if UNIQUE_CTR in answer:
        faults += _check_unique(answer, row)
    return [f"{label}: {fault}" for fault in faults]


def check_series(judge: "Oracle", answer: Mapping[str, Any], to_ms: int | None = None,
                 began_ms: int | None = None) -> list[str]:
    """What is wrong with a series, as of to_ms (else the answer's COUNTED_TO, else its `to`)."""
    name = (answer.get("page"), answer.get("box"))
    label = f"{level_of(name)} {name} series {answer['from']} to {answer['to']} by {answer['step']}"
    step_ms = span_ms(answer["step"])
    from_ms, until_ms = moment_ms(answer["from"]), moment_ms(answer["to"])
    if to_ms is None:
        to_ms = moment_ms(answer[COUNTED_TO]) if answer.get(COUNTED_TO) else until_ms
    starts = [moment_ms(point[POINT_START]) for point in answer["points"]]
    if starts != list(range(from_ms, until_ms, step_ms)) or step_ms % MINUTE_MS or \
            from_ms % MINUTE_MS:
        return [f"{label}: {len(starts)} points that do not fill the range"]
    wrong = []
    for start_ms, point in zip(starts, answer["points"]):
        if began_ms is not None and start_ms < began_ms:
            faults = list(_check_unknown(point, start_ms + step_ms - MINUTE_MS, began_ms))
        else:
            each = range(start_ms, start_ms + step_ms, MINUTE_MS)
            row = minutes.total([judge.minute(name, at, to_ms, step_ms == MINUTE_MS)
                                 for at in each])
            faults = [*_check_common(point, row, STATE), *_check_rates(point, row, RATES),
                      *_check_unique(point, row)]
        wrong += [f"{label}: {moment_text(start_ms)}: {fault}" for fault in faults]
    return wrong


def _check_common(said: Mapping[str, Any], row: Minute, state: str) -> Iterator[str]:
    for field, member in {**COUNT_FIELDS, **PEOPLE_FIELDS}.items():
        yield from differs(field, said, getattr(row, member))
    yield from differs(state, said, row.state)


def _check_rates(said: Mapping[str, Any], row: Minute, fields: tuple[str, ...] | list[str]
                 ) -> Iterator[str]:
    bounds = rates.wilson(row.impressions, row.clicks) or (None, None)
    wanted = dict(zip(RATES, (rates.ctr(row.impressions, row.clicks), *bounds)))
    for field in fields:
        yield from differs(field, said, wanted[field],
                           absolute=0.0 if field == "ctr" else INTERVAL_TOLERANCE)


def _check_unique(said: Mapping[str, Any], row: Minute) -> Iterator[str]:
    wanted = None if not row.viewers else (row.clickers or 0) / row.viewers
    yield from differs(UNIQUE_CTR, said, wanted)


def _check_unknown(said: Mapping[str, Any], start_ms: int, began_ms: int) -> Iterator[str]:
    if start_ms + MINUTE_MS <= began_ms:
        for field in COUNT_FIELDS:
            yield from differs(field, said, None)
