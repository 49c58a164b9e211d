"""Describes a configuration: which keys there are, of which type, with which checks."""

# ruff: noqa: PERF203  # every fault is wanted; the order of arguments is Kafka's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venvoy_api.config_key import NO_DEFAULT, ConfigKey, Recommender
from venvoy_api.config_type import ConfigType, Importance, Width
from venvoy_api.config_value import ConfigValue
from venvoy_api.errors import ConfigError
from venvoy_api.validators import Validator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ConfigDef"]


class ConfigDef:
    """The keys of a configuration, in the order of definition.

    ::

        CONFIG = (
            ConfigDef()
            .define("file", ConfigType.STRING, importance=Importance.HIGH, documentation="...")
            .define("batch.size", ConfigType.INT, 2000, Range.at_least(1))
        )
        settings = CONFIG.parse(props)      # {"file": "...", "batch.size": 2000}
    """

    def __init__(self) -> None:
        self._keys: dict[str, ConfigKey] = {}

    @property
    def config_keys(self) -> Mapping[str, ConfigKey]:
        """Every key by its name."""
        return self._keys

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in the order of their first key."""
        return tuple(
            dict.fromkeys(key.group for key in self._keys.values() if key.group is not None)
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys, in order."""
        return tuple(self._keys)

    def define(
        self,
        name: str,
        type: ConfigType,  # noqa: A002  # Kafka's name
        default: object = NO_DEFAULT,
        validator: Validator | None = None,
        importance: Importance = Importance.MEDIUM,
        documentation: str = "",
        group: str | None = None,
        order_in_group: int = -1,
        width: Width = Width.NONE,
        display_name: str | None = None,
        dependents: Sequence[str] = (),
        recommender: Recommender | None = None,
        *,
        internal: bool = False,
    ) -> ConfigDef:
        """Add a key and return this definition.

        `default` is a value of the type or its text; without one the key is required, None makes
        it optional. `validator` checks a parsed value (the default too); `importance` and
        `documentation` are for people; `group`, `order_in_group`, `width` and `display_name` for
        user interfaces; `dependents` are keys whose meaning hangs on this one; `recommender`
        proposes values; an `internal` key is not documented. Raises ConfigError for a key that
        exists or a default that is not valid.
        """
        return self.define_key(
            ConfigKey(
                name,
                type,
                default,
                validator,
                importance,
                documentation,
                group,
                order_in_group,
                width,
                display_name,
                dependents,
                recommender,
                internal=internal,
            )
        )

    def define_key(self, key: ConfigKey) -> ConfigDef:
        """Add a key that was made elsewhere and return this definition."""
        if key.name in self._keys:
            raise ConfigError(key.name, None, f"Configuration {key.name} is defined twice.")
        self._keys[key.name] = key
        return self

    def parse(self, props: Mapping[str, str | None]) -> dict[str, Any]:
        """Return every key's value; keys that are not defined are left out.

        Raises ConfigError with the first fault; its `errors` has all of them.
        """
        parsed: dict[str, Any] = {}
        faults = [
            ConfigError(name, None, _undefined(name)) for name in self._undefined_dependents()
        ]
        for key in self._keys.values():
            try:
                parsed[key.name] = key.value_in(props)
            except ConfigError as error:
                faults.append(error)
        if faults:
            first = faults[0]
            raise ConfigError(first.name, first.value, first.message, tuple(faults)) from first
        return parsed

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Return every key's value with all its faults, and what recommenders propose.

        Nothing is raised for a user's mistake. A value that cannot be parsed is not checked
        further.
        """
        values = {name: ConfigValue(name) for name in self._keys}
        for name in self._undefined_dependents():
            values[name] = ConfigValue(name, error_messages=[_undefined(name)], visible=False)
        parsed: dict[str, object] = {}
        for key in self._keys.values():
            try:
                parsed[key.name] = values[key.name].value = key.value_in(props)
            except ConfigError as error:
                parsed[key.name] = None
                values[key.name].add_error_message(str(error))
        for key in self._keys.values():
            _recommend(key, parsed, values[key.name])
        return list(values.values())

    def embed(
        self, key_prefix: str, group_prefix: str, starting_order: int, child: ConfigDef
    ) -> ConfigDef:
        """Add every key of `child` below a prefix (`transforms.<alias>.`); return this definition.

        Its validators and recommenders still see their own names, without the prefix.
        """
        for order, key in enumerate(child.config_keys.values(), starting_order):
            self.define(
                key_prefix + key.name,
                key.type,
                key.default,
                key.validator and _EmbeddedValidator(key_prefix, key.validator),
                key.importance,
                key.documentation,
                group_prefix + (f": {key.group}" if key.group is not None else ""),
                order,
                key.width,
                key.display_name,
                [key_prefix + name for name in key.dependents],
                key.recommender and _EmbeddedRecommender(key_prefix, key.recommender),
                internal=key.internal,
            )
        return self

    def to_json(self) -> list[dict[str, Any]]:
        """Return Kafka's list of ConfigKeyInfo, without the internal keys."""
        return [key.to_json() for key in self._keys.values() if not key.internal]

    def _undefined_dependents(self) -> tuple[str, ...]:
        named = (name for key in self._keys.values() for name in key.dependents)
        return tuple(dict.fromkeys(name for name in named if name not in self._keys))


def _undefined(name: str) -> str:
    return f"{name} is referred in the dependents, but not defined."


def _recommend(key: ConfigKey, parsed: Mapping[str, object], value: ConfigValue) -> None:
    if key.recommender is None:
        return
    try:
        value.recommended_values = list(key.recommender.valid_values(key.name, parsed))
        value.visible = key.recommender.visible(key.name, parsed)
    except ConfigError as error:
        value.add_error_message(str(error))


class _EmbeddedValidator(Validator):
    def __init__(self, prefix: str, inner: Validator) -> None:
        self._prefix = prefix
        self._inner = inner

    def ensure_valid(self, name: str, value: object) -> None:
        try:
            self._inner.ensure_valid(name[len(self._prefix) :], value)
        except ConfigError as error:
            message = error.message.replace(error.name, self._prefix + error.name)
            raise ConfigError(self._prefix + error.name, error.value, message) from error

    def __str__(self) -> str:
        return str(self._inner)


class _EmbeddedRecommender(Recommender):
    def __init__(self, prefix: str, inner: Recommender) -> None:
        self._prefix = prefix
        self._inner = inner

    def _unprefixed(self, parsed: Mapping[str, object]) -> dict[str, object]:
        prefix = self._prefix
        return {name[len(prefix) :]: parsed[name] for name in parsed if name.startswith(prefix)}

    def valid_values(self, name: str, parsed_config: Mapping[str, object]) -> Sequence[object]:
        own = name[len(self._prefix) :]
        return self._inner.valid_values(own, self._unprefixed(parsed_config))

    def visible(self, name: str, parsed_config: Mapping[str, object]) -> bool:
        return self._inner.visible(name[len(self._prefix) :], self._unprefixed(parsed_config))
