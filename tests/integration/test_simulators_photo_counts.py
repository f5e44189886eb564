"""CompanyCam's simulator counts a project's photos whenever it tells of the project: that must stay cheap."""

from pathlib import Path

from simulators import storage
from simulators.companycam import store
from simulators.records import Record, upsert_records


def a_photo(number: int, project: str, *, deleted: bool = False) -> Record:
    return Record("photos", str(number), {"project_id": project}, stamped=0, deleted=deleted)


def test_counting_a_projects_photos_looks_at_no_other_photo(tmp_path: Path) -> None:
    connection = storage.open_file(tmp_path / "companycam.sqlite3", store.SCHEMA)
    others = [a_photo(number, "2") for number in range(5_000)]
    ours = [a_photo(10_000, "1"), a_photo(10_001, "1"), a_photo(10_002, "1", deleted=True)]
    upsert_records(connection, [*others, *ours])
    hundreds_of_steps = 0

    def note() -> None:
        nonlocal hundreds_of_steps
        hundreds_of_steps += 1

    connection.set_progress_handler(note, 100)
    counted = store.count_photos(connection, ["1", "3"])
    connection.close()

    assert counted == {"1": 2}
    assert hundreds_of_steps < 10
