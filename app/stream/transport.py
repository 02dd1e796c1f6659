"""The Faust transport over a log: which group its consumer is a member of is the log's own."""

from collections.abc import Callable
from typing import Any, ClassVar

from faust.transport.base import Transport as Base
from faust.types.transports import ConsumerCallback

from app.stream.consumer import Consumer as LogConsumer
from app.stream.consumer import Group as LogGroup
from app.stream.producer import Producer as LogProducer


class LogTransport(Base):
    """Consumer and producer of a log; conductor and fetcher are Faust's."""

    Consumer: ClassVar[type[LogConsumer]] = LogConsumer
    Producer: ClassVar[type[LogProducer]] = LogProducer
    Group: ClassVar[Callable[[LogConsumer], LogGroup]]

    def create_consumer(self, callback: ConsumerCallback, **kwargs: Any) -> LogConsumer:  # noqa: ANN401  Faust's signature
        """Create the consumer, a member of the log's group."""
        return self.Consumer(self, callback=callback, loop=self.loop, group=type(self).Group, **kwargs)
