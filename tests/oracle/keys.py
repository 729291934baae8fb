# SPDX-License-Identifier: Apache-2.0
"""What counts for which key (docs/definitions.md "Counts" and "People")."""

from __future__ import annotations

from events import CLICK, DUPLICATE, FILTERED, FUTURE, LATE, Events, Name
from settings import Settings
from tracks import NOBODY, Track

_APART = {LATE: "late", FUTURE: "future", DUPLICATE: "duplicates", FILTERED: "filtered"}


def level_of(name: Name) -> str:
    page, box = name
    if page is None:
        return "site" if box is None else "box"
    return "page" if box is None else "placement"


class Key:
    """All that happened to one key, by kind."""

    __slots__ = ("views", "clicks", "repeated", "seen", "clicked", "passed", *_APART.values())

    def __init__(self) -> None:
        self.views = Track()
        self.clicks = Track()  # the repeated ones as well
        self.repeated = Track()  # at the step from which on they are
        self.seen = Track()  # views that make a viewer
        self.clicked = Track()  # clicks of somebody
        self.passed = Track()  # views that are no impression here and name nobody
        self.duplicates = Track()
        self.filtered = Track()
        self.late = Track()
        self.future = Track()


class Keys:
    """Keys by name, each made when it is first asked about. Of a log that does not grow."""

    def __init__(self, events: Events, settings: Settings) -> None:
        self._events = events
        self._box_views_count_for_pages = settings.box_views_count_for_pages
        self._repeated: dict[int, int] = {}
        if settings.click_gap_ms is not None:
            self._repeated = events.repeated(settings.click_gap_ms)
        self._made: dict[Name, Key] = {}
        accepted = [events.own_names[own] for own in events.accepted_owns]
        self.pages = sorted({page for page, _ in accepted})
        self.boxes = sorted({box for _, box in accepted if box is not None})
        self.placements = sorted(name for name in accepted if name[1] is not None)
        self._placements_of_box: dict[str, list[Name]] = {box: [] for box in self.boxes}
        for name in self.placements:
            self._placements_of_box[name[1]].append(name)  # type: ignore[index]

    def names(self) -> list[Name]:
        """Everything an accepted event is about, the site first."""
        return [(None, None), *((page, None) for page in self.pages),
                *((None, box) for box in self.boxes), *self.placements]

    def siblings(self, name: Name) -> list[Name]:
        """The keys among which the prior of `name` is learned; it may be one of them."""
        level = level_of(name)
        if level == "page":
            return [(page, None) for page in self.pages]
        if level == "box":
            return [(None, box) for box in self.boxes]
        return self._placements_of_box.get(name[1] or "", []) if level == "placement" else []

    def get(self, name: Name) -> Key:
        key = self._made.get(name)
        if key is None:
            key = self._made[name] = self._make(name)
        return key

    def _owns(self, name: Name) -> list[int]:
        page, box = name
        if page is None:
            return (list(range(len(self._events.own_names))) if box is None
                    else self._events.owns_of_box.get(box, []))
        if box is None:
            return self._events.owns_of_page.get(page, [])
        own = self._events.own_number(name)
        return [] if own is None else [own]

    def _make(self, name: Name) -> Key:
        events, key, repeated = self._events, Key(), self._repeated
        owns = self._owns(name)
        # Views of these make viewers and no impressions.
        without = set() if name[1] is not None or self._box_views_count_for_pages else \
            {own for own in owns if events.own_names[own][1] is not None}
        ts, steps, flags, visitors = events.ts, events.steps, events.flags, events.visitors
        owns_of = events.owns
        for at in events.by_time(owns):
            flag, time, step, who = flags[at], ts[at], steps[at], visitors[at]
            apart = flag & (LATE | FUTURE) or flag & DUPLICATE or flag & FILTERED
            if apart:
                if flag & CLICK or owns_of[at] not in without:
                    getattr(key, _APART[apart]).add(time, step)
            elif flag & CLICK:
                key.clicks.add(time, step)
                if who != NOBODY:
                    key.clicked.add(time, step, who)
                    if at in repeated:
                        key.repeated.add(time, repeated[at])
            else:
                if owns_of[at] not in without:
                    key.views.add(time, step)
                if who != NOBODY:
                    key.seen.add(time, step, who)
                elif owns_of[at] in without:
                    key.passed.add(time, step)
        return key

