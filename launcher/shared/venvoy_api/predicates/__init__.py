"""The predicates that come with the API; every host has them."""

from __future__ import annotations

from venvoy_api.predicates.has_header_key import HasHeaderKey
from venvoy_api.predicates.record_is_tombstone import RecordIsTombstone
from venvoy_api.predicates.topic_name_matches import TopicNameMatches

__all__ = ["HasHeaderKey", "RecordIsTombstone", "TopicNameMatches"]
