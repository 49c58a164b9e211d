"""What an interpreter says of itself, as JSON on stdout: run by that interpreter, never imported.

Started as `python -I -S -B interpreter_probe.py PACKAGING_PARENT`; Python 3.9 and later, standard
library only but for `packaging`, which is read from the directory named (pure Python, 3.9+).
"""

import importlib.util
import json
import os
import platform
import sys
import sysconfig


def _libc() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return ""


def _libpython() -> str:
    """Return the path of the shared libpython, or "" when the interpreter holds it itself."""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        return ""
    directory = sysconfig.get_config_var("LIBDIR") or ""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    file = os.path.join(directory, name)  # noqa: PTH118  # plain strings: this file is a script
    return file if os.path.exists(file) else ""  # noqa: PTH110


def own_facts() -> dict:  # type: ignore[type-arg]  # of JSON values
    """Return what this interpreter says of itself without `packaging`; bundles ask this, too."""
    return {
        "executable": sys.executable,
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
        "cache_tag": sys.implementation.cache_tag or "",
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "ext_suffix": sysconfig.get_config_var("EXT_SUFFIX") or "",
        "platform": sysconfig.get_platform(),
        "libc": _libc(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "libpython": _libpython(),
    }


def main() -> None:
    """Write the facts."""
    sys.path.append(sys.argv[1])
    from packaging import markers, tags  # noqa: PLC0415  # found through the path just added

    facts = {
        **own_facts(),
        "tags": [str(tag) for tag in tags.sys_tags()],
        "markers": dict(markers.default_environment()),
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main()
