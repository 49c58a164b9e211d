"""Version specs: every form, its errors, and the properties of Maven ranges in PEP 440 order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from manager.carried import pep440
from manager.carried.maven import MavenRange
from manager.plugins.versions import InvalidVersionSpecError, VersionSpec


def versions(text: str) -> list[Version]:
    return [Version(part) for part in text.split()]


def choose(spec: str | None, installed: str) -> str | None:
    chosen = VersionSpec.parse(spec).choose(versions(installed))
    return None if chosen is None else str(chosen)


INSTALLED = "0.9 1.0 1.4.0 2.0rc1 2.0 2.1.dev3"


@pytest.mark.parametrize(
    ("spec", "chosen"),
    [
        (None, "2.0"),
        ("latest", "2.0"),
        (" latest ", "2.0"),
        ("1.0", "1.0"),
        (" 1.0.0 ", "1.0"),
        ("2.0rc1", "2.0rc1"),
        ("3", None),
        (">=1,<2", "1.4.0"),
        ("~=1.0", "1.4.0"),
        ("==1.*", "1.4.0"),
        ("!=2.0", "1.4.0"),
        (">=2.1.dev1", "2.1.dev3"),
        (">2", "2.1.dev3"),
        ("[1.0,2.0)", "2.0rc1"),
        ("[1.0,2.0]", "2.0"),
        ("[1.0,)", "2.1.dev3"),
        ("(,)", "2.1.dev3"),
        ("[1.4]", "1.4.0"),
        ("(,1.0),[3.0,)", "0.9"),
    ],
)
def test_each_form_of_spec_chooses(spec: str | None, chosen: str | None) -> None:
    assert choose(spec, INSTALLED) == chosen


def test_prereleases_count_for_latest_only_when_nothing_else_is_there() -> None:
    assert choose("latest", "1.0 2.0a1") == "1.0"
    assert choose("latest", "2.0a1 2.0b1") == "2.0b1"


def test_prereleases_count_for_specifiers_only_when_nothing_else_matches() -> None:
    assert choose(">=1", "1.0 2.0a1") == "1.0"
    assert choose(">1", "1.0 2.0a1") == "2.0a1"


def test_a_specifier_that_names_a_prerelease_admits_prereleases() -> None:
    assert choose(">=2.0a1", "2.0 2.1a2") == "2.1a2"
    assert choose(">=1,<2.0rc1", "1.0 1.1b1") == "1.1b1"
    assert choose("~=2.0.dev1", "2.0 2.1.dev3") == "2.1.dev3"
    assert choose("===2.0a1", "2.0a1 2.0") == "2.0a1"
    assert choose(">=1,!=2.0a1", "1.0 2.1a2") == "1.0"


def test_epochs_and_local_versions_follow_pep_440() -> None:
    assert choose("latest", "9.0 1!1.0 1.0+acme") == "1!1.0"
    assert choose("==1.0", "1.0+acme") == "1.0+acme"


@pytest.mark.parametrize("spec", ["2.0.1", "==2.0.1", "[2.0.1]", "[2.0,2.0.1]", "<=2.0.1"])
def test_a_version_without_a_local_part_holds_with_any_and_the_highest_wins(spec: str) -> None:
    assert choose(spec, "2.0.1+local.7") == "2.0.1+local.7"
    assert choose(spec, "2.0.1 2.0.1+local.7 2.0.1+local.10") == "2.0.1+local.10"


@pytest.mark.parametrize("spec", ["2.0.1+local.7", "==2.0.1+local.7", "[2.0.1+local.7]"])
def test_a_local_part_that_is_named_is_meant(spec: str) -> None:
    assert choose(spec, "2.0.1 2.0.1+local.7 2.0.1+local.10") == "2.0.1+local.7"
    assert choose(spec, "2.0.1") is None


def test_the_version_without_a_local_part_can_be_meant_alone() -> None:
    assert choose("===2.0.1", "2.0.1 2.0.1+local.7") == "2.0.1"
    assert choose("(,2.0.1)", "2.0.0 2.0.1+local.7") == "2.0.0"
    assert choose("(2.0.1,)", "2.0.1+local.7 2.0.2") == "2.0.2"
    assert choose("(2.0.1,2.0.2)", "2.0.1+local.7") is None


@pytest.mark.parametrize(
    ("spec", "reason", "hint"),
    [
        ("", "it is empty", "did you mean `latest`?"),
        ("  ", "it is empty", "did you mean `latest`?"),
        ("Latest", "it is not a version", "did you mean `latest`?"),
        ("1.x", "it is not a version", "write `latest`, `1.2.3`, `>=1.2,<2` or a range"),
        ("1.2.*", "it is not a version", "did you mean `==1.2.*`?"),
        ("^1.2", "it is not a version", "did you mean `>=1.2,<2`?"),
        ("~1.2", "it is not a PEP 440 specifier", "did you mean `~=1.2`?"),
        ("=1.2", "it is not a PEP 440 specifier", "did you mean `==1.2`?"),
        (">=", "it is not a PEP 440 specifier", "write `latest`"),
        ("[1.0", "`[1.0` is not a closed pair of brackets", "write `latest`"),
        ("[1.0,2.0),", "it ends where another range should follow", "write"),
        ("[1.0],1.2", "`1.2` stands outside the brackets", "write"),
        ("[1.0][2.0]", "a comma is missing before `[2.0]`", "write"),
        ("(1.0)", "`(1.0)` names one version, which takes the form `[1.0]`", "write"),
        ("[]", "`[]` names one version, which takes the form `[1.0]`", "write"),
        ("[1,2,3]", "`[1,2,3]` has more than two bounds", "write"),
        ("[2.0,1.0]", "in `[2.0,1.0]` the lower bound is above the upper one", "write"),
        ("[1.0,1.0)", "`[1.0,1.0)` holds nothing", "write"),
        ("[one,two]", "`one` is not a version", "write"),
        ("[1,3],[2,4]", "`[2,4]` does not lie above `[1,3]`", "write"),
        ("[2,3],[1,2)", "`[1,2)` does not lie above `[2,3]`", "write"),
        ("[1,),[2,3]", "`[2,3]` does not lie above `[1,)`", "write"),
    ],
)
def test_a_spec_that_cannot_be_read_says_why(spec: str, reason: str, hint: str) -> None:
    with pytest.raises(InvalidVersionSpecError) as caught:
        VersionSpec.parse(spec)
    assert caught.value.message == f"the version `{spec}` cannot be read: {reason}"
    assert caught.value.hint.startswith(hint)


def test_a_spec_is_shown_as_it_was_written() -> None:
    assert str(VersionSpec.parse(" >=1, <2 ")) == ">=1, <2"
    assert str(VersionSpec.parse(None)) == "latest"


def release() -> st.SearchStrategy[pep440.Version]:
    parts = st.lists(st.integers(0, 3), min_size=1, max_size=3)
    suffix = st.sampled_from(["", "a1", "rc2", ".dev1", ".post1"])
    return st.builds(
        lambda numbers, end: pep440.Version(".".join(map(str, numbers)) + end), parts, suffix
    )


@st.composite
def ranges(draw: st.DrawFn) -> MavenRange:
    """Unions of up to three intervals with strictly ascending bounds."""
    bounds = sorted(draw(st.sets(release(), min_size=2, max_size=6)))
    texts = [
        draw(st.sampled_from("[(")) + f"{lower},{upper}" + draw(st.sampled_from("])"))
        for lower, upper in zip(bounds[::2], bounds[1::2], strict=False)
    ]
    if draw(st.booleans()):
        texts[0] = "(," + texts[0].partition(",")[2]
    if draw(st.booleans()):
        texts[-1] = texts[-1].partition(",")[0] + ",)"
    return MavenRange.parse(", ".join(texts))


@given(ranges())
def test_a_range_reads_back_as_itself(found: MavenRange) -> None:
    assert MavenRange.parse(str(found)) == found


@given(ranges(), release())
def test_a_range_holds_what_one_of_its_intervals_holds(
    found: MavenRange, version: pep440.Version
) -> None:
    holders = [one for one in found.intervals if one.contains(version)]
    assert found.contains(version) == bool(holders)
    assert len(holders) <= 1


@given(release(), release(), release())
def test_containment_follows_the_order_of_versions(
    a: pep440.Version, b: pep440.Version, c: pep440.Version
) -> None:
    lower, upper = sorted((a, b))
    if lower == upper:
        assert MavenRange.parse(f"[{lower},{upper}]").contains(c) == (c == lower)
        return
    assert MavenRange.parse(f"[{lower},{upper}]").contains(c) == (lower <= c <= upper)
    assert MavenRange.parse(f"[{lower},{upper})").contains(c) == (lower <= c < upper)
    assert MavenRange.parse(f"({lower},{upper}]").contains(c) == (lower < c <= upper)
    assert MavenRange.parse(f"({lower},{upper})").contains(c) == (lower < c < upper)
    assert MavenRange.parse(f"(,{lower}),[{lower},)").contains(c)


@given(st.lists(release(), max_size=8), st.sampled_from([None, ">=1", "<2", "[1,2)", "(,3]"]))
def test_the_choice_matches_and_no_release_that_matches_is_higher(
    installed: list[Version], text: str | None
) -> None:
    spec = VersionSpec.parse(text)
    chosen = spec.choose(installed)
    matching = [version for version in installed if spec.matches(version)]
    if chosen is None:
        assert not matching
        return
    assert chosen in matching
    assert all(version <= chosen for version in matching if not version.is_prerelease)
    assert spec.choose(reversed(installed)) == chosen


@given(st.text(alphabet="[]()<>=~!,.*^ 123abrclvet", max_size=14))
def test_any_text_is_a_spec_or_a_clear_error(text: str) -> None:
    try:
        spec = VersionSpec.parse(text)
    except InvalidVersionSpecError as error:
        said = error.message
    else:
        said = ""
        assert VersionSpec.parse(str(spec)) == spec
    assert "\n" not in said
