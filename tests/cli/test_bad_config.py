"""Malformed worker and connector configs, through the command line: everything wrong at once."""

from pathlib import Path

import pytest

from tests.cli.conftest import LINES, Desk, Said
from tests.cli.places import GOOD, put_plugin, write_config


def refused(*lines: str) -> Said:
    """What a refusal of exit code 1 says, line by line."""
    return Said(code=1, out="", err="".join(f"{line}\n" for line in lines))


def fresh_store(desk: Desk) -> Path:
    """Give the desk a store of its own, and return where its environments would be."""
    store = desk.directory / "store"
    desk.patch.setenv("VENVOY_STORE", str(store))
    return store / "environments"


def test_a_version_that_is_not_installed_fails_before_anything_starts(desk: Desk) -> None:
    put_plugin(GOOD, desk.place, version="1.10")
    environments = fresh_store(desk)
    said = desk.run(desk.source(connector_version="2.0", pause_ms="soon"), desk.sink())
    assert said == refused(
        "error: TMP/src.properties: `connector.version`: no installed version of "
        "`acme_good.LinesSource` matches `2.0`",
        "hint: installed: 1.2, 1.10; add the version to the plugin path, or ask for another",
    )
    # A host needs an environment, and there is none: so none was started.
    assert not environments.exists() or not list(environments.iterdir())
    assert not desk.storage.exists()


def test_a_class_that_is_not_installed_is_refused_with_the_nearest(desk: Desk) -> None:
    environments = fresh_store(desk)
    assert desk.run(desk.source(connector_class="LineSource")) == refused(
        "error: TMP/src.properties: `connector.class`: no source or sink connector is called "
        "`LineSource`",
        "hint: did you mean `LinesSource` or `lines` or `acme_good.LinesSource`?",
    )
    assert not environments.exists() or not list(environments.iterdir())
    assert not desk.storage.exists()


def test_every_plugin_that_is_not_there_is_told_at_once(desk: Desk) -> None:
    source = desk.source(
        connector_class="Nothing",
        transforms="a,b",
        transforms_a_type="RegexRooter",
        transforms_b_type="RegexRouter",
        transforms_b_plugin_version="7",
        value_converter="LinesSource",
    )
    said = desk.run(source, desk.sink(connector_version="[0.1,1.0)"))
    assert said == refused(
        "error: 5 problems in the connector configs:",
        "  - TMP/src.properties: `connector.class`: no source or sink connector is called "
        "`Nothing`",
        "    hint: installed: `acme_good.LinesSink`, `acme_good.LinesSource`",
        "  - TMP/src.properties: `transforms.a.type`: no transformation is called `RegexRooter`",
        "    hint: did you mean `RegexRouter`?",
        "  - TMP/src.properties: `transforms.b.plugin.version`: no installed version of "
        "`venvoy_api.transforms.RegexRouter` matches `7`",
        "    hint: installed: 1.0.0; add the version to the plugin path, or ask for another",
        "  - TMP/src.properties: `value.converter`: `LinesSource` is the source connector "
        "`acme_good.LinesSource`, but a converter is wanted here",
        "    hint: name a converter; `venvoy plugins list` shows them",
        "  - TMP/snk.properties: `connector.version`: no installed version of "
        "`acme_good.LinesSink` matches `[0.1,1.0)`",
        "    hint: installed: 1.2; add the version to the plugin path, or ask for another",
    )


def test_a_refusal_by_a_plugin_leaves_no_storage_behind(desk: Desk) -> None:
    before = sorted(desk.directory.iterdir())
    assert desk.run(desk.source(pause_ms="soon")).code == 1
    assert sorted(desk.directory.iterdir()) == sorted([*before, desk.directory / "src.properties"])


def test_records_for_one_put_are_a_positive_number(desk: Desk) -> None:
    sink = desk.sink(consumer_override_max_poll_records=0)
    assert desk.run(desk.source(), sink) == refused(
        "error: TMP/snk.properties: `consumer.override.max.poll.records` is `0`, not a whole "
        "number of at least 1",
        "hint: write `consumer.override.max.poll.records=1`",
    )


