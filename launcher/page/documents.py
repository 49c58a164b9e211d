"""Templates into answers, with the headers that keep a page from doing what it was not made for."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from launcher.rest.about import venvoy_version
from launcher.rest.call import Call

__all__ = ["asset", "connector_path", "document", "path_segment"]

_ROOT = Path(__file__).parent
_MEDIA_TYPES = {"page.css": "text/css", "page.js": "text/javascript"}
_ASSETS = {name: (_ROOT / "static" / name).read_bytes() for name in _MEDIA_TYPES}
_DIGESTS = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in _ASSETS.items()}
_EXACT_RATE = 10
_YEAR_S = 365 * 24 * 3600
_SIGNS = {
    "RUNNING": "●",
    "PAUSED": "‖",
    "STOPPED": "■",
    "FAILED": "✕",
    "DEGRADED": "!",
    "RESTARTING": "↻",
    "UNASSIGNED": "○",
    "DONE": "✓",
    "RETURNED": "↩",
    "PREPARING": "…",
    "STARTING": "…",
    "READY": "✓",
    "WAITING": "…",
    "MAKING": "…",
    "BROKEN": "✕",
    "GONE": "○",
}
_GUARDS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def path_segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def connector_path(name: str) -> str:
    """Return the path of a connector's page."""
    return f"/ui/connectors/{path_segment(name)}"


def document(
    call: Call, template: str, values: Mapping[str, object], *, status: int = 200
) -> Response:
    """Render a page; what plugins and configs say is escaped."""
    worker = call.worker
    text = _TEMPLATES.get_template(template).render(
        values,
        here=call.request.scope["path"],
        worker_id=worker.worker_id,
        cluster_id=worker.cluster_id,
        health=worker.health(),
    )
    return Response(
        text.encode("utf-8", errors="backslashreplace"),
        status_code=status,
        media_type="text/html",
        headers={**_GUARDS, "Cache-Control": "no-store", "Vary": "Accept"},
    )


def asset(name: str) -> Response | None:
    """Return the stylesheet or the script, None for anything else."""
    if name not in _ASSETS:
        return None
    caching = f"public, max-age={_YEAR_S}, immutable"
    return Response(
        _ASSETS[name],
        media_type=_MEDIA_TYPES[name],
        headers={**_GUARDS, "Cache-Control": caching},
    )


def _asset_path(name: str) -> str:
    return f"/ui/static/{name}?{_DIGESTS[name]}"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _rate(value: float | None) -> str:
    if value is None:
        return "not yet"
    return f"{value:.1f}" if 0 < value < _EXACT_RATE else _number(round(value))


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _moment(milliseconds: int) -> str:
    return _instant(milliseconds).strftime("%Y-%m-%d %H:%M:%S")


def _iso(milliseconds: int) -> str:
    return _instant(milliseconds).isoformat(timespec="seconds")


def _short(digest: str) -> str:
    return digest[:12]


def _dotted(text: str) -> Markup:
    """Escape a dotted name; lines may break behind its dots."""
    return Markup(".<wbr>").join(text.split("."))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        connector_path=connector_path,
        segment=path_segment,
        number=_number,
        rate=_rate,
        moment=_moment,
        iso=_iso,
        short=_short,
        dotted=_dotted,
        last_line=_last_line,
        sign=lambda state: _SIGNS.get(str(state), "•"),
    )
    templates.globals.update(asset_path=_asset_path, venvoy_version=venvoy_version())
    return templates


_TEMPLATES = _templates()
