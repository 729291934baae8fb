#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints, for `promtool test rules`, a test of each alert: with the series that are wrong it fires in
time and not before, and with those of a healthy service nothing fires.

    make_alert_tests.py RULES
"""
import json
import re
import sys

INSTANCE = {"job": "livectr", "instance": "a:8081"}
# A healthy service, a sample a minute for three hours.
HEALTHY = {
    'up{}': "1x180", 'livectr_state{state="live"}': "1x180", 'livectr_state{state="stale"}': "0x180",
    'livectr_state{state="starting"}': "0x180", 'livectr_lag_seconds{}': "0.6x180",
    'livectr_partition_state{topic="t",partition="0",state="reading"}': "1x180",
    'livectr_partition_state{topic="t",partition="0",state="gone"}': "0x180",
    'livectr_partition_lost_total{topic="t",partition="0"}': "7x180", 'livectr_persisting{}': "1x180",
    'livectr_snapshot_age_seconds{}': "9x180", 'livectr_snapshot_files_damaged_total{}': "1x180",
    'livectr_history_lost_total{}': "0x180", 'livectr_thread_silence_seconds{thread="ingest"}': "0.1x180",
    'livectr_keys{level="page"}': "400x180", 'livectr_keys{level="placement"}': "400x180",
    'livectr_keys_limit{}': "1000x180", 'livectr_people_pairs{}': "10x180", 'livectr_people_limit{}': "100x180",
    'livectr_ids{}': "10x180", 'livectr_ids_limit{}': "100x180",
    'livectr_partition_read_total{topic="t",partition="0"}': "0+6000x180",
    'livectr_partition_malformed_total{topic="t",partition="0"}': "0+6x180",
    'livectr_partition_late_total{topic="t",partition="0"}': "0+6x180", 'livectr_http_shed_total{}': "3x180",
    'livectr_http_turned_away_total{}': "3x180", 'livectr_tls_certificate_expiry_seconds{}': "9999999x180",
    'livectr_tls_certificate_current{}': "1x180", 'livectr_tokens_current{}': "1x180",
    'livectr_unguarded{}': "0x180", 'livectr_handover_differs_total{}': "0x180",
}
# alert: [(what changes, its other labels, quiet so far at minute, firing at minute)], all from minute 60 on.
WRONG = {
    "LivectrDown": [({'up{}': "1x59 0x120"}, {}, 60, 61)],
    "LivectrNotLive": [({'livectr_state{state="live"}': "1x59 0x120", 'livectr_state{state="stale"}': "0x59 1x120"},
                        {}, 61, 62)],
    "LivectrBehind": [({'livectr_lag_seconds{}': "0.6x59 61x120"}, {}, 69, 70)],
    "LivectrPartitionStuck": [({'livectr_partition_state{topic="t",partition="0",state="gone"}': "0x59 1x120"},
                               {"topic": "t", "partition": "0", "state": "gone"}, 61, 62)],
    "LivectrRecordsLost": [({'livectr_partition_lost_total{topic="t",partition="0"}': "7x59 20x120"}, {}, 59, 62)],
    "LivectrNotSaving": [({'livectr_persisting{}': "1x59 0x120"}, {}, 61, 62),
                         ({'livectr_snapshot_age_seconds{}': "9x59 400x120"}, {}, 61, 62)],
    "LivectrSnapshotDamaged": [({'livectr_snapshot_files_damaged_total{}': "1x59 2x120"}, {}, 59, 62),
                               ({'livectr_history_lost_total{}': "0x59 1x120"}, {}, 59, 62)],
    "LivectrThreadHangs": [({'livectr_thread_silence_seconds{thread="ingest"}': "0.1x59 31x120"},
                            {"thread": "ingest"}, 60, 61)],
    "LivectrLimitNear": [({'livectr_keys{level="page"}': "400x59 501x120"}, {}, 69, 70),
                         ({'livectr_people_pairs{}': "10x59 91x120"}, {}, 69, 70),
                         ({'livectr_ids{}': "10x59 91x120"}, {}, 69, 70)],
    "LivectrMalformed": [({'livectr_partition_malformed_total{topic="t",partition="0"}': "0+100x180"}, {}, 5, 60)],
    "LivectrLate": [({'livectr_partition_late_total{topic="t",partition="0"}': "0+100x180"}, {}, 5, 60)],
    "LivectrRefuses": [({'livectr_http_shed_total{}': "0+9x180"}, {}, 4, 60),
                       ({'livectr_http_turned_away_total{}': "0+9x180"}, {}, 4, 60)],
    "LivectrCertificate": [({'livectr_tls_certificate_expiry_seconds{}': "600000x180"}, {}, 9, 60),
                           ({'livectr_tls_certificate_current{}': "1x59 0x120"}, {}, 69, 70),
                           ({'livectr_tokens_current{}': "1x59 0x120"}, {}, 69, 70)],
    "LivectrUnguarded": [({'livectr_unguarded{}': "0x59 1x120"}, {}, 69, 70)],
    "LivectrHandoverDiffers": [({'livectr_handover_differs_total{}': "0x59 1x120"}, {}, 59, 62)],
}


def series(changes):
    unknown = set(changes) - set(HEALTHY)
    if unknown:
        raise SystemExit(f"not among the healthy: {unknown}")
    named = ",".join(f'{name}="{value}"' for name, value in INSTANCE.items())
    found = []
    for name, values in {**HEALTHY, **changes}.items():
        family, labels = name[:-1].split("{")
        found.append({"series": f"{family}{{{','.join(filter(None, (labels, named)))}}}", "values": values})
    return found


def words(text, labels):
    """As Prometheus fills them in."""
    text = text.replace("{{ $value | humanizeDuration }}", "1m 1s")
    return re.sub(r"{{ \$labels\.(\w+) }}", lambda match: labels[match[1]], text)


def case(rules, changes, alert, minute, labels):
    """`alert` fires at the minute, with labels; all others do not. labels None: it does not either."""
    tests = []
    for name, (severity, summary, runbook) in rules.items():
        one = {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
        if name == alert and labels is not None:
            all_labels = {"severity": severity, **INSTANCE, **labels}
            one["exp_alerts"] = [{"exp_labels": all_labels, "exp_annotations": {
                "summary": words(summary, all_labels), "runbook": runbook}}]
        tests.append(one)
    return {"interval": "1m", "input_series": series(changes), "alert_rule_test": tests}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    rules = {name: (severity, summary, runbook) for name, severity, summary, runbook in re.findall(
        r'- alert: (\w+)\n.*?severity: (\w+)}.*?summary: "([^"]+)"\s+runbook: (\S+)', text, re.S)}
    if set(rules) != set(WRONG) or len(rules) != text.count("alert: "):
        raise SystemExit(f"alerts without a test, or tests without an alert: {set(rules) ^ set(WRONG)}")
    tests = [case(rules, {}, None, 120, None)]
    for alert, ways in WRONG.items():
        for changes, labels, quiet, firing in ways:
            tests.append(case(rules, changes, alert, quiet, None))
            tests.append(case(rules, changes, alert, firing, labels))
    json.dump({"rule_files": [sys.argv[1]], "evaluation_interval": "1m", "tests": tests}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
