import pytest

from harness.plugin import listing
from harness.plugin.discovery import Source
from harness.plugin.listing import default_memory, listings

CARD = """
from harness import Paper, Variant, hookimpl

@hookimpl
def paper():
    return Paper(slug="{slug}", title="{title}", arxiv="", year=2024, family="toy", task="t", method="m",
                 variants=[Variant("a", "x", subject=True), Variant("b", "y")])
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def mine(folder):
    path = folder / "mine.py"
    path.write_text(CARD.format(slug="mine", title="One"))
    return path


@pytest.fixture
def memory(tmp_path):
    return tmp_path / "cache" / "plugins.json"


def line(slug, path, memory):
    (found,) = [one for one in listings([path], memory) if one.slug == slug and str(path) in one.origin]
    return found


def test_a_line_holds_what_the_card_says(mine, memory):
    found = line("mine", mine, memory)
    assert (found.title, found.year, found.family, found.subject, found.status) == ("One", 2024, "toy", "a", "ok")
    assert (list(found.variants), list(found.workloads)) == (["a", "b"], ["infer"])


def test_the_second_time_nothing_is_imported(mine, memory, monkeypatch):
    first = line("mine", mine, memory)
    read = listing.load
    monkeypatch.setattr(listing, "load", lambda source: pytest.fail("imported again") if source.path else read(source))
    again = line("mine", mine, memory)
    assert (again.title, list(again.variants), again.status, again.origin) == (first.title, list(first.variants), "ok", first.origin)


def test_a_changed_file_is_read_again(mine, memory):
    assert line("mine", mine, memory).title == "One"
    source = Source("mine", "", str(mine), str(mine))
    before = listing.fingerprint(source)
    mine.write_text(CARD.format(slug="mine", title="Another"))
    assert listing.fingerprint(source) != before


def test_a_broken_plugin_is_never_remembered(mine, memory):
    mine.write_text("raise RuntimeError('no')")
    found = line("mine", mine, memory)
    assert found.status == "broken" and "mine.py:1: RuntimeError: no" in found.error
    assert "RuntimeError" not in memory.read_text()


def test_the_second_of_two_with_one_slug_is_broken_remembered_or_not(folder, memory):
    for name in ("one.py", "two.py"):
        (folder / name).write_text(CARD.format(slug="twin", title="T"))
    for _ in range(2):
        first, second = [one for one in listings([folder], memory) if one.slug == "twin"]
        assert (first.status, second.status) == ("ok", "broken")
        assert "one.py; give this card another slug" in second.error and "two.py" in second.error


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"x": 1}'])
def test_a_memory_that_cannot_be_read_is_done_without(mine, memory, content):
    memory.parent.mkdir()
    memory.write_text(content)
    assert line("mine", mine, memory).status == "ok"


def test_a_memory_that_cannot_be_written_is_done_without(mine, tmp_path):
    (tmp_path / "file").write_text("")
    assert line("mine", mine, tmp_path / "file" / "plugins.json").status == "ok"


def test_it_lies_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_memory() == tmp_path / "harness" / "plugins.json"
