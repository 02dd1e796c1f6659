"""The log in Kafka. Its modules are imported where the settings name it: aiokafka takes 6 MB of each process."""

from typing import Final

SCHEME: Final = "kafka://"
