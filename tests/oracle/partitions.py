# SPDX-License-Identifier: Apache-2.0
"""What became of the records of each partition: the accounts of /v1/status."""

from __future__ import annotations

import bisect
from array import array
from dataclasses import dataclass, field
from typing import Iterable

import decode

ACCEPTED, UNCHECKED, LATE, FUTURE, MALFORMED = range(5)  # UNCHECKED: accepted as well
NO_GATE = -1


@dataclass
class Partition:
    """What became of the records of one partition, in the order of their offsets."""

    place: int = -1  # its number among events.Events.places
    offsets: array = field(default_factory=lambda: array("q"))
    verdicts: bytearray = field(default_factory=bytearray)
    gates_ms: array = field(default_factory=lambda: array("q"))
    arrival_ms: int | None = None
    malformed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(decode.REASONS, 0))

    def add(self, offset: int, verdict: int, gate_ms: int = NO_GATE) -> None:
        if self.offsets and offset <= self.offsets[-1]:
            raise ValueError(f"offset {offset} after {self.offsets[-1]}: the dump is out of order")
        self.offsets.append(offset)
        self.verdicts.append(verdict)
        self.gates_ms.append(gate_ms)

    def _cuts(self, intervals: Iterable[tuple[int, int]] | None) -> list[tuple[int, int]]:
        whole = [(0, 2**62)] if intervals is None else intervals
        return [(bisect.bisect_left(self.offsets, first), bisect.bisect_left(self.offsets, after))
                for first, after in whole]

    def tally(self, intervals: Iterable[tuple[int, int]] | None = None) -> dict[str, int]:
        """Numbers per verdict, of the whole log or of half-open intervals of offsets."""
        counts = [sum(self.verdicts.count(verdict, low, high) for low, high in cuts)
                  for cuts in [self._cuts(intervals)] for verdict in range(5)]
        return {"read": sum(counts), "accepted": counts[ACCEPTED] + counts[UNCHECKED],
                "late": counts[LATE], "future": counts[FUTURE], "malformed": counts[MALFORMED],
                "unchecked": counts[UNCHECKED]}

    def closed(self, intervals: Iterable[tuple[int, int]], to_ms: int) -> int:
        """Accepted records in the intervals that an answer up to to_ms holds."""
        return sum(1 for low, high in self._cuts(intervals)
                   for gate in self.gates_ms[low:high] if NO_GATE < gate < to_ms)

    def unchecked(self, intervals: Iterable[tuple[int, int]], to_ms: int) -> int:
        """Those of them that are too delayed to be looked up."""
        found = 0
        for low, high in self._cuts(intervals):
            at = self.verdicts.find(UNCHECKED, low, high)
            while at >= 0:
                found += self.gates_ms[at] < to_ms
                at = self.verdicts.find(UNCHECKED, at + 1, high)
        return found
