"""The configuration of the transformation: its keys, and the checked values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from phonenumbers import SUPPORTED_REGIONS

from venvoy_api import (
    ConfigDef,
    ConfigError,
    ConfigType,
    Importance,
    LambdaValidator,
    NonEmptyString,
    ValidString,
)

__all__ = ["CONFIG", "Settings"]


def _check_region(name: str, value: object) -> None:
    if value is not None and value not in SUPPORTED_REGIONS:
        raise ConfigError(name, value, "Must be a country as in ISO 3166-1: US, GB, ...")


CONFIG = (
    ConfigDef()
    .define(
        "field",
        ConfigType.STRING,
        None,
        NonEmptyString(),
        importance=Importance.HIGH,
        documentation="The field that holds the number; without it the whole key or value does.",
    )
    .define(
        "region",
        ConfigType.STRING,
        None,
        LambdaValidator(_check_region, "ISO 3166-1 alpha-2"),
        importance=Importance.HIGH,
        documentation="The country of numbers that are written without a country code.",
    )
    .define(
        "region.field",
        ConfigType.STRING,
        None,
        NonEmptyString(),
        documentation="A field that holds that country; goes before region where it is filled.",
    )
    .define(
        "format",
        ConfigType.STRING,
        "E164",
        ValidString("E164", "INTERNATIONAL", "NATIONAL", "RFC3966"),
        documentation="How numbers are to be written.",
    )
    .define(
        "check",
        ConfigType.STRING,
        "valid",
        ValidString("valid", "possible"),
        importance=Importance.LOW,
        documentation="valid: such a number is given out there; possible: its length is right.",
    )
    .define(
        "on.invalid",
        ConfigType.STRING,
        "fail",
        ValidString("fail", "null", "keep"),
        documentation="What becomes of a text that is no number: fail, make it null, or keep it.",
    )
)


@dataclass(frozen=True)
class Settings:
    """The checked values of `CONFIG`; `region_field` stands for the key `region.field`."""

    field: Optional[str]
    region: Optional[str]
    region_field: Optional[str]
    format: str
    check: str
    on_invalid: str

    @classmethod
    def of(cls, configs: Mapping[str, str]) -> "Settings":
        """Return the settings of a transformation; raises ConfigError that tells every fault."""
        values = CONFIG.parse(configs)
        if values["region.field"] is not None and values["field"] is None:
            message = "needs field: a plain value has no other fields"
            raise ConfigError("region.field", values["region.field"], message)
        return cls(**{name.replace(".", "_"): value for name, value in values.items()})
