#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""livectr get and livectr top against services on a stand-in for Kafka, on a terminal of their own.

    check_terminal.py --binary LIVECTR --tools DIR_OF_MOCK_KAFKA

What is printed is compared with the API's answer of the same `to`. Standard library only. The last
line is "N passed, N failed".
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "contract"))
from screen import Screen, columns_of  # noqa: E402
from world import World, event, records  # noqa: E402

PAGE, BOX = "/offer/list", "opbox.carousel.1"
# CSI in one character, a mark that turns the order, and signs of two columns. What is below U+0020 is
# no id for the service; the unit test of printable.c has it.
HOSTILE = "/evil\x9b31m\u202eflow\u4e16\u754c"


class Check:
    def __init__(self, options, world):
        self.binary, self.tools, self.world = options.binary, options.tools, world
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("LIVECTR_") and not key.lower().endswith("_proxy")}
        self.environment["TERM"] = "xterm-256color"
        self.environment.pop("NO_COLOR", None)
        self.url = ""

    def run(self, *arguments, **environment):
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)

    def get(self, *arguments, url=None, **environment):
        return self.run("get", "--url", url or self.url, *arguments, **environment)

    def top(self, rows, columns, *arguments, url=None, **environment):
        return Screen([self.binary, "top", "--url", url or self.url, *arguments], rows, columns,
                      {**self.environment, **environment})

    def ask(self, path, **arguments):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(arguments)}",
                                    timeout=20) as response:
            return json.load(response)


def expect(true, words):
    if not true:
        raise AssertionError(words)


def percent(ratio):
    return f"{ratio * 100:.2f}"


# ---- get ----------------------------------------------------------------------------------------

def get_prints_what_the_api_answers(check):
    numbers = ("impressions", "clicks", "ctr", "ctr_low", "ctr_high")
    for arguments in ({"page": PAGE, "box": BOX}, {"page": PAGE}, {"box": BOX}, {},
                      {"page": PAGE, "box": BOX, "window": "1h"}):
        flags = [word for name, value in arguments.items() for word in ("--" + name, value)]
        for _ in range(20):  # both of the same second
            found = check.get("--json", *flags)
            expect(found.returncode == 0, f"exit {found.returncode}: {found.stderr}")
            answer, line = json.loads(found.stdout), check.get(*flags).stdout
            api = check.ask("/v1/ctr", **arguments)
            if answer["to"] == api["to"] and api["to"][:19] in line:
                break
        else:
            raise AssertionError("never the same second")
        expect([answer[name] for name in numbers] == [api[name] for name in numbers], f"{answer} {api}")
        expect(api["impressions"] > 0 and api["clicks"] > 0, f"nothing to see: {api}")
        name = " ".join(filter(None, (arguments.get("page"), arguments.get("box")))) or "the site"
        wanted = (f"{name}: CTR {percent(api['ctr'])} % (95 %: {percent(api['ctr_low'])} to "
                  f"{percent(api['ctr_high'])}), {api['clicks']:,} clicks of {api['impressions']:,} "
                  f"impressions in {api['window']} up to {api['to'][:19]}Z")
        expect(line.startswith(wanted) and line.count("\n") == 1 and ", live, " in line,
               f"printed {line!r}, wanted {wanted!r}")


