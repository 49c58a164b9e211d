"""Configuration files as Kafka users have them."""

import json
from pathlib import Path

import pytest

from launcher.configs.properties import UnreadableConfigError, read_mapping
from manager.carried.properties import read_properties

JAVA = Path(__file__).parent / "java_properties.json"
"""Texts, odd and random, and what Java 17 made of each (`Properties.load`); null: refused."""


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
        ("c.json", '{"a": [1]}', "`a` is an array, not a string"),
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


def test_odd_properties_are_read_as_java_reads_them() -> None:
    rows = json.loads(JAVA.read_text())
    assert len(rows) == 400
    for text, wanted in rows:
        if wanted is None:
            with pytest.raises(ValueError, match="hexadecimal"):
                read_properties(text)
        else:
            assert read_properties(text) == wanted, repr(text)


def test_halves_of_a_character_are_that_character_and_one_alone_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path, "c.properties", "a=\\ud83d\\ude00\n")
    assert read_mapping(whole) == {"a": "\U0001f600"}
    half = write(tmp_path, "d.properties", "a=\\ud83d\n")
    with pytest.raises(UnreadableConfigError, match="surrogate"):
        read_mapping(half)
    with pytest.raises(UnreadableConfigError, match="surrogate"):
        read_mapping(write(tmp_path, "d.json", '{"a": "\\ud83d"}'))


@pytest.mark.parametrize(
    "number", ["1.10", "1e3", "0.00001", "-0", "1E400", "12345678901234567890.123456789", "1.50"]
)
@pytest.mark.parametrize("form", ['{"a": %s}', '{"name": "n", "config": {"a": %s}}'])
def test_a_number_in_json_keeps_its_text(tmp_path: Path, form: str, number: str) -> None:
    assert read_mapping(write(tmp_path, "c.json", form % number))["a"] == number


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', "[" * 100_000])
def test_what_json_does_not_have_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableConfigError, match=r"no JSON number|nested too deep"):
        read_mapping(write(tmp_path, "c.json", text))
