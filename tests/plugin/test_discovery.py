import textwrap

import pytest

from harness.errors import HarnessError
from harness.plugin import discovery
from harness.plugin.discovery import discover

CARD = """
from harness import Paper, Variant, hookimpl

@hookimpl
def paper():
    return Paper(slug="{slug}", title="T", arxiv="", year=2024, family="toy", task="t", method="m",
                 variants=[Variant("a", "x", subject=True), Variant("b", "y")])
"""


@pytest.fixture
def write(tmp_path):
    def write_plugin(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write_plugin


def only(path):
    (found,) = [p for p in discover([path]) if p.source.path]
    return found


def test_a_file_is_a_plugin(write):
    plugin = only(write("mine.py", CARD.format(slug="mine")))
    assert (plugin.slug, plugin.status) == ("mine", "ok")


def test_a_package_is_a_plugin_and_its_relative_imports_work(write, tmp_path):
    write("pack/model.py", "SLUG = 'pack'")
    write("pack/__init__.py", CARD.format(slug="pack") + "\nfrom .model import SLUG\n")
    assert only(tmp_path / "pack").status == "ok"


def test_a_submodule_with_the_name_of_a_hook_does_not_hide_the_hook(write, tmp_path):
    write("pack/model.py", "def build(): return 'built'")
    hook = "\n@hookimpl\ndef model(variant):\n    from .model import build\n    return build()\n"
    write("pack/__init__.py", CARD.format(slug="pack") + hook)
    for _ in range(2):
        assert only(tmp_path / "pack").call("model", variant="a") == "built"


def test_not_even_when_the_submodule_is_imported_with_the_plugin(write, tmp_path):
    write("pack/model.py", "def build(): return 'built'")
    hook = "\n@hookimpl\ndef model(variant):\n    return build()\n\n\nfrom .model import build\n"
    write("pack/__init__.py", CARD.format(slug="pack") + hook)
    assert only(tmp_path / "pack").call("model", variant="a") == "built"


def test_a_folder_holds_many(write, tmp_path):
    write("one.py", CARD.format(slug="one"))
    write("two/__init__.py", CARD.format(slug="two"))
    write("_private.py", "raise RuntimeError")
    found = [p.slug for p in discover([tmp_path]) if p.source.path]
    assert found == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name", "bad.py:1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = 1\nx +", "bad.py:2: SyntaxError"),
        ("raise SystemExit('no')", "bad.py:1: SystemExit: no"),
        ("x = 1", "bad.py: no hook 'paper'"),
        (CARD.format(slug="bad").replace("year=2024", "year='soon'"), "bad.py:6: card 'bad': year is 'soon'"),
        (CARD.format(slug="bad").replace("return Paper", "dict"), "bad.py:4: hook 'paper' gave NoneType"),
        (CARD.format(slug="bad") + "\n@hookimpl\ndef modle(variant): ...\n", "bad.py:9: there is no hook 'modle'; did you mean 'model'?"),
        (
            CARD.format(slug="bad") + "\n@hookimpl\ndef model(varriant): ...\n",
            "bad.py:9: hook 'model' has no argument 'varriant'; did you mean 'variant'?",
        ),
    ],
)
def test_a_broken_plugin_is_a_row_that_names_file_line_and_cure(write, text, reason):
    plugin = only(write("bad.py", text))
    assert plugin.status == "broken"
    assert plugin.slug == "bad"
    assert reason in plugin.error
    assert "Traceback" in plugin.traceback or not plugin.traceback


def test_an_import_that_never_ends_is_given_up(write, monkeypatch):
    monkeypatch.setattr(discovery, "IMPORT_LIMIT_S", 0.2)
    plugin = only(write("loop.py", "while True: pass"))
    assert "importing took more than 0.2 s" in plugin.error
    assert "loop.py:1" in plugin.error


def test_a_broken_plugin_leaves_the_others(write, tmp_path):
    write("bad.py", "1 / 0")
    write("good.py", CARD.format(slug="good"))
    states = {p.slug: p.status for p in discover([tmp_path])}
    assert states["bad"] == "broken"
    assert states["good"] == "ok"
    assert states["hilo"] == "ok"


def test_the_second_of_two_with_one_slug_is_broken(write, tmp_path):
    write("one.py", CARD.format(slug="same"))
    write("two.py", CARD.format(slug="same"))
    first, second = [p for p in discover([tmp_path]) if p.slug == "same"]
    assert first.status == "ok"
    assert "slug 'same' is already taken by" in second.error
    assert "one.py" in second.error
    assert "two.py" in second.error


def test_a_stranger_cannot_take_a_built_in_slug(write):
    path = write("mine.py", CARD.format(slug="hilo"))
    own, stranger = [p for p in discover([path]) if p.slug == "hilo"]
    assert own.status == "ok"
    assert not own.source.path
    assert stranger.status == "broken"


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(HarnessError, match="does not exist"):
        discover([tmp_path / "none.py"])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(HarnessError, match="holds no plugin"):
        discover([tmp_path])
