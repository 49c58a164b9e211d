"""Answers of Kafka 4.4.0 on Java 17, recorded by running its own classes."""

import pytest

from tests.api.transforming import applied, configured
from venvoy_api import ConfigError, DataError, SourceRecord
from venvoy_api.converters import JsonConverter
from venvoy_api.transforms import InsertField, RegexRouter

# regex, replacement, topic -> the topic that Kafka's RegexRouter gives
ROUTED = (
    ("(prod|prod-eu)", "new", "prod-eu", "new-eu"),
    ("topic-(.*?)", "new-$1", "topic-suffixrest", "new-suffixrest"),
    ("topic-(.*?)", "new-$1-", "topic-suffixrest", "new--suffixrest"),
    (r"(.*)-(\d+)", "$2-$1", "a-b-12", "12-a-b"),
    (".*", "x", "abc", "x"),
    ("a|ab", "z", "ab", "zb"),
    ("(a)(b)?", "$1$2", "a", "a"),
    ("(a)|(b)", "<$2>", "a", "<>"),
    ("(?<n>a+?)b*", "${n}!", "aab", "a!ab"),
    ("a*", "z", "b", "b"),
    ("a*?", "z", "aaa", "zaaa"),
    ("x{2,}?", "q", "xxxx", "qxx"),
    (r"\w+?", "q", "abc", "qbc"),
    ("(?i)ABC|abcd", "q", "abcd", "qd"),
    ("(a|ab)(c|bcd)(d*)", "$1-$2-$3", "abcd", "a-bcd-"),
)


@pytest.mark.parametrize(("regex", "replacement", "topic", "routed"), ROUTED)
def test_a_topic_is_routed(regex: str, replacement: str, topic: str, routed: str) -> None:
    router = configured(RegexRouter(), regex=regex, replacement=replacement)
    for _ in range(2):
        assert applied(router, SourceRecord(None, None, topic, value=1)).topic == routed


@pytest.mark.parametrize("data", [b"", b" ", b"\n"])
def test_an_empty_message_is_null_without_schemas_and_no_envelope_with_them(data: bytes) -> None:
    plain, enveloped = JsonConverter(), JsonConverter()
    plain.configure({"schemas.enable": "false"})
    read = plain.to_connect_data("t", None, data)
    assert (read.schema, read.value) == (None, None)
    with pytest.raises(DataError):
        enveloped.to_connect_data("t", None, data)


@pytest.mark.parametrize("more", [{}, {"topic.field": "t"}])
def test_a_static_field_needs_its_value(more: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="No value specified for static field"):
        configured(InsertField.Value(), **{"static.field": "f"}, **more)
