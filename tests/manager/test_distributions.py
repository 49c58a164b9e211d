"""Metadata without importing: projects, wheels, entry points and `[tool.venvoy]`."""

import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.version import Version

from manager.errors import ProblemsError, VenvoyError
from manager.plugins.distributions import (
    DynamicMetadataError,
    InvalidMetadataError,
    PluginType,
    ToolSettings,
    UnreadableProjectError,
    UnreadableWheelError,
    read_plugin_wheel,
    read_project,
    read_tool_settings,
    read_wheel,
)
from manager.plugins.locations import Location, Shape
from manager.plugins.place_faults import NoMetadataError
from tests.project_maker import CSV, make_project
from tests.wheel_maker import make_wheel

MakeWheel = Callable[..., Path]
DEPENDENCIES = (
    "venvoy-api>=1,<2",
    "pydantic<2",
    "tomli; python_version < '3.11'",
    "pytest; extra == 'test'",
    "colorama; sys_platform == 'win32' and extra == 'test'",
    "rich; sys_platform == 'win32' or extra == 'test'",
    "venvoy_api>=1.5; extra == 'future'",
)


def project_location(directory: Path) -> Location:
    return Location(path=directory, shape=Shape.PROJECT, place=directory.parent, place_index=0)


def pyproject(directory: Path, text: str) -> Path:
    directory.mkdir()
    (directory / "pyproject.toml").write_text(text, encoding="utf-8")
    return directory


def test_a_static_project_is_read(tmp_path: Path) -> None:
    directory = make_project(
        tmp_path / "acme",
        name="Acme.CSV",
        version="1.2.0",
        dependencies=DEPENDENCIES,
        requires_python=">=3.9",
    )
    found = read_project(directory)
    assert (found.name, found.version, found.source) == ("acme-csv", Version("1.2"), directory)
    assert str(found.requires_python) == ">=3.9"
    assert str(found.api_requirement) == "<2,>=1"
    (entry,) = found.entry_points
    assert (entry.type, entry.name) == (PluginType.SOURCE, "csv")
    assert entry.class_name == "acme_csv.CsvSourceConnector"


def test_a_wheel_is_read_as_its_project_is(tmp_path: Path, make_wheel: MakeWheel) -> None:
    project = read_project(
        make_project(tmp_path / "acme", dependencies=DEPENDENCIES, requires_python=">=3.9")
    )
    wheel = read_wheel(
        make_wheel(
            "acme-csv",
            "1.0",
            requires=DEPENDENCIES,
            requires_python=">=3.9",
            entry_points=CSV | {"console_scripts": {"acme": "acme:main"}},
            extra_metadata="Provides-Extra: test\n\nName: not-a-header\n",
        )
    )
    for field in ("name", "version", "requires_python", "api_requirement", "entry_points"):
        assert getattr(wheel, field) == getattr(project, field)
    assert wheel.requires == project.requires


def test_what_extras_ask_for_is_read_alike_from_a_project_and_its_wheel(
    tmp_path: Path, make_wheel: MakeWheel
) -> None:
    optional = """[project.optional-dependencies]
    Test_It = ["pytest", "colorama; sys_platform == 'win32' or python_version < '3.11'"]
    future = ["venvoy-api>=1.5"]
    all = ["acme-csv[test-it]"]
    """
    project = read_project(make_project(tmp_path / "acme", more=optional))
    requires = [
        "pytest; extra == 'test-it'",
        "colorama; (sys_platform == 'win32' or python_version < '3.11') and extra == 'test-it'",
        "venvoy-api>=1.5; extra == 'future'",
        "acme-csv[test-it]; extra == 'all'",
    ]
    wheel = read_wheel(make_wheel("acme-csv", "1.0", requires=requires, entry_points=CSV))
    assert [str(one) for one in project.of_extras] == [str(one) for one in wheel.of_extras]
    assert [one.name for one in wheel.of_extras] == ["pytest", "colorama", "acme-csv"]
    assert project.extras == wheel.extras == ("all", "test-it")


def test_requirements_on_the_api_and_of_extras_are_left_out(tmp_path: Path) -> None:
    found = read_project(make_project(tmp_path / "acme", dependencies=DEPENDENCIES))
    assert [requirement.name for requirement in found.requires] == ["pydantic", "tomli", "rich"]


