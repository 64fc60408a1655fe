"""The site in a real Chromium: what a reader does, with a keyboard too, and nothing going wrong on the way."""

import json
import re
from pathlib import Path

import axe_playwright_python
import pytest

from harness.report import render_site
from tests.report.hostile import hostile_judgements, hostile_sizes, write_hostile
from tests.report.synthetic import judgements_of, run_id_of, sizes_of

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
EVERY_PAGE = (
    "index.html", "claims.html", "machines.html", "failures.html", "reading.html", "family/attention.html", "paper/folded_attention.html",
)  # fmt: skip
LATENCY = "table.figures thead th[data-label='Latency'][data-group='cpu']"


def column(visit, label, group="cpu", attribute=""):
    """A visible column, top to bottom: what its cells show, or an attribute of them."""
    return visit.page.evaluate(
        """([label, group, attribute]) => {
            const heads = [...document.querySelector("table.figures").tHead.rows[1].cells];
            const index = 2 + heads.findIndex((th) => th.dataset.label === label && th.dataset.group === group);
            const cells = [...document.querySelector("table.figures").tBodies[0].rows].map((row) => row.cells[index]);
            return cells.map((cell) => (attribute ? cell.dataset[attribute] : cell.innerText.replace(/\\s+/g, " ").trim()));
        }""",
        [label, group, attribute],
    )


def sort(visit, head, way):
    """Click a heading and wait until the table is sorted."""
    visit.page.click(head)
    visit.page.wait_for_selector(f"{head}[aria-sort={way}]")


def numbers(texts):
    return [float(text) for text in texts if text]


@pytest.mark.parametrize("path", EVERY_PAGE)
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_opens_without_an_error_or_a_request(visit, site, path, width):
    reader = visit(site, width)
    reader.open(path)
    reader.photograph(f"{path.removesuffix('.html').replace('/', '-')}-{width}")
    assert reader.errors == [] and reader.outside == []
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
    assert reader.page.locator("figure.chart[data-drawn=failed]").count() == 0


@pytest.mark.parametrize("path", EVERY_PAGE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(visit, site, path, scheme):
    reader = visit(site, color_scheme=scheme)
    page = reader.open(path)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in serious] == []


def test_a_click_sorts_and_what_is_missing_stays_last(visit, site):
    reader = visit(site)
    reader.open("family/attention.html")
    for way, turned in (("ascending", False), ("descending", True)):
        sort(reader, LATENCY, way)
        found = numbers(column(reader, "Latency", attribute="order"))
        assert found == sorted(found, reverse=turned) and len(set(found)) > 4
    for way in ("ascending", "descending"):
        sort(reader, "table.figures thead th[data-label='Energy'][data-group='cpu']", way)
        assert column(reader, "Energy")[-1] == "T timeout"


def test_a_table_is_sorted_with_the_keyboard(visit, site):
    reader = visit(site)
    reader.open("family/attention.html")
    reader.page.locator(LATENCY).locator("[role=button]").focus()
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector(f"{LATENCY}[aria-sort=ascending]")


def test_filters_and_search_narrow_the_rows(visit, site):
    reader = visit(site)
    page = reader.open("family/attention.html")
    assert {row[1] for row in reader.rows()} == {"infer · small", "train_step · small"}  # default points first
    page.select_option("select[data-filter=point]", "")
    everywhere = len(reader.rows())
    page.select_option("select[data-filter=workload]", "train_step")
    assert {row[1].split(" · ")[0] for row in reader.rows()} == {"train_step"}
    page.select_option("select[data-filter=workload]", "")
    page.fill("input[type=search]", "window length 256")
    found = reader.rows()
    assert 0 < len(found) < everywhere
    assert all("window" in row[0] and "length 256" in row[1] for row in found)


def test_columns_are_chosen(visit, site):
    reader = visit(site)
    page = reader.open("family/attention.html")
    assert page.locator("table.figures thead th[data-label='FLOPs']").count() == 0
    page.click("[data-columns] summary")
    page.check("[data-columns] label:has-text('FLOPs') input")
    assert page.locator("table.figures thead th[data-label='FLOPs']").count() == 1
    page.click("[data-columns] button:has-text('All')")
    every = page.locator("table.figures thead tr:last-child th").count()
    page.click("[data-columns] button:has-text('Headline')")
    assert page.locator("table.figures thead tr:last-child th").count() < every
    page.keyboard.press("Escape")
    assert page.locator("[data-columns]").get_attribute("open") is None


def test_ratios_take_the_place_of_figures_and_are_sorted_by(visit, site):
    reader = visit(site)
    page = reader.open("paper/folded_attention.html")
    page.click("[data-ratios]")
    shown = column(reader, "Latency")
    assert shown[1] == "baseline" and all("×" in text for text in (shown[0], shown[2]))
    sort(reader, LATENCY, "ascending")
    ratios = numbers(column(reader, "Latency", attribute="ratio"))
    assert ratios == sorted(ratios) and len(set(ratios)) > 2
    assert column(reader, "Latency")[-1] == "baseline"
    page.click("[data-ratios]")
    page.wait_for_function(
        "document.querySelector('table.figures td.fig').dataset.order === document.querySelector('table.figures td.fig').dataset.value"
    )
    assert "baseline" not in column(reader, "Latency")


