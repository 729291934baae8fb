# SPDX-License-Identifier: Apache-2.0
"""What the source as a whole suffers from has a name, and goes away by itself."""

from __future__ import annotations

from kit.client import Refused
from kit.kafka import Record, event
from kit.service import Service
from kit.wait import NeverHappened, now_ms
from kit.world import Scene


def refused(service: Service) -> bool:
    try:
        service.client.ctr((None, None), "10m")
    except Refused as error:
        return error.status == 503
    return False


def run(scene: Scene) -> None:
    """Wrong logins, names, protocols and topics are each called by their name; none ends the process."""
    checks, kafka = scene.checks, scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    kafka.produce([Record(topic, 0, -1, event("view", now_ms(), "p"))])
    shared = {"topics": topic, "windows": "10m", "start": "earliest"}
    cases = {
        "auth_failed": {"brokers": kafka.bootstrap, "kafka__security__protocol": "SASL_PLAINTEXT",
                        "kafka__sasl__mechanisms": "PLAIN", "kafka__sasl__username": "nobody",
                        "kafka__sasl__password": "wrong"},
        "dns": {"brokers": "no-such-host.invalid:9092"},
        "brokers_down": {"brokers": "127.0.0.1:1"},
        "tls_failed": {"brokers": kafka.bootstrap, "kafka__security__protocol": "SSL"},
        "topic_missing": {"brokers": kafka.bootstrap, "topics": topic + ".none"},
    }
    services = {state: scene.service(state, **{**shared, **settings}).start()
                for state, settings in cases.items()}
    for state, service in services.items():
        begun = now_ms()
        status = service.await_status(f"source {state}",
                                      lambda now, state=state: now["source"]["state"] == state)
        checks.figure(f"{state}_after_ms", now_ms() - begun)
        checks.true(f"{state}: says more in words", status["source"]["error"])
        checks.equal(f"{state}: no numbers yet", refused(service), True)
        checks.true(f"{state}: metric",
                    f'livectr_source_state{{state="{state}"}} 1' in service.client.request("GET", "/metrics").body.decode())
    kafka.create(topic + ".none", 1)
    services["topic_missing"].await_status("well once the topic is there",
                                           lambda now: now["source"]["state"] == "reading")
    for state, service in services.items():
        checks.equal(f"{state}: exit code", service.terminate(), 0)


def broker_gone(scene: Scene) -> None:
    """A broker that stops answering is named, whatever is asked is answered, and it goes back."""
    checks = scene.checks
    kafka = scene.world.kafka()
    topic = scene.topic("events")
    kafka.create(topic, 1)
    service = scene.service(brokers=kafka.bootstrap, topics=topic, windows="10m",
                            start="earliest").start()
    kafka.produce([Record(topic, 0, -1, event("view", now_ms(), "p"))])
    service.await_read(1)
    kafka.suspend(1)
    try:
        service.await_status("brokers_down",
                             lambda now: now["source"]["state"] == "brokers_down")
        checks.equal("answers go on", service.client.ctr((None, None), "10m")["impressions"], 1)
    except NeverHappened:
        kafka.resume(1)
        raise
    kafka.resume(1)
    service.await_status("reading again", lambda now: now["source"]["state"] == "reading")
    kafka.produce([Record(topic, 0, -1, event("view", now_ms(), "p"))])
    status = service.await_read(2)
    checks.equal("nothing lost", (status["partitions"][0]["lost"],
                                  status["partitions"][0]["redelivered"]), (0, 0))
