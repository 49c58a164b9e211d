"""Checks rows: which columns must not be blank."""

from collections.abc import Callable, Collection, Mapping
from typing import Optional

from pydantic import BaseModel, Field, ValidationError, constr, create_model

__all__ = ["make_check"]

Row = Mapping[str, str]
Filled = constr(min_length=1, strip_whitespace=True)


def make_check(required: Collection[str]) -> Callable[[Row], Optional[str]]:
    """Return a function that says what is wrong with a row, or None if nothing is."""
    # A column may be called anything, an attribute may not: so columns are aliases.
    model: type[BaseModel] = create_model(  # type: ignore[call-overload]  # made of names
        "Row",
        **{f"c{at}": (Filled, Field(..., alias=name)) for at, name in enumerate(sorted(required))},
    )

    def check(row: Row) -> Optional[str]:
        try:
            model.parse_obj(row)
        except ValidationError as error:
            return "; ".join(_sentence(str(fault["loc"][0]), row) for fault in error.errors())
        return None

    return check


def _sentence(column: str, row: Row) -> str:
    return f"{column} is blank" if column in row else f"there is no column {column}"
