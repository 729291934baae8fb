# SPDX-License-Identifier: Apache-2.0
"""Comparing what the service says of windows and partitions with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping

import rates
from decode import moment_ms, moment_text
from keys import level_of
from partitions import Partition

if TYPE_CHECKING:
    from events import Name
    from oracle import Oracle

PEOPLE = ("viewers", "clickers", "unseen_clickers", "unique_ctr")

INTERVAL_TOLERANCE = 1e-12  # absolute
LEARNED_TOLERANCE = 1e-9  # relative
_EXACT = ("ctr", *PEOPLE, "prior_ctr")
_INTERVAL = ("ctr_low", "ctr_high")
_LEARNED = ("prior_weight", "smoothed_ctr")
ABSENT = "absent"


def check_answer(judge: "Oracle", answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with one CTR answer (the shared fields of a batch merged in)."""
    name = (answer.get("page"), answer.get("box"))
    label = f"{level_of(name)} {name} {answer['window']} to {answer['to']}"
    from_ms, to_ms = judge.edges(answer["window"], moment_ms(answer["to"]))
    if to_ms % 1000:
        return [f"{label}: to is not a whole second"]
    if moment_ms(answer["from"]) != from_ms:
        return [f"{label}: from {answer['from']}, expected {moment_text(from_ms)}"]
    if answer.get("state") == "backfilling" and answer["coverage"] < 1:
        return [f"{label}: {fault}" for fault in _check_part(judge, name, answer, from_ms, to_ms)]
    expected = judge.answer(name, answer["window"], to_ms)
    counts = expected["impressions"], expected["clicks"]
    if (answer["impressions"], answer["clicks"]) != counts:
        return [f"{label}: {answer['impressions']} views, {answer['clicks']} clicks, "
                f"expected {counts[0]} and {counts[1]}"]
    faults = [*_check_people_missing(answer, expected), *_check_fields(answer, expected)]
    return [f"{label}: {fault}" for fault in faults]


def _check_part(judge: "Oracle", name: "Name", answer: Mapping[str, Any], from_ms: int,
                to_ms: int) -> Iterator[str]:
    """A scout's answer: it has read all of the covered part, and of the rest it may have some."""
    covered_ms = to_ms - round(answer["coverage"] * (to_ms - from_ms))
    least, most = judge.counts(name, covered_ms, to_ms), judge.counts(name, from_ms, to_ms)
    said = answer["impressions"], answer["clicks"]
    if not all(low <= got <= high for low, got, high in zip(least, said, most)):
        yield f"counts {said}, expected {least} to {most} for coverage {answer['coverage']}"
    yield from differs("ctr", answer, rates.ctr(*said))
    if any(answer.get(key, ABSENT) is not None for key in PEOPLE):
        yield f"people of a window that is covered by {answer['coverage']}"
    window_ms = judge.settings.windows[answer["window"]]
    wanted = "people_horizon" if window_ms > judge.settings.people_horizon_ms else "coverage"
    if answer.get("people_missing") != wanted:
        yield f"people_missing {answer.get('people_missing')}, expected {wanted}"