def test_all_faults_of_all_configs_are_told_at_once_the_plugins_own_among_them(
    desk: Desk,
) -> None:
    source = desk.source(
        tasks_max="many",
        pause_ms="soon",
        on_error="explode",
        fiel="x",
        transforms="route,mask",
        transforms_route_type="RegexRouter",
        transforms_route_regx="(",
        transforms_mask_type="ReplaceField.Value",
        transforms_mask_predicate="old",
        predicates="",
        value_converter="JsonConverter",
        value_converter_schemas_enable="perhaps",
    )
    said = desk.run(source, desk.sink(topics=None, file=None))
    assert said == refused(
        "error: 11 problems in the connector configs:",
        "  - TMP/src.properties: `tasks.max` is `many`, not a whole number of at least 1",
        "    hint: write `tasks.max=1`",
        "  - TMP/src.properties: `transforms.mask.predicate` names `old`, which `predicates` "
        "does not",
        "    hint: add `old` to `predicates`",
        "  - TMP/snk.properties: `topics` is missing",
        "    hint: name the topics that the sink reads, by commas",
        "  - `src`: Invalid value soon for configuration pause.ms: Not a number of type INT",
        "    hint: correct `pause.ms` in the config of `src`",
        "  - `src`: Invalid value explode for configuration on.error: String must be one of: "
        "fail, skip",
        "    hint: correct `on.error` in the config of `src`",
        '  - `src`, `transforms.route`: Missing required configuration "regex" which has no '
        "default value",
        "    hint: set `transforms.route.regex` in the config of `src`",
        '  - `src`, `transforms.route`: Missing required configuration "replacement" which has '
        "no default value",
        "    hint: set `transforms.route.replacement` in the config of `src`",
        "  - `src`, `value.converter`: Invalid value perhaps for configuration schemas.enable: "
        "Expected value to be either true or false",
        "    hint: correct `value.converter.schemas.enable` in the config of `src`",
        "  - `src`: unknown key `fiel`; did you mean `file`?",
        "    hint: rename `fiel` to `file`, or remove it",
        "  - `src`: unknown key `transforms.route.regx`; did you mean `transforms.route.regex`?",
        "    hint: rename `transforms.route.regx` to `transforms.route.regex`, or remove it",
        '  - `snk`: Missing required configuration "file" which has no default value',
        "    hint: set `file` in the config of `snk`",
    )
    assert desk.moved == ()


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("conector.version", "connector.version"),
        ("connector_version", "connector.version"),
        ("task.max", "tasks.max"),
        ("transform", "transforms"),
        ("pause_ms", "pause.ms"),
    ],
)
def test_a_key_that_resembles_a_known_one_is_refused(desk: Desk, key: str, meant: str) -> None:
    source = desk.source()
    source.write_text(source.read_text() + f"{key}=1\n")
    assert desk.run(source, desk.sink()) == refused(
        f"error: `src`: unknown key `{key}`; did you mean `{meant}`?",
        f"hint: rename `{key}` to `{meant}`, or remove it",
    )


def test_a_key_that_resembles_nothing_is_passed_on_and_noted_once(desk: Desk) -> None:
    source = desk.source(compression="gzip", transforms="r", transforms_r_type="RegexRouter",
                         transforms_r_regex="t", transforms_r_replacement="t",
                         transforms_r_quux="1", producer_override_acks="all")  # fmt: skip
    said = desk.run(source, desk.sink())
    assert (said.code, desk.moved) == (0, LINES)
    assert said.err == (
        "[src] passes on `compression`, `transforms.r.quux`, which its plugins do not declare\n"
    )


def test_two_connectors_of_one_name_are_refused(desk: Desk) -> None:
    assert desk.run(desk.source(), desk.sink(name="src")) == refused(
        "error: the connector name `src` stands in TMP/src.properties and TMP/snk.properties",
        "hint: give each connector a name of its own: its offsets are kept under it",
    )


def test_a_sink_without_topics_is_refused(desk: Desk) -> None:
    assert desk.run(desk.source(), desk.sink(topics=None)) == refused(
        "error: TMP/snk.properties: `topics` is missing",
        "hint: name the topics that the sink reads, by commas",
    )


def test_a_config_without_name_and_class_is_refused(desk: Desk) -> None:
    nothing = write_config(desk.directory / "nothing.properties")
    assert desk.run(nothing) == refused(
        "error: 2 problems in the connector configs:",
        "  - TMP/nothing.properties: `name` is missing",
        "    hint: give the connector a name, such as `name=my-source`",
        "  - TMP/nothing.properties: `connector.class` is missing",
        "    hint: name a connector that `venvoy plugins list` shows",
    )


def test_a_missing_name_does_not_hide_what_the_plugin_finds(desk: Desk) -> None:
    assert desk.run(desk.source(name=None, pause_ms=5000)) == refused(
        "error: 2 problems in the connector configs:",
        "  - TMP/src.properties: `name` is missing",
        "    hint: give the connector a name, such as `name=my-source`",
        "  - `src`: Invalid value 5000 for configuration pause.ms: Value must be no more than 1000",
        "    hint: correct `pause.ms` in the config of `src`",
    )


