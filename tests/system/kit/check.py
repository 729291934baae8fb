# SPDX-License-Identifier: Apache-2.0
"""Comparing what the service says with what the log says."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterable, Mapping, Sequence

import oracle
from decode import moment_ms
from settings import Settings

from kit.client import Client, Name, Refused

SHOWN_MAX = 12


class Unequal(Exception):
    """The service is wrong (or the test is)."""


class LyingOracle(oracle.Oracle):
    """For `run.py --lie oracle`: leaves out the second of every 40 events."""

    _seen = 0

    def _count(self, event: Any, *rest: Any) -> None:
        self._seen += 1
        if self._seen % 40 != 2:
            super()._count(event, *rest)


class Checks:
    """The expectations of one scenario and its measured figures.

    lie: "oracle" lets the judge leave out events, "checks" turns every other expectation around; a
    scenario that passes all the same checks nothing.
    """

    def __init__(self, lie: str = "") -> None:
        self.figures: dict[str, object] = {}
        self.compared = 0
        self.lie = lie

    def figure(self, name: str, value: object) -> None:
        self.figures[name] = value

    def equal(self, what: str, got: object, wanted: object) -> None:
        if self.lie == "checks" and isinstance(wanted, int):
            wanted += 1
        self.compared += 1
        if got != wanted:
            raise Unequal(f"{what}: {got!r}, expected {wanted!r}")

    def true(self, what: str, condition: object, seen: object = "") -> None:
        self.compared += 1
        if bool(condition) == (self.lie == "checks"):
            raise Unequal(f"{what}; seen: {seen}" if seen != "" else what)

    def none(self, what: str, wrong: Sequence[str]) -> None:
        """No faults among many comparisons."""
        if wrong:
            shown = "\n    ".join(wrong[:SHOWN_MAX])
            more = f"\n    ... and {len(wrong) - SHOWN_MAX} more" if len(wrong) > SHOWN_MAX else ""
            raise Unequal(f"{what}: {len(wrong)} wrong:\n    {shown}{more}")

    def judge(self, settings: Mapping[str, str]) -> "Judge":
        return Judge(self, settings)


class Judge:
    """An oracle with the settings of a service, and comparisons against it."""

    def __init__(self, checks: Checks, settings: Mapping[str, str]) -> None:
        self.checks = checks
        kind = LyingOracle if checks.lie == "oracle" else oracle.Oracle
        self.oracle = kind(Settings.of(settings))
        self.windows = list(self.oracle.settings.windows)

    def read(self, dump: Iterable[bytes]) -> "Judge":
        self.oracle.read(dump)
        return self

    # ---- answers -------------------------------------------------------------------------------

    def answers(self, what: str, answers: Sequence[Mapping[str, Any]]) -> None:
        """Each at its own edges."""
        self.checks.compared += len(answers)
        wrong = [fault for answer in answers for fault in self.oracle.check_answer(answer)]
        self.checks.none(what, wrong)

    def everything(self, what: str, client: Client, lists: bool = True) -> None:
        """Every key of the log in every window; and that the lists hold these keys and no other."""
        names = self.oracle.names()
        for window in self.windows:
            self.answers(what, [client.ctr((None, None), window)])
            self.answers(what, client.batch(names[1:], window))
            if lists:
                self.lists(what, client, window)

    def lists(self, what: str, client: Client, window: str) -> None:
        """GET /v1/pages, /v1/boxes and the boxes of up to five pages, in full."""
        said = client.pages(window, limit=1000, sort="id")
        self.listing(what, said, lambda name: name[0] is not None and name[1] is None)
        pages = [row["page"] for row in said["items"]]
        self.listing(what, client.boxes(window, limit=1000, sort="id"),
                     lambda name: name[0] is None and name[1] is not None)
        for page in pages[:3] + pages[-2:]:
            said = client.boxes(window, page=page, limit=1000, sort="id")
            self.listing(what, said,
                         lambda name, page=page: name[0] == page and name[1] is not None)

    def listing(self, what: str, said: Mapping[str, Any], belongs: Callable[[Name], bool]) -> None:
        """A whole list (sorted by id, not cut) against the keys of its level at its own edges."""
        shared = {key: value for key, value in said.items()
                  if key not in ("items", "total", "other")}
        self.answers(what, [{**shared, **row} for row in said["items"]])
        from_ms, to_ms = moment_ms(said["from"]), moment_ms(said["to"])
        every = self.oracle.every(from_ms, to_ms)
        expected = sorted((name for name in every if belongs(name)), key=_bytewise)
        got = [(row.get("page"), row.get("box")) for row in said["items"]]
        if said["total"] > len(got):
            return
        self.checks.compared += 1
        if got != expected:
            missing = [name for name in expected if name not in set(got)][:5]
            extra = [name for name in got if name not in set(expected)][:5]
            raise Unequal(f"{what}: list of {len(got)}, expected {len(expected)}; missing "
                          f"{missing}, too many {extra}, else the order differs")

    def minutes(self, what: str, explained: Sequence[Mapping[str, Any]],
                exact: bool = True) -> None:
        """Explained minutes, each at its own `to`; exact: everything in the log had been read."""
        self.checks.compared += len(explained)
        self.checks.none(what, [fault for answer in explained
                                for fault in self.oracle.check_minute(answer, exact)])

    def series(self, what: str, series: Sequence[Mapping[str, Any]]) -> None:
        self.checks.compared += sum(len(answer["points"]) for answer in series)
        self.checks.none(what, [fault for answer in series
                                for fault in self.oracle.check_series(answer)])

    # ---- accounts ------------------------------------------------------------------------------

    def statuses(self, what: str, statuses: Sequence[Mapping[str, Any]],
                 exact: bool = False) -> None:
        """Every row of every status at the row's own position."""
        wrong = []
        for status in statuses:
            to_ms = moment_ms(status["to"]) if status["to"] else None
            for row in status["partitions"]:
                wrong += self.oracle.check_partition(row, to_ms, exact)
                self.checks.compared += 1
        self.checks.none(what, wrong)
        self.checks.none(what, conservation_faults(statuses))

    def whole(self, what: str, status: Mapping[str, Any]) -> None:
        """At rest: every record of every partition was read and none is held."""
        self.statuses(what, [status], exact=True)
        rows = {(row["topic"], row["partition"]): row for row in status["partitions"]}
        for account in self.oracle.accounts():
            row = rows.get((account["topic"], account["partition"]))
            label = f"{what}: {account['topic']}/{account['partition']}"
            self.checks.true(f"{label} is in /v1/status", row)
            assert row is not None
            self.checks.equal(f"{label} read", row["read"], account["read"])
            self.checks.equal(f"{label} held", row["held"], 0)
        self.checks.none(what, self.oracle.check_sums(status["partitions"]))
        reasons: dict[str, int] = {}
        for part in self.oracle.partitions.values():
            for reason, count in part.malformed.items():
                reasons[reason] = reasons.get(reason, 0) + count
        self.checks.equal(f"{what}: malformed, all reasons", sum(status["malformed"].values()),
                          sum(reasons.values()))


