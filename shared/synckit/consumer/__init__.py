"""The batch loop of every consumer: apply, record, then the offsets of exactly what was applied."""

from synckit.consumer.alarms import Alarms
from synckit.consumer.batch import Batch, Incoming
from synckit.consumer.fetching import Intake
from synckit.consumer.group import ConsumerGroup
from synckit.consumer.loop import Consumer

__all__ = ["Alarms", "Batch", "Consumer", "ConsumerGroup", "Incoming", "Intake"]
