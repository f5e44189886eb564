"""Both simulators of a running stack, steered as a user steers them, and the rows that are expected of them."""

from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from support.local_stack import LocalStack
from support.waiting import until


class Vendors:
    """Both simulators, and the databases in which their records are expected."""

    def __init__(self, stack: LocalStack, http: httpx.AsyncClient, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self._stack = stack
        self._http = http
        self.tag = uuid4().hex[:8]

    async def post(self, vendor: str, path: str, body: Any) -> Any:
        answer = await self._http.post(f"{self._stack[vendor]}/_simulator/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def patch(self, vendor: str, path: str, body: Any) -> None:
        answer = await self._http.patch(f"{self._stack[vendor]}/_simulator/{path}", json=body)
        assert answer.is_success, answer.text

    async def delete(self, vendor: str, path: str) -> None:
        answer = await self._http.delete(f"{self._stack[vendor]}/_simulator/{path}")
        assert answer.is_success, answer.text

    async def faults(self, **faults: Any) -> None:
        for vendor in ("SALESFORCE_URL", "COMPANYCAM_URL"):
            answer = await self._http.put(f"{self._stack[vendor]}/_simulator/faults", json=faults)
            assert answer.is_success, answer.text

    async def heal(self) -> None:
        """No faults any more."""
        for vendor in ("SALESFORCE_URL", "COMPANYCAM_URL"):
            await self._http.delete(f"{self._stack[vendor]}/_simulator/faults")

    async def row(self, database: str, query: str, *parameters: object) -> dict[str, Any]:
        """The only row of a query that, once it is there, has no column false: wait for it."""
        connection = await asyncpg.connect(self._stack[f"{database}_DSN"])
        try:
            return dict(await until(lambda: connection.fetchrow(query, *parameters), self.seconds))
        finally:
            await connection.close()

    async def contact(self, **fields: Any) -> str:
        given = {"LastName": "Hunting", "Email": f"{self.tag}@example.com"} | fields
        record = await self.post("SALESFORCE_URL", "records/Contact", given)
        return str(record["Id"])

    async def project(self, **fields: Any) -> str:
        given = {"name": f"Fence {self.tag}", "primary_contact": {"email": f"{self.tag}@EXAMPLE.com"}} | fields
        record = await self.post("COMPANYCAM_URL", "records/projects", given)
        return str(record["id"])

    async def photo(self, project: str, **fields: Any) -> str:
        record = await self.post("COMPANYCAM_URL", "records/photos", {"project_id": project} | fields)
        return str(record["id"])
