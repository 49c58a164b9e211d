"""ConfigDef: every fault at once, Kafka's sentences, Kafka's JSON."""

import json
import pickle
from collections.abc import Mapping, Sequence

import pytest

from venvoy_api import (
    CaseInsensitiveValidString,
    CompositeValidator,
    Config,
    ConfigDef,
    ConfigError,
    ConfigType,
    ConfigValue,
    ConnectError,
    Importance,
    LambdaValidator,
    ListSize,
    NonEmptyString,
    NonEmptyStringWithoutControlChars,
    NonNullValidator,
    NotFoundError,
    Password,
    Range,
    Recommender,
    Validator,
    ValidList,
    ValidString,
    Width,
)


class Tables(Recommender):
    """Proposes tables of the database that is configured; hidden without one."""

    def valid_values(self, name: str, parsed_config: Mapping[str, object]) -> Sequence[object]:
        assert name == "table"
        return [f"{parsed_config['database']}.people"]

    def visible(self, name: str, parsed_config: Mapping[str, object]) -> bool:
        return parsed_config["database"] is not None


DEFINITION = (
    ConfigDef()
    .define("database", ConfigType.STRING, None, dependents=["table"])
    .define("table", ConfigType.STRING, recommender=Tables(), importance=Importance.HIGH)
    .define("batch.size", ConfigType.INT, 2000, Range.between(1, 5000), group="Tuning")
    .define("mode", ConfigType.STRING, "insert", ValidString("insert", "upsert"))
    .define("password", ConfigType.PASSWORD, "secret", width=Width.MEDIUM)
    .define("columns", ConfigType.LIST, "")
)


def test_every_fault_is_found_at_once() -> None:
    values = DEFINITION.validate({"batch.size": "many", "mode": "merge", "database": "d"})
    assert {value.name: value.error_messages for value in values if value.error_messages} == {
        "table": ['Missing required configuration "table" which has no default value.'],
        "batch.size": ["Invalid value many for configuration batch.size: Not a number of type INT"],
        "mode": [
            "Invalid value merge for configuration mode: String must be one of: insert, upsert"
        ],
    }
    assert Config(values).error_count == 3


def test_parse_tells_every_fault_too() -> None:
    with pytest.raises(ConfigError) as caught:
        DEFINITION.parse({"batch.size": "0", "mode": "merge"})
    assert [error.name for error in caught.value.errors] == ["table", "batch.size", "mode"]
    assert str(caught.value).count("\n") == 2
    assert isinstance(caught.value, ConnectError)
    assert str(pickle.loads(pickle.dumps(caught.value, 5))) == str(caught.value)


def test_parse_gives_typed_values_and_leaves_unknown_keys_out() -> None:
    parsed = DEFINITION.parse({"table": " t ", "columns": "a, b ,c", "x": "y"})
    assert parsed == {
        "database": None,
        "table": "t",
        "batch.size": 2000,
        "mode": "insert",
        "password": Password("secret"),
        "columns": ["a", "b", "c"],
    }


def test_lists_by_default_are_not_shared() -> None:
    DEFINITION.parse({"table": "t"})["columns"].append("x")
    assert DEFINITION.parse({"table": "t"})["columns"] == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ConfigType.BOOLEAN, "TRUE", True),
        (ConfigType.BOOLEAN, " false ", False),
        (ConfigType.SHORT, "-32768", -32768),
        (ConfigType.INT, "2147483647", 2**31 - 1),
        (ConfigType.LONG, "-9223372036854775808", -(2**63)),
        (ConfigType.DOUBLE, "1e3", 1000.0),
        (ConfigType.LIST, "", []),
        (ConfigType.LIST, "a,,b", ["a", "", "b"]),
        (ConfigType.STRING, " x ", "x"),
        (ConfigType.CLASS, "venvoy_api.errors.DataError", None),
        (ConfigType.CLASS, "venvoy_api.transforms:Cast.Value", None),
    ],
)
def test_text_becomes_a_value_of_its_type(kind: ConfigType, text: str, value: object) -> None:
    parsed = ConfigDef().define("k", kind).parse({"k": text})["k"]
    if kind is ConfigType.CLASS:
        assert parsed.__qualname__ in ("DataError", "Cast.Value")
    else:
        assert parsed == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ConfigType.BOOLEAN, "yes"),
        (ConfigType.SHORT, "32768"),
        (ConfigType.INT, "2147483648"),
        (ConfigType.INT, "1_000"),
        (ConfigType.INT, "1.0"),
        (ConfigType.INT, ""),
        (ConfigType.LONG, "x"),
        (ConfigType.DOUBLE, "x"),
        (ConfigType.CLASS, "no.such.module.Class"),
        (ConfigType.CLASS, "venvoy_api.errors.Nothing"),
        (ConfigType.CLASS, "json.dumps"),
    ],
)
def test_text_of_another_type_is_refused(kind: ConfigType, text: str) -> None:
    with pytest.raises(ConfigError, match="k"):
        ConfigDef().define("k", kind).parse({"k": text})


