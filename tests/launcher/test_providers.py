"""Variables in configs become values of the environment and of files, and nothing tells them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.configs.providers import VARIABLE, Providers, UnresolvedVariableError
from launcher.configs.secrets import HIDDEN, Masker, hide, likely_password_keys, restore
from manager.errors import ProblemsError

ALL = {"config.providers": "env, file,dir"}


def providers(environment: dict[str, str] | None = None, **more: str) -> Providers:
    keys = {name.replace("__", "."): value for name, value in more.items()}
    return Providers.from_worker({**ALL, **keys}, environment=environment or {})


def fault(given: Providers, value: str) -> str:
    with pytest.raises(ProblemsError) as caught:
        given.resolve({"k": value})
    (problem,) = caught.value.problems
    assert isinstance(problem, UnresolvedVariableError)
    assert problem.key == "k"
    return problem.message


def test_variables_are_replaced_also_within_a_value(tmp_path: Path) -> None:
    file = tmp_path / "s.properties"
    file.write_text("user=al\\u0069ce\npassword = p=1 \n")
    (tmp_path / "token").write_text("t0ken\n")
    given = providers({"HOST": "db.example"})
    resolved = given.resolve(
        {
            "url": f"jdbc:${{env:HOST}}/${{file:{file}:user}}",
            "password": f"${{file:{file}:password}}",
            "token": f"${{dir:{tmp_path}:token}}",
            "plain": "a $ {b:c} ${nothing}",
        }
    )
    assert resolved.config == {
        "url": "jdbc:db.example/alice",
        "password": "p=1 ",
        "token": "t0ken\n",
        "plain": "a $ {b:c} ${nothing}",
    }
    assert resolved.secrets == {"db.example", "alice", "p=1 ", "t0ken\n"}


def test_a_value_is_not_resolved_again() -> None:
    given = providers({"A": "${env:B}", "B": "b"})
    assert given.resolve({"k": "${env:A}"}).config == {"k": "${env:B}"}


def test_a_variable_that_nobody_resolves_is_refused() -> None:
    with pytest.raises(ProblemsError) as caught:
        providers({}).resolve({"k": "${vault:a:b}"})
    (fault,) = caught.value.problems
    assert fault.message == (
        "Invalid value ${vault:a:b} for configuration k: no config provider is called `vault`:"
        " `config.providers` names `env`, `file`, `dir`"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("${env:MISSING}", "the environment variable MISSING is not set"),
        ("${env:path:NAME}", "an environment variable has no path"),
        ("${file:/nowhere/x:k}", "the file /nowhere/x cannot be read: no such file"),
        ("${file:k}", "the path is missing"),
        ("${file:/dev/zero:k}", "/dev/zero is not a file"),
        ("${dir:/nowhere:x}", "the file /nowhere/x cannot be read"),
        ("${dir:/etc:../x}", "../x is not the name of a file in /etc"),
        ("${dir:/etc:..}", ".. is not the name of a file in /etc"),
    ],
)
def test_a_variable_without_a_value_is_a_fault_of_its_key(value: str, reason: str) -> None:
    message = fault(providers(), value)
    assert message.startswith(f"Invalid value {value} for configuration k: ")
    assert reason in message


def test_faults_of_files_tell_no_value(tmp_path: Path) -> None:
    file = tmp_path / "s.properties"
    file.write_text("other=s3cret\n")
    assert "s3cret" not in fault(providers(), f"${{file:{file}:k}}")
    file.write_text("k=s3cret\\uZZZZ\n")
    assert "s3cret" not in fault(providers(), f"${{file:{file}:k}}")
    file.write_bytes(b"k=s3cret\xff\n")
    assert "s3cret" not in fault(providers(), f"${{file:{file}:k}}")


def test_every_fault_is_told_at_once() -> None:
    resolved, problems = providers({"A": "1"}).try_resolve(
        {"a": "${env:A}", "b": "${env:B}${env:C}", "c": "${file:k}"}
    )
    assert [problem.key for problem in problems] == ["b", "b", "c"]
    assert resolved.config == {"a": "1", "b": "${env:B}${env:C}", "c": "${file:k}"}


def test_an_allowlist_bounds_the_environment() -> None:
    given = providers(
        {"ACME_A": "1", "HOME": "/h"}, config__providers__env__param__allowlist__pattern="ACME_.*"
    )
    assert given.resolve({"k": "${env:ACME_A}"}).config == {"k": "1"}
    assert "allowlist.pattern" in fault(given, "${env:HOME}")


def test_allowed_paths_bound_files_also_through_links(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for directory in (inside, outside):
        directory.mkdir()
        (directory / "f").write_text("k=v")
    (inside / "link").symlink_to(outside / "f")
    given = providers(
        config__providers__file__param__allowed__paths=f" {inside} ,",
        config__providers__dir__param__allowed__paths=str(inside),
    )
    assert given.resolve({"k": f"${{file:{inside}/f:k}}"}).config == {"k": "v"}
    assert given.resolve({"k": f"${{dir:{inside}:f}}"}).config == {"k": "k=v"}
    for value in (
        f"${{file:{outside}/f:k}}",
        f"${{file:{inside}/../out/f:k}}",
        f"${{file:{inside}/link:k}}",
        f"${{dir:{inside}:link}}",
        f"${{dir:{outside}:f}}",
    ):
        assert "outside the worker's allowed.paths" in fault(given, value)


def test_providers_are_named_by_class_as_kafka_does() -> None:
    java = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
    keys = {
        "config.providers": "vars,texts,directory",
        "config.providers.vars.class": java,
        "config.providers.texts.class": "FileConfigProvider",
    }
    given = Providers.from_worker(keys, environment={"A": "1"})
    assert given.names == ("vars", "texts", "directory")
    assert given.resolve({"k": "${vars:A}"}).config == {"k": "1"}


def test_every_fault_of_the_workers_keys_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        providers(
            config__providers="env,file,vault,own",
            config__providers__own__class="acme.OwnProvider",
            config__providers__env__param__allowlist__pattern="(",
            config__providers__file__param__allowed__paths=f"relative,{tmp_path}/missing",
        )
    told = [problem.message for problem in caught.value.problems]
    assert len(told) == 5
    for text in ("vault.class` is missing", "acme.OwnProvider", "`(`", "not absolute", "missing"):
        assert any(text in one for one in told), text


def test_passwords_are_hidden_and_come_back() -> None:
    stored = {"password": "p", "url": "u", "from.env": "${env:P}"}
    shown = hide(stored, {"password", "from.env"})
    assert shown == {"password": HIDDEN, "url": "u", "from.env": "${env:P}"}
    changed = {**shown, "url": HIDDEN, "new": HIDDEN}
    assert restore(changed, stored, {"password", "new"}) == {
        "password": "p",
        "url": HIDDEN,
        "from.env": "${env:P}",
        "new": HIDDEN,
    }


def test_keys_that_look_like_passwords_are_found() -> None:
    keys = ["db.password", "token", "aws.secret.access.key", "api_key", "key.converter", "tokens"]
    assert likely_password_keys(keys) == {
        "db.password",
        "token",
        "aws.secret.access.key",
        "api_key",
    }


def test_secrets_are_masked_in_texts() -> None:
    masker = Masker(["hunter2!\n", "a'b\"c\nsecond line", "s3"])
    assert masker.mask("login hunter2! failed: xhunter2!y") == ("login [hidden] failed: x[hidden]y")
    assert masker.mask("s3 is not s3cret") == "[hidden] is not s3cret"
    assert "second" not in masker.mask(repr("a'b\"c\nsecond line"))
    assert masker.mask("only second line") == "only [hidden]"
    assert Masker([]).mask("text") == "text"


SECRETS = st.text(min_size=6).filter(
    lambda text: len(text.strip()) >= 6 and text.strip() not in HIDDEN and "[hidden]" not in text
)


@given(secret=SECRETS, before=st.text(), after=st.text())
def test_a_masked_text_never_holds_the_secret(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    whole = secret.strip()
    for text in (before + whole + after, repr(whole), json.dumps({"k": whole})):
        assert HIDDEN in masker.mask(text)
    assert masker.mask(f"<{whole}>") == f"<{HIDDEN}>"


@given(config=st.dictionaries(st.text(), st.text()), keys=st.sets(st.text()))
def test_a_config_that_comes_back_as_it_was_shown_is_the_same(
    config: dict[str, str], keys: set[str]
) -> None:
    assert restore(hide(config, keys), config, keys) == config


@given(value=st.text(alphabet="${}:ab\\n "))
def test_a_text_stays_as_it_is_and_each_variable_in_it_is_a_fault(value: str) -> None:
    resolved, problems = Providers.from_worker({}).try_resolve({"k": value})
    assert resolved.config == {"k": value}
    assert [one.variable for one in problems] == [one[0] for one in VARIABLE.finditer(value)]
