"""Which keys name versions, and what a config with other versions keeps."""

import pytest

from launcher.configs.version_keys import (
    differ_in_versions_only,
    is_version_key,
    kept_locks,
    named,
    pinned,
    unused_versions,
)

BASE = {"name": "a", "connector.class": "b", "connector.version": "1.0"}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("connector.version", "connector"),
        ("connector.plugin.version", "connector"),
        ("key.converter.plugin.version", "key.converter"),
        ("transforms.a.b.plugin.version", "a.b"),
        ("predicates.p.plugin.version", "p"),
    ],
)
def test_a_version_key_names_a_plugin(key: str, name: str) -> None:
    assert is_version_key(key)
    assert named(key) == name


@pytest.mark.parametrize(
    "key", ["version", "plugin.version", "transforms.t.version", "key.converter.version", "a"]
)
def test_other_keys_are_the_plugins_own(key: str) -> None:
    assert not is_version_key(key)


@pytest.mark.parametrize(
    ("change", "only"),
    [
        ({"connector.version": "2.0"}, True),
        ({"connector.version": "2.0", "move.timeout.ms": "5"}, True),
        ({"transforms.t.plugin.version": "2.0"}, True),
        ({"move.timeout.ms": "5"}, False),
        ({"connector.version": "2.0", "tasks.max": "2"}, False),
        ({}, False),
    ],
)
def test_a_change_touches_only_versions(change: dict[str, str], only: bool) -> None:
    assert differ_in_versions_only(BASE, {**BASE, **change}) is only
    assert differ_in_versions_only({**BASE, **change}, BASE) is only


def test_a_lock_holds_while_the_key_says_so_of_one_class() -> None:
    locked = {"connector.version": "1.0", "transforms.t.plugin.version": "3.0"}
    before = {
        "connector.class": "a",
        "connector.version": "locked",
        "transforms.t.type": "T",
        "transforms.t.plugin.version": "locked",
    }
    assert kept_locks(locked, before=before, after=before) == locked
    other = {**before, "connector.version": "latest", "transforms.t.type": "U"}
    assert kept_locks(locked, before=before, after=other) == {}


def test_a_lock_holds_under_the_synonym_that_says_so_now() -> None:
    before = {"connector.class": "a", "connector.version": ">=1"}
    after = {"connector.class": "a", "connector.plugin.version": " locked "}
    locked = {"connector.version": "1.0"}
    assert kept_locks(locked, before=before, after=after) == {"connector.plugin.version": "1.0"}
    both = {**after, "connector.version": "locked"}
    assert kept_locks(locked, before=before, after=both) == {
        "connector.version": "1.0",
        "connector.plugin.version": "1.0",
    }


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        ({"key.converter.plugin.version": "7.7"}, "`key.converter`"),
        ({"key.converter.plugin.version": "7.7", "key.converter": "a.B"}, None),
        ({"transforms.t.plugin.version": "2"}, "`t` in `transforms`"),
        ({"transforms.t.plugin.version": "2", "transforms": "tt"}, "`t` in `transforms`"),
        ({"transforms.t.plugin.version": "2", "transforms": "a, t"}, None),
        ({"transforms.t.own.plugin.version": "2", "transforms": "t"}, None),
        ({"predicates.p.plugin.version": "2", "transforms": "p"}, "`p` in `predicates`"),
        (BASE, None),
    ],
)
def test_a_version_of_a_plugin_that_the_config_does_not_name_is_unused(
    config: dict[str, str], missing: str | None
) -> None:
    found = unused_versions(config)
    assert [one.missing for one in found] == ([] if missing is None else [missing])
    assert all(one.key in config for one in found)


def test_synonyms_of_the_connectors_version_are_pinned_alike() -> None:
    config = {"connector.version": ">=1", "connector.plugin.version": ">=1", "a": "b"}
    assert pinned(config, {"connector.version": "1.5"}) == {
        "connector.version": "1.5",
        "connector.plugin.version": "1.5",
        "a": "b",
    }
    assert pinned({"a": "b"}, {"connector.version": "1.5"})["connector.version"] == "1.5"
