"""Faultline: a self-hosted crash-reporting pipeline."""
