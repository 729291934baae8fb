# SPDX-License-Identifier: Apache-2.0
"""What schemathesis cannot know of this service, as checks of its own (SCHEMATHESIS_HOOKS).

Two of the built-in checks are replaced by stricter ones: a request that is valid by the schema may be
refused only for one of REASONS, none of which a schema can say, and a 5xx may only be that 503 which
max_lag_ms asks for."""
import re
import urllib.parse

import schemathesis

REASONS = [
    r"There is no window .*; the windows are: ",               # which there are is a setting
    r"The argument cursor is not one that this list gave",     # it is signed
    r"asks for placements of one page, and level=",            # two arguments that exclude each other
    r"rise|fall",                                              # for windows that have one twice as long
    r"must be a time|is not a time|is no time|RFC 3339",       # 30 February
    r"must lie before to|steps",                               # from and to, by how long a step is
    r"whole (minutes|steps|days)|divide a day",                # step and compare
    r"longer than 512 bytes|512 bytes of UTF-8",                   # bytes, which a schema counts as characters
    r"unique_ctr",                                             # windows beyond people_horizon
]


TARGET_BYTES_MAX = 7500  # beyond 8,192 every path says 414, which check_contract.py sees


@schemathesis.hook
def filter_case(context, case):
    return len(urllib.parse.urlencode(case.query or {}, doseq=True)) <= TARGET_BYTES_MAX


@schemathesis.check
def valid_is_taken(ctx, response, case):
    mode = case.meta.generation.mode if case.meta else None
    if mode is None or not mode.is_positive or response.status_code not in (400, 404, 413, 415, 422):
        return
    detail = response.json().get("detail", "")
    if case.path in ("/problems/{name}", "/dashboard/{name}") and response.status_code == 404:
        return  # which there are is in the text
    if not any(re.search(reason, detail) for reason in REASONS):
        raise AssertionError(f"valid by the schema, and refused: {detail}")


@schemathesis.check
def no_server_error(ctx, response, case):
    if response.status_code < 500:
        return
    stale = response.status_code == 503 and response.json().get("type") == "/problems/too-stale"
    if not stale or "max_lag_ms" not in (case.query or {}):
        raise AssertionError(f"{response.status_code}: {response.text[:300]}")
