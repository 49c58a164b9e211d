"""The API of venvoy: everything that a plugin imports, and nothing else.

A plugin is a class in an entry-point group: a `SourceConnector` with its `SourceTask`, a
`SinkConnector` with its `SinkTask`, a `Transformation`, a `Predicate`, a `Converter` or a
`HeaderConverter`. The semantics are Kafka Connect's, the names are Python's. Standard library
only, Python 3.9 and later.

Import from here: `from venvoy_api import SourceConnector, SourceTask, SourceRecord, ConfigDef`.
Built-in plugins live in `venvoy_api.converters`, `venvoy_api.transforms` and
`venvoy_api.predicates`.
"""

from __future__ import annotations

from venvoy_api.builtin import API_VERSION
from venvoy_api.component import UNDEFINED_VERSION, Configurable, Versioned
from venvoy_api.config_def import ConfigDef
from venvoy_api.config_key import NO_DEFAULT, ConfigKey, Recommender
from venvoy_api.config_type import ConfigType, Importance, Password, Width
from venvoy_api.config_value import Config, ConfigValue
from venvoy_api.connector import (
    Connector,
    ConnectorTransactionBoundaries,
    ExactlyOnceSupport,
    SinkConnector,
    SourceConnector,
)
from venvoy_api.context import (
    ConnectorContext,
    ErrantRecordReporter,
    OffsetStorageReader,
    SinkConnectorContext,
    SinkTaskContext,
    SourceConnectorContext,
    SourceTaskContext,
)
from venvoy_api.converter import Converter, ConverterType, HeaderConverter
from venvoy_api.errors import (
    ConfigError,
    ConnectError,
    DataError,
    IllegalWorkerStateError,
    NotFoundError,
    RetriableError,
    SchemaBuilderError,
)
from venvoy_api.headers import Header, Headers
from venvoy_api.logical import Date, Decimal, Time, Timestamp
from venvoy_api.record import (
    ConnectRecord,
    R,
    RecordMetadata,
    SinkRecord,
    SourceRecord,
    TimestampType,
    TopicPartition,
)
from venvoy_api.schema import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT32_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT16_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_FLOAT32_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT8_SCHEMA,
    OPTIONAL_INT16_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Field,
    Schema,
    Type,
)
from venvoy_api.schema_builder import SchemaBuilder
from venvoy_api.struct import SchemaAndValue, Struct
from venvoy_api.task import SinkTask, SourceTask, Task
from venvoy_api.transformation import Predicate, Transformation
from venvoy_api.validators import (
    CaseInsensitiveValidString,
    CompositeValidator,
    LambdaValidator,
    ListSize,
    NonEmptyString,
    NonEmptyStringWithoutControlChars,
    NonNullValidator,
    Range,
    Validator,
    ValidList,
    ValidString,
)

__version__ = API_VERSION

__all__ = [
    "BOOLEAN_SCHEMA",
    "BYTES_SCHEMA",
    "FLOAT32_SCHEMA",
    "FLOAT64_SCHEMA",
    "INT8_SCHEMA",
    "INT16_SCHEMA",
    "INT32_SCHEMA",
    "INT64_SCHEMA",
    "NO_DEFAULT",
    "OPTIONAL_BOOLEAN_SCHEMA",
    "OPTIONAL_BYTES_SCHEMA",
    "OPTIONAL_FLOAT32_SCHEMA",
    "OPTIONAL_FLOAT64_SCHEMA",
    "OPTIONAL_INT8_SCHEMA",
    "OPTIONAL_INT16_SCHEMA",
    "OPTIONAL_INT32_SCHEMA",
    "OPTIONAL_INT64_SCHEMA",
    "OPTIONAL_STRING_SCHEMA",
    "STRING_SCHEMA",
    "UNDEFINED_VERSION",
    "CaseInsensitiveValidString",
    "CompositeValidator",
    "Config",
    "ConfigDef",
    "ConfigError",
    "ConfigKey",
    "ConfigType",
    "ConfigValue",
    "Configurable",
    "ConnectError",
    "ConnectRecord",
    "Connector",
    "ConnectorContext",
    "ConnectorTransactionBoundaries",
    "Converter",
    "ConverterType",
    "DataError",
    "Date",
    "Decimal",
    "ErrantRecordReporter",
    "ExactlyOnceSupport",
    "Field",
    "Header",
    "HeaderConverter",
    "Headers",
    "IllegalWorkerStateError",
    "Importance",
    "LambdaValidator",
    "ListSize",
    "NonEmptyString",
    "NonEmptyStringWithoutControlChars",
    "NonNullValidator",
    "NotFoundError",
    "OffsetStorageReader",
    "Password",
    "Predicate",
    "R",
    "Range",
    "Recommender",
    "RecordMetadata",
    "RetriableError",
    "Schema",
    "SchemaAndValue",
    "SchemaBuilder",
    "SchemaBuilderError",
    "SinkConnector",
    "SinkConnectorContext",
    "SinkRecord",
    "SinkTask",
    "SinkTaskContext",
    "SourceConnector",
    "SourceConnectorContext",
    "SourceRecord",
    "SourceTask",
    "SourceTaskContext",
    "Struct",
    "Task",
    "Time",
    "Timestamp",
    "TimestampType",
    "TopicPartition",
    "Transformation",
    "Type",
    "ValidList",
    "ValidString",
    "Validator",
    "Versioned",
    "Width",
    "__version__",
]
