# SPDX-License-Identifier: Apache-2.0
"""The requests that servers and proxies read differently, or that break a parser.

Each says what must come back. In front of what is hidden stands a request that one reader ends
earlier than another; whoever serves /v1/HIDDEN was smuggled to. `library`: libmicrohttpd 0.9.75
refuses it by itself, with HTML or by closing, before anybody could.
"""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = b"GET /v1/HIDDEN HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"
LENGTH = str(len(HIDDEN)).encode()


@dataclass
class Probe:
    name: str
    data: bytes
    statuses: tuple[int, ...]  # of the first answer; 0: closed without one
    closes: bool = True
    library: bool = False
    answers: int = 1  # how many at most
    head: bool = False

    @property
    def answered(self) -> bool:
        return 0 not in self.statuses


def smuggling() -> list[Probe]:
    """One request to somebody, two to somebody else: one answer, 400, closed."""
    chunked = b"Transfer-Encoding: chunked\r\n"
    rows = [
        ("length and chunked", POST + b"Content-Length: 4\r\n" + chunked + b"\r\n0\r\n\r\n" + HIDDEN),
        ("chunked and length", POST + chunked + b"Content-Length: " + LENGTH + b"\r\n\r\n0\r\n\r\n"
         + HIDDEN),
        ("lengths 0 and n", POST + b"Content-Length: 0\r\nContent-Length: " + LENGTH + b"\r\n\r\n"
         + HIDDEN),
        ("lengths n and 0", POST + b"Content-Length: " + LENGTH + b"\r\nContent-Length: 0\r\n\r\n"
         + HIDDEN),
        ("equal lengths", POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + HIDDEN),
        ("space before colon (length)", POST + b"Content-Length : " + LENGTH + b"\r\n\r\n" + HIDDEN),
        ("tab before colon (length)", POST + b"Content-Length\t: " + LENGTH + b"\r\n\r\n" + HIDDEN),
        ("space before colon (coding)", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
         + HIDDEN),
        ("two codings", POST + chunked + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("list of codings", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("quoted coding", POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + HIDDEN),
        ("coding with vertical tab", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"
         + HIDDEN),
        ("empty coding", POST + b"Transfer-Encoding:\r\n\r\n" + HIDDEN),
        ("coding in HTTP/1.0", POST.replace(b"1.1", b"1.0") + chunked + b"\r\n0\r\n\r\n" + HIDDEN),
        ("two hosts", POST + b"Host: y\r\nContent-Length: 0\r\n\r\n" + HIDDEN),
        ("no host", b"GET /v1/status HTTP/1.1\r\n\r\n" + HIDDEN),
        ("body with GET", GET + b"Content-Length: " + LENGTH + b"\r\n\r\n" + HIDDEN),
        ("chunks with GET", GET + chunked + b"\r\n0\r\n\r\n" + HIDDEN),
        ("folded value", GET + b"X: a\r\n b\r\n\r\n" + HIDDEN),
        ("folded length", POST + b"Content-Length: 0\r\n " + LENGTH + b"\r\n\r\n" + HIDDEN),
        ("folded coding", POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN),
        ("folded first header", b"GET /v1/status HTTP/1.1\r\n Host: x\r\n\r\n" + HIDDEN),
        ("bare LF after the request line", b"GET /v1/status HTTP/1.1\nHost: x\r\n\r\n" + HIDDEN),
        ("bare LF after a header", GET + b"X: y\nZ: z\r\n\r\n" + HIDDEN),
        ("bare LF hides a length", POST + b"X: y\nContent-Length: " + LENGTH + b"\r\n\r\n" + HIDDEN),
        ("bare LF as the empty line", GET + b"\n" + HIDDEN),
        ("bare LF everywhere", b"GET /v1/status HTTP/1.1\nHost: x\n\n" + HIDDEN),
        ("bare CR in a value", GET + b"X: a\rContent-Length: 5\r\n\r\n" + HIDDEN),
        ("NUL in a value", GET + b"X: a\0b\r\n\r\n" + HIDDEN),
        ("NUL hides a coding", POST + b"X: a\0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
         + HIDDEN),
        ("NUL in the target", b"GET /v1/status\0/x HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN),
        ("control character in a value", GET + b"X: a\x01b\r\n\r\n" + HIDDEN),
        ("name with a control character", GET + b"X\x01Y: 1\r\n\r\n" + HIDDEN),
        ("name beyond ASCII", GET + b"X\xc3\xa9: 1\r\n\r\n" + HIDDEN),
        ("empty name", GET + b": 1\r\n\r\n" + HIDDEN),
    ]
    return [Probe(name, data, (400,)) for name, data in rows]


def by_library() -> list[Probe]:
    """What is refused in libmicrohttpd's parser: its own words, but never two answers."""
    rows = [
        ("signed length", POST + b"Content-Length: +4\r\n\r\n" + HIDDEN, (400,)),
        ("negative length", POST + b"Content-Length: -4\r\n\r\n" + HIDDEN, (400,)),
        ("hex length", POST + b"Content-Length: 0x4\r\n\r\n" + HIDDEN, (400,)),
        ("list of lengths", POST + b"Content-Length: 4, 4\r\n\r\n" + HIDDEN, (400,)),
        ("empty length", POST + b"Content-Length:\r\n\r\n" + HIDDEN, (400,)),
        ("length beyond 64 bits", POST + b"Content-Length: 99999999999999999999\r\n\r\n" + HIDDEN,
         (413,)),
        ("chunk size no number", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + HIDDEN, (400,)),
        ("chunk size negative", POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + HIDDEN, (400,)),
        ("chunk size 0x", POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n" + HIDDEN,
         (400,)),
        ("chunk size beyond 64 bits", POST + b"Transfer-Encoding: chunked\r\n\r\n"
         b"ffffffffffffffffff\r\n" + HIDDEN, (413,)),
        ("chunk longer than its size", POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n"
         b"0\r\n\r\n" + HIDDEN, (400,)),
        ("header without colon", GET + b"Nonsense\r\n\r\n" + HIDDEN, (400,)),
        ("NUL in a name", GET + b"X\0Y: 1\r\n\r\n" + HIDDEN, (400,)),
        ("HTTP/0.9", b"GET /v1/status\r\n\r\n" + HIDDEN, (400, 0)),
        ("no target", b"GET\r\n\r\n" + HIDDEN, (400, 0)),
        ("version in lower case", b"GET /v1/status http/1.1\r\nHost: x\r\n\r\n" + HIDDEN, (400, 0)),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", (505, 0)),
        ("HTTP/3.0", b"GET /v1/status HTTP/3.0\r\nHost: x\r\n\r\n" + HIDDEN, (505, 0)),
        ("TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\r\n" * 4, (400, 0)),
        ("target of 40,000 bytes", b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
         (414, 0)),
        ("5,000 arguments", b"GET /v1/ctr?" + b"&".join(b"a=%d" % at for at in range(5000))
         + b" HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, (414,)),
        ("header of 40,000 bytes", GET + b"X: " + b"a" * 40000 + b"\r\n\r\n" + HIDDEN, (431, 0)),
        ("3,000 headers", GET + b"".join(b"X%d: 1\r\n" % at for at in range(3000)) + b"\r\n" + HIDDEN,
         (431, 0)),
    ]
    return [Probe(name, data, statuses, library=True) for name, data, statuses in rows]


def limits() -> list[Probe]:
    """Too much of it: a status that says so, never silence."""
    batch = b'{"items":[]}'
    return [
        Probe("target of 9,000 bytes", b"GET /v1/ctr?page=" + b"a" * 9000
              + b" HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, (414,)),
        Probe("target of 20,000 bytes", b"GET /v1/ctr?page=" + b"a" * 20000
              + b" HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, (414,)),
        Probe("500 arguments", b"GET /v1/ctr?" + b"&".join(b"a%d=1" % at for at in range(500))
              + b" HTTP/1.1\r\nHost: x\r\n\r\n", (400,), closes=False),
        Probe("2,000 ampersands", b"GET /v1/ctr?" + b"&" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
              (400,), closes=False),
        Probe("101 headers", GET + b"".join(b"X%d: 1\r\n" % at for at in range(100)) + b"\r\n"
              + HIDDEN, (431,)),
        Probe("300 headers", GET + b"".join(b"X%d: 1\r\n" % at for at in range(300)) + b"\r\n"
              + HIDDEN, (431,)),
        Probe("header of 14,000 bytes", GET + b"X: " + b"a" * 14000 + b"\r\n\r\n" + HIDDEN, (431,)),
        Probe("announced body of 3 MiB", POST + b"Content-Length: 3145728\r\n\r\n", (413,)),
        Probe("POST without a length", POST + b"\r\n" + HIDDEN, (411,)),
        Probe("batch of wrong type", POST.replace(b"json", b"xml") + b"Content-Length: 12\r\n\r\n"
              + batch, (415,), closes=False),
    ]


def odd() -> list[Probe]:
    """Rare, and one request to everybody: one answer."""
    line = b" HTTP/1.1\r\nHost: x\r\n\r\n"
    same = [
        ("absolute-form", b"GET http://x/v1/status" + line, (200,)),
        ("absolute-form in upper case", b"GET HTTP://x/v1/status" + line, (200,)),
        ("absolute-form without a path", b"GET http://x" + line, (404,)),
        ("a slash behind the question mark", b"GET http://x?a=/v1/status" + line, (404,)),
        ("escaped slash", b"GET /v1%2Fstatus" + line, (404,)),
        ("dot segments", b"GET /v1/../v1/status" + line, (404,)),
        ("escaped dots", b"GET /%2e%2e/%2e%2e/etc/passwd" + line, (404,)),
        ("double slash", b"GET //v1/status" + line, (404,)),
        ("backslash", b"GET /v1\\status" + line, (404,)),
        ("fragment", b"GET /v1/status#x" + line, (404,)),
        ("bad escape in the path", b"GET /v1/%zz" + line, (400,)),
        ("cut escape", b"GET /v1/ctr?page=%a" + line, (400,)),
        ("escaped NUL", b"GET /v1/ctr?page=a%00b" + line, (400,)),
        ("escaped NUL in the path", b"GET /v1/status%00" + line, (404, 400)),
        ("overlong UTF-8", b"GET /v1/ctr?page=%C0%AE" + line, (400,)),
        ("raw bytes beyond ASCII", b"GET /v1/ctr?page=\xff" + line, (400,)),
        ("argument twice", b"GET /v1/ctr?page=a&page=b" + line, (400,)),
        ("OPTIONS *", b"OPTIONS *" + line, (404,)),
        ("unknown method", b"BREW /v1/status" + line, (405,)),
        ("method of 300 letters", b"X" * 300 + b" /v1/status" + line, (405,)),
        ("QUERY", b"QUERY /v1/status" + line, (405,)),
        ("TRACE", b"TRACE /v1/status" + line, (405,)),
        ("HTTP/1.2", b"GET /v1/status HTTP/1.2\r\nHost: x\r\n\r\n", (200,)),
        ("empty lines before", b"\r\n\r\n" + GET + b"\r\n", (200,)),
        ("tab before a value", GET + b"X:\ty\r\n\r\n", (200,)),
        ("no space before a value", GET + b"X:y\r\n\r\n", (200,)),
        ("value beyond ASCII", GET + b"X: \xc3\xa9\r\n\r\n", (200,)),
        ("empty value", GET + b"X:\r\nY:  \r\n\r\n", (200,)),
        ("100 headers", GET + b"".join(b"X%d: 1\r\n" % at for at in range(99)) + b"\r\n", (200,)),
        ("cookies", GET + b"Cookie: a=b; c=\"d\"; e\r\n\r\n", (200,)),
        ("h2c upgrade", GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", (200,)),
        ("unknown Expect", GET + b"Expect: the-unexpected\r\n\r\n", (200,)),
    ]
    rows = [Probe(name, data, statuses, closes=False) for name, data, statuses in same]
    rows += [
        Probe("CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" + HIDDEN, (400,)),
        Probe("CONNECT with a path", b"CONNECT /v1/status" + line + HIDDEN, (400,)),
        Probe("target without a slash", b"GET v1/status" + line + HIDDEN, (400,)),
        Probe("raw control character", b"GET /v1/ctr?page=\x01" + line + HIDDEN, (400,)),
        Probe("space in the target", b"GET /v1/ctr?page=a b" + line + HIDDEN, (400,)),
        Probe("CR in the method", b"GE\rT /v1/status" + line + HIDDEN, (400,)),
        Probe("GET *", b"GET *" + line + HIDDEN, (400,)),
        Probe("two spaces after the method", b"GET  /v1/status" + line + HIDDEN, (400,)),
        Probe("ftp://", b"GET ftp://x/v1/status" + line + HIDDEN, (400,)),
        Probe("HTTP/1.0", b"GET /livez HTTP/1.0\r\n\r\n", (200,)),
        Probe("chunked body, well formed", POST + b"Transfer-Encoding: chunked\r\n\r\n"
              b"c;a=b\r\n{\"items\":[]}\r\n0\r\nX: y\r\n\r\n" + HIDDEN, (200, 503)),
        Probe("chunked body, bare LF", POST + b"Transfer-Encoding: chunked\r\n\r\n"
              b"c\n{\"items\":[]}\n0\n\n" + HIDDEN, (200, 503, 400)),
        Probe("a trailer that would frame", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
              b"Content-Length: " + LENGTH + b"\r\n\r\n" + HIDDEN, (400, 503)),
        Probe("Expect: 100-continue", POST + b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n"
              b'{"items":[]}', (100, 200, 503), closes=False, answers=2),
        Probe("HEAD", b"HEAD /v1/status" + line, (200,), closes=False, head=True),
    ]
    return rows


def all_probes() -> list[Probe]:
    return smuggling() + by_library() + limits() + odd()
