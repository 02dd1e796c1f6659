"""The Prometheus metrics of API and pages."""

from prometheus_client import Counter, Gauge

ANSWERS = Counter("faultline_web_answers", "Answers of the API and the pages.", ["route", "status"])
WATCHERS = Gauge("faultline_web_watchers", "Browsers and scripts that follow a project live.")
