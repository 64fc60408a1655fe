"""`harness new` and `harness check`, typed as an author would."""

import json

import pytest

from harness.conformance.table import CHECKS
from projects import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_a_file_is_written_and_the_next_commands_are_said(project):
    done = project.harness("new", "my_method")
    assert (done.code, done.out) == (0, "my_method.py\n")
    assert "harness check my_method.py" in done.err
    listed = project.harness("list", "--plugin-path", "my_method.py", "--json")
    (row,) = [row for row in json.loads(listed.out) if row["slug"] == "my_method"]
    assert (row["status"], row["title"], row["subject"]) == ("ok", "My Method", "mine")


def test_a_package_is_written_whole(project):
    done = project.harness("new", "deep_thing", "--package")
    assert done.code == 0, done.err
    written = {str(path.relative_to(project.folder)) for path in (project.folder / "deep_thing").rglob("*") if path.is_file()}
    assert set(done.out.split()) == written
    assert written == {
        "deep_thing/pyproject.toml",
        "deep_thing/README.md",
        "deep_thing/deep_thing/__init__.py",
        "deep_thing/tests/test_deep_thing.py",
        "deep_thing/.github/workflows/check.yml",
    }
    everything = "".join((project.folder / path).read_text() for path in written)
    assert "my_method" not in everything and "My Method" not in everything


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My-Method", "write lower-case letters, digits and _"),
        ("class", "is a word of Python"),
        ("test_it", "is taken for a test"),
        ("hilo", "slug 'hilo' is taken by"),
        ("json", "is that of an installed module"),
    ],
)
def test_a_name_that_would_do_harm_is_refused_and_nothing_is_written(project, name, said):
    done = project.harness("new", name)
    assert done.code == 2
    assert said in done.err
    assert list(project.folder.iterdir()) == []


def test_a_file_that_exists_is_left_as_it_is(project):
    project.write("my_method.py", "mine\n")
    done = project.harness("new", "my_method")
    assert done.code == 2
    assert "'my_method.py' exists and is left as it is" in done.err
    assert (project.folder / "my_method.py").read_text() == "mine\n"


def test_a_folder_that_cannot_be_written_to_is_told(project):
    project.write("deep_thing", "a file in the way\n")
    done = project.harness("new", "deep_thing", "--package")
    assert done.code == 2
    assert "'deep_thing' exists" in done.err


@pytest.mark.slow
def test_what_is_written_passes_every_check_but_that_of_sizes_it_has_none_of(project):
    project.harness("new", "my_method")
    done = project.harness("check", "my_method.py", "--json")
    assert done.code == 0, done.err
    findings = json.loads(done.out)
    assert [f["check"] for f in findings] == [check.name for check in CHECKS]
    assert {f["check"]: f["status"] for f in findings if f["status"] != "pass"} == {"sizes": "not applicable", "meta": "not applicable"}


@pytest.mark.slow
def test_a_check_that_fails_says_what_why_and_how_and_exits_with_1(project):
    project.harness("new", "my_method")
    path = project.folder / "my_method.py"
    path.write_text(path.read_text().replace('data="sines of', 'data="" and "sines of'))
    done = project.harness("check", "my_method.py")
    assert done.code == 1
    assert "data is empty; say where the data come from" in done.out
    assert "card: why: the card is all that a reader of a report sees of a paper" in done.out
    assert "how: fill in or correct the named field of Paper(...)" in done.out
    assert "13 pass, 1 fail, 2 not applicable" in done.out


def test_a_broken_plugin_is_checked_as_far_as_that_goes(project):
    project.write("bent.py", "from harness import hookimpl\nimport nowhere\n")
    done = project.harness("check", "bent.py", "--json")
    assert done.code == 1
    first, *others = json.loads(done.out)
    assert (first["check"], first["status"]) == ("loads", "fail")
    assert "bent.py:2: ModuleNotFoundError: No module named 'nowhere'" in first["what"]
    assert {f["status"] for f in others} == {"not applicable"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "hillo"), "unknown plugin 'hillo'; did you mean 'hilo'?"),
        (("check", "hilo", "--scale", "paper"), "unknown scale of a check 'paper'"),
        (("check", "nowhere/at_all.py"), "nowhere/at_all.py"),
    ],
)
def test_what_cannot_be_checked_is_refused(project, arguments, said):
    done = project.harness(*arguments)
    assert done.code == 2
    assert said in done.err
