"""The API is not measured, as hosts of any Python run it; its tests are not slowed for that."""

import pytest


@pytest.fixture(autouse=True)
def no_cover() -> None:
    """Let pytest-cov rest meanwhile, which looks for this name: half of the time of these tests."""
