"""The configuration of the sink: its keys, and the checked values that the code works with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from acme_sql.upserts import UPSERTS
from venvoy_api import ConfigDef, ConfigError, ConfigType, Importance, Password, Range, ValidString

__all__ = ["CONFIG", "Settings", "faults"]

CONFIG = (
    ConfigDef()
    .define(
        "connection.url",
        ConfigType.STRING,
        "sqlite:///records.db",
        importance=Importance.HIGH,
        documentation="The database, as SQLAlchemy writes it: postgresql://host/database.",
        group="Connection",
    )
    .define(
        "connection.user",
        ConfigType.STRING,
        None,
        documentation="The user; goes before one in the URL.",
        group="Connection",
    )
    .define(
        "connection.password",
        ConfigType.PASSWORD,
        None,
        documentation="The password; goes before one in the URL.",
        group="Connection",
    )
    .define(
        "table.name.format",
        ConfigType.STRING,
        "${topic}",
        documentation="The table's name; ${topic} stands for the record's topic.",
        group="Writes",
    )
    .define(
        "insert.mode",
        ConfigType.STRING,
        "insert",
        ValidString("insert", "upsert"),
        importance=Importance.HIGH,
        documentation="insert: add rows; upsert: update the row with the same primary key.",
        group="Writes",
    )
    .define(
        "pk.mode",
        ConfigType.STRING,
        "none",
        ValidString("none", "record_key", "record_value"),
        importance=Importance.HIGH,
        documentation="Where the primary key is taken from.",
        group="Writes",
    )
    .define(
        "pk.fields",
        ConfigType.LIST,
        "",
        documentation="The columns of the primary key; none with record_key: all of its fields.",
        group="Writes",
    )
    .define(
        "delete.enabled",
        ConfigType.BOOLEAN,
        default=False,
        documentation="Whether a record with a key and no value deletes the row with that key.",
        group="Writes",
    )
    .define(
        "auto.create",
        ConfigType.BOOLEAN,
        default=False,
        documentation="Whether to create a table that is missing, from its first record.",
        group="Writes",
    )
    .define(
        "auto.evolve",
        ConfigType.BOOLEAN,
        default=False,
        documentation="Whether to add columns that a table lacks; they must be optional.",
        group="Writes",
    )
    .define(
        "batch.size",
        ConfigType.INT,
        3000,
        Range.between(1, 1_000_000),
        documentation="How many rows one statement carries, at most.",
        group="Writes",
    )
    .define(
        "max.retries",
        ConfigType.INT,
        10,
        Range.at_least(0),
        documentation="How often to try again after an error that may pass.",
        group="Retries",
    )
    .define(
        "retry.backoff.ms",
        ConfigType.INT,
        3000,
        Range.at_least(0),
        documentation="How many milliseconds to wait before that.",
        group="Retries",
    )
)


@dataclass(frozen=True)
class Settings:
    """The checked values of `CONFIG`; `pk_fields` stands for the key `pk.fields`, and so on."""

    url: URL
    table_name_format: str
    insert_mode: str
    pk_mode: str
    pk_fields: tuple[str, ...]
    delete_enabled: bool
    auto_create: bool
    auto_evolve: bool
    batch_size: int
    max_retries: int
    retry_backoff_ms: int

    @classmethod
    def of(cls, props: Mapping[str, str]) -> "Settings":
        """Return the settings in a connector's or task's configuration; raises ConfigError."""
        values = CONFIG.parse(props)
        for name, message in faults(values):
            raise ConfigError(name, values[name], message)
        return cls(
            url=_url(values),
            table_name_format=values["table.name.format"],
            insert_mode=values["insert.mode"],
            pk_mode=values["pk.mode"],
            pk_fields=tuple(values["pk.fields"]),
            delete_enabled=values["delete.enabled"],
            auto_create=values["auto.create"],
            auto_evolve=values["auto.evolve"],
            batch_size=values["batch.size"],
            max_retries=values["max.retries"],
            retry_backoff_ms=values["retry.backoff.ms"],
        )


def _url(values: Mapping[str, Any]) -> URL:
    url = make_url(values["connection.url"])
    password: Optional[Password] = values.get("connection.password")
    return url.set(
        username=values.get("connection.user") or url.username,
        password=password.value if password is not None else url.password,
    )


def faults(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong beyond single keys as (key, message); missing keys are no faults here."""
    if "connection.url" in values:
        upsert = values.get("insert.mode") == "upsert"
        reason = _unusable(str(values["connection.url"]), upsert=upsert)
        if reason is not None:
            yield "connection.url", reason
    if values.get("insert.mode") == "upsert" and values.get("pk.mode") == "none":
        yield "pk.mode", "insert.mode=upsert needs a key: set record_key or record_value"
    if values.get("pk.mode") == "record_value" and values.get("pk.fields") == []:
        yield "pk.fields", "pk.mode=record_value needs the names of the key's fields"
    if values.get("delete.enabled") is True and values.get("pk.mode") != "record_key":
        yield "delete.enabled", "needs pk.mode=record_key, as a tombstone has nothing but its key"
    if values.get("table.name.format") == "":
        yield "table.name.format", "must not be empty"


def _unusable(text: str, *, upsert: bool) -> Optional[str]:
    """Return why no connection can be made with that URL, or None."""
    try:
        dialect = make_url(text).get_dialect()
        dialect.import_dbapi()
    except NoSuchModuleError:
        return "names a database or driver that SQLAlchemy does not know"
    except ArgumentError:
        return "is not a URL as SQLAlchemy writes it: dialect+driver://user@host/database"
    except ImportError as error:
        return f"needs the driver {error.name}, which this environment lacks"
    if upsert and dialect.name not in UPSERTS:
        return f"insert.mode=upsert is for {' and '.join(UPSERTS)}, not {dialect.name}"
    return None
