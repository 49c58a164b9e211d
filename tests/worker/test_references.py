"""Task configs as they are stored: no provided value stands in them, all can be had back."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from launcher.configs.providers import Providers
from launcher.worker.references import with_references

PROVIDERS = {"config.providers": "env", "config.providers.env.class": "EnvVarConfigProvider"}


def resolver(variables: Mapping[str, str]) -> Providers:
    """The environment's variables as a worker's provider."""
    return Providers.from_worker(PROVIDERS, environment=variables)


def test_a_provided_value_is_its_variable_again_wherever_it_stands() -> None:
    providers = resolver({"USER": "me", "PASSWORD": "s3cret-me"})
    stored = with_references(
        {"url": "acme://me:s3cret-me@host", "user": "me", "other": "s3cret", "empty": ""},
        written={"a": "${env:PASSWORD}", "b": "x-${env:USER}"},
        resolve=lambda pairs: providers.resolve(pairs).config,
    )
    assert stored == {
        "url": "ac${env:USER}://${env:USER}:${env:PASSWORD}@host",
        "user": "${env:USER}",
        "other": "s3cret",
        "empty": "",
    }


def test_many_occurrences_of_a_short_secret_are_no_trouble() -> None:
    providers = resolver({"A": "1"})
    stored = with_references(
        {"digits": "1" * 5000},
        written={"a": "${env:A}"},
        resolve=lambda pairs: providers.resolve(pairs).config,
    )
    assert providers.resolve(stored).config == {"digits": "1" * 5000}


TEXTS = st.text(alphabet="ab1:-", max_size=12)


@given(
    secrets=st.dictionaries(st.sampled_from(["A", "B", "C"]), TEXTS, min_size=1),
    task=st.dictionaries(st.sampled_from(["x", "y", "z"]), TEXTS),
)
def test_resolving_what_is_stored_gives_the_task_s_config(
    secrets: dict[str, str], task: dict[str, str]
) -> None:
    providers = resolver(secrets)
    written = {name: f"${{env:{name}}}" for name in secrets}
    stored = with_references(
        task, written=written, resolve=lambda pairs: providers.resolve(pairs).config
    )
    assert providers.resolve(stored).config == task
    plain = [value for value in stored.values() if "${" not in value]
    assert not [
        secret for secret in secrets.values() if secret and any(secret in value for value in plain)
    ]