def _bytewise(name: Name) -> tuple[bytes, bytes]:
    return tuple((part or "").encode() for part in name)  # type: ignore[return-value]


def conservation_faults(statuses: Iterable[Mapping[str, Any]]) -> list[str]:
    """DESIGN rule 3 in every row."""
    found = []
    for status in statuses:
        found += filter(None, map(oracle.check_conservation, status["partitions"]))
    return found


class Sampler:
    """Asks the same again and again on a thread and a connection of its own; keeps the answers."""

    def __init__(self, client: Client, ask: Callable[[Client], Any], every_s: float) -> None:
        self.taken: list[Any] = []
        self.refused = 0
        self.error: BaseException | None = None
        self._client = client
        self._ask = ask
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self.taken.append(self._ask(self._client))
                except Refused as refused:
                    if refused.status != 503:
                        raise
                    self.refused += 1
                self._stop.wait(self._every_s)
        except (OSError, EOFError):
            pass  # the process was killed, as such scenarios do; others notice by themselves
        except BaseException as error:  # reported by the scenario's own thread
            self.error = error
        finally:
            self._client.close()

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[Any]:
        self._stop.set()
        self._thread.join(timeout=30)
        return self.taken

    def result(self) -> list[Any]:
        taken = self.stop()
        if self.error is not None:
            raise self.error
        return taken


def percentile(values: Sequence[float], part: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


