from benchmarks.results import replace_sections
from benchmarks.section import Goal, Section, Table, show

FOUND = Section(
    "Speed",
    "How it was done.",
    [Table(["case", "time"], [["one", "1 ms"], ["a|b", "2 ms"]])],
    [Goal("under 1 ms", False, "2 ms"), Goal("under 3 ms", True, "2 ms"), Goal("on a GPU", None, "there is none")],
    ["pyperf failed: no such file"],
    verbatim="as it came",
)


def test_a_section_as_markdown_has_origin_table_goals_and_remarks():
    assert FOUND.markdown("Measured here.") == (
        "## Speed\n\nHow it was done.\n\nMeasured here.\n\n"
        "| case | time |\n| --- | ---: |\n| one | 1 ms |\n| a\\|b | 2 ms |\n\n"
        "```text\nas it came\n```\n\n"
        "- **not met**: under 1 ms: 2 ms\n- **met**: under 3 ms: 2 ms\n- **not judged**: on a GPU: there is none\n\n"
        "- pyperf failed: no such file"
    )


def test_a_section_on_a_terminal_says_the_same(capsys):
    show(FOUND)
    said = capsys.readouterr().out
    for words in ("Speed", "How it was done.", "a|b", "as it came", "not met: under 1 ms: 2 ms", "pyperf failed"):
        assert words in said


def test_a_run_replaces_its_own_sections_and_keeps_the_others_in_order(tmp_path):
    path, order = tmp_path / "RESULTS.md", ["first", "second", "third"]
    replace_sections(path, {"third": "## Third, old", "first": "## First, old\n\n| a | b |"}, order)
    replace_sections(path, {"second": "## Second", "third": "## Third, new"}, order)
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## First, old", "## Second", "## Third, new"]
    assert "| a | b |" in text and "Third, old" not in text
    replace_sections(path, {}, order)
    assert path.read_text() == text
