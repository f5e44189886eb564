"""What a stack consists of: how its processes are called, what they are told, and in which order they stop."""

import pytest

from paintbox.stack.edge import render
from paintbox.stack.environments import KEPT_SECRETS, URLS, port_names, private, public
from paintbox.stack.kept import Kept
from paintbox.stack.layout import Layout, replicas, service_of, surplus
from paintbox.stack.parts import EVERY_PART, PARTS, parts_of
from paintbox.stack.services import SERVICES, services_of
from paintbox.stack.subscriptions import by_turns, companycam_subscription, salesforce_subscriptions

TWICE = Layout(replicas=2)
RIG = Layout(replicas=2, edge=True, proxies=True)


def kept_of(layout: Layout) -> Kept:
    ports = {name: 20_000 + index for index, name in enumerate(port_names(layout))}
    return Kept(ports=ports, layout=layout).with_secrets(KEPT_SECRETS)


def test_a_replica_is_named_after_its_service_and_found_again() -> None:
    assert replicas("customer-sync", TWICE) == ["customer-sync", "customer-sync-2"]
    assert service_of("customer-sync-2") == "customer-sync"
    assert service_of("proxy-kafka") == "proxy-kafka"


def test_replicas_above_the_number_are_surplus_and_nothing_else_is() -> None:
    names = ["kafka", "proxy-kafka", "photo-sync", "photo-sync-2", "photo-sync-3"]

    assert surplus(names, TWICE) == ["photo-sync-3"]
    assert surplus(names, Layout()) == ["photo-sync-2", "photo-sync-3"]


def test_the_plain_stack_has_each_service_once_and_no_edge_and_no_proxy() -> None:
    names = {part.name for part in PARTS}

    assert names == {part.name for part in parts_of(Layout())}
    assert not names & {"edge", "proxy-postgres", "proxy-kafka", "customer-sync-2"}


def test_each_replica_listens_at_its_own_port_and_shares_everything_else() -> None:
    kept = kept_of(TWICE)

    for service in SERVICES:
        first, second = (private(kept, name, service.uses) for name in replicas(service.name, TWICE))
        assert first.pop("PAINTBOX_LISTEN") != second.pop("PAINTBOX_LISTEN")
        assert first == second


def test_services_of_a_rig_reach_both_servers_through_the_proxies_alone_and_the_operator_goes_past_them() -> None:
    kept = kept_of(RIG)
    operators = public(kept)

    for service in services_of(RIG):
        text = str(private(kept, service.name, service.uses))
        assert f":{kept.ports['proxy-postgres']}/" in text
        assert f"127.0.0.1:{kept.ports['proxy-kafka']}" in text
        assert f":{kept.ports['postgres']}/" not in text
    assert f":{kept.ports['postgres']}/" in operators["PAINTBOX_CUSTOMERS_DSN"]
    assert operators["PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"] == f"127.0.0.1:{kept.ports['kafka']}"
    assert operators[URLS["webhook-ingest"]] == f"http://127.0.0.1:{kept.ports['edge']}"


def test_proxies_stop_after_the_services_that_need_them_and_before_their_servers() -> None:
    stopped = [part.name for part in reversed(EVERY_PART)]

    for service in ("webhook-ingest-2", "webhook-log", "photo-sync-9"):
        assert stopped.index("edge") < stopped.index(service) < stopped.index("proxy-kafka")
    assert stopped.index("proxy-postgres") < stopped.index("postgres")


def test_subscriptions_take_turns_at_the_doors_and_keep_their_paths() -> None:
    names = public(kept_of(TWICE))
    wanted = [*salesforce_subscriptions(names), companycam_subscription(names)]

    turns = by_turns(wanted, ["http://127.0.0.1:1", "http://127.0.0.1:2"])

    assert [content["url"].split("/")[2] for content in turns[:3]] == ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]
    assert [content["url"].split("/", 3)[3] for content in turns] == [
        content["url"].split("/", 3)[3] for content in wanted
    ]


@pytest.mark.parametrize("layout", [Layout(), RIG], ids=["plain", "rig"])
def test_a_part_needs_only_what_comes_before_it(layout: Layout) -> None:
    before: set[str] = set()
    for part in parts_of(layout):
        assert set(part.needs) <= before
        before.add(part.name)


def test_the_edge_is_told_every_door_and_nothing_is_left_to_fill_in() -> None:
    text = render("%%user%%\nlisten %%listen%%;\n%%doors%%", listen="127.0.0.1:1", doors=["a:2", "b:3"])

    assert text.count("server a:2 ") == text.count("server b:3 ") == 2
    assert text.count(" backup;") == 2
    assert "%%" not in text
