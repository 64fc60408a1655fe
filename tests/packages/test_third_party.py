"""Packages of strangers, built as wheels and installed into an environment of their own, beside the built-in papers."""

import json
import site
import subprocess
import sys
import textwrap

import pytest

from projects import TOY, Project

pytestmark = pytest.mark.slow

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "2.3"

[project.entry-points."harness.plugins"]
{slug} = "{name}"

[tool.setuptools]
py-modules = ["{name}"]
"""


class Stranger(Project):
    """A project whose `harness` runs in an environment that has three more packages."""

    def command(self, *arguments):
        return [str(self.folder / "env" / "bin" / "python"), "-m", "harness", *map(str, arguments)]


def pip(*arguments):
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def environment(folder):
    """Make an environment that sees what is installed here, so that torch need not be installed again."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (inside,) = (folder / "lib").glob("python*/site-packages")
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (inside / "outer.pth").write_text("\n".join(lines))
    return folder / "bin" / "python"


def module_package(folder, name, slug, text):
    home = folder / name
    home.mkdir()
    (home / "pyproject.toml").write_text(PYPROJECT.format(name=name, slug=slug))
    (home / f"{name}.py").write_text(textwrap.dedent(text))
    return home


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stranger")
    project = Stranger(folder)
    made = subprocess.run(
        [sys.executable, "-m", "harness", "new", "low_noise", "--package"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    homes = [
        folder / "low_noise",
        module_package(folder, "broken_package", "shattered", "from harness import hookimpl\nimport nothing_of_this_name\n"),
        module_package(folder, "clashing_package", "hilo", TOY.replace('slug="toy"', 'slug="hilo"')),
    ]
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder / "wheels", *homes)
    python = environment(folder / "env")
    pip("--python", python, "install", "--no-deps", "--no-index", *(folder / "wheels").glob("*.whl"))
    return project


def test_all_are_listed_and_what_is_wrong_is_said_in_its_row(stranger):
    done = stranger.harness("list", "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    (good,) = [row for row in rows if row["slug"] == "low_noise"]
    assert (good["status"], good["origin"], good["subject"]) == ("ok", "low_noise 0.1.0", "mine")
    (broken,) = [row for row in rows if row["slug"] == "shattered"]
    assert broken["status"] == "broken"
    assert "broken_package.py:2: ModuleNotFoundError: No module named 'nothing_of_this_name'" in broken["error"]
    clash = {row["status"]: row for row in rows if row["slug"] == "hilo"}
    assert set(clash) == {"ok", "broken"}
    assert {row["origin"] for row in clash.values()} == {"harness-papers 0.1.0", "clashing_package 2.3"}
    for row in clash.values():
        assert row["status"] == "ok" or row["origin"] in row["error"]
    assert {row["slug"] for row in rows if row["status"] == "ok"} >= {"prototype_cbr", "itransformer", "metaformer"}


def test_the_package_passes_every_check(stranger):
    done = stranger.harness("check", "low_noise", "--json")
    assert done.code == 0, done.out
    assert {f["status"] for f in json.loads(done.out)} == {"pass", "not applicable"}


def test_it_is_run_and_reported_beside_a_built_in_paper(stranger):
    done = stranger.harness("run", "--plugins", "low_noise,prototype_cbr", "--metrics", "flops,latency", "--workload", "infer", "--json")
    assert done.code == 0, done.err
    assert set(json.loads(done.out)["cases"]) == {"ok"}
    report = stranger.harness("report", "--out", "site")
    assert report.code == 0, report.err
    index = (stranger.folder / "site" / "index.html").read_text()
    assert "Low Noise" in index
    assert (stranger.folder / "site" / "paper" / "low_noise.html").exists()
    assert (stranger.folder / "site" / "paper" / "prototype_cbr.html").exists()


def test_a_run_of_everything_wanted_tells_the_broken_ones_and_goes_on(stranger):
    done = stranger.harness("run", "--plugins", "low_noise,shattered", "--metrics", "flops", "--workload", "infer", "--json")
    assert done.code == 1
    assert json.loads(done.out)["broken"] == 1
    assert "broken: shattered:" in done.err
    assert json.loads(done.out)["cases"]["ok"] > 0


def test_the_packages_own_tests_and_the_checks_pass_in_that_environment(stranger):
    done = subprocess.run(
        [stranger.command()[0], "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=stranger.folder / "low_noise",
        env=stranger.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "17 passed, 2 skipped" in done.stdout  # three of its own; of sixteen checks, two have no published size to look at
