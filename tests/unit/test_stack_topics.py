"""What `paintbox topics apply` would do about a cluster, decided without one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from paintbox.brokers import FoundTopic
from paintbox.errors import OperatorError
from paintbox.topics import FACTOR, MIN_INSYNC, PARTITIONS, Change, Kind, Replication, config, plan, replication_of
from synckit.contracts.topics import CUSTOMERS_CHANGES, TOPICS, WEBHOOKS_COMPANYCAM, WEBHOOKS_SALESFORCE, Cleanup, Topic

REPLICATION = Replication(factor=3, min_insync=2)


def a_topic(topic: Topic, **changes: Any) -> FoundTopic:
    settings = config(topic, REPLICATION)
    whole = FoundTopic(topic.name, topic.partitions, 3, config=settings, own_config=settings)
    return replace(whole, **changes)


def with_setting(topic: Topic, setting: str, value: str) -> FoundTopic:
    return a_topic(topic, config={**config(topic, REPLICATION), setting: value})


def plan_of(found: FoundTopic, topic: Topic) -> list[Change]:
    return plan([topic], {topic.name: found}, REPLICATION)


def test_a_cluster_that_is_as_defined_needs_nothing() -> None:
    found: Mapping[str, FoundTopic] = {topic.name: a_topic(topic) for topic in TOPICS}

    assert plan(TOPICS, found, REPLICATION) == []


def test_an_empty_cluster_needs_every_topic() -> None:
    changes = plan(TOPICS, {}, REPLICATION)

    assert [(change.topic, change.kind) for change in changes] == [(topic.name, Kind.CREATE) for topic in TOPICS]


def test_a_delete_topic_grows_to_its_partitions_and_may_have_more() -> None:
    fewer, more = a_topic(WEBHOOKS_SALESFORCE, partitions=2), a_topic(WEBHOOKS_SALESFORCE, partitions=24)

    assert plan_of(fewer, WEBHOOKS_SALESFORCE) == [Change(fewer.name, Kind.GROW, PARTITIONS, "2", "6")]
    assert plan_of(more, WEBHOOKS_SALESFORCE) == []


@pytest.mark.parametrize("partitions", [1, 11, 13])
def test_the_partitions_of_a_compacted_topic_are_left_to_a_person(partitions: int) -> None:
    [change] = plan_of(a_topic(CUSTOMERS_CHANGES, partitions=partitions), CUSTOMERS_CHANGES)

    assert (change.kind, change.found, change.wanted) == (Kind.DRIFT, str(partitions), "12")


def test_a_retention_that_is_too_short_is_put_right_and_a_longer_one_is_not_shortened() -> None:
    short = with_setting(WEBHOOKS_SALESFORCE, "retention.ms", "1000")
    long = with_setting(WEBHOOKS_SALESFORCE, "retention.ms", str(10**12))
    endless = with_setting(WEBHOOKS_SALESFORCE, "retention.ms", "-1")

    kinds = [plan_of(found, WEBHOOKS_SALESFORCE)[0].kind for found in (short, long, endless)]

    assert kinds == [Kind.CONFIGURE, Kind.DRIFT, Kind.DRIFT]


def test_erasures_that_go_too_soon_are_put_right_and_those_that_stay_for_longer_are_left_to_a_person() -> None:
    of_kafka = with_setting(CUSTOMERS_CHANGES, "delete.retention.ms", "86400000")
    long = with_setting(CUSTOMERS_CHANGES, "delete.retention.ms", str(10**12))

    assert [plan_of(found, CUSTOMERS_CHANGES)[0].kind for found in (of_kafka, long)] == [Kind.CONFIGURE, Kind.DRIFT]


def test_an_erasure_stays_for_as_long_as_webhooks_do() -> None:
    """Who was stopped, or put back to a backup, reads both again."""
    kept = {topic.config["delete.retention.ms"] for topic in TOPICS if topic.cleanup is Cleanup.COMPACT}

    assert kept == {WEBHOOKS_SALESFORCE.config["retention.ms"]} == {WEBHOOKS_COMPANYCAM.config["retention.ms"]}


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_compacted_topic_whose_policy_deletes_is_put_right_at_once_and_a_person_told_to_look(policy: str) -> None:
    [change] = plan_of(with_setting(CUSTOMERS_CHANGES, "cleanup.policy", policy), CUSTOMERS_CHANGES)

    assert (change.kind, change.wanted) == (Kind.CONFIGURE, "compact")
    assert "look whether keys are missing" in change.reason


def test_a_delete_topic_that_compacts_is_left_to_a_person() -> None:
    [change] = plan_of(with_setting(WEBHOOKS_SALESFORCE, "cleanup.policy", "compact"), WEBHOOKS_SALESFORCE)

    assert change.kind is Kind.DRIFT
    assert "deletes records" in change.reason


def test_the_number_of_copies_is_left_to_a_person() -> None:
    [change] = plan_of(a_topic(CUSTOMERS_CHANGES, replication=1), CUSTOMERS_CHANGES)

    assert (change.kind, change.found, change.wanted) == (Kind.DRIFT, "1", "3")


def test_the_copies_demanded_are_productions_unless_said() -> None:
    assert replication_of({}) == Replication(factor=3, min_insync=2)
    assert replication_of({FACTOR: "1", MIN_INSYNC: "1"}) == Replication(factor=1, min_insync=1)
    with pytest.raises(OperatorError, match=f"{FACTOR} is not a number of brokers"):
        replication_of({FACTOR: "many"})
