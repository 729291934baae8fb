#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""schemathesis against the release binary, on the records of world.py.

    check_schemathesis.py --schemathesis PROGRAM --binary LIVECTR --tools FOLDER [--seconds N] [--seed N]

Requests are made from /openapi.yaml as the service gives it: valid ones, and ones that break the schema
in every way it knows; each answer is held against the file. /v1/stream never ends, so it is asked through
a relay that ends it after its first event. The last line is "N passed, N failed": cases, and failures.
"""
import argparse
import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import world
from check_contract import first_event

HERE = os.path.dirname(os.path.abspath(__file__))
REPLACED = "not_a_server_error,positive_data_acceptance"


class Relay(http.server.BaseHTTPRequestHandler):
    """Passes a request on as it is, and of an endless answer the first event back."""
    protocol_version = "HTTP/1.0"
    address = None

    def pass_on(self):
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        endless = response.getheader("Content-Type") == "text/event-stream" and self.command == "GET"
        data = first_event(response) if endless else response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def log_message(self, *_):
        pass


def run(options, url, more, seconds, folder):
    """What schemathesis's report says: (cases, failures)."""
    report = os.path.join(folder, "report.json")
    command = [options.schemathesis, "run", f"{url}/openapi.yaml", "--url", url, "--seed", str(options.seed),
               "--max-time", str(seconds), "--continue-on-failure", "--no-color", "--request-timeout", "10",
               "--generation-database", "none", "--exclude-checks", REPLACED, "--warnings", "off",
               "--report", "json", "--report-json-path", report, *more]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": HERE}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
                          timeout=seconds + 120)
    try:
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
    except OSError:
        print(done.stdout[-3000:], done.stderr[-3000:])
        return 0, 1
    cases = told["test_cases"]
    failures = cases["unique_failures"] + cases["errored"]
    if done.returncode != 0 or told["operations"]["errored"]:
        print(done.stdout[-12000:])
        failures = max(failures, 1)
    print(f"{told['operations']['tested']} operations, {cases['generated']} cases in "
          f"{told['running_time']:.0f} s, seed {options.seed}: {failures} failures")
    if told["operations"]["tested"] != told["operations"]["selected"] or not cases["generated"]:
        print("FAILED: not every operation was tested")
        failures += 1
    return cases["generated"], failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schemathesis", required=True)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--seconds", type=int, default=50, help="at most, of which a fifth for streams")
    parser.add_argument("--seed", type=int, default=20261123)
    options = parser.parse_args()
    options.schemathesis = os.path.abspath(options.schemathesis)
    place = world.World(os.path.abspath(options.binary), os.path.abspath(f"{options.tools}/mock_kafka"),
                        os.path.abspath(f"{options.tools}/ktool"))
    try:
        count = place.produce(world.records(int(time.time() * 1000)))
        url, _ = place.start("live", max_exports=1000, max_streams=10000)
        place.await_read(url, count)
        host, port = url.removeprefix("http://").split(":")
        relay = type("RelayTo", (Relay,), {"address": (host, int(port))})
        with tempfile.TemporaryDirectory() as folder, \
                http.server.ThreadingHTTPServer(("127.0.0.1", 0), relay) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            streams = f"http://127.0.0.1:{server.server_address[1]}"
            results = [run(options, url, ["--exclude-path", "/v1/stream"], options.seconds * 4 // 5, folder),
                       run(options, streams, ["--include-path", "/v1/stream"], options.seconds // 5, folder)]
            server.shutdown()
    finally:
        place.close()
    cases, failures = map(sum, zip(*results))
    print(f"{cases - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
