# SPDX-License-Identifier: Apache-2.0
"""What may stand in an event: any id comes back as it was; whatever else is counted, not fatal."""

from __future__ import annotations

from kit.client import Name, escaped
from kit.kafka import Record, event
from kit.service import total
from kit.wait import now_ms
from kit.world import Scene

IDS = [
    "a b", " ", " leading and trailing ", "/offer/list", "//", "a/../b", ".", "..", "100%", "%2F",
    "%", "%zz", "%00", 'say "hi"', "it's", "\\", "\\u0041", "a&b=c?d#e;f", "a+b", "+", "=", "{}",
    "[]", "null", "0", "-1", "true", "<script>alert(1)</script>", "ключ", "日本語",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "\u00e9", "\u00a0", "\u2028", "\u0080",
    "\ufeff", "\ufffd", "\U0010ffff", "A", "a", "x" * 512, "\u00e9" * 256, "\U0001f600" * 128,
    '"' * 512, "\\" * 512, "/" * 512, "%" * 512, "opbox.carousel.1", "a,b", "a:b", "a\u202eb", "~",
]
LONGEST_VALUE = 16_384


def padded(ts: int, length: int) -> bytes:
    """A good event of exactly so many bytes."""
    bare = event("view", ts, "/long", pad="")
    return event("view", ts, "/long", pad="x" * (length - len(bare)))


def malformed(ts: int) -> dict[str, list[bytes | None]]:
    """At least three inputs per reason, each with that one fault only."""
    good = event("view", ts, "p")

    def with_ts(text: str) -> bytes:
        return f'{{"type":"view","page":"p","ts":{text}}}'.encode()

    return {
        "empty": [None, b"", None],
        "too_long": [padded(ts, LONGEST_VALUE + 1), b"[" * 20_000, event("view", ts, "x" * 513),
                     event("view", ts, "p", "\u00e9" * 257), event("view", ts, "p", id="i" * 513),
                     event("view", ts, "p", visitor="v" * 513)],
        "not_utf8": [good.replace(b"p\"", b"\xff\""), b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}',
                     b'{"a":"\xf4\x90\x80\x80"}', b"\x80"],
        "not_json": [b"{", b"view", good + b"x", b"7", b"null", b"\xef\xbb\xbf" + good,
                     good[:-1] + b",}", good[:-1] + b',"x":NaN}', good[:-1] + b',"x":1e999}',
                     good[:-1] + b',"x":9223372036854775808}', good[:-1] + b',"x":"\\u0000"}',
                     good[:-1] + b',"x":"\\ud800"}', good[:-1] + b',"x":01}',
                     good[:-1] + b',"x":' + b"[" * 2049 + b"]" * 2049 + b"}"],
        "key_twice": [good[:-1] + b',"page":"p"}', good[:-1] + b',"x":1,"x":2}',
                      good[:-1] + b',"x":[{"k":1,"\\u006b":1}]}'],
        "missing": [b"{}", event(None, ts, "p"), event("view", None, "p"), event("view", ts, None)],
        "wrong_type": [b"[]", event("view", ts, 7), event("view", ts, "p", 7), with_ts("1.5"),
                       with_ts("true"), with_ts("1e3"), with_ts("[]"),
                       event("view", ts, "p", id=[]),
                       event("view", ts, "p", visitor=7), event("view", ts, {}), event(7, ts, "p")],
        "bad_value": [event("View", ts, "p"), event("purchase", ts, "p"), event("view", ts, ""),
                      event("view", -1, "p"), event("view", 253402300800000, "p"),
                      event("view", "yesterday", "p"), event("view", "2026-11-23 17:00:00Z", "p"),
                      event("view", "2026-11-23T17:00:60Z", "p"), event("view", ts, "a\tb"),
                      event("view", ts, "p", "\x7f"), event("view", ts, "p", id="a\nb")],
    }


SECRET = "v-nobody-may-see-this"