@pytest.mark.parametrize(
    ("validator", "good", "bad"),
    [
        (Range.at_least(1), [1, 9], [0, None]),
        (Range.between(1, 2), [1, 2], [3]),
        (ValidString("a"), ["a"], ["b", None]),
        (CaseInsensitiveValidString("a"), ["A"], ["b"]),
        (ValidList("a", "b"), [["a"], []], [["c"]]),
        (NonNullValidator(), [""], [None]),
        (NonEmptyString(), ["a", None], [""]),
        (NonEmptyStringWithoutControlChars(), ["a"], ["", "a\tb"]),
        (ListSize(1), [["a"]], [["a", "b"]]),
        (CompositeValidator(NonNullValidator(), NonEmptyString()), ["a"], [None, ""]),
    ],
)
def test_validators_tell_good_from_bad(
    validator: Validator, good: list[object], bad: list[object]
) -> None:
    for value in good:
        validator.ensure_valid("k", value)
    for value in bad:
        with pytest.raises(ConfigError, match="k"):
            validator.ensure_valid("k", value)
    assert str(validator)


def test_recommenders_see_the_other_values() -> None:
    values = {value.name: value for value in DEFINITION.validate({"database": "d", "table": "t"})}
    assert values["table"].recommended_values == ["d.people"]
    assert values["table"].visible
    assert not {value.name: value for value in DEFINITION.validate({})}["table"].visible


def test_passwords_are_never_shown() -> None:
    config = Config(DEFINITION.validate({"table": "t", "password": "hunter2"}))
    assert config.value("password").value == Password("hunter2")
    assert "hunter2" not in json.dumps(config.to_json(DEFINITION)) + repr(config.config_values)
    assert "secret" not in json.dumps(DEFINITION.to_json())


def test_keys_look_as_in_kafkas_rest_api() -> None:
    key = DEFINITION.config_keys["batch.size"]
    assert key.to_json() == {
        "name": "batch.size",
        "type": "INT",
        "required": False,
        "default_value": "2000",
        "importance": "MEDIUM",
        "documentation": "",
        "group": "Tuning",
        "width": "NONE",
        "display_name": "batch.size",
        "dependents": [],
        "order": -1,
    }
    required = DEFINITION.config_keys["table"].to_json()
    assert (required["required"], required["default_value"]) == (True, None)


def test_values_look_as_in_kafkas_rest_api() -> None:
    config = Config([*DEFINITION.validate({"columns": "a,b"}), ConfigValue("x", 1, (), ["no"])])
    infos = {info["value"]["name"]: info for info in config.to_json(DEFINITION)}
    assert infos["columns"]["value"] == {
        "name": "columns",
        "value": "a,b",
        "recommended_values": [],
        "errors": [],
        "visible": True,
    }
    assert infos["x"]["definition"] is None
    assert infos["x"]["value"]["value"] == "1"
    with pytest.raises(NotFoundError):
        config.value("y")


def test_embedded_keys_see_their_own_names() -> None:
    child = (
        ConfigDef()
        .define("database", ConfigType.STRING, None, dependents=["table"])
        .define("table", ConfigType.STRING, None, NonEmptyString(), recommender=Tables())
        .define("size", ConfigType.INT, 1, Range.at_least(1), group="Inner")
    )
    whole = ConfigDef().embed("transforms.a.", "Transforms: a", 3, child)
    values = {
        value.name: value
        for value in whole.validate({"transforms.a.database": "d", "transforms.a.size": "0"})
    }
    assert values["transforms.a.table"].recommended_values == ["d.people"]
    assert values["transforms.a.size"].error_messages == [
        "Invalid value 0 for configuration transforms.a.size: Value must be at least 1"
    ]
    key = whole.config_keys["transforms.a.size"]
    assert (key.group, key.order_in_group) == ("Transforms: a: Inner", 5)
    assert whole.config_keys["transforms.a.database"].dependents == ("transforms.a.table",)


def test_a_definition_with_faults_is_refused() -> None:
    with pytest.raises(ConfigError, match="defined twice"):
        ConfigDef().define("a", ConfigType.INT).define("a", ConfigType.INT)
    with pytest.raises(ConfigError, match="at least 1"):
        ConfigDef().define("a", ConfigType.INT, 0, Range.at_least(1))
    with pytest.raises(ConfigError, match="Not a number"):
        ConfigDef().define("a", ConfigType.INT, "x")
    [_, unknown] = ConfigDef().define("a", ConfigType.INT, 1, dependents=["b"]).validate({})
    assert unknown.error_messages == ["b is referred in the dependents, but not defined."]


def test_a_function_can_check_a_value() -> None:
    def odd(name: str, value: object) -> None:
        if not isinstance(value, int) or value % 2 == 0:
            raise ConfigError(name, value, "must be odd")

    definition = ConfigDef().define("a", ConfigType.INT, 1, LambdaValidator(odd, "odd"))
    with pytest.raises(ConfigError, match="must be odd"):
        definition.parse({"a": "2"})