def test_a_distribution_that_does_not_mention_the_api_requires_none(tmp_path: Path) -> None:
    assert read_project(make_project(tmp_path / "acme")).api_requirement is None


@pytest.mark.parametrize("field", ["version", "dependencies", "entry-points", "requires-python"])
def test_dynamic_fields_that_are_needed_ask_for_a_build(tmp_path: Path, field: str) -> None:
    text = f'[project]\nname = "acme"\ndynamic = ["readme", "{field}"]\n'
    with pytest.raises(DynamicMetadataError) as caught:
        read_project(pyproject(tmp_path / "acme", text))
    assert caught.value.fields == (field,)


def test_dynamic_fields_that_nobody_needs_are_no_reason_to_build(tmp_path: Path) -> None:
    text = '[project]\nname = "acme"\nversion = "1"\ndynamic = ["readme", "classifiers"]\n'
    assert read_project(pyproject(tmp_path / "acme", text)).version == Version("1")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[build-system]\nrequires = ["poetry-core"]\n', DynamicMetadataError),
        ("[tool.ruff]\n", NoMetadataError),
        ("", NoMetadataError),
        ("[project\n", UnreadableProjectError),
        ('project = "acme"\n', InvalidMetadataError),
        ('[project]\nname = "acme"\n', InvalidMetadataError),
    ],
)
def test_a_project_that_cannot_be_read_says_why(
    tmp_path: Path, text: str, error: type[VenvoyError]
) -> None:
    directory = pyproject(tmp_path / "acme", text)
    with pytest.raises(error) as caught:
        read_project(directory)
    assert str(directory) in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    directory = pyproject(tmp_path / "acme", "")
    (directory / "pyproject.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(UnreadableProjectError, match="it is not UTF-8"):
        read_project(directory)


def test_all_faults_of_a_project_are_told_at_once(tmp_path: Path) -> None:
    text = """
        [project]
        name = "acme csv"
        version = "one"
        requires-python = "3.9+"
        dependencies = ["pydantic<2", "not a requirement"]
        [project.entry-points."venvoy.source"]
        csv = "acme_csv"
        "../csv" = "acme_csv:Csv"
    """
    with pytest.raises(ProblemsError) as caught:
        read_project(pyproject(tmp_path / "acme", text))
    said = [problem.message for problem in caught.value.problems]
    file = tmp_path / "acme" / "pyproject.toml"
    assert said[:3] == [
        f"`project.name` in `{file}` is not a distribution's name: `acme csv`",
        f"`project.version` in `{file}` is not a PEP 440 version: `one`",
        f"`project.requires-python` in `{file}` is not a version specifier: `3.9+`",
    ]
    assert said[3].startswith(f"`project.dependencies[1]` in `{file}` is not a requirement")
    assert "`../csv = acme_csv:Csv`" in said[4]
    assert said[5] == (
        f"the entry point `csv = acme_csv` in the group `venvoy.source` of `{file}` "
        "names a module but no class in it"
    )
    assert len(said) == 6


@pytest.mark.parametrize(
    "value", ["acme", "acme:", ":Csv", "acme:Csv[extra]", "acme-csv:Csv", "acme:Csv()", "acme :Csv"]
)
def test_an_entry_point_that_names_no_class_is_refused(
    tmp_path: Path, make_wheel: MakeWheel, value: str
) -> None:
    table = {"venvoy.source": {"csv": value}}
    with pytest.raises(VenvoyError) as from_project:
        read_project(make_project(tmp_path / "acme", entry_points=table))
    with pytest.raises(VenvoyError) as from_wheel:
        read_wheel(make_wheel("acme", "1.0", entry_points=table))
    assert from_project.value.code == from_wheel.value.code == "invalid-entry-point"


def test_a_version_that_is_literally_latest_is_refused(
    tmp_path: Path, make_wheel: MakeWheel
) -> None:
    directory = make_project(tmp_path / "acme", version="latest")
    with pytest.raises(InvalidMetadataError, match="means the newest version"):
        read_project(directory)
    with pytest.raises(InvalidMetadataError, match="means the newest version"):
        read_wheel(make_wheel("acme", "latest"))


def garbled(data: bytes) -> bytes:
    start = data.index(b"METADATA") + 12
    return data[:start] + b"\xff" * 12 + data[start + 12 :]


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda _: b"PK",
    "text": lambda _: b"<html>404 Not Found</html>" * 9,
    "cut": lambda data: data[:-60],
    "garbled": garbled,
}
MEMBERS = {
    "no-dist-info": {"acme.py": b""},
    "two-dist-infos": {"acme-1.0.dist-info/METADATA": b"", "acme-2.0.dist-info/METADATA": b""},
    "not-utf8": {"acme-1.0.dist-info/METADATA": b"Name: \xff\n"},
}
NAMES = {
    "other-name": "other-1.0-py3-none-any.whl",
    "other-version": "acme-2.0-py3-none-any.whl",
    "no-wheel-name": "acme.whl",
}


