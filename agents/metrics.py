"""Metrics of single agents, counted by batch, never by record; those of every role are in ``app.stream.metrics``."""

from prometheus_client import Counter

RECORDS = Counter("faultline_agent_records", "Source records by role and what became of them.", ["role", "outcome"])
DEAD_LETTERS = Counter("faultline_agent_dead_letters", "Dead letters by role and code.", ["role", "code"])
REPORT_BYTES = Counter("faultline_agent_report_bytes", "Bytes of scrubbed reports sent on, before packing.", ["role"])
EXPIRED = Counter("faultline_agent_expired_states", "Changelog records of state that expired, by role.", ["role"])
ROWS = Counter("faultline_rates_rows", "Window rows by why they were published.", ["why"])
ARCHIVED = Counter("faultline_archive_reports", "Reports that were made durable in the archive, redeliveries included.")
INDEXED = Counter("faultline_search_documents", "Documents that were made findable, redeliveries included.")
