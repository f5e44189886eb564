"""What the stack's files say, to whom, and how they are read back."""

import ast
import inspect
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import customer_sync.app
import photo_sync.app
import webhook_ingest.log.app
from paintbox.databases import Database
from paintbox.environment import SERVERS, operator_environment, parse, render, require
from paintbox.errors import OperatorError
from paintbox.stack.environments import KEPT_SECRETS, LOGINS, PORTS, SECRETS, URLS, Uses, private, public
from paintbox.stack.kept import Kept
from paintbox.stack.services import SERVICES, SIMULATORS
from paintbox.stack.subscriptions import companycam_subscription, is_moved, salesforce_subscriptions
from paintbox.status.lag import READERS
from synckit.contracts import topics
from synckit.names import PUBLIC_NAMES

KEPT = Kept(ports={name: 20_000 + index for index, name in enumerate(PORTS)}).with_secrets(KEPT_SECRETS)
NAMES = st.from_regex(r"PAINTBOX_[A-Z_]{1,20}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]))


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_written_is_read_back_whatever_it_holds(values: dict[str, str]) -> None:
    assert parse(render(values)) == values


def test_a_file_that_a_person_wrote_is_read_as_a_shell_reads_it() -> None:
    text = "# a comment\n\nPAINTBOX_A=plain\nPAINTBOX_B=\"it's\" # because\nPAINTBOX_C=''\n"

    assert parse(text) == {"PAINTBOX_A": "plain", "PAINTBOX_B": "it's", "PAINTBOX_C": ""}


def test_the_operators_file_has_only_names_that_something_reads() -> None:
    assert public(KEPT).keys() <= set(PUBLIC_NAMES)


def test_every_secret_has_at_least_32_bytes_and_is_chosen_once() -> None:
    assert all(len(secret) >= 32 for secret in KEPT.secrets.values())
    assert len(set(KEPT.secrets.values())) == len(KEPT_SECRETS)
    assert KEPT.with_secrets(KEPT_SECRETS) == KEPT


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_is_given_its_own_login_and_no_secret_that_is_not_its_own(service: object) -> None:
    assert isinstance(service, type(SERVICES[0]))
    given_values = private(KEPT, service.name, service.uses)
    text = render(given_values)

    theirs = {service.uses.login, *(SECRETS[name] for name in service.uses.names if name in SECRETS)}
    others = [secret for name, secret in KEPT.secrets.items() if name not in theirs]
    assert not [secret for secret in others if secret in text]
    dsns = {name: value for name, value in given_values.items() if name.endswith("_DSN")}
    assert dsns.keys() == {database.dsn_name for database in service.uses.databases}
    assert all(f"//{service.uses.login}:" in dsn for dsn in dsns.values())
    assert given_values["PAINTBOX_LISTEN"] == f"127.0.0.1:{KEPT.ports[service.name]}"
    assert given_values["PAINTBOX_ENVIRONMENT"] == "local"


def test_a_simulator_is_given_no_secret_at_all() -> None:
    for simulator in SIMULATORS:
        text = render(private(KEPT, simulator.name, simulator.uses))

        assert not [secret for secret in KEPT.secrets.values() if secret in text]


def test_every_login_has_a_service_and_every_process_a_url() -> None:
    assert {service.uses.login for service in SERVICES} == LOGINS.keys()
    assert {service.name for service in (*SERVICES, *SIMULATORS)} <= URLS.keys()


def test_a_process_uses_only_names_that_are_public() -> None:
    with pytest.raises(KeyError):
        private(KEPT, "photo-sync", Uses(databases=(Database.PROJECTS,), names=("PAINTBOX_MISSPELT",)))


def test_what_is_not_set_is_named() -> None:
    with pytest.raises(OperatorError, match=r"^not set: PAINTBOX_B, PAINTBOX_C\. "):
        require({"PAINTBOX_A": "1", "PAINTBOX_B": ""}, "PAINTBOX_A", "PAINTBOX_B", "PAINTBOX_C")


def test_brokers_that_are_none_are_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVERS, "::bad::")

    with pytest.raises(OperatorError, match="SERVERS: is not of the form host:port,host:port"):
        operator_environment()


def test_a_subscription_moves_with_the_door_and_a_persons_own_stays() -> None:
    names = public(KEPT)
    before = {**names, "PAINTBOX_INGEST_URL": "http://127.0.0.1:1"}

    for wanted in [*salesforce_subscriptions(names), companycam_subscription(names)]:
        assert not is_moved(wanted, wanted)
        assert not is_moved({**wanted, "url": "http://127.0.0.1:1/mine"}, wanted)
    for old, new in zip(salesforce_subscriptions(before), salesforce_subscriptions(names), strict=True):
        assert is_moved(old, new)
    mine = {**companycam_subscription(before), "token": "my own"}
    assert is_moved(companycam_subscription(before), companycam_subscription(names))
    assert not is_moved(mine, companycam_subscription(names))


@pytest.mark.parametrize(
    ("app", "group"),
    [(customer_sync.app, "customer-sync"), (photo_sync.app, "photo-sync"), (webhook_ingest.log.app, "webhook-log")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_status_knows_what_each_group_reads(app: ModuleType, group: str) -> None:
    called = [node for node in ast.walk(ast.parse(inspect.getsource(app))) if isinstance(node, ast.Call)]
    consumers = [node for node in called if isinstance(node.func, ast.Name) and node.func.id == "Consumer"]
    read = [getattr(topics, node.args[0].attr) for node in consumers if isinstance(node.args[0], ast.Attribute)]

    assert group == app.NAME
    assert {topic.name for topic in READERS[group]} == {topic.name for topic in read}
    assert len(READERS[group]) == len(read)