def broken_wheel(directory: Path, fault: str) -> Path:
    """Write a wheel with one fault."""
    file = make_wheel(directory, "acme", "1.0", entry_points=CSV)
    if fault in BYTES:
        file.write_bytes(BYTES[fault](file.read_bytes()))
    elif fault in MEMBERS:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in MEMBERS[fault].items():
                archive.writestr(name, data)
    else:
        file = file.rename(directory / NAMES[fault])
    return file


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("empty", "it is empty"),
        ("short", "it is not a sound zip (File is not a zip file)"),
        ("text", "it is not a sound zip (File is not a zip file)"),
        ("cut", "it is not a sound zip ("),
        ("garbled", "it is not a sound zip ("),
        ("no-dist-info", "it has no `*.dist-info/METADATA`"),
        ("two-dist-infos", "it has several dist-info directories: acme-1.0, acme-2.0"),
        ("other-name", "it holds `acme-1.0`, not `other`"),
        ("other-version", "it holds acme 1.0, which its name does not say"),
        ("no-wheel-name", "its name is not a wheel's (invalid wheel filename"),
        ("not-utf8", "its metadata is not UTF-8"),
    ],
)
def test_a_broken_wheel_says_what_is_wrong_with_it(tmp_path: Path, fault: str, reason: str) -> None:
    file = broken_wheel(tmp_path, fault)
    with pytest.raises(UnreadableWheelError) as caught:
        read_wheel(file)
    assert caught.value.message.startswith(f"the wheel `{file}` cannot be read: {reason}")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("fault", ["empty", "short", "text", "cut", "no-wheel-name", "garbled"])
def test_a_broken_wheel_is_seen_before_it_is_taken_for_a_dependency(
    tmp_path: Path, fault: str
) -> None:
    with pytest.raises(UnreadableWheelError):
        read_plugin_wheel(broken_wheel(tmp_path, fault))


def test_metadata_that_never_ends_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Name: acme\n" + " " * (17 * 1024 * 1024))
    with pytest.raises(UnreadableWheelError, match="is larger than 16777216 bytes"):
        read_wheel(file)


def test_wrong_metadata_in_a_wheel_names_the_field(make_wheel: MakeWheel) -> None:
    with pytest.raises(InvalidMetadataError) as caught:
        read_wheel(make_wheel("acme", "1.0", requires=["not a requirement"]))
    assert caught.value.field == "requires-dist"
    with pytest.raises(InvalidMetadataError) as caught:
        read_wheel(make_wheel("acme", "1.0", requires_python="three"))
    assert caught.value.field == "requires-python"


def test_a_wheel_without_plugins_is_told_from_its_names_alone(make_wheel: MakeWheel) -> None:
    assert read_plugin_wheel(make_wheel("dep", "1.0")) is None
    script = make_wheel("tool", "1.0", entry_points={"console_scripts": {"tool": "tool:main"}})
    assert read_plugin_wheel(script) is None
    plugin = make_wheel("acme", "1.0", entry_points=CSV)
    assert read_plugin_wheel(plugin) == read_wheel(plugin)


def test_a_zip_with_a_comment_is_read_too(make_wheel: MakeWheel) -> None:
    file = make_wheel("acme", "1.0", entry_points=CSV)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"signed by acme"
    found = read_plugin_wheel(file)
    assert found is not None
    assert found.name == "acme"


