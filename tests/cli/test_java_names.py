"""Files of a Java cluster name Kafka's own classes by their Java names, in every place."""

from tests.cli.conftest import LINES, Desk

STRING = "org.apache.kafka.connect.storage.StringConverter"
TRANSFORMS = {
    "transforms": "mark",
    "transforms_mark_type": "org.apache.kafka.connect.transforms.InsertHeader",
    "transforms_mark_header": "seen",
    "transforms_mark_value.literal": "1",
    "transforms_mark_predicate": "named",
    "predicates": "named",
    "predicates_named_type": ("org.apache.kafka.connect.transforms.predicates.TopicNameMatches"),
    "predicates_named_pattern": "t",
}


def test_a_worker_and_connectors_of_a_java_cluster_run(desk: Desk) -> None:
    desk.write_worker(
        key_converter=STRING,
        value_converter=STRING,
        header_converter="org.apache.kafka.connect.storage.SimpleHeaderConverter",
    )
    source = desk.source(value_converter=STRING, **TRANSFORMS)
    said = desk.run(source, desk.sink(value_converter=STRING))
    assert said.code == 0, said.err
    assert desk.moved == LINES
    explained = desk.venvoy("plugins", "explain", "--worker-config", desk.worker, source)
    assert "venvoy_api.transforms.InsertHeader" in explained.out
    assert f"asked for  {STRING}" in explained.out
