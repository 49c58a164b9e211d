"""`/admin/loggers`."""

import httpx


def test_levels_are_told(client: httpx.Client) -> None:
    root = {"level": "INFO", "last_modified": None}
    assert client.get("/admin/loggers").json() == {"root": root}
    assert client.get("/admin/loggers/root").json() == root


def test_a_level_is_set_for_a_logger_and_those_below(client: httpx.Client) -> None:
    client.put("/admin/loggers/a.b", json={"level": "WARN"})
    answer = client.put("/admin/loggers/a", json={"level": "debug"})
    assert (answer.status_code, answer.json()) == (200, ["a", "a.b"])
    level = client.get("/admin/loggers/a.b").json()
    assert level["level"] == "DEBUG"
    assert isinstance(level["last_modified"], int)


def test_the_scope_cluster_answers_without_a_list(client: httpx.Client) -> None:
    answer = client.put("/admin/loggers/a?scope=cluster", json={"level": "ERROR"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/admin/loggers/a").json()["level"] == "ERROR"
    worker = client.put("/admin/loggers/a?scope=WORKER", json={"level": "INFO"})
    assert (worker.status_code, worker.json()) == (200, ["a"])


def test_an_unknown_scope_changes_nothing(client: httpx.Client) -> None:
    answer = client.put("/admin/loggers/root?scope=world", json={"level": "ERROR"})
    assert answer.status_code == 400
    assert client.get("/admin/loggers/root").json()["level"] == "INFO"


def test_an_unknown_logger_or_level(client: httpx.Client) -> None:
    for answer, text in (
        (client.get("/admin/loggers/x"), "Logger x not found."),
        (client.put("/admin/loggers/root", json={"level": "LOUD"}), "invalid log level 'LOUD'."),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"error_code": 404, "message": text}