def test_intervals_can_be_hidden(visit, site):
    reader = visit(site)
    page = reader.open("paper/folded_attention.html")
    interval = page.locator("table.figures td.fig .v .ci").first
    assert interval.is_visible()
    page.click("[data-intervals]")
    assert not interval.is_visible()


def copied(reader, name):
    reader.page.click("[data-copy] summary")
    reader.page.click(f"[data-copy] button:has-text('{name}')")
    reader.page.wait_for_function("!document.querySelector('[data-copy]').open")
    assert f"as {name}" in reader.page.locator(".status").first.inner_text()
    return reader.page.eval_on_selector("[data-table]", "block => block.dataset.copied")


def test_a_table_is_copied_as_markdown(visit, site):
    reader = visit(site)
    reader.open("paper/folded_attention.html")
    lines = copied(reader, "Markdown").splitlines()
    assert lines[0].startswith("| Method | Condition | everywhere: Parameters (M) | everywhere: MACs (M) |")
    assert set(lines[1]) <= set("| -:")
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert any("**" in line and "≈" in line for line in lines)


def test_a_table_is_copied_as_latex(visit, site):
    reader = visit(site)
    reader.open("paper/folded_attention.html")
    text = copied(reader, "LaTeX")
    assert text.startswith("\\begin{tabular}{ll") and text.endswith("\\end{tabular}")
    assert "folded\\_attention" in text and "\\textbf{" in text and "\\toprule" in text
    assert not re.search(r"(?<!\\)[#%_]", text)
    body = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert len({line.replace("\\&", "").count("&") for line in body}) == 1


def test_a_table_is_copied_as_csv_with_every_digit(visit, site, facts):
    reader = visit(site)
    reader.open("paper/folded_attention.html")
    head, first, *_ = copied(reader, "CSV").splitlines()
    row = dict(zip(head.split(","), first.split(","), strict=True))
    figure = next(f for k, found in facts.figures.items() for key, f in found.items()
                  if k.variant == "folded_attention" and k.workload == "infer" and "64" in k.params and (key.place, key.metric) == ("cpu", "latency"))  # fmt: skip
    assert float(row["cpu: Latency (s)"]) == pytest.approx(figure.value, rel=1e-8)
    assert float(row["cpu: Latency low"]) == pytest.approx(figure.low, rel=1e-8)
    assert row["everywhere: Parameters"] == "27844000"
    assert row["cpu: Energy provenance"] == "estimated"


def test_a_paper_is_opened_from_the_overview_and_found_by_search(visit, site):
    reader = visit(site)
    page = reader.open("index.html")
    page.fill("input[type=search]", "gated")
    assert page.locator("table.papers tbody tr").count() == 1
    page.click("table.papers tbody tr th a")
    reader.settle()
    assert page.locator("h1").inner_text().startswith("Gated Attention")
    assert page.locator("nav[aria-label='On this page'] a").count() > 4


def test_a_claim_is_followed_from_its_verdict_to_its_paper(visit, site):
    reader = visit(site)
    page = reader.open("index.html")
    page.click(".tiles a:has-text('refuted')")
    reader.settle()
    assert "verdict=refuted" in page.url
    assert page.locator("select[data-filter=verdict]").input_value() == "refuted"
    verdicts = page.eval_on_selector_all("table.claims tbody tr", "rows => rows.map(r => r.dataset.verdict)")
    assert set(verdicts) == {"refuted"}
    slug = page.locator("table.claims tbody tr td a").first.inner_text()
    page.locator("table.claims tbody tr td a").first.click()
    reader.settle()
    assert f"paper/{slug}.html#claims" in page.url
    assert page.locator("table.claims svg.strip").count() > 0


def test_the_ledger_shows_a_hundred_rows_at_a_time(visit, tmp_path):
    from tests.report.synthetic import Recipe, write_store

    recipe = Recipe(papers=30, families=3, samples=1)
    folder = render_site(write_store(tmp_path / "s", recipe), [], tmp_path / "site", judgements_of(recipe), sizes_of(recipe)).parent
    reader = visit(folder)
    page = reader.open("claims.html")
    assert page.locator("table.claims tbody tr").count() == 100
    page.locator(".dt-paging-button", has_text="2").click()
    assert 0 < page.locator("table.claims tbody tr").count() < 100


def test_a_chart_tells_its_figures_when_pointed_at(visit, site):
    reader = visit(site)
    page = reader.open("paper/folded_attention.html")
    figure = page.locator("figure.chart:visible").first
    figure.scroll_into_view_if_needed()
    figure.locator("g.mark-symbol path").first.hover(force=True)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "Variant" in tip.inner_text() and re.search(r"\d", tip.inner_text())


