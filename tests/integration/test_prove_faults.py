"""What the proof does to PostgreSQL harms nobody beside what it is meant to harm."""

from dataclasses import dataclass
from typing import cast

import pytest

from paintbox.databases import Database
from paintbox.prove import faults
from paintbox.prove.faults.databases import HOLD, HOT_TABLES
from paintbox.prove.rig import Rig
from support.postgres import NewDatabase, OpenSession

pytestmark = pytest.mark.database


@dataclass(frozen=True)
class Databases:
    """What these faults ask of a rig."""

    dsns: dict[Database, str]

    def dsn(self, database: Database) -> str:
        """The database as its owner."""
        return self.dsns[database]


async def test_who_holds_rows_waits_for_nobody_so_that_no_deadlock_is_of_its_making(
    new_database: NewDatabase, connect: OpenSession
) -> None:
    dsn = await new_database(None)
    product, fault = await connect(dsn), await connect(dsn, lock_timeout="1s")
    await product.execute("CREATE TABLE hot AS SELECT generate_series(1, 3) AS id")
    transaction = product.transaction()
    await transaction.start()
    await product.execute("SELECT 1 FROM hot WHERE id = 2 FOR UPDATE")

    held = await fault.fetch(HOLD.format(table="hot"))

    await transaction.rollback()
    assert len(held) == 2


async def test_a_schema_that_an_earlier_stroke_could_not_take_back_is_taken_as_it_is(new_database: NewDatabase) -> None:
    rig = cast("Rig", Databases({database: await new_database(database) for database in HOT_TABLES}))
    (release,) = faults.named(["postgres-schema"])

    heals = [await release.inject(rig, "postgres") for _ in range(2)]

    for heal in heals:
        await heal()
