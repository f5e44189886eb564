"""The cluster's databases and login roles: made once, owned by one role, entered by each service under its own."""

from collections.abc import Mapping
from typing import Final

import asyncpg

from paintbox.databases import Connection, Database, create_database

OWNER_RIGHTS: Final = "CREATEROLE"
"""Migrations make the group roles, so who migrates must be able to."""


async def create_databases(admin: Connection, names: Mapping[Database, str], owner: str, password: str) -> bool:
    """Makes the owner role and the databases where they are missing; whether anything was. `admin` is a superuser."""
    made = [await create_login(admin, owner, password, OWNER_RIGHTS)]
    made += [await create_database(admin, name, owner) for name in names.values()]
    return any(made)


async def create_login(admin: Connection, role: str, password: str, rights: str = "") -> bool:
    """Makes a login role where it is missing; whether it was. Another's statement is never put together in Python."""
    if await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        return False
    statement: str = await admin.fetchval(
        "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L ', $1::text, $2::text)", role, password
    )
    try:
        await admin.execute(statement + rights)
    except asyncpg.DuplicateObjectError:
        return False
    return True


async def create_logins(admin: Connection, logins: Mapping[str, str], passwords: Mapping[str, str]) -> bool:
    """Makes each login role where it is missing and puts it into its group, which exists; whether anything changed."""
    changed = []
    for login, group in logins.items():
        changed.append(await create_login(admin, login, passwords[login]))
        if not await admin.fetchval("SELECT pg_has_role($1::name, $2::name, 'MEMBER')", login, group):
            statement: str = await admin.fetchval("SELECT format('GRANT %I TO %I', $1::text, $2::text)", group, login)
            await admin.execute(statement)
            changed.append(True)
    return any(changed)