@pytest.mark.parametrize("kind", ["SVG", "CSV", "JSON"])
def test_a_chart_is_saved_with_its_data(visit, site, kind, tmp_path):
    reader = visit(site)
    page = reader.open("paper/folded_attention.html")
    figure = page.locator("figure.chart:visible").first
    with page.expect_download() as download:
        figure.locator(f".tools button:has-text('{kind}')").click()
    path = tmp_path / "saved"
    download.value.save_as(path)
    text = path.read_text()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    match kind:
        case "SVG":
            assert text.startswith("<svg") and 'fill="white"' in text and "folded_attention" in text
        case "CSV":
            assert text.splitlines()[0].startswith("paper,variant,Latency (ms),Latency (ms) low")
            assert len(text.splitlines()) == 4
        case "JSON":
            assert len(json.loads(text)["data"]["values"]) == 3
    assert reader.errors == [] and reader.outside == []


def test_charts_of_other_places_are_a_click_away(visit, site):
    reader = visit(site)
    page = reader.open("paper/folded_attention.html")
    assert page.locator("section[data-place='cuda-0-']").count() == 0
    gpu = page.locator("section[data-place]").nth(1)
    assert not gpu.is_visible()
    page.click(".switch button:has-text('H100')")
    assert gpu.is_visible()
    page.wait_for_function("[...document.querySelectorAll('section[data-place]')][1].querySelector('figure.chart[data-drawn=true]')")


def test_light_and_dark_can_be_chosen_and_are_remembered(visit, site):
    reader = visit(site, color_scheme="light")
    page = reader.open("paper/folded_attention.html")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    dark = page.evaluate(colour)
    assert light != dark
    page.wait_for_timeout(300)
    reader.photograph("paper-dark")
    reader.open("index.html")
    assert page.evaluate(colour) == dark
    reader.photograph("index-dark")
    assert page.locator("#theme").inner_text() == "Light"


def test_without_javascript_every_row_and_column_is_there(visit, site, facts):
    reader = visit(site, java_script_enabled=False)
    reader.page.goto((site / "family/attention.html").as_uri())
    rows = reader.page.locator("table.figures tbody tr")
    assert rows.count() == sum(card.family == "attention" for card in facts.cards.values()) * 9 + 9
    assert rows.first.locator("td.fig").count() == reader.page.locator("table.figures thead tr:last-child th").count()
    assert not reader.page.locator(".toolbar").first.is_visible()
    reader.photograph("family-without-javascript")
    assert reader.errors == []


def test_it_prints_on_white_without_controls(visit, site):
    reader = visit(site, color_scheme="dark")
    page = reader.open("paper/folded_attention.html")
    page.emulate_media(media="print")
    assert not page.locator(".toolbar").first.is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    (Path(__file__).resolve().parents[2] / "test-output" / "report").mkdir(parents=True, exist_ok=True)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000


def test_runs_side_by_side_have_columns_of_their_own(visit, small, tmp_path):
    runs = [run_id_of(night, "cpu") for night in (0, 2)]
    folder = render_site(small, runs, tmp_path / "site").parent
    reader = visit(folder)
    page = reader.open("family/attention.html")
    groups = page.locator("table.figures thead tr.groups th.edge").all_inner_texts()
    assert groups == ["everywhere", f"cpu · {runs[0]}", f"cpu · {runs[1]}"]
    reader.photograph("family-two-runs")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return render_site(write_hostile(folder / "store"), [], folder / "site", hostile_judgements(), hostile_sizes()).parent


def test_hostile_strings_do_nothing(visit, hostile):
    reader = visit(hostile)
    reader.page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    for path in sorted(hostile.rglob("*.html")):
        page = reader.open(str(path.relative_to(hostile)))
        for button in page.locator("[data-ratios], [data-intervals], .tools button:has-text('CSV')").all():
            if button.is_visible():
                button.click()
        for summary in page.locator("[data-columns] summary").all():
            summary.click()
            page.click("[data-columns] button:has-text('All')")
            page.keyboard.press("Escape")
        for search in page.locator("input[type=search]").all():
            search.fill("img")
            search.fill("")
        for name in ("Markdown", "LaTeX", "CSV") if page.locator("[data-copy]").count() else ():
            copied(reader, name)
        for point in page.locator("figure.chart:visible g.mark-symbol path").all()[:3]:
            point.hover(force=True)
        assert page.evaluate("window.hacked") is None, path
    assert reader.errors == [] and reader.outside == []
    reader.photograph("hostile")


def test_a_plugins_chart_that_asks_for_the_network_gets_nothing(visit, hostile):
    reader = visit(hostile)
    page = reader.open("paper/hostile.html")
    assert page.locator("figure.chart").filter(has_text="2 ").count() >= 1
    assert reader.outside == []


def test_the_hostile_title_is_read_as_it_is(visit, hostile):
    reader = visit(hostile)
    page = reader.open("paper/hostile.html")
    assert page.locator("h1").inner_text() == "<script>alert(1)</script><script>window.hacked = 1</script>"
    assert page.locator("table.figures thead th", has_text='"><img src=x').count() > 0


def test_the_overview_stays_small(site):
    assert (site / "index.html").stat().st_size < 300 * 1024