def poison(topic: str, now: int) -> list[Record]:
    """Every malformed kind between good events, then late, future and the edges of both."""
    records = []
    for values in malformed(now).values():
        for value in values:
            records.append(Record(topic, 0, now, value))
            records.append(Record(topic, 0, now, event("view", now, "between")))
    records.append(Record(topic, 0, now, event("view", now, 7, visitor=SECRET)))
    records.append(Record(topic, 0, now, b'{"visitor":"' + SECRET.encode()))
    records.append(Record(topic, 0, now, padded(now, LONGEST_VALUE)))
    hours48, minute = 48 * 3_600_000, 60_000
    for shift in (0, 1, 3_600_000):
        records.append(Record(topic, 1, now, event("view", now - hours48 - shift, "late")))
        records.append(Record(topic, 1, now - 90_000, event("view", now - 90_000 + minute + shift,
                                                            "future")))
    for year in (0, 1574553600000, 253402300799999):
        records.append(Record(topic, 1, now, event("view", year, "far")))
    return records


def run(scene: Scene) -> None:
    """Ids byte for byte; every malformed reason, late and future counted; nothing stops."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 2)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, start="earliest").start()
    now = now_ms() // 1000 * 1000
    names: list[Name] = []
    records = []
    for at, text in enumerate(IDS):
        other = IDS[(at * 7 + 3) % len(IDS)]
        records += [Record(topic, at % 2, now, event("view", now, text, other)),
                    Record(topic, at % 2, now, event("view", now, text)),
                    Record(topic, at % 2, now, event("click", now, text, other, id=text,
                                                     visitor=other))]
        names += [(text, None), (None, other), (text, other)]
    records += poison(topic, now)
    produced = kafka.produce(records)
    status = service.await_read(produced, 60)
    judge = checks.judge(service.settings).read(kafka.dump(topic))
    judge.whole("accounts", status)
    judge.everything("every id", service.client)
    byte_for_byte(scene, service, names)
    reasons = status["malformed"]
    wanted = malformed(now)
    for reason, values in wanted.items():
        checks.true(f"{reason} was counted", reasons[reason] > 0, reasons)
    checks.equal("sum over the reasons", sum(reasons.values()),
                 sum(len(values) for values in wanted.values()) + 2)
    checks.equal("malformed of the partitions", total(status, "malformed"), sum(reasons.values()))
    checks.true("late and future were counted", total(status, "late") == 4
                and total(status, "future") == 3, (total(status, "late"), total(status, "future")))
    response = service.client.request("GET", "/v1/status")
    checks.true("no visitor in /v1/status", SECRET.encode() not in response.body)
    checks.true("nor in the log", SECRET not in service.log_tail(10_000))
    exact = {reason: len(values) for reason, values in wanted.items()}
    exact["wrong_type"] += 1
    exact["not_json"] += 1
    checks.figure("ids", len(IDS))
    checks.figure("malformed", reasons)
    checks.figure("reasons_as_in_the_table", reasons == exact)
    checks.figure("late", total(status, "late"))
    checks.figure("future", total(status, "future"))


def byte_for_byte(scene: Scene, service: "object", names: list[Name]) -> None:
    """Through /v1/ctr with every byte escaped, through batchGet and through the lists."""
    checks, client = scene.checks, service.client  # type: ignore[attr-defined]
    for name in names:
        query = "&".join(f"{key}=" + "".join(f"%{byte:02X}" for byte in text.encode())
                         for key, text in zip(("page", "box"), name) if text is not None)
        hard = client.request("GET", f"/v1/ctr?{query}&window=10m").json()
        soft = client.ctr(name, "10m")
        for answer in (hard, soft):
            checks.equal(f"echo of {name}", (answer.get("page"), answer.get("box")), name)
            checks.true(f"{name} counted", answer["impressions"] + answer["clicks"] > 0, answer)
    for name, answer in zip(names, client.batch(names, "10m")):
        checks.equal(f"batch echo of {name}", (answer.get("page"), answer.get("box")), name)
        checks.true(f"{name} counted", answer["impressions"] + answer["clicks"] > 0, answer)
    pages = {row["page"] for row in client.pages("10m", limit=1000)["items"]}
    boxes = {row["box"] for row in client.boxes("10m", limit=1000)["items"]}
    checks.true("pages lists every id", pages >= set(IDS), set(IDS) - pages)
    checks.true("boxes lists every id", boxes >= {name[1] for name in names if name[1]}, "")
    for page, box in names[2::3]:
        said = client.request("GET", f"/v1/boxes?page={escaped(page or '')}&window=10m").json()
        listed = {(row["page"], row["box"]) for row in said["items"]}
        checks.true(f"boxes of {page!r}", (page, box) in listed, said["items"][:3])
