"""schemathesis in a process of its own, against a server.

As a plugin of pytest it would be imported, and rewritten, at the start of every test run.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)


def examine(
    url: str, directory: Path, config: Mapping[str, str], *, examples: int, seed: int = 1
) -> str:
    """Ask every operation that many times, and along its links; return what it reported.

    An AssertionError tells every answer that contradicts `/openapi.json`.
    """
    path = os.pathsep.join([str(ROOT), str(ROOT / "launcher" / "shared")])
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
            "--checks", ",".join(CHECKS), "--max-examples", str(examples), "--seed", str(seed),
            "--continue-on-failure", "--no-color", "--request-timeout", "120",
            "--suppress-health-check", "all", "--generation-database", "none",
        ],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "SCHEMATHESIS_HOOKS": "tests.rest.schemathesis_hooks",
            "VALID_CONFIG": json.dumps(config),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