def get_says_by_its_code_what_happened(check):
    with socket.socket() as closed:  # bound and not listening: nobody can
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        cases = [(("--page", "/nobody/was/here"), 4, "no CTR, 0 clicks of 0 impressions"),
                 (("--window", "7m"), 2, "1m, 2m"),
                 (("--url", nobody), 1, nobody),
                 (("--url", "ftp://x"), 2, "must be like"),
                 (("--timeout", "soon"), 2, "a span like"),
                 (("--pgae", "x"), 2, "did you mean"),
                 (("word",), 2, "--page"),
                 (("--page", "\xff" * 20000), 2, "too long"),
                 (("--page", "x" * 9000), 1, "(HTTP 414)"),
                 (("--token-file", "/nowhere/token"), 2, "/nowhere/token"),
                 (("--url", check.url + "/docs"), 1, "(HTTP 404)")]
        for arguments, code, words in cases:
            found = check.get(*arguments)
            expect(found.returncode == code and words in found.stdout + found.stderr,
                   f"{arguments[:2]!r:.80}: exit {found.returncode}: {found.stdout}{found.stderr}")
            expect(not (found.stdout and code in (1, 2)), f"printed though there is no answer: {found.stdout}")
    found = check.run("get", "--json", LIVECTR_URL=check.url + "/")
    expect(found.returncode == 0 and json.loads(found.stdout)["impressions"] > 0, found.stderr)


