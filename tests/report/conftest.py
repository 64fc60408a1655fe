"""A small made-up store, the site rendered from it, and a Chromium that notes every error and every request."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from harness.report import render_site
from harness.report.facts import load
from tests.report.synthetic import Recipe, judgements_of, sizes_of, write_store

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
OUTPUT = Path(__file__).resolve().parents[2] / "test-output" / "report"
SMALL = Recipe(papers=4, families=2, targets=("cpu", "cuda:0"), nights=3)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("small") / "results", SMALL)


@pytest.fixture(scope="session")
def facts(small):
    return load(small)


@pytest.fixture(scope="session")
def site(small, tmp_path_factory):
    return render_site(small, [], tmp_path_factory.mktemp("site") / "reports", judgements_of(SMALL), sizes_of(SMALL)).parent


@dataclass
class Visit:
    """A page of a site in a browser, and what went wrong on it."""

    page: Page
    site: Path
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path):
        self.page.goto((self.site / path.partition("#")[0]).as_uri() + ("#" + path.partition("#")[2] if "#" in path else ""))
        self.settle()
        return self.page

    def settle(self):
        self.page.wait_for_function("!document.querySelector('[data-table]') || document.documentElement.dataset.tables === 'ready'")
        self.page.wait_for_function("!document.querySelector('figure.chart') || document.documentElement.dataset.charts === 'ready'")

    def photograph(self, name):
        OUTPUT.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)

    def rows(self, selector="table.figures"):
        return self.page.eval_on_selector_all(f"{selector} tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.innerText.trim()))")

    @property
    def outside(self):
        return [address for address in self.requests if not address.startswith(("file:", "data:", "blob:"))]


@pytest.fixture(scope="session")
def chromium():
    assert Path(CHROMIUM).exists(), f"these tests need {CHROMIUM}; run: scripts/install-chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a site: `visit(folder, width=390)`; closed at the end of the test."""
    contexts = []

    def start(folder, width=1440, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        visit = Visit(context.new_page(), Path(folder))
        visit.page.on("console", lambda message: visit.errors.append(message.text) if message.type == "error" else None)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        return visit

    yield start
    for context in contexts:
        context.close()
