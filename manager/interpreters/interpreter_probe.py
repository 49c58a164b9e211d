"""What an interpreter says of itself, as JSON on stdout: run by that interpreter, never imported.

Started as `python -I -S -B interpreter_probe.py`; Python 3.9 and later, standard library only:
nothing of the worker's environment is written for the Pythons that plugins may ask for.
"""

import importlib.util
import json
import os
import platform
import struct
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
    """Return what tells this interpreter from others; bundles ask this, too."""
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


def _markers() -> dict:  # type: ignore[type-arg]  # of str
    """Return the values of the environment markers (the dependency specifiers' specification)."""
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": _implementation_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _implementation_version() -> str:
    info = sys.implementation.version
    version = f"{info.major}.{info.minor}.{info.micro}"
    if info.releaselevel == "final":
        return version
    return f"{version}{info.releaselevel[0]}{info.serial}"


def main() -> None:
    """Write the facts."""
    facts = {**own_facts(), "pointer_bytes": struct.calcsize("P"), "markers": _markers()}
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main()
