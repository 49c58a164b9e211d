"""Prints each requirement of venvoy at its lower bound, as constraints for pip.

What `run-tests` installs its second virtualenv with, so that every bound is one that was run.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def lowest(requirements: list[str]) -> list[str]:
    """Return `name==bound` for each; raises ValueError for one without a lower bound."""
    pinned = []
    for text in requirements:
        requirement = Requirement(text)
        bounds = [one.version for one in requirement.specifier if one.operator == ">="]
        if len(bounds) != 1:
            message = f"`{text}` in pyproject.toml has no lower bound that could be run"
            raise ValueError(message)
        pinned.append(f"{requirement.name}=={bounds[0]}")
    return pinned


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    sys.stdout.write("\n".join(lowest(project["dependencies"])) + "\n")
