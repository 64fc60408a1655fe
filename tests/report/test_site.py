import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.report import render_site
from harness.report.assets import classic_script
from tests.report.hostile import hostile_judgements, hostile_sizes, write_hostile
from tests.report.synthetic import Recipe, cards_of, write_store

PAGES = ("index.html", "claims.html", "machines.html", "failures.html", "reading.html")


class Tags(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def pages(site):
    return sorted(site.rglob("*.html"))


def test_the_site_has_a_page_for_every_family_and_paper(site):
    names = {str(path.relative_to(site)) for path in pages(site)}
    assert set(PAGES) < names
    assert {"family/attention.html", "family/time-series.html", "paper/folded_attention.html", "paper/sparse_attention.html"} < names


def test_what_the_papers_of_a_family_hold_equal_is_on_its_page_and_on_theirs(site):
    for page in ("family/attention.html", "paper/folded_attention.html"):
        assert "Sequences of the family attention have 32 channels at every length." in (site / page).read_text()


def test_papers_of_a_family_that_hold_nothing_equal_are_said_to_have_no_common_protocol(site, tmp_path):
    said = "No common protocol: each paper answers a question of its own."
    assert said not in (site / "family/attention.html").read_text()
    cards = tuple(replace(card, task=f"{card.slug}: {card.task}", protocol="") for card in cards_of(Recipe(papers=2, families=1)))
    alone = render_site(write_store(tmp_path / "store", Recipe(cards=cards)), [], tmp_path / "site").parent
    assert said in (alone / "family/attention.html").read_text()


def test_every_link_within_the_site_leads_somewhere(site):
    for page in pages(site):
        text = page.read_text()
        for tag, attributes in Tags(text).found:
            target = attributes.get("href") or attributes.get("src") or ""
            if target.startswith(("http", "data:")) or not target:
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), f"{page.name}: {tag} {target}"
            if anchor and "=" not in anchor:
                assert f'id="{anchor}"' in file.read_text(), f"{page.name}: {target}"


def test_nothing_is_loaded_from_elsewhere(site):
    for page in pages(site):
        for tag, attributes in Tags(page.read_text()).found:
            for name in ("src", "srcset", "data", "poster", "action"):
                assert not (attributes.get(name) or "").startswith(("http", "//")), (page.name, tag)
            if tag == "link":
                assert not attributes["href"].startswith(("http", "//"))
            assert not [name for name in attributes if name.startswith("on")], (page.name, tag)


def test_links_to_elsewhere_are_for_people_alone(site):
    outside = {
        a["href"] for page in pages(site) for tag, a in Tags(page.read_text()).found if tag == "a" and a.get("href", "").startswith("http")
    }
    assert {re.match(r"https://[^/]+", address).group() for address in outside} == {"https://arxiv.org", "https://github.com"}


def test_ids_are_unique_on_every_page(site):
    for page in pages(site):
        ids = [attributes["id"] for _, attributes in Tags(page.read_text()).found if "id" in attributes]
        assert len(ids) == len(set(ids)), page.name


def test_assets_stand_once(site):
    assert sorted(path.name for path in (site / "assets").iterdir()) == [
        "chart-config.js", "charts.js", "datatables.js", "site.css", "tables.js", "theme.js", "vega.js",
    ]  # fmt: skip


def test_a_small_site_has_every_chart_as_svg(tmp_path, small):
    store = write_store(tmp_path / "store", Recipe(papers=1))
    site = render_site(store, [], tmp_path / "site").parent
    page = (site / "paper/folded_attention.html").read_text()
    keys = re.findall(r'<figure class="chart" id="([^"]+)"', page)
    assert len(keys) > 8
    for key in keys:
        assert (site / f"charts/{key}.svg").read_text().startswith("<svg")
        assert f'<img src="../charts/{key}.svg"' in page


def test_a_second_report_replaces_the_first(small, tmp_path):
    out = tmp_path / "reports"
    render_site(small, [], out)
    (out / "paper" / "gone_since.html").write_text("old")
    assert render_site(small, [], out) == out / "index.html"
    assert not (out / "paper" / "gone_since.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_render_that_fails_leaves_the_old_site(small, tmp_path, monkeypatch):
    out = tmp_path / "reports"
    render_site(small, [], out)
    before = (out / "index.html").read_text()
    monkeypatch.setattr("harness.report.site.build_paper", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        render_site(small, [], out)
    assert (out / "index.html").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_move_that_fails_puts_the_old_site_back(small, tmp_path, monkeypatch):
    import os

    out = tmp_path / "reports"
    render_site(small, [], out)
    real = os.rename

    def torn(source, target):
        if Path(target) == out and (Path(source) / "assets").stat().st_ino != first:
            raise OSError("no space left on device")
        real(source, target)

    first = (out / "assets").stat().st_ino
    monkeypatch.setattr("os.rename", torn)
    with pytest.raises(HarnessError, match="no space left"):
        render_site(small, [], out)
    assert (out / "assets").stat().st_ino == first


@pytest.mark.parametrize("name", ["thesis.tex", ".git"])
def test_a_folder_with_other_files_is_refused(small, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(HarnessError, match="holds files that are not a report"):
        render_site(small, [], tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_refused(small, tmp_path):
    (tmp_path / "reports").write_text("mine")
    with pytest.raises(HarnessError, match="is a file"):
        render_site(small, [], tmp_path / "reports")


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(small):
    with pytest.raises(HarnessError, match="cannot be written to '/proc/reports'"):
        render_site(small, [], Path("/proc/reports"))


def test_a_bundle_of_another_form_is_refused():
    with pytest.raises(HarnessError, match="pip install"):
        classic_script("export default 1;", "x", {"default": "y"})


def test_a_bundle_becomes_a_script_with_its_exports_in_one_global():
    text = classic_script("var a=1;export{a as default,b as jQuery};/* licence */", "lib", {"default": "DataTable"})
    assert "window.lib = { DataTable: a };" in text and "export" not in text and "licence" in text


def test_hostile_strings_are_text_and_nothing_else(tmp_path):
    site = render_site(write_hostile(tmp_path / "store"), [], tmp_path / "site", hostile_judgements(), hostile_sizes()).parent
    assert all(site in path.resolve().parents for path in site.rglob("*"))
    for page in pages(site):
        found = Tags(page.read_text()).found
        scripts = [attributes for tag, attributes in found if tag == "script"]
        assert all("src" in a or a.get("type") == "application/json" for a in scripts), page.name
        assert [a for tag, a in found if tag == "img" and not (a.get("src") or "").endswith((".png", ".svg"))] == []
        assert [a for tag, a in found if any(name.startswith("on") for name in a)] == []
        assert [a for tag, a in found if (a.get("href") or "").startswith("javascript:")] == []
        assert {tag for tag, _ in found} <= KNOWN_TAGS


KNOWN_TAGS = {
    "a", "abbr", "article", "b", "body", "br", "button", "caption", "circle", "code", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "h1", "h2", "h3", "h4", "head", "header", "html", "i", "img", "input", "label", "li", "line", "link", "main", "meta", "nav",
    "noscript", "option", "p", "pre", "script", "section", "select", "small", "span", "summary", "svg", "table", "tbody", "td", "th", "thead",
    "title", "tr", "ul",
}  # fmt: skip
