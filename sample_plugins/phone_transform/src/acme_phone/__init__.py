"""Writes telephone numbers in records in one form.

`NormalizePhone.Key` and `NormalizePhone.Value` are the transformations.
"""

from acme_phone.normalize import NormalizePhone

__all__ = ["NormalizePhone"]
