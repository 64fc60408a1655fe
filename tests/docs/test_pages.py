"""The pages hold together: links, navigation, names in the reference, commands and options that exist."""

import importlib
import re
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

import harness.testing
from harness.cli.main import app
from harness.errors import ExitCode

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def page_id(page):
    return str(page.relative_to(DOCS))


def in_navigation(entry):
    if isinstance(entry, str):
        return [entry]
    return [page for member in (entry.values() if isinstance(entry, dict) else entry) for page in in_navigation(member)]


def test_every_page_is_in_the_navigation_once():
    named = in_navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(named) == sorted(map(page_id, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", sorted((DOCS / "reference").glob("*.md")), ids=page_id)
def test_every_name_of_the_reference_exists_and_is_described(page):
    for name in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE):
        assert resolved(name).__doc__, name


def resolved(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_in_a_block_exists(page):
    known = {command.name for command in app.registered_commands}
    for block in re.findall(r"```(?:console|bash)\n(.*?)```", page.read_text(), re.DOTALL):
        used = set(re.findall(r"^\s*(?:\$ )?harness ([a-z]+)", block, re.MULTILINE))
        assert used <= known, used - known


def test_the_table_of_exit_codes_is_whole():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "errors.md").read_text(), re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}


def test_the_layers_that_contributors_read_of_are_those_that_are_checked():
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    (written,) = re.findall(r"keeps it so:\n\n(.*?)\n\n", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert [set(re.findall(r"\w+", layer)) for layer in written.split("->")] == [
        set(re.findall(r"harness\.(\w+)", layer)) for layer in checked
    ]


def test_the_example_of_the_testing_kit_is_python():
    _, _, example = harness.testing.__doc__.partition("\n\n")
    assert "\n    lab = bench(" in textwrap.dedent(example)
    compile(textwrap.dedent(example), "harness.testing", "exec")


def test_the_site_asks_nothing_of_the_network():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False
    assert [name if isinstance(name, str) else next(iter(name)) for name in settings["plugins"]] == ["search", "mkdocstrings"]
