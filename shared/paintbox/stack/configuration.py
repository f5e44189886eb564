"""What the services read from the integrations database and the local stack must put there."""

import json
from collections.abc import Mapping

from paintbox.databases import Connection


async def add_outbound_messages(connection: Connection, definitions: Mapping[str, object]) -> bool:
    """Adds the Outbound Message definitions (by ActionId) to Salesforce's configuration; whether that changed it.

    Other keys, and other definitions, stay as they are.
    """
    status: str = await connection.execute(
        """
        UPDATE integrations.integration_configs
           SET config = config || jsonb_build_object(
                            'outbound_messages', COALESCE(config -> 'outbound_messages', '{}') || $1::jsonb)
         WHERE service = 'SALESFORCE'
           AND NOT COALESCE(config -> 'outbound_messages', '{}') @> $1::jsonb
        """,
        json.dumps(definitions),
    )
    return status != "UPDATE 0"
