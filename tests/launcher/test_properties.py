"""Configuration files as Kafka users have them."""

from pathlib import Path

import pytest

from launcher.configs.properties import UnreadableConfigError, read_mapping


def write(tmp_path: Path, name: str, text: str | bytes) -> Path:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_properties_mean_what_they_mean_in_java(tmp_path: Path) -> None:
    text = (
        "# a comment\n! another\nname = source \nconnector.class:CsvSource\n"
        "topics=a,\\\n   b\npath=C\\:\\\\data\nunicode=\\u00e9é\nempty=\nspaced key\n"
    )
    assert read_mapping(write(tmp_path, "c.properties", text)) == {
        "name": "source",
        "connector.class": "CsvSource",
        "topics": "a,b",
        "path": "C:\\data",
        "unicode": "éé",
        "empty": "",
        "spaced": "key",
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "s", "config": {"tasks.max": 2, "flag": true, "ratio": 0.5, "k": "v"}}',
        '{"name": "s", "tasks.max": "2", "flag": "true", "ratio": "0.5", "k": "v"}',
    ],
)
def test_json_may_be_flat_or_kafka_connects_request_body(tmp_path: Path, text: str) -> None:
    assert read_mapping(write(tmp_path, "c.json", text)) == {
        "name": "s",
        "tasks.max": "2",
        "flag": "true",
        "ratio": "0.5",
        "k": "v",
    }


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("c.json", "{", "Expecting property name"),
        ("c.json", "[1]", "it holds no JSON object"),
        ("c.json", '{"a": null}', "`a` is null"),
        ("c.json", '{"a": [1]}', "`a` is list, not a string"),
        ("c.properties", b"a=\xff", "it is not UTF-8"),
        ("c.properties", "a=\\uZZZZ", "u"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_file(
    tmp_path: Path, name: str, text: str | bytes, reason: str
) -> None:
    file = write(tmp_path, name, text)
    with pytest.raises(UnreadableConfigError) as raised:
        read_mapping(file)
    assert str(file) in raised.value.message
    assert reason in raised.value.message
    assert raised.value.hint


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableConfigError, match="no such file"):
        read_mapping(tmp_path / "nowhere.properties")
