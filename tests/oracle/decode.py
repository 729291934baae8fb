# SPDX-License-Identifier: Apache-2.0
"""One record: an event, or the reason why it is none (CONTRACT "Events" 1 to 5)."""

from __future__ import annotations

import datetime
import re
from typing import Any, NamedTuple

import strict_json
from settings import Settings

TS_MAX_MS = 253_402_300_799_999
ID_BYTES_MAX = 512

EMPTY, TOO_LONG = "empty", "too_long"
MISSING, WRONG_TYPE, BAD_VALUE = "missing", "wrong_type", "bad_value"
REASONS = (EMPTY, TOO_LONG, strict_json.NOT_UTF8, strict_json.NOT_JSON, strict_json.KEY_TWICE,
           MISSING, WRONG_TYPE, BAD_VALUE)

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))\Z"
)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()


class Event(NamedTuple):
    click: bool
    ts_ms: int
    page: str
    box: str | None
    visitor: str | None
    id: str | None
    filtered: bool = False


class Malformed(ValueError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def moment_ms(text: str) -> int:
    """RFC 3339 as CONTRACT 3 has it, cut to ms. ValueError when it is not."""
    match = _MOMENT.match(text)
    if not match:
        raise ValueError("no RFC 3339 time")
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time of day")
    shift = 0
    if match[8] is None:
        if int(match[10]) > 23 or int(match[11]) > 59:
            raise ValueError("no such offset")
        shift = (int(match[10]) * 60 + int(match[11])) * 60_000 * (-1 if match[9] == "-" else 1)
    # Year 0 is no year of datetime's; nothing in it can be within the range, whatever the offset.
    days = datetime.date(year, month, day).toordinal() - _EPOCH_DAY
    fraction = int((match[7] or "0").ljust(3, "0")[:3])
    result = days * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1_000 + fraction - shift
    if not 0 <= result <= TS_MAX_MS:
        raise ValueError("outside 1970 to 9999")
    return result


def moment_text(time_ms: int) -> str:
    """CONTRACT 17: RFC 3339, UTC, three fraction digits."""
    days, in_day = divmod(time_ms, 86_400_000)
    date = datetime.date.fromordinal(days + _EPOCH_DAY)
    second, ms = divmod(in_day, 1_000)
    return (f"{date.year:04}-{date.month:02}-{date.day:02}"
            f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{ms:03}Z")


_NOTHING = object()


def _at(document: dict[str, Any], path: str) -> Any:
    """The value of a field: by name, or where a path begins with /, by JSON pointer (RFC 6901)."""
    if not path.startswith("/"):
        return document.get(path, _NOTHING)
    value: Any = document
    for part in path[1:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or part not in value:
            return _NOTHING
        value = value[part]
    return value


def _id(value: str) -> str:
    if value.isprintable() and len(value) <= ID_BYTES_MAX // 4:
        return value  # no control character is printable, no character is longer than 4 bytes
    if len(value) > ID_BYTES_MAX or (not value.isascii() and len(value.encode()) > ID_BYTES_MAX):
        raise Malformed(TOO_LONG)
    if _CONTROL.search(value):
        raise Malformed(BAD_VALUE)
    return value


def _optional_id(document: dict[str, Any], path: str) -> str | None:
    value = _at(document, path)
    if value is _NOTHING or value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Malformed(WRONG_TYPE)
    return _id(value)


def _page(document: dict[str, Any], path: str) -> str:
    value = _at(document, path)
    if value is _NOTHING:
        raise Malformed(MISSING)
    if not isinstance(value, str):
        raise Malformed(WRONG_TYPE)
    if value == "":
        raise Malformed(BAD_VALUE)
    return _id(value)


def _ts(document: dict[str, Any], path: str) -> int:
    value = _at(document, path)
    if value is _NOTHING:
        raise Malformed(MISSING)
    if isinstance(value, str):
        try:
            return moment_ms(value)
        except ValueError:
            raise Malformed(BAD_VALUE) from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(WRONG_TYPE)
    if not 0 <= value <= TS_MAX_MS:
        raise Malformed(BAD_VALUE)
    return value


def _is_click(document: dict[str, Any], path: str, settings: Settings) -> bool:
    value = _at(document, path)
    if value is _NOTHING:
        raise Malformed(MISSING)
    if not isinstance(value, str):
        raise Malformed(WRONG_TYPE)
    if value in settings.view_types:
        return False
    if value in settings.click_types:
        return True
    raise Malformed(BAD_VALUE)


def _filtered(document: dict[str, Any], wanted: tuple[str, str]) -> bool:
    """Strings as they are, integers by their decimal text, true and false as those words."""
    value = _at(document, wanted[0])
    if isinstance(value, bool):
        return wanted[1] == ("true" if value else "false")
    return isinstance(value, (str, int)) and str(value) == wanted[1]


def decode(raw: bytes | None, topic_type: str | None, settings: Settings) -> Event:
    """The event in a record's value, or Malformed. topic_type: view, click, None: by the event."""
    if not raw:
        raise Malformed(EMPTY)
    if len(raw) > settings.record_bytes_max:
        raise Malformed(TOO_LONG)
    try:
        document = strict_json.parse(raw)
    except strict_json.Refused as refused:
        raise Malformed(refused.reason) from None
    if not isinstance(document, dict):
        raise Malformed(WRONG_TYPE)
    fields = settings.fields
    if topic_type is None:
        click = _is_click(document, fields["type"], settings)
    else:
        click = topic_type == "click"
    return Event(
        click,
        _ts(document, fields["ts"]),
        _page(document, fields["page"]),
        _optional_id(document, fields["box"]),
        _optional_id(document, fields["visitor"]),
        _optional_id(document, fields["id"]),
        settings.filter is not None and _filtered(document, settings.filter),
    )
