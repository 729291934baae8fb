# SPDX-License-Identifier: Apache-2.0
"""The verdict on the bytes of a record: is this valid JSON, and what does it say?

CONTRACT "Events" 1: valid is what jansson 2.14 takes with JSON_REJECT_DUPLICATES and no other
flag. Python's own parser is laxer in eight places (NaN and Infinity, keys twice, lone surrogates,
the NUL escape, unlimited integers, overflowing reals, unlimited depth, any value at the top); each
is closed here. In one place jansson is laxer: a NUL byte right behind a number or a literal is read
as white space (it is put back into a buffer in which NUL means empty). Nothing is shared with the
service; test_strict_json.py compares the verdicts with jansson itself where that is installed.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any, Iterator

DEPTH_MAX = 2048
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

NOT_UTF8, NOT_JSON, KEY_TWICE = "not_utf8", "not_json", "key_twice"

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUL_BEHIND_WORD = re.compile(r'("(?:[^"\\]|\\.)*")|([0-9A-Za-z])\0', re.DOTALL)
_SCALAR = re.compile(r'[^\[\]{},:\s"]+')


class Refused(ValueError):
    """Not a document jansson would take. `reason` is a malformed reason of CONTRACT 5."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _no_constant(text: str) -> Any:
    raise Refused(NOT_JSON)


def _integer(digits: str) -> int:
    """64 bit signed or nothing. The length is looked at first: Python's int() is quadratic."""
    if len(digits) > 20:
        raise Refused(NOT_JSON)
    value = int(digits)
    if not INT64_MIN <= value <= INT64_MAX:
        raise Refused(NOT_JSON)
    return value


def _real(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Refused(NOT_JSON)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Refused(KEY_TWICE)
    return result


# Python nests two C calls and no frame per level: DEPTH_MAX need far less than 1 MB of stack.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * DEPTH_MAX))

_DECODER = json.JSONDecoder(
    parse_constant=_no_constant,
    parse_int=_integer,
    parse_float=_real,
    object_pairs_hook=_object,
    strict=True,
)


def _depth(text: str) -> int:
    """How deeply values nest, a scalar being one level below what holds it (as jansson counts).

    Only meaningful for text that is otherwise valid.
    """
    bare = _STRING.sub("0", text)
    deepest = depth = 0
    position = 0
    while position < len(bare):
        char = bare[position]
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
        else:
            scalar = _SCALAR.match(bare, position)
            if scalar:
                deepest = max(deepest, depth + 1)
                position = scalar.end()
                continue
        position += 1
    return deepest


def _texts(value: Any) -> Iterator[str]:
    """Every string in a document, keys included. Iterative: the document may be deep."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _odd(text: str) -> bool:
    """Holds a NUL or half of a surrogate pair: only an escape can have put it there."""
    return "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)


def parse(raw: bytes) -> dict[str, Any] | list[Any]:
    """The document in `raw`, or Refused with the reason."""
    try:
        text = raw.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Refused(NOT_UTF8) from None
    if "\0" in text:
        text = _NUL_BEHIND_WORD.sub(lambda found: found[1] or found[2] + " ", text)
    if raw.count(b"[") + raw.count(b"{") > 256 and _depth(text) > DEPTH_MAX:
        raise Refused(NOT_JSON)
    try:
        value = _DECODER.decode(text)
    except (json.JSONDecodeError, RecursionError):
        raise Refused(NOT_JSON) from None
    if not isinstance(value, (dict, list)):
        raise Refused(NOT_JSON)
    if "\\u" in text and any(_odd(part) for part in _texts(value)):
        raise Refused(NOT_JSON)
    return value
