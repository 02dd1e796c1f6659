"""The Faust transport over the log in PostgreSQL: ``pglog://`` (entry point ``faust.transports``)."""

from typing import ClassVar

from faust.transport.base import Transport as Base

from app.log.transport_consumer import Consumer
from app.log.transport_producer import Producer


class Transport(Base):
    """Consumer and producer of the PostgreSQL log; conductor and fetcher are Faust's."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
    driver_version = "pglog"
    default_port = 5432
