# SPDX-License-Identifier: Apache-2.0
"""Hand-made verdicts, then a comparison with jansson itself where it is installed."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import strict_json  # noqa: E402

GOOD = [
    b"{}",
    b"[]",
    b' \t\r\n{"a" : 1} \n',
    b'{"a":-0,"b":0.5,"c":1e308,"d":-9223372036854775808,"e":9223372036854775807}',
    b'{"a":1e-400}',
    b'{"a":"\\u0001\\ud83d\\ude00\\"\\\\\\/\\b\\f\\n\\r\\t"}',
    '{"ключ":"\U0001f600\u007f"}'.encode(),
    b'{"":{"":[true,false,null]}}',
    b"[" * 2048 + b"]" * 2048,
    b"[" * 2047 + b"1" + b"]" * 2047,
    b'{"a":"' + b"[" * 4000 + b'"}',
    b'{"a":{"x":1},"b":{"x":1}}',
    b'{"a":1\x00,"b":true\x00,"c":[0.5\x00 ]}',
]

BAD = {
    strict_json.NOT_JSON: [
        b"", b" ", b"1", b'"a"', b"null", b"true", b"{", b"}", b"[1,]", b'{"a":1,}', b"{'a':1}",
        b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":-1e999}',
        b'{"a":9223372036854775808}', b'{"a":-9223372036854775809}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":-}', b'{"a":0x1}',
        b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":"\\ud800"}', b'{"a":"\\udc00\\ud800"}',
        b'{"a":["\\ud800x"]}', b'{"a":"\\ud83d\\u0041"}', b'{"a":"\\x41"}', b'{"a":"\\u12g4"}',
        b'{"a":"\n"}', b'{"a":"\x00"}', b'{"a":"\x1f"}', b'{"a":"', b'{"a":1} x', b"{}{}",
        b"\xef\xbb\xbf{}", b"{}\x00", b'{"a":1\x00\x00}', b'{"a":1\x002}', b'{"a"\x00:1}',
        b"\x0b{}", b"{\x0c}", b'{"a" 1}', b'{1:1}', b'{"a":tru}',
        b'{"a":truex}', b'{"a":True}', b"[1 2]", b"// c\n{}", b'{"a":1_000}',
        b"[" * 2049 + b"]" * 2049, b"[" * 2048 + b"1" + b"]" * 2048, b"[" * 16000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000, "{\u00a0}".encode(), '{"a":\u0661}'.encode(),
    ],
    strict_json.KEY_TWICE: [
        b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"x":[{"k":1,"k":2}]}', b'{"":1,"":2}',
    ],
    strict_json.NOT_UTF8: [
        b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}',
        b'{"a":"\xe2\x82"}', b'\x80{}', b'{"a":"\xe0\x80\xaf"}', b'{}\xff',
    ],
}

ALPHABET = [
    b"{", b"}", b"[", b"]", b":", b",", b'"', b'"a"', b'"b"', b'"\\u0061"', b"1", b"-", b"0", b".",
    b"e", b"E9", b"+", b" ", b"\n", b"\t", b"true", b"false", b"null", b"nul", b"NaN", b"\\",
    b"\\u", b"d83d", b"de00", b"\xc3\xa9", b"\xff", b"\x00", b"\x7f", b"9223372036854775807",
    b"a", b"/",
]


def verdict(raw: bytes) -> bool:
    try:
        strict_json.parse(raw)
    except strict_json.Refused:
        return False
    return True


class Verdicts(unittest.TestCase):
    def test_good(self) -> None:
        for raw in GOOD:
            self.assertTrue(verdict(raw), raw[:60])

    def test_bad_with_reason(self) -> None:
        for reason, inputs in BAD.items():
            for raw in inputs:
                with self.assertRaises(strict_json.Refused, msg=raw[:60]) as caught:
                    strict_json.parse(raw)
                self.assertEqual(caught.exception.reason, reason, raw[:60])


def _jansson() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("jansson") or "libjansson.so.4"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    library.json_loadb.restype = ctypes.c_void_p
    library.json_loadb.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t,
                                   ctypes.c_void_p]
    library.json_delete.argtypes = [ctypes.c_void_p]
    return library


JANSSON = _jansson()
REJECT_DUPLICATES = 1


@unittest.skipIf(JANSSON is None, "libjansson is not installed: nothing to compare with")
class AgainstJansson(unittest.TestCase):
    def judged(self, raw: bytes) -> bool:
        assert JANSSON is not None
        error = ctypes.create_string_buffer(1024)
        document = JANSSON.json_loadb(raw, len(raw), REJECT_DUPLICATES, error)
        # The document is left to the end of the process: a few MB, and no struct layout is needed.
        return bool(document)

    def test_same_verdict_on_the_tables(self) -> None:
        for raw in GOOD + [raw for inputs in BAD.values() for raw in inputs]:
            self.assertEqual(verdict(raw), self.judged(raw), raw[:60])

    def test_same_verdict_on_random_tokens(self) -> None:
        dice = random.Random(20191124)
        agreed = [0, 0]
        for _ in range(30000):
            raw = b"".join(dice.choices(ALPHABET, k=dice.randint(1, 8)))
            if dice.random() < 0.7:
                raw = b'{"a":' + raw + b"}" if dice.random() < 0.5 else b'{"x":"' + raw + b'"}'
            mine = verdict(raw)
            self.assertEqual(mine, self.judged(raw), raw)
            agreed[mine] += 1
        self.assertGreater(min(agreed), 1000)

    def test_same_verdict_on_flipped_bytes(self) -> None:
        dice = random.Random(20191125)
        for _ in range(20000):
            raw = bytearray(dice.choice(GOOD[:8]))
            for _ in range(dice.randint(1, 3)):
                if raw:
                    raw[dice.randrange(len(raw))] = dice.randrange(256)
            self.assertEqual(verdict(bytes(raw)), self.judged(bytes(raw)), bytes(raw))


if __name__ == "__main__":
    unittest.main()