def _check_fields(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    given_up = _gives_up_people(answer)
    for key in _EXACT:
        if not (given_up and key in PEOPLE):
            yield from differs(key, answer, expected[key])
    for key in _INTERVAL:
        yield from differs(key, answer, expected[key], absolute=INTERVAL_TOLERANCE)
    for key in _LEARNED:
        yield from differs(key, answer, expected[key], relative=LEARNED_TOLERANCE)
    spare = rates.spare(answer["impressions"], answer["clicks"])
    if answer.get("enough", ABSENT) is not expected["enough"]:
        close = spare is not None and abs(spare) < INTERVAL_TOLERANCE
        if not (close and isinstance(answer.get("enough"), bool)):
            yield f"enough {answer.get('enough', ABSENT)}, expected {expected['enough']}"


def _gives_up_people(answer: Mapping[str, Any]) -> bool:
    """`max_visitors` is not modelled: an answer may name it as the reason for giving no people."""
    return (answer.get("people_missing") == "max_visitors"
            and all(answer.get(key, ABSENT) is None for key in PEOPLE))


def _check_people_missing(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    wanted = expected.get("people_missing")
    said = answer.get("people_missing")
    if said != wanted and not (wanted is None and _gives_up_people(answer)):
        yield f"people_missing {said}, expected {wanted or ABSENT}"


def differs(key: str, said: Mapping[str, Any], wanted: Any, absolute: float = 0.0,
            relative: float = 0.0) -> Iterator[str]:
    """A fault if said[key] is not what is wanted; a number may be off by the tolerances."""
    got = said.get(key, ABSENT)
    if got == wanted and isinstance(got, bool) == isinstance(wanted, bool):
        return
    numbers = all(isinstance(number, (int, float)) and not isinstance(number, bool)
                  for number in (got, wanted))
    if not numbers or abs(got - wanted) > absolute + relative * abs(wanted):
        yield f"{key} {got}, expected {wanted}"


# ---- accounts ------------------------------------------------------------------------------------


def check_partition(judge: "Oracle", row: Mapping[str, Any], to_ms: int | None,
                    exact: bool = False) -> list[str]:
    """What is wrong with one row of /v1/status, at the row's own position.

    Where there are no stragglers, no more is counted than `to` allows; exact (for a status at rest,
    when `to` and the counters cannot be of different moments): no less either, and duplicates and
    filtered are compared where no copy of theirs sits in another partition (else see check_sums).
    """
    label = f"{row['topic']}/{row['partition']} at {row['position']}"
    known = judge.partitions.get((row["topic"], row["partition"]), Partition())
    intervals = [(first, after) for first, after in row["position"]]
    expected = known.tally(intervals)
    wrong = [f"{label}: {key} {row[key]}, expected {expected[key]}"
             for key in ("read", "late", "future", "malformed") if row[key] != expected[key]]
    accepted = row["counted"] + row["held"] + row["duplicate"]
    if accepted != expected["accepted"]:
        wrong.append(f"{label}: counted + held + duplicate {accepted}, "
                     f"expected {expected['accepted']}")
    for part in ("unchecked", "filtered", "stragglers"):
        if not 0 <= row.get(part, -1) <= row["counted"]:
            wrong.append(f"{label}: {part} {row.get(part, ABSENT)} of {row['counted']} counted")
    if to_ms is None or row.get("stragglers"):
        return wrong
    closed = known.closed(intervals, to_ms)
    counted = row["counted"] + row["duplicate"]
    if counted > closed or (exact and counted < closed):
        wrong.append(f"{label}: counted + duplicate {row['counted']} + {row['duplicate']}, "
                     f"expected {closed} before {moment_text(to_ms)}")
    unchecked = known.unchecked(intervals, to_ms)
    said = row.get("unchecked", 0)
    if said > unchecked or (exact and said < unchecked):
        wrong.append(f"{label}: unchecked {said}, expected {unchecked} before "
                     f"{moment_text(to_ms)}")
    whole = expected["read"] == len(known.offsets) and closed == expected["accepted"]
    if exact and whole and known.place >= 0:
        wrong += (f"{label}: {fault}" for fault in _check_own_copies(judge, known, row))
    return wrong


def _check_own_copies(judge: "Oracle", known: Partition, row: Mapping[str, Any]) -> Iterator[str]:
    place = judge.events.places[known.place]
    if not place.shares_copies:
        yield from differs("duplicate", row, place.duplicates)
        yield from differs("filtered", row, place.filtered)


def check_sums(judge: "Oracle", rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Over all partitions, at rest: everything is read and nothing is held. Which of two copies in
    two partitions is the duplicate is the order's business and is left alone here."""
    rows = list(rows)
    if any(row.get("stragglers") for row in rows):
        return []
    places = judge.events.places
    wanted = {"duplicate": sum(place.duplicates for place in places),
              "filtered": sum(place.filtered for place in places),
              "unchecked": sum(part.tally()["unchecked"] for part in judge.partitions.values())}
    sums = {key: sum(row.get(key, 0) for row in rows) for key in wanted}
    return [f"all partitions: {fault}" for key in wanted
            for fault in differs(key, sums, wanted[key])]


def check_conservation(row: Mapping[str, Any]) -> str | None:
    """DESIGN rule 3, on one row of /v1/status."""
    parts = ("counted", "held", "duplicate", "late", "future", "malformed")
    total = sum(row[key] for key in parts)
    if row["read"] == total:
        return None
    split = " + ".join(f"{key} {row[key]}" for key in parts)
    return f"{row['topic']}/{row['partition']}: read {row['read']} is not {split} = {total}"
