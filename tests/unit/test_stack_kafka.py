"""What the stack's broker is started with."""

from dataclasses import replace
from pathlib import Path

from paintbox.stack import kafka
from paintbox.stack.kafka import Broker


def a_broker(folder: Path) -> Broker:
    return Broker(libraries=folder / "libs", templates=folder, folder=folder, port=1, controller_port=2)


def test_a_brief_broker_compiles_once_and_a_lasting_one_as_java_does(tmp_path: Path) -> None:
    brief = a_broker(tmp_path)

    assert set(kafka.BRIEF) < set(kafka.arguments(brief))
    assert not set(kafka.BRIEF) & set(kafka.arguments(replace(brief, options=())))


def test_the_archive_of_classes_is_used_once_it_is_there(tmp_path: Path) -> None:
    broker, option = a_broker(tmp_path), f"-XX:SharedArchiveFile={tmp_path / 'classes.jsa'}"
    before = kafka.arguments(broker)

    (tmp_path / "classes.jsa").touch()

    assert option not in before
    assert option in kafka.arguments(broker)
