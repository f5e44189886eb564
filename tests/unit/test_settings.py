"""Settings are refused by name, never by value."""

from base64 import b64encode
from typing import Any

import pytest
from pydantic import ValidationError

from customer_sync.settings import Settings
from photo_sync.settings import Settings as PhotoSettings
from synckit.names import PUBLIC_NAMES
from synckit.settings import ServerSettings, explain, load, unknown_names
from webhook_ingest import signatures
from webhook_ingest.settings import IngestSettings

SECRET = "canary-secret-of-more-than-thirty-two-bytes"
GOOD = {
    "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "PAINTBOX_CUSTOMERS_DSN": "postgresql://u:canary@127.0.0.1:5432/paintbox_customers",
    "PAINTBOX_INTEGRATIONS_DSN": "postgresql://u:canary@127.0.0.1:5432/paintbox_integrations",
    "PAINTBOX_SERVICE_TOKENS": SECRET,
}
DOORS = {
    "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "PAINTBOX_INTEGRATIONS_DSN": "postgresql://u:canary@127.0.0.1:5432/paintbox_integrations",
    "PAINTBOX_SALESFORCE_ORGANIZATION_IDS": "00D5e000000Pnt1EAC",
    "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS": SECRET,
    "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS": f"{SECRET}-new, {SECRET}-old\n",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in PUBLIC_NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def given(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


def test_lists_are_comma_separated_and_line_ends_do_not_count(environment: pytest.MonkeyPatch) -> None:
    given(environment, DOORS)

    settings = load(IngestSettings)

    assert [token.get_secret_value() for token in settings.companycam_webhook_tokens] == [
        f"{SECRET}-new",
        f"{SECRET}-old",
    ]
    assert settings.salesforce_organization_ids == ("00D5e000000Pnt1",)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"PAINTBOX_CUSTOMERS_DSN": "postgresql://u:canary@"},
            "PAINTBOX_CUSTOMERS_DSN: is not of the form",
        ),
        ({"PAINTBOX_CUSTOMERS_DSN": "mysql://u:canary@h/d"}, "PAINTBOX_CUSTOMERS_DSN"),
        ({"PAINTBOX_CUSTOMERS_DSN": "postgresql://u:canary@h:port/d"}, "PAINTBOX_CUSTOMERS_DSN"),
        ({"PAINTBOX_SERVICE_TOKENS": "canary"}, "is shorter than 32 bytes"),
        ({"PAINTBOX_SERVICE_TOKENS": "changeme"}, "is a placeholder"),
        ({"PAINTBOX_CUSTOMERS_DSN": "postgresql://u:canary@h:99999/d"}, "PAINTBOX_CUSTOMERS_DSN"),
        ({"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": ""}, "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"),
        ({"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "::canary::"}, "SERVERS: is not of the form host:port,host:port"),
        ({"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "canary:1,,b:2"}, "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"),
        ({"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "canary:99999"}, "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"),
        ({"PAINTBOX_KAFKA_BOOTSTRAP_SERVERS": "http://canary:1"}, "PAINTBOX_KAFKA_BOOTSTRAP_SERVERS"),
        ({"PAINTBOX_LISTEN": "canary"}, "PAINTBOX_LISTEN: is not of the form host:port"),
        ({"PAINTBOX_LISTEN": "canary:65536"}, "PAINTBOX_LISTEN: is not of the form host:port"),
        ({"PAINTBOX_ENVIRONMENT": "canary"}, "PAINTBOX_ENVIRONMENT: Input should be 'production' or 'local'"),
        ({"PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS": "0"}, "PAINTBOX_KAFKA_MIN_INSYNC_REPLICAS"),
    ],
)
def test_b94_b95_a_wrong_value_ends_the_process_with_its_name_and_without_itself(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], values: dict[str, str], sentence: str
) -> None:
    given(environment, GOOD | values)

    with pytest.raises(SystemExit) as ended:
        load(Settings)

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said
    assert "canary" not in said


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        (f"base64:canary{'!' * 40}", "is no base64 after base64:"),
        (f"base64:canary{'é' * 40}", "is no base64 after base64:"),
        (f"base64:{b64encode(b'canary' * 5).decode()}", "holds a key of fewer than 32 bytes"),
        (f"{SECRET},base64:canary{'A' * 40}", "is no base64 after base64:"),
    ],
    ids=["no base64", "not ascii", "30 bytes", "no padding"],
)
def test_b95_a_signing_secret_that_is_no_key_ends_the_process(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], secrets: str, sentence: str
) -> None:
    given(environment, DOORS | {"PAINTBOX_SALESFORCE_WEBHOOK_SECRETS": secrets})

    with pytest.raises(SystemExit) as ended:
        load(IngestSettings)

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said == f"error: PAINTBOX_SALESFORCE_WEBHOOK_SECRETS: {sentence}\n"


def test_a_signing_secret_of_32_bytes_in_base64_is_taken(environment: pytest.MonkeyPatch) -> None:
    key = bytes(range(32))
    given(environment, DOORS | {"PAINTBOX_SALESFORCE_WEBHOOK_SECRETS": f"base64:{b64encode(key).decode()}"})

    (secret,) = load(IngestSettings).salesforce_webhook_secrets

    assert signatures.key(secret) == key


@pytest.mark.parametrize("empty", ["", " , "])
@pytest.mark.parametrize(
    ("kind", "good", "name"),
    [
        (Settings, GOOD, "PAINTBOX_SERVICE_TOKENS"),
        (PhotoSettings, GOOD, "PAINTBOX_SERVICE_TOKENS"),
        (IngestSettings, DOORS, "PAINTBOX_SALESFORCE_ORGANIZATION_IDS"),
        (IngestSettings, DOORS, "PAINTBOX_SALESFORCE_ENDPOINT_TOKENS"),
        (IngestSettings, DOORS, "PAINTBOX_COMPANYCAM_WEBHOOK_TOKENS"),
    ],
)
def test_b94_a_list_that_must_hold_something_is_not_empty(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: type[ServerSettings],
    good: dict[str, str],
    name: str,
    empty: str,
) -> None:
    given(environment, good | {name: empty})

    with pytest.raises(SystemExit) as ended:
        load(kind)

    assert ended.value.code == 2
    assert f"error: {name}: is empty\n" in capsys.readouterr().err


def test_every_missing_setting_is_named(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(environment, {})

    with pytest.raises(SystemExit):
        load(Settings)

    said = capsys.readouterr().err
    assert all(f"error: {name}: Field required" in said for name in GOOD)


def test_b97_a_name_that_nothing_reads_is_warned_about(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(environment, GOOD | {"PAINTBOX_SERVICE_TOKEN": SECRET})

    load(Settings)

    assert capsys.readouterr().err == "warning: PAINTBOX_SERVICE_TOKEN is read by nothing: is it misspelt?\n"
    assert unknown_names([*PUBLIC_NAMES, "PATH"]) == []


def test_an_explanation_never_holds_what_was_given() -> None:
    wrong: dict[str, Any] = {"customers_dsn": "canary", "service_tokens": ("canary",)}

    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(wrong)

    assert "canary" not in str(refused.value)
    assert "canary" not in " ".join(explain(refused.value))
