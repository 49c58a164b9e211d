"""Rules over several keys of the framework, which sources and sinks have in Kafka Connect."""

import re
from collections.abc import Mapping

from launcher.validation.draft import Draft

__all__ = ["check_sink", "check_source"]

_DEAD_LETTERS = "errors.deadletterqueue.topic.name"
_SUPPORT = "exactly.once.support"
_BOUNDARY = "transaction.boundary"


def check_sink(draft: Draft) -> None:
    """A sink reads `topics` or `topics.regex`, and never its own dead letters."""
    config = draft.config
    topics = [one.strip() for one in config.get("topics", "").split(",") if one.strip()]
    regex = config.get("topics.regex", "").strip()
    dead_letters = config.get(_DEAD_LETTERS, "").strip()
    if bool(topics) == bool(regex):
        text = "Must configure one of topics or topics.regex"
        if topics:
            text = "topics and topics.regex are mutually exclusive options, but both are set."
        for key in ("topics", "topics.regex"):
            draft.fault(key, text)
    if dead_letters in topics:
        draft.fault(
            "topics",
            f"The DLQ topic '{dead_letters}' may not be included in the list of topics "
            f"('topics=[{', '.join(topics)}]') consumed by the connector",
        )
    if dead_letters and regex and _matches(regex, dead_letters):
        draft.fault(
            "topics.regex",
            f"The DLQ topic '{dead_letters}' may not be included in the regex matching the "
            f"topics ('topics.regex={regex}') consumed by the connector",
        )


def check_source(draft: Draft, answers: Mapping[str, str | None]) -> None:
    """A source that must deliver exactly once has to say that it can."""
    if draft.config.get(_BOUNDARY, "").strip().lower() == "connector":
        draft.fault(
            _BOUNDARY,
            "The worker does not support connector-defined transaction boundaries: it stores what "
            "one call of poll returns, with its offsets, as one transaction. Please reconfigure "
            "the connector to use the value poll.",
        )
    if "exactly_once" not in answers:
        return
    support = answers["exactly_once"]
    if support is None:
        draft.fault(
            _SUPPORT,
            "The connector does not implement the API required for preflight validation of "
            "exactly-once source support. Please consult the documentation for the connector to "
            "determine whether it supports exactly-once semantics, and then consider "
            'reconfiguring the connector to use the value "requested" for this property (which '
            "will disable this preflight check and allow the connector to be created).",
        )
    elif support != "supported":
        draft.fault(
            _SUPPORT,
            "The connector does not support exactly-once semantics with the provided "
            "configuration.",
        )


def _matches(regex: str, topic: str) -> bool:
    try:
        return re.fullmatch(regex, topic) is not None
    except re.error:  # the key's own check tells it
        return False