@pytest.mark.parametrize(
    ("line", "reason"),
    [("csv", "line 2 is not `name = module:object`"), ("csv=a:B\ncsv=a:C", "line 3 gives `csv`")],
)
def test_entry_points_of_a_wheel_are_held_to_their_form(
    tmp_path: Path, line: str, reason: str
) -> None:
    files = {"acme-1.0.dist-info/entry_points.txt": f"[venvoy.source]\n{line}\n"}
    with pytest.raises(InvalidMetadataError, match="cannot be read: " + reason):
        read_wheel(make_wheel(tmp_path, "acme", "1.0", files=files))


def test_entry_points_of_other_tools_are_their_own_affair(tmp_path: Path) -> None:
    files = {"acme-1.0.dist-info/entry_points.txt": "[other]\nnot an entry\n[venvoy.sink]\na=b:C\n"}
    (entry,) = read_wheel(make_wheel(tmp_path, "acme", "1.0", files=files)).entry_points
    assert entry.class_name == "b.C"


def test_groups_named_like_ours_are_kept_for_a_warning(tmp_path: Path) -> None:
    tables = {"venvoy.sources": {"csv": "a:B"}, "venvoy.sink": {"csv": "a:C"}}
    found = read_project(make_project(tmp_path / "acme", entry_points=tables))
    assert found.unknown_groups == ("venvoy.sources",)
    assert len(found.entry_points) == 1


def test_tool_settings_are_read(tmp_path: Path) -> None:
    more = """
        [tool.venvoy]
        python = ">=3.10"
        extra = ["setuptools<81"]
        override = ["urllib3==2.2.3"]
        exclude-newer = 2026-01-31
        preload = ["acme_csv.tables"]
    """
    settings = read_tool_settings(project_location(make_project(tmp_path / "acme", more=more)))
    assert settings.python == ">=3.10"
    assert [str(one) for one in settings.extra] == ["setuptools<81"]
    assert [str(one) for one in settings.override] == ["urllib3==2.2.3"]
    assert settings.exclude_newer == datetime(2026, 2, 1, tzinfo=UTC)
    assert settings.preload == ("acme_csv.tables",)


def test_no_settings_are_the_defaults(tmp_path: Path) -> None:
    location = project_location(make_project(tmp_path / "acme"))
    assert read_tool_settings(location) == ToolSettings()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ('"2026-01-31"', datetime(2026, 2, 1, tzinfo=UTC)),
        ('"2026-01-31T12:00:00Z"', datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_exclude_newer_is_an_instant_and_a_day_means_its_end(
    tmp_path: Path, text: str, instant: datetime
) -> None:
    more = f"[tool.venvoy]\nexclude-newer = {text}\n"
    location = project_location(make_project(tmp_path / "acme", more=more))
    assert read_tool_settings(location).exclude_newer == instant


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('exlude-newer = "2026-01-31"', "is not known", "did you mean `exclude-newer`?"),
        ("python = 3.9", "must be a string", "correct it in"),
        ('extra = "setuptools"', "must be a list of strings", "correct it in"),
        ('override = ["="]', "is not a requirement", "correct it in"),
        ('exclude-newer = "soon"', "must be a day", "correct it in"),
        ('preload = "acme"', "must be true, false or a list", "correct it in"),
    ],
)
def test_a_wrong_setting_names_its_key(tmp_path: Path, line: str, message: str, hint: str) -> None:
    more = f"[tool.venvoy]\n{line}\n"
    location = project_location(make_project(tmp_path / "acme", more=more))
    with pytest.raises(InvalidMetadataError) as caught:
        read_tool_settings(location)
    assert message in caught.value.message
    assert "`tool.venvoy." in caught.value.message
    assert caught.value.hint.startswith(hint)


def test_settings_of_wheels_stand_beside_them(tmp_path: Path) -> None:
    make_wheel(tmp_path / "acme", "acme", "1.0")
    (tmp_path / "acme" / "venvoy.toml").write_text('python = "3.9"\npreload = false\n')
    location = Location(path=tmp_path / "acme", shape=Shape.WHEELS, place=tmp_path, place_index=0)
    assert read_tool_settings(location) == ToolSettings(python="3.9", preload=False)