def get_does_not_wait_longer_than_told(check):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        found = check.get("--timeout", "300ms", url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        expect(found.returncode == 1 and "imed out" in found.stderr, found.stderr)
        expect(time.monotonic() - begun < 5, "it waited")


def get_takes_tokens_and_certificates(check):
    path, (token,) = check.world.tokens("read")
    folder = pathlib.Path(check.world.home)
    subprocess.run([os.path.join(check.tools, "make_certificate"), "127.0.0.1", folder / "cert.pem",
                    folder / "key.pem"], check=True)
    url, _ = check.world.start("guarded", tokens=path, tls_cert=folder / "cert.pem",
                               tls_key=folder / "key.pem")
    url = url.replace("http:", "https:")
    (folder / "token").write_text(token + "\n", encoding="utf-8")
    (folder / "wrong").write_text("lctr_wrong\n", encoding="utf-8")
    trust = ("--ca-file", str(folder / "cert.pem"))
    World.await_read(check.url, check.count)  # so has the other, in a moment
    for arguments, environment, code, words in (
            ((), {}, 1, "certificate"), (trust, {}, 1, "(HTTP 401)"),
            ((*trust, "--token-file", str(folder / "wrong")), {}, 1, "(HTTP 401)"),
            ((*trust, "--token-file", str(folder / "token"), "--timeout", "20s"), {}, (0, 3), "impressions"),
            (trust, {"LIVECTR_BEARER": token}, (0, 3), "impressions")):
        for _ in range(100):
            found = check.get(*arguments, url=url, **environment)
            if "HTTP 503" not in found.stderr:  # it has only just started
                break
            time.sleep(0.1)
        expect(found.returncode in (code if isinstance(code, tuple) else (code,)) and
               words in found.stdout + found.stderr, f"{arguments}: {found}")
    for token_of in (token, "lctr_"):
        expect(token_of not in found.stderr, "it told the token")


# ---- top ----------------------------------------------------------------------------------------

def rows_of(lines):
    """[(name, CTR, clicks, impressions)] of the table."""
    found = []
    for line in lines:
        row = re.match(r" *(\d+) (.*?) +([\d.]+|-) +([\d,]+) +([\d,]+) ", line + " ")
        if row and int(row[1]) == len(found) + 1:
            found.append((row[2], row[3], row[4], row[5]))
    return found


def same_second(check, screen, **arguments):
    """The API's answer of the second that the screen shows."""
    def look(lines):
        api = check.ask("/v1/top", **arguments)
        return api if rows_of(lines) and f"up to {api['to'][:19]}Z" in lines[0] else None
    return screen.until("the API's second", look)


def fits(screen):
    for line in screen.shown():
        expect(columns_of(line) <= screen.columns, f"{columns_of(line)} of {screen.columns} columns: {line}")


def page_fits(screen, at):
    """Whether the newest whole page that began at or behind `at` has room where it is shown."""
    pages = re.findall("\x1b\\[H([^\x1b]*(?:\x1b(?!\\[J)[^\x1b]*)*)\x1b\\[J", screen.raw[at:])
    lines = re.sub("\x1b\\[[0-9;]*[mK]", "", pages[-1]).replace("\r", "").split("\n") if pages else []
    return 0 < len(lines) <= screen.rows and all(columns_of(line) <= screen.columns for line in lines)


def top_shows_what_the_api_answers(check):
    for arguments in ({"level": "placement", "by": "ctr_low"},
                      {"level": "page", "by": "clicks", "window": "1h"},
                      {"level": "box", "by": "impressions", "min_impressions": "10"},
                      {"level": "placement", "by": "ctr", "page": PAGE}):
        flags = [word for name, value in arguments.items() for word in ("--" + name.replace("_", "-"), value)]
        screen = check.top(24, 100, *flags)
        try:
            api = same_second(check, screen, limit=20, **arguments)
            wanted = [("  ".join(filter(None, (item.get("page"), item.get("box")))), percent(item["ctr"]),
                       f"{item['clicks']:,}", f"{item['impressions']:,}")
                      for item in api["items"] if "evil" not in item.get("page", "")]
            shown = [row for row in rows_of(screen.shown()) if "evil" not in row[0]]
            expect(shown == wanted, f"shown {shown}, wanted {wanted}")
            expect(any(f"{arguments['level']}s by {arguments['by']}" in line for line in screen.shown()),
                   "it does not say what it shows")
            screen.key("q")
            expect(screen.until_ended() == 0 and screen.is_restored(), f"exit {screen.code}")
        finally:
            screen.close()
    screen = check.top(24, 100, "--by", "rise")
    try:
        screen.until("a rise", lambda lines: any(re.search(r"\+\d+\.\d\d pp$", line) for line in lines))
    finally:
        screen.close()


def top_follows_the_size_of_its_terminal(check):
    screen = check.top(24, 80)
    try:
        screen.until("rows", rows_of)
        for rows, columns in ((40, 132), (9, 60), (24, 44), (7, 20), (4, 30), (2, 80), (1, 10), (30, 100)):
            before = len(screen.raw)
            screen.resize(rows, columns)
            screen.until("a page that fits", lambda lines, at=before: page_fits(screen, at))
            shown = screen.shown()
            expect(len(rows_of(shown)) <= max(rows - 4, 0), f"{rows} rows hold {shown}")
            if columns >= 100:
                screen.until("people", lambda lines: any("people" in line for line in lines))
            if rows == 9:
                screen.until("five rows", lambda lines: len(rows_of(lines)) == 5)
        fits(screen)
    finally:
        screen.close()


def top_ends_by_every_way_out(check):
    for way in ("q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        screen = check.top(24, 80)
        try:
            screen.until("rows", rows_of)
            expect("1049" in screen.modes and "25" not in screen.modes, "it draws over the shell's page")
            if isinstance(way, str):
                screen.key(way)
            else:
                screen.signal(way)
            code = screen.until_ended()
            expect(code == (1 if way == signal.SIGHUP else 0), f"{way!r}: exit {code}")
            expect(screen.is_restored(), f"{way!r}: the terminal is not as it was")
        finally:
            screen.close()


def top_may_be_put_into_the_background(check):
    screen = check.top(24, 80)
    try:
        screen.until("rows", rows_of)
        screen.key("\x1a")
        screen.until_stopped()
        screen.until("the terminal as it was", lambda _: screen.is_restored())  # what it wrote is still to be read
        screen.lines = [""] * 300
        screen.signal(signal.SIGCONT)
        screen.until("rows again", rows_of)
        expect("1049" in screen.modes, "back, and on the shell's page")
    finally:
        screen.close()


def top_obeys_no_id_and_has_colours_only_where_wanted(check):
    colour = re.compile("\x1b\\[[0-9;]*[1-9][0-9;]*m")
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        screen = check.top(40, 120, **environment)
        try:
            # Another sequence, or a control character, would have failed in Screen.
            screen.until("the id", lambda lines: any("/evil?31m?flow\u4e16\u754c" in line
                                                     for line in lines))
            expect((colour.search(screen.raw) is not None) == coloured, f"{environment}: colours")
            fits(screen)
        finally:
            screen.close()
    found = check.run("top", "--url", check.url)
    expect(found.returncode == 0 and rows_of(found.stdout.split("\n")), f"{found}")
    expect("\x1b" not in found.stdout, "colours where nobody looks")
    found = check.run("top", "--url", check.url, "--window", "7m")
    expect(found.returncode == 1 and "1m, 2m" in found.stderr, f"{found}")
    expect(check.run("top", "--by", "luck").returncode == 2, "an order that is not there")


def top_says_away_and_comes_back(check):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    screen = check.top(24, 100, url=f"http://{address}")
    try:
        screen.until("that nobody is there yet", lambda lines: any("AWAY" in line for line in lines))
        url, _ = check.world.start("leaving", listen=address)
        World.await_read(url, check.count)
        screen.until("its numbers", lambda lines: rows_of(lines) and "live" in lines[0] and not lines[1])
        before = rows_of(screen.shown())
        process = check.world.processes["leaving"]
        process.ended = True
        process.kill()
        process.wait()
        screen.until("that it is away", lambda lines: lines[1].startswith("AWAY for "))
        expect(rows_of(screen.shown()) == before, "the last numbers are gone")
        check.world.start("leaving", listen=address)
        screen.until("that it is back", lambda lines: rows_of(lines) and "live" in lines[0] and not lines[1])
        screen.key("q")
        expect(screen.until_ended() == 0, f"exit {screen.code}")
    finally:
        screen.close()


def stale_is_said_and_goes_away(check):
    screen = check.top(24, 100)
    try:
        screen.until("live", lambda lines: "live" in lines[0])
        check.world.kafka.send_signal(signal.SIGSTOP)
        screen.until("stale", lambda lines: "stale" in lines[0] and lines[1].startswith("STALE: "))
        found = check.get("--page", PAGE)
        expect(found.returncode == 3 and ", stale, " in found.stdout, f"{found}")
        check.world.kafka.send_signal(signal.SIGCONT)
        screen.until("live again", lambda lines: "live" in lines[0] and not lines[1])
        expect(check.get("--page", PAGE).returncode == 0, "get is not back")
    finally:
        check.world.kafka.send_signal(signal.SIGCONT)
        screen.close()


CHECKS = [get_prints_what_the_api_answers, get_says_by_its_code_what_happened,
          get_does_not_wait_longer_than_told, get_takes_tokens_and_certificates,
          top_shows_what_the_api_answers, top_follows_the_size_of_its_terminal,
          top_ends_by_every_way_out, top_may_be_put_into_the_background,
          top_obeys_no_id_and_has_colours_only_where_wanted, top_says_away_and_comes_back,
          stale_is_said_and_goes_away]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    world = World(options.binary, os.path.join(options.tools, "mock_kafka"),
                  os.path.join(options.tools, "ktool"))
    failed = passed = 0
    try:
        check = Check(options, world)
        now_ms = int(time.time() * 1000)
        check.count = world.produce(records(now_ms))
        check.count += world.produce([(now_ms - 60000, event(now_ms - 60000, kind, HOSTILE, "b", "v"))
                                            for kind in ("view", "click")])
        check.url, _ = world.start("main", people_horizon="1h")
        world.await_read(check.url, check.count)
        for one in CHECKS:
            if options.only not in one.__name__:
                continue
            begun = time.monotonic()
            try:
                one(check)
                passed += 1
                print(f"ok     {one.__name__} {time.monotonic() - begun:.1f} s", flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError, urllib.error.URLError,
                    SystemExit):
                failed += 1
                print(f"FAILED {one.__name__}\n{traceback.format_exc()}", flush=True)
    finally:
        world.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
