"""Writes one telephone number in another form."""

from typing import Optional

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_possible_number,
    is_valid_number,
    parse,
)

__all__ = ["FORMATS", "normalized"]

FORMATS = {
    "E164": PhoneNumberFormat.E164,
    "INTERNATIONAL": PhoneNumberFormat.INTERNATIONAL,
    "NATIONAL": PhoneNumberFormat.NATIONAL,
    "RFC3966": PhoneNumberFormat.RFC3966,
}
CHECKS = {"valid": is_valid_number, "possible": is_possible_number}


def normalized(text: str, region: Optional[str], *, form: str, check: str) -> Optional[str]:
    """Return the number in `text` as `form` (of FORMATS), or None if there is none.

    `region` (ISO 3166-1 alpha-2) counts for numbers that are written without a country code.
    """
    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    return format_number(number, FORMATS[form]) if CHECKS[check](number) else None
