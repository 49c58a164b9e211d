"""Our PEP 440 against `packaging`'s: every version, every order, every specifier."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion
from packaging.version import Version as TheirVersion

from manager.carried.pep440 import (
    InvalidSpecifierError,
    InvalidVersionError,
    Specifiers,
    Version,
)

SETTINGS = settings(max_examples=1500, deadline=None)
NUMBERS = st.sampled_from(["0", "1", "2", "10", "01"])
SEPARATORS = st.sampled_from(["", ".", "-", "_"])
PARTS = {
    "pre": st.sampled_from(["a", "b", "rc", "c", "alpha", "BETA", "pre", "preview"]),
    "post": st.sampled_from(["post", "rev", "r"]),
    "dev": st.just("dev"),
}


@st.composite
def part(draw: st.DrawFn, name: str) -> str:
    """A pre-, post- or development part, in any spelling."""
    if name == "post" and draw(st.integers(0, 3)) == 0:
        return f"-{draw(NUMBERS)}"
    number = draw(st.one_of(st.just(""), NUMBERS))
    return (
        draw(SEPARATORS) + draw(PARTS[name]) + draw(SEPARATORS if number else st.just("")) + number
    )


@st.composite
def public(draw: st.DrawFn) -> str:
    """A version without a local part, most of them near each other."""
    epoch = draw(st.sampled_from(["", "", "", "1!", "v"]))
    release = ".".join(draw(st.lists(NUMBERS, min_size=1, max_size=3)))
    rest = [draw(part(name)) for name in PARTS if draw(st.integers(0, 2)) == 0]
    return epoch + release + "".join(rest)


@st.composite
def versions(draw: st.DrawFn) -> str:
    """A version, sometimes with a local part."""
    local = draw(st.sampled_from(["", "", "", "+1", "+acme", "+Acme-2", "+acme.10", "+1.a"]))
    return draw(public()) + local


@st.composite
def specifiers(draw: st.DrawFn) -> str:
    """One to three specifiers."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        operator = draw(st.sampled_from(["===", "~=", "==", "!=", "<=", ">=", "<", ">"]))
        text = draw(versions() if operator in {"===", "==", "!="} else public())
        wildcard = ".*" if operator in {"==", "!="} and draw(st.booleans()) else ""
        found.append(operator + draw(st.sampled_from(["", " "])) + text + wildcard)
    return ",".join(found)


def theirs(text: str) -> TheirVersion | None:
    try:
        return TheirVersion(text)
    except InvalidVersion:
        return None


def ours(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersionError:
        return None


@SETTINGS
@given(
    st.one_of(versions(), st.text(alphabet="0123456789.!+-_ abcdeprvost\u017f\u0661", max_size=12))
)
@example("1.0.po\u017ft1")
@example(" 1.0\n")
def test_the_same_texts_are_versions(text: str) -> None:
    known, found = theirs(text), ours(text)
    assert (known is None) == (found is None)
    if known is not None and found is not None:
        assert found.is_prerelease == known.is_prerelease
        assert found.release == known.release
        assert found == Version(str(known))


@SETTINGS
@given(versions(), versions())
def test_versions_have_the_same_order(one: str, other: str) -> None:
    a, b = Version(one), Version(other)
    known = TheirVersion(one), TheirVersion(other)
    assert (a < b, a <= b, a == b, a >= b, a > b) == (
        known[0] < known[1],
        known[0] <= known[1],
        known[0] == known[1],
        known[0] >= known[1],
        known[0] > known[1],
    )
    assert a != b or hash(a) == hash(b)


@SETTINGS
@given(specifiers(), st.lists(versions(), min_size=1, max_size=5))
@example("<1.0.post1", ["1.0", "1.0.post1.dev0", "1.0.post0"])
@example(">1.0a1", ["1.0a1.post1", "1.0a2", "1.0a1+local"])
def test_specifiers_hold_for_the_same_versions(text: str, candidates: list[str]) -> None:
    try:
        known = SpecifierSet(text)
    except InvalidSpecifier:
        try:
            Specifiers(text)
        except InvalidSpecifierError:
            return
        raise AssertionError(f"{text} is no specifier to packaging") from None
    found = Specifiers(text)
    assert found.names_prerelease == bool(known.prereleases) or "===" in text
    for candidate in map(TheirVersion, candidates):
        holds = known.contains(candidate, prereleases=True)
        assert found.contains(Version(str(candidate))) == holds, f"{candidate} in {text}"


@SETTINGS
@given(st.text(alphabet="=!~<>, .*0123av+\n;()", max_size=10))
def test_the_same_texts_are_specifiers(text: str) -> None:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        is_known = False
    else:
        is_known = True
    try:
        Specifiers(text)
    except InvalidSpecifierError:
        assert not is_known
    else:
        assert is_known