def test_a_malformed_version_is_refused(desk: Desk) -> None:
    assert desk.run(desk.source(connector_version=">=>1")) == refused(
        "error: TMP/src.properties: `connector.version` is invalid: the version `>=>1` cannot be "
        "read: it is not a PEP 440 specifier",
        "hint: write `latest`, `1.2.3`, `>=1.2,<2` or a range such as `[1.0,2.0)`",
    )


def test_a_missing_connector_file_is_told(desk: Desk) -> None:
    assert desk.run(desk.source(), desk.directory / "gone.properties") == refused(
        "error: the configuration file `TMP/gone.properties` cannot be read: no such file or "
        "directory",
        "hint: check the path; a configuration is a UTF-8 `.properties` or `.json` file",
    )


def test_a_missing_worker_file_is_told(desk: Desk) -> None:
    desk.worker.unlink()
    assert desk.run(desk.source()) == refused(
        "error: the configuration file `TMP/worker.properties` cannot be read: no such file or "
        "directory",
        "hint: check the path; a configuration is a UTF-8 `.properties` or `.json` file",
    )


def test_a_connector_file_that_is_no_json_is_told(desk: Desk) -> None:
    file = desk.directory / "src.json"
    file.write_text('{"name": "src",}')
    said = desk.run(file)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: the configuration file `TMP/src.json` cannot be read: ")
    assert said.err.endswith('hint: write one object of strings, or {"name": "…", "config": {…}}\n')


def test_all_faults_of_a_worker_config_are_told_at_once(desk: Desk) -> None:
    desk.write_worker(
        ofset_flush_interval_ms="10",
        task_shutdown_graceful_timeout_ms="x",
        frobnicate="1",
    )
    assert desk.run(desk.source()) == refused(
        "error: 2 problems in the worker config `TMP/worker.properties`:",
        "  - TMP/worker.properties: unknown key `ofset.flush.interval.ms`; did you mean "
        "`offset.flush.interval.ms`?",
        "    hint: rename `ofset.flush.interval.ms` to `offset.flush.interval.ms`, or remove it",
        "  - TMP/worker.properties: `task.shutdown.graceful.timeout.ms` is `x`, not a number of "
        "milliseconds",
        "    hint: write a whole number of milliseconds, such as "
        "`task.shutdown.graceful.timeout.ms=5000`",
    )


def test_commands_that_only_look_at_a_worker_config_warn_of_slips_like_the_worker(
    desk: Desk,
) -> None:
    well = desk.venvoy("plugins", "list", "--worker-config", desk.worker)
    desk.write_worker(
        ofset_flush_interval_ms="10", zygote_idle_timeout_ms="${env:IDLE}", frobnicate="1"
    )
    warning = (
        "warning: TMP/worker.properties: unknown key `ofset.flush.interval.ms`; did you mean "
        "`offset.flush.interval.ms`?\n"
        "hint: rename `ofset.flush.interval.ms` to `offset.flush.interval.ms`, or remove it\n"
    )
    listed = desk.venvoy("plugins", "list", "--worker-config", desk.worker)
    assert (listed.code, listed.out, listed.err) == (0, well.out, warning + well.err)
    explained = desk.venvoy(
        "plugins", "explain", "--worker-config", desk.worker, desk.source(), desk.sink()
    )
    assert (explained.code, explained.err) == (0, warning)
    assert "StringConverter" in explained.out
    refused_run = desk.run(desk.source())
    assert "unknown key `ofset.flush.interval.ms`" in refused_run.err
    assert refused_run.code == 1


def test_a_key_of_the_worker_that_nobody_reads_is_noted(desk: Desk) -> None:
    desk.write_worker(frobnicate="1")
    said = desk.run(desk.source(), desk.sink())
    assert (said.code, said.err) == (0, "TMP/worker.properties: nobody reads `frobnicate`\n")


def test_what_only_kafkas_worker_reads_is_passed_over_with_a_note(desk: Desk) -> None:
    desk.write_worker(bootstrap_servers="broker:9092", group_id="connect")
    said = desk.run(desk.source(), desk.sink())
    assert said.code == 0
    assert said.err == (
        "TMP/worker.properties: passed over, as Kafka Connect's worker alone reads it: "
        "`bootstrap.servers`, `group.id`\n"
    )


def test_a_place_that_does_not_exist_is_told_and_the_other_works(desk: Desk) -> None:
    desk.write_worker(plugin_path=f"{desk.directory}/nowhere, {desk.place}")
    said = desk.run(desk.source(), desk.sink())
    assert (said.code, desk.moved) == (0, LINES)
    assert said.err == (
        "warning: the plugin path names `TMP/nowhere`, which does not exist\n"
        "hint: create it, or take it out of `plugin.path`\n"
    )
