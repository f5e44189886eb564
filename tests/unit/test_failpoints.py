"""A failpoint acts once, at the step and the time that it names, and never in production."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from synckit import failpoints
from synckit.errors import TransientError
from synckit.settings import ServerSettings, explain


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm(())


def test_unarmed_every_step_is_passed() -> None:
    failpoints.arm(())

    failpoints.hit("relay.send:before_commit")


def test_it_fails_at_the_named_time_and_only_then() -> None:
    failpoints.arm(["relay.send:before_commit=fail@2"])

    failpoints.hit("relay.send:before_commit")
    with pytest.raises(TransientError, match=r"relay\.send:before_commit"):
        failpoints.hit("relay.send:before_commit")
    failpoints.hit("relay.send:before_commit")


def test_other_steps_are_passed() -> None:
    failpoints.arm(["relay.send:before_commit=fail"])

    failpoints.hit("relay.send:after_commit")


def test_it_kills_the_process_as_a_crash_would() -> None:
    program = "from synckit import failpoints as f; f.arm(['a.b=kill']); f.hit('a.b'); print('alive')"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b""


@pytest.mark.parametrize(
    "text", ["a", "a=", "a=explode", "A=kill", "a=kill@", "a=block", "a=block:x", "=kill", "a=kill=b"]
)
def test_another_form_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ServerSettings(environment="local", failpoints=(text,))

    assert explain(refused.value)[0].startswith("PAINTBOX_FAILPOINTS: is not of the form")


def test_a_misspelt_step_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as refused:
        ServerSettings(environment="local", failpoints=("relay.lead=kill", "relay.leed=kill"))

    assert explain(refused.value) == [
        "PAINTBOX_FAILPOINTS: names relay.leed, and there is no such step: docs/reference/failpoints.md lists them"
    ]


def test_production_refuses_them() -> None:
    with pytest.raises(ValidationError) as refused:
        ServerSettings(environment="production", failpoints=("relay.lead=kill",))

    assert explain(refused.value) == [
        "PAINTBOX_FAILPOINTS is for tests: it is refused where PAINTBOX_ENVIRONMENT is production"
    ]
