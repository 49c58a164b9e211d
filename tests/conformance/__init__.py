"""Kafka Connect's own isolation tests, each under its id; README.md lists every row."""
