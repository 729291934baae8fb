#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds /metrics of a running service against both formats that it is written in.

    check_metrics.py (--binary LIVECTR | --url URL) [--promtool PROMTOOL] [--document FILE]

--binary    starts it, without any Kafka, on free ports and a folder that is thrown away
--url       a service that runs already: the base URL of one of its listeners
--promtool  `promtool check metrics` must have nothing to say; without it, or where it is not there,
            that part is left out and said so (exit code 77, where nothing else is wrong)
--document  docs/metrics.md: names each family that is served, and no other

Standard library only. Exit code 0: all is well; 1: each complaint on a line of its own.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# What a Prometheus of 2023 sends.
SCRAPE = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (-?[0-9]+(?:\.[0-9]+)?)$')
LABELS = re.compile(r'\{(?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*"(?:,(?!\})|(?=\})))*\}$')
ENDINGS = {"counter": ["_total"], "gauge": [""], "info": ["_info"],
           "histogram": ["_bucket", "_sum", "_count"]}


def fetch(url, accept):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}),
                                timeout=20) as response:
        return response.headers["Content-Type"], response.read().decode("utf-8")


def families(text, openmetrics):
    """{family: (type, {sample: value})}; raises ValueError with what is wrong."""
    found, name, kind, units = {}, None, None, {}
    lines = text.split("\n")
    if lines.pop() != "":
        raise ValueError("the last line does not end")
    if openmetrics and lines.pop() != "# EOF":
        raise ValueError("the last line is not # EOF")
    for line in lines:
        if line.startswith("# HELP "):
            name, kind = line.split(" ", 3)[2], None
            if name in found:
                raise ValueError(f"{name} begins twice")
        elif line.startswith("# TYPE "):
            if line.split(" ")[2] != name:
                raise ValueError(f"{line}: after {name}")
            kind = line.split(" ")[3]
            found[name] = (kind, {})
        elif line.startswith("# UNIT ") and openmetrics:
            units[name] = line.split(" ")[3]
            if not name.endswith("_" + units[name]):
                raise ValueError(f"{line}: is not the end of the name")
        else:
            match = SAMPLE.match(line)
            if not match or (match[2] and not LABELS.match(match[2])):
                raise ValueError(f"no sample: {line}")
            # In the text format a counter's family has the ending of its sample.
            endings = ENDINGS[kind] if openmetrics or kind == "histogram" else [""]
            if match[1] not in [name + ending for ending in endings]:
                raise ValueError(f"{line}: among those of {name}")
            if match[1] + (match[2] or "") in found[name][1]:
                raise ValueError(f"{line}: twice")
            found[name][1][match[1] + (match[2] or "")] = float(match[3])
    return found


def histogram_faults(name, samples):
    """Buckets that fall, an infinite one that is not the count."""
    series = {}
    for sample, value in samples.items():
        if "_bucket{" in sample:
            rest, bound = re.match(r'(.*),le="([^"]+)"\}$', sample).groups()
            series.setdefault(rest, []).append((float(bound.replace("+Inf", "inf")), value))
    for rest, buckets in series.items():
        if buckets != sorted(buckets) or [count for _, count in buckets] != sorted(
                count for _, count in buckets):
            yield f"{rest}: the buckets do not rise"
        if samples[rest.replace("_bucket", "_count") + "}"] != buckets[-1][1] or \
                buckets[-1][0] != float("inf"):
            yield f"{rest}: the count is not the last bucket"
    if not series:
        yield f"{name}: a histogram without buckets"


def check(url, promtool, document):
    """Yields what is wrong."""
    kind, text = fetch(url + "/metrics", "*/*")
    if kind != TEXT:
        yield f"Content-Type: {kind}"
    open_kind, open_text = fetch(url + "/metrics", SCRAPE)
    if open_kind != OPENMETRICS:
        yield f"OpenMetrics: Content-Type: {open_kind}"
    try:
        plain, openmetrics = families(text, False), families(open_text, True)
    except ValueError as error:
        yield str(error)
        return
    for name, (kind, samples) in {**plain, **openmetrics}.items():
        if kind == "histogram":
            yield from histogram_faults(name, samples)
        if kind in ("counter", "histogram") and min(samples.values(), default=0) < 0:
            yield f"{name}: less than nothing"
    bare = {re.sub("_total$" if kind == "counter" else "_info$", "", name)
            for name, (kind, _) in plain.items()}
    if bare != set(openmetrics):
        yield f"not the same families: {bare ^ set(openmetrics)}"
    if promtool:
        result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                                text=True, check=False)
        if result.returncode != 0 or result.stdout or result.stderr:
            yield f"promtool: exit {result.returncode}: {result.stdout}{result.stderr}"
    if document:
        with open(document, encoding="utf-8") as file:
            listed = set(re.findall(r"^\| `([a-z_]+)` \|", file.read(), re.M))
        if listed != set(plain):
            yield f"{document}: {listed ^ set(plain)} only there, or only served"
    samples = sum(len(samples) for _, samples in plain.values())
    print(f"{len(plain)} metrics, {samples} samples, {len(text)} bytes, "
          f"promtool {'had its say' if promtool else 'was not there'}")


def serve_and_check(binary, promtool, document):
    """check() on a process of its own, after a request of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("LIVECTR_")}
        process = subprocess.Popen(
            [binary, "serve", "--brokers", "127.0.0.1:9", "--topics", "events", "--data_dir",
             os.path.join(folder, "data"), "--listen", "127.0.0.1:0", "--admin_listen",
             "127.0.0.1:0", "--drain", "0s"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        try:
            line = process.stdout.readline()
            match = re.match(r"listening http=(\S+) admin=(\S+)", line)
            if not match:
                yield f"{binary} did not start: {line}"
                return
            for target in ("/v1/ctr", "/livez", "/nowhere", "/v1/ctr?x=1"):
                try:
                    fetch(f"http://{match[1]}{target}", "*/*")
                except urllib.error.HTTPError as error:
                    error.close()
            yield from check(f"http://{match[1]}", promtool, document)
            yield from check(f"http://{match[2]}", promtool, document)
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stdout.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--binary")
    where.add_argument("--url")
    parser.add_argument("--promtool")
    parser.add_argument("--document")
    options = parser.parse_args()
    promtool = shutil.which(options.promtool or "promtool") or shutil.which("promtool")
    if options.binary:
        complaints = list(serve_and_check(options.binary, promtool, options.document))
    else:
        complaints = list(check(options.url, promtool, options.document))
    for complaint in complaints:
        print(complaint)
    if complaints:
        return 1
    return 0 if promtool else 77


if __name__ == "__main__":
    sys.exit(main())
