"""JSON answers, and the one shape of every error."""

import json
from collections.abc import Mapping

from starlette.responses import Response

__all__ = ["JsonResponse", "error_response"]


class JsonResponse(Response):
    """Any JSON value, in UTF-8.

    Text that has no UTF-8 form (a lone surrogate, which a trace may carry) is escaped, so that an
    answer never fails for what it tells about.
    """

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the value's JSON."""
        try:
            return _dump(content, ascii_only=False).encode()
        except UnicodeEncodeError:
            return _dump(content, ascii_only=True).encode()


def error_response(
    status: int, message: str, *, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """Return Kafka Connect's ErrorMessage; the message is never empty."""
    return JsonResponse(
        {"error_code": status, "message": message or f"HTTP {status}"},
        status_code=status,
        headers=headers,
    )


def _dump(content: object, *, ascii_only: bool) -> str:
    return json.dumps(content, ensure_ascii=ascii_only, separators=(",", ":"))
