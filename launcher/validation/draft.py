"""A validation in the making: definitions, values and faults by key, in Kafka's order."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from launcher.configs.providers import VARIABLE
from launcher.configs.secrets import HIDDEN, Masker, likely_password_keys
from launcher.validation.framework_key import FrameworkKey
from launcher.validation.framework_values import ValueFaultError, read_value, shown
from launcher.validation.infos import ConfigInfo, ConfigInfos, ConfigKeyInfo, ConfigValueInfo

__all__ = ["Draft"]

_NULL = "Null value can not be supplied as the configuration value."


class Draft:
    """Collects what is found about one config.

    `raw` is the config as it was written, where null stands for no value at all; `resolved` what
    its variables stand for, which only decides, and is never shown.
    """

    def __init__(
        self, raw: Mapping[str, str | None], resolved: Mapping[str, str], secrets: frozenset[str]
    ) -> None:
        self.config = resolved
        self.warnings: list[str] = []
        self._raw = raw
        self._secrets = secrets
        self._definitions: dict[str, ConfigKeyInfo] = {}
        self._values: dict[str, ConfigValueInfo] = {}
        self._faults: dict[str, list[str]] = {}
        self._only: dict[str, list[str]] = {
            key: [_NULL] for key, value in raw.items() if value is None
        }

    @property
    def names(self) -> frozenset[str]:
        """The keys that are defined by now."""
        return frozenset(self._definitions)

    @property
    def likely_secrets(self) -> frozenset[str]:
        """What must not be told before it is known which keys are passwords."""
        passwords = {self.config[key] for key in likely_password_keys(self.config)}
        return self._secrets | passwords

    @property
    def is_faultless(self) -> bool:
        """Whether no key has a fault."""
        return not any(self._faults.values()) and not any(self._only.values())

    def fault(self, key: str, text: str) -> None:
        """Add a fault of a key."""
        faults = self._faults.setdefault(key, [])
        if text not in faults:
            faults.append(text)

    def only_fault(self, key: str, text: str) -> None:
        """Add a fault that makes whatever else is said of the key's value meaningless."""
        self._only.setdefault(key, []).append(text)

    def has_fault(self, key: str) -> bool:
        """Whether the key has a fault."""
        return bool(self._faults.get(key) or self._only.get(key))

    def check(self, keys: Iterable[FrameworkKey]) -> None:
        """Define keys of the framework, and check their values."""
        for key in keys:
            name = key.info.name
            self._definitions[name] = key.info
            value = key.info.default_value
            if name in self.config:
                value = self._read(key, self.config[name])
            elif name in self._raw:
                value = None
            elif key.info.required:
                self.fault(
                    name,
                    f'Missing required configuration "{name}" which has no default value.',
                )
            self._values[name] = ConfigValueInfo(
                name=name, value=value, recommended_values=key.recommended
            )

    def recommend(self, key: str, values: tuple[str, ...], *, visible: bool = True) -> None:
        """Set what is proposed for a key of the framework."""
        known = self._values[key]
        self._values[key] = replace(known, recommended_values=values, visible=visible)

    def show(self, key: str, value: str | None) -> None:
        """Set what is shown as the value of a key of the framework."""
        self._values[key] = replace(self._values[key], value=value)

    def define(self, definitions: Iterable[ConfigKeyInfo]) -> None:
        """Take a plugin's definitions; they go before the framework's (KIP-891)."""
        for definition in definitions:
            self._definitions[definition.name] = definition

    def value(self, value: ConfigValueInfo) -> None:
        """Take a value that a plugin has checked."""
        self._values[value.name] = value
        for error in value.errors:
            self.fault(value.name, error)

    def build(self, connector_class: str) -> ConfigInfos:
        """Return what was found; every secret that a fault tells is masked."""
        strangers = [
            name for name in (*self._values, *self._faults, *self._only) if name not in self.names
        ]
        strangers = [name for name in dict.fromkeys(strangers) if self._is_told(name)]
        passwords = {
            self.config[name]
            for name, definition in self._definitions.items()
            if definition.type == "PASSWORD" and name in self.config
        }
        masker = Masker({*self._secrets, *passwords})
        infos = [self._info(name, masker) for name in (*strangers, *self._definitions)]
        groups = (info.group for info in self._definitions.values() if info.group is not None)
        return ConfigInfos(
            name=connector_class,
            groups=tuple(dict.fromkeys(groups)),
            configs=tuple(infos),
            warnings=tuple(masker.mask(warning) for warning in self.warnings),
        )

    def _read(self, key: FrameworkKey, text: str) -> str | None:
        name = key.info.name
        try:
            value = read_value(name, text, key.info.type)
            if key.check is not None:
                key.check(name, value)
        except ValueFaultError as fault:
            self.fault(name, str(fault))
            return None
        return shown(value)

    def _is_told(self, name: str) -> bool:
        return name in self._values or self.has_fault(name)

    def _info(self, name: str, masker: Masker) -> ConfigInfo:
        definition = self._definitions.get(name) or _undefined(name)
        value = self._values.get(name) or ConfigValueInfo(name=name, value=None)
        errors = self._only.get(name) or self._faults.get(name) or ()
        return ConfigInfo(
            definition=definition,
            value=ConfigValueInfo(
                name=name,
                value=self._shown(name, definition, value.value, masker),
                recommended_values=value.recommended_values,
                errors=tuple(masker.mask(error) for error in errors),
                visible=value.visible,
            ),
        )

    def _shown(
        self, name: str, definition: ConfigKeyInfo, value: str | None, masker: Masker
    ) -> str | None:
        """Return the value to show: what was written, never what it was resolved to."""
        if definition.type == "PASSWORD":
            return None if value is None else HIDDEN
        raw = self._raw.get(name)
        if raw is not None and VARIABLE.search(raw):
            return raw
        if raw is None and value is not None and value != definition.default_value:
            return masker.mask(value)  # a plugin may have made it of others
        return value


def _undefined(name: str) -> ConfigKeyInfo:
    """Return a definition for a key that nobody defines: some clients need one (kcctl)."""
    return ConfigKeyInfo(
        name=name,
        type="STRING",
        documentation="Neither the framework nor a plugin of this config defines this key.",
        display_name=name,
    )
