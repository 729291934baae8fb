# SPDX-License-Identifier: Apache-2.0
"""check_contract.py --self-test: each change that would break a caller, made on the way between the
service and the check, in the file, or in both; each must be noticed. Standard library only."""
import json
import re

from openapi import Contract

ONLY = {"/v1/ctr"}


class Changed:
    """A service whose requests and answers are changed on their way."""

    def __init__(self, service, target=lambda target: target, answer=lambda status, headers, body: status):
        self.service, self.host, self.port = service, service.host, service.port
        self.target, self.answer = target, answer

    def ask(self, method, target, body=None, headers=None):
        status, headers, data = self.service.ask(method, self.target(target), body, headers)
        if headers.get("Content-Type") != "application/json" or "Content-Encoding" in headers or not data:
            return self.answer(status, headers, {}), headers, data
        value = json.loads(data)
        status = self.answer(status, headers, value)
        return status, headers, json.dumps(value).encode()


def in_answers(change):
    """Changes the body of each answer to /v1/ctr."""
    def answer(status, _, body):
        if "clicks" in body:
            change(body)
        return status
    return answer


def without(body):
    body.pop("clicks", None)


def renamed(body):
    body["taps"] = body.pop("clicks")


def as_text(body):
    body["clicks"] = str(body["clicks"])


def newcomer(body):
    body["shoes"] = 2


def numbers(contract):
    return contract.root["components"]["schemas"]["Answer"]


def file_without(contract):
    del numbers(contract)["properties"]["clicks"]
    numbers(contract)["required"].remove("clicks")


def file_renamed(contract):
    numbers(contract)["properties"]["taps"] = numbers(contract)["properties"]["clicks"]
    file_without(contract)


def file_as_text(contract):
    numbers(contract)["properties"]["clicks"] = {"type": "string"}


def file_newcomer(contract):
    numbers(contract)["properties"]["shoes"] = {"type": "integer"}


def file_parameter(contract):
    contract.root["components"]["parameters"]["window"]["name"] = "span"


def file_required(contract):
    contract.root["components"]["parameters"]["window"]["required"] = True


def file_status(contract):
    del contract.root["paths"]["/v1/ctr"]["get"]["responses"]["406"]


def other_status(status, _, __):
    return 203 if status == 200 else status


def no_tag(status, headers, _):
    headers.pop("ETag", None)
    return status


def renaming(target):
    return re.sub(r"([?&])window=", r"\1span=", target)


def renaming_back(target):
    return re.sub(r"([?&])span=", r"\1window=", target)


# What, the change of requests, of answers, of the file, and what must be said; None: nothing.
ROWS = [
    ("nothing changes", None, None, None, None),
    ("a member is removed from an answer", None, in_answers(without), None, r"clicks is required and missing"),
    ("a member is removed, from the file too", None, in_answers(without), file_without,
     r"golden: .*\.clicks is gone"),
    ("a member is renamed, in the file too", None, in_answers(renamed), file_renamed,
     r"golden: .*\.clicks is gone"),
    ("a member is of another type", None, in_answers(as_text), None, r"is not integer"),
    ("a member is of another type, in the file too", None, in_answers(as_text), file_as_text,
     r"golden: .*\.clicks is string, was integer"),
    ("a member may be of another type by the file", None, None, file_as_text, r"is not string"),
    ("a member nobody wrote down", None, in_answers(newcomer), None, r"shoes is not declared"),
    ("a member is added, to the file too", None, in_answers(newcomer), file_newcomer, None),
    ("a status is added", None, other_status, None, r"-> 203: the status is not declared"),
    ("a status is taken out of the file", None, None, file_status, r"golden: .* has no 406 any more"),
    ("a parameter is renamed", renaming, None, None, r"There is no argument .*span"),
    ("a parameter is renamed in the file", None, None, file_parameter, r"takes .*'window'.*declares .*'span'"),
    ("a parameter is renamed, in the file too", renaming_back, None, file_parameter,
     r"golden: .* takes no query window any more"),
    ("a parameter is required", None, None, file_required, r"golden: .* requires query window now"),
    ("a header is lost", None, no_tag, None, r"no ETag"),
]


def run(make_check, services, path, golden):
    """Each row on a contract of its own; the last line is "N passed, N failed"."""
    failed = 0
    for what, target, answer, change, wanted in ROWS:
        contract = Contract(path)
        if change is not None:
            change(contract)
        more = {key: value for key, value in (("target", target), ("answer", answer)) if value}
        check = make_check(contract, Changed(services["live"], **more))
        moods = {**services, "small": Changed(services["small"], **more)}
        check.run(moods, ONLY)
        check.check_golden(golden, ONLY)
        found = [one for one in check.complaints if wanted and re.search(wanted, one)]
        good = bool(found) if wanted else not check.complaints
        failed += not good
        said = found or check.complaints or ["nothing"]
        print(f"{'ok' if good else 'FAILED'}: {what}: {len(check.complaints)} complaints, such as: {said[0][:150]}")
    print(f"{len(ROWS) - failed} passed, {failed} failed")
    return 1 if failed else 0
