"""A consumer of the operator's commands is ended also where it does not start: nothing of it is left behind."""

import gc

import pytest
from aiokafka.errors import KafkaConnectionError

from paintbox.brokers import outsider


async def test_a_consumer_that_does_not_start_is_ended() -> None:
    """aiokafka warns of one that was not, whenever it is collected: an error in these tests."""
    with pytest.raises(KafkaConnectionError):
        async with outsider("127.0.0.1:1"):
            pass

    gc.collect()
