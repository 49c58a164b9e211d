"""Connectors for the worker in memory."""

import httpx

from tests.rest.fake_worker import SOURCE

__all__ = ["EVIL", "make"]

EVIL = '"\'><script>window.harmed = 1</script><img src=x onerror="window.harmed = 1">'


def make(client: httpx.Client, name: str = "airports", **keys: str) -> None:
    """Make a source; `__` in a keyword stands for a dot."""
    config = {"name": name, "connector.class": SOURCE, "file": "/data/a.csv", "topic": "t"}
    config |= {"tasks.max": "2", "connector.version": "1.4.0"}
    config |= {key.replace("__", "."): value for key, value in keys.items()}
    response = client.post("/connectors", json={"name": name, "config": config})
    assert response.status_code == 201, response.text
