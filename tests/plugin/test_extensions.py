"""What extensions bring, and what becomes of broken ones."""

import json

import pytest

from extensions import EXAMPLES, Extended, forget, install
from harness.errors import HarnessError
from harness.meters.registry import METERS
from harness.plugin import API_VERSION
from harness.plugin.discovery import discover
from harness.plugin.events import RunEnded
from harness.plugin.extensions import load_extensions
from harness.report import render_site
from harness.runner.observers import Observers
from harness.store import Store
from harness.targets import find_target, list_targets
from projects import TOY

NAMES = ("observer", "meter", "section", "target", "energy_source", "executor")
RUN = ("run", "--plugin-path", "toy.py", "--plugins", "toy", "--device", "cpu:bench", "--workload", "infer", "--json")

FAULTY = """
from harness import hookimpl

class Faulty:
    def case_ended(self, event):
        raise ConnectionError("the chat is down")
    def run_ended(self, event):
        raise SystemExit("enough")

@hookimpl
def run_observers():
    return [Faulty()]
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install extensions into this process for one test."""

    def install_here(**sources):
        install(tmp_path / "site-packages", **sources)
        monkeypatch.syspath_prepend(tmp_path / "site-packages")
        forget()
        return load_extensions()

    yield install_here
    monkeypatch.undo()
    forget()


class Watched(Extended):
    """A project whose events and figures can be looked at."""

    def events(self):
        return [json.loads(line) for line in (self.folder / "events.jsonl").read_text().splitlines()]

    def figures(self):
        return Store(self.store).read("figures", [Store(self.store).latest()]).to_pylist()


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """One run with every example, a faulty observer and two broken extensions installed, and its report."""
    project = Watched(tmp_path_factory.mktemp("extended"))
    project.write("toy.py", TOY)
    project.write("watts.txt", "7.5\n")
    broken = {"gone": "import nothing_of_this_name\n", "late": f"HARNESS_API = {API_VERSION + 1}\n{FAULTY}"}
    install(project.folder / "site", **{name: name for name in NAMES}, chat=FAULTY, **broken)
    done = project.harness(*RUN, "--metrics", "flops,output_bytes")
    assert done.code == 0, done.err
    return project, done


def test_an_observer_is_told_of_every_case_and_of_the_end(extended):
    project, done = extended
    *told, end = project.events()[:5]
    assert sorted((line["meter"], line["status"]) for line in told) == [(meter, "ok") for meter in ("flops", "output_bytes") for _ in "ab"]
    assert [line["line/macs"] for line in told if "line/macs" in line] == [4 * 8]
    assert end == {"run": json.loads(done.out)["run_id"], "ended": {"ok": 4}, "reused": 0, "broken": 0}


def test_an_observer_that_raises_is_reported_once_and_the_run_goes_on(extended):
    _, done = extended
    assert json.loads(done.out)["cases"] == {"ok": 4}
    assert done.err.count("extension chat: Faulty.case_ended raised ConnectionError: the chat is down; the run goes on") == 1
    assert "extension chat: Faulty.run_ended raised SystemExit: enough; the run goes on" in done.err


def test_a_broken_extension_is_a_line_of_the_run_that_says_why(extended):
    _, done = extended
    broken = [line for line in done.err.splitlines() if line.startswith("broken: extension ")]
    assert len(broken) == 2
    assert any(line.startswith("broken: extension gone: ") and "No module named 'nothing_of_this_name'" in line for line in broken)
    assert any(f"HARNESS_API is {API_VERSION + 1}" in line for line in broken)


def test_a_meters_figures_are_stored_with_unit_and_provenance(extended):
    project, _ = extended
    rows = [row for row in project.figures() if row["metric"] == "output_bytes"]
    assert {(row["variant"], row["value"], row["unit"], row["provenance"], row["meter"]) for row in rows} == {
        ("line", 16.0, "B", "counted", "output_bytes/tensor"),
        ("net", 16.0, "B", "counted", "output_bytes/tensor"),
    }


def test_a_target_has_its_own_name_in_the_store(extended):
    project, _ = extended
    assert {row["target"] for row in project.figures()} == {"cpu:bench"}


def test_devices_lists_targets_and_sources_and_says_what_is_broken(extended):
    project, _ = extended
    listed = json.loads(project.harness("devices", "--json").out)
    (bench,) = [target for target in listed["targets"] if target["name"] == "cpu:bench"]
    first = bench["energy_sources"][0]
    assert (first["name"], first["available"], first["idle_w"]["value"]) == ("wattmeter", True, 7.5)
    assert {"gone", "late"} <= set(listed["broken_extensions"])


def test_a_section_stands_on_the_overview_and_on_the_papers_page(extended):
    project, _ = extended
    done = project.harness("report", "--out", "site-of-report")
    assert done.code == 0, done.err
    site = project.folder / "site-of-report"
    assert "The figures of all papers, by how they were had." in (site / "index.html").read_text()
    paper = (site / "paper" / "toy.html").read_text()
    assert "The figures of <code>toy</code>, by how they were had." in paper
    shown = json.loads(project.harness("report", "--format", "json").out)["figures"]
    assert f"<td>counted</td><td>{sum(figure['provenance'] == 'counted' for figure in shown)}</td>" in paper
    assert "output_bytes" in paper


@pytest.mark.slow
def test_an_energy_source_that_measures_goes_before_an_estimate(extended):
    project, _ = extended
    done = project.harness(*RUN, "--metrics", "energy", timeout=800)
    assert done.code == 0, done.err
    rows = [row for row in project.figures() if row["metric"] == "energy"]
    assert {(row["meter"], row["provenance"]) for row in rows} == {("energy/wattmeter", "measured")}


@pytest.mark.slow
def test_what_did_not_change_is_reused_and_told_and_a_meter_that_changed_measures_again(extended):
    project, _ = extended
    command = (*RUN, "--metrics", "output_bytes")
    assert json.loads(project.harness(*command).out)["reused"] == 2
    *told, end = project.events()[-3:]
    assert ([line["line/output_bytes"] for line in told if "line/output_bytes" in line], end["reused"]) == ([16.0], 2)
    meter = project.folder / "site" / "extension_meter.py"
    meter.write_text(meter.read_text().replace('seen["bytes"]', '2 * seen["bytes"]'))
    assert json.loads(project.harness(*command).out)["reused"] == 0
    assert {row["value"] for row in project.figures()} == {32.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_of_this_name\n", "extension_bad.py:1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("\nraise SystemExit('no')", "extension_bad.py:2: SystemExit: no"),
        (FAULTY.replace("run_observers", "run_observer"), "there is no hook 'run_observer'; did you mean 'run_observers'?"),
        (FAULTY.replace("run_observers()", "run_observers(run)"), "hook 'run_observers' has no argument 'run'"),
        (FAULTY.replace("return [Faulty()]", "return 1 / 0"), "extension_bad.py:12: ZeroDivisionError: division by zero"),
        (FAULTY.replace("return [Faulty()]", "return None"), "TypeError: 'NoneType' object is not iterable"),
        (FAULTY.replace("def run_ended", "def run_endet"), "observer Faulty has no 'run_ended'; give it"),
    ],
)
def test_a_broken_extension_says_where_and_why_and_the_others_are_asked(installed, tmp_path, monkeypatch, text, reason):
    monkeypatch.setenv("HARNESS_EVENTS", str(tmp_path / "events.jsonl"))
    installed(bad=text, events="observer")
    observers, noted = Observers("a-run"), []
    observers.report_broken(noted.append)
    (line,) = noted
    assert line.startswith("broken: extension bad: ")
    assert reason in line
    observers.run_ended(RunEnded("a-run", {"ok": 1}, 0, 0), noted.append)
    assert json.loads((tmp_path / "events.jsonl").read_text())["ended"] == {"ok": 1}


def test_without_extensions_only_the_hosts_own_meters_are_known(installed):
    installed()
    assert list(METERS) == ["flops", "memory", "quality", "latency", "energy"]
    with pytest.raises(KeyError):
        METERS["output_bytes"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('name = "output_bytes"', 'name = "latency"'), "meter name 'latency' is taken; give it another name"),
        (('name = "output_bytes"', 'name = "sizes"'), "meter name 'sizes' is taken; give it another name"),
        (('name = "output_bytes"', 'name = "Output bytes"'), "meter name 'Output bytes': write lower-case letters, digits and _"),
        (("def enough", "def enuff"), "meter OutputBytes has no 'enough'"),
    ],
)
def test_a_meter_that_cannot_be_right_is_refused(installed, change, reason):
    extensions = installed(outputs=(EXAMPLES / "meter.py").read_text().replace(*change))
    assert list(METERS) == ["flops", "memory", "quality", "latency", "energy"]
    assert extensions.errors["outputs"].startswith(reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("cpu:bench", "bench"), "target 'bench': write its kind, a colon and a word, as 'cpu:bench'"),
        (('TargetKind.CPU, "cpu"', 'TargetKind.CPU, "xpu"'), "target 'cpu:bench': torch_device is 'xpu'; the host has clocks for"),
        (('TargetKind.CPU, "cpu"', 'TargetKind.CPU, "cuda:0"'), "target 'cpu:bench': torch_device is 'cuda:0'"),
        (("[Target(", "[dict(name=("), "SyntaxError"),
        (('Target("cpu:bench"', "str((1,"), "SyntaxError"),
    ],
)
def test_a_target_that_cannot_be_right_is_refused_and_asking_for_it_says_why(installed, change, reason):
    installed(board=(EXAMPLES / "target.py").read_text().replace(*change))
    with pytest.raises(HarnessError, match="unknown device 'cpu:bench'") as error:
        find_target("cpu:bench")
    assert "extension 'board' cannot be used" in str(error.value)
    assert reason in str(error.value)
    assert [target.name for target in list_targets()] == ["cpu"] or list_targets()[1].name.startswith("cuda:")


HOSTILE = """
from harness import hookimpl
from harness.plugin import Section

@hookimpl
def report_sections():
    evil = "<script>alert(1)</script>\\" onload=x {{ 7 * 6 }}"
    return [Section(evil, evil, (evil,), [(evil,)])]
"""


def test_every_string_of_a_section_is_escaped(installed, extended, tmp_path):
    installed(evil=HOSTILE)
    render_site(Store(extended[0].store), [], tmp_path / "site")
    for page in ("index.html", "paper/toy.html"):
        text = (tmp_path / "site" / page).read_text()
        assert "<script>alert" not in text
        assert '" onload=x' not in text
        assert "{{ 7 * 6 }}" in text
        assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("[1 / 0]", "ZeroDivisionError: division by zero"),
        ("['text']", "it gave a str; give harness.plugin.Section objects"),
        ("[Section('')]", "section: title is empty"),
        ("[Section('t', rows=[('a', 'b')], head=('one',))]", "has 2 cells, head has 1; make them agree"),
        ("[Section('t', rows=[('a', 1)], head=('one', 'two'))]", "a member of a row is 1, a int; write a str"),
    ],
)
def test_a_section_that_cannot_be_made_says_so_in_its_place(installed, extended, tmp_path, answer, reason):
    installed(evil=HOSTILE.replace("[Section(evil, evil, (evil,), [(evil,)])]", answer))
    render_site(Store(extended[0].store), [], tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text()
    assert "Extension evil" in text
    assert reason in text


def test_an_energy_source_that_is_not_there_says_what_to_do(installed, monkeypatch):
    monkeypatch.delenv("WATTMETER", raising=False)
    (source,) = installed(wattmeter="energy_source").brought("energy_sources", device="cpu")
    assert str(source.available()) == "WATTMETER is not set; set it to the file that the logger writes"


def test_every_example_is_installed_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(NAMES)


def test_a_paper_for_another_version_of_the_contract_is_refused_with_both(tmp_path):
    (tmp_path / "toy.py").write_text(f"HARNESS_API = {API_VERSION + 1}\n{TOY}")
    (plugin,) = [p for p in discover([tmp_path]) if p.source.path]
    assert plugin.status == "broken"
    assert f"HARNESS_API is {API_VERSION + 1}, this harness (0.1.0) speaks plugin API {API_VERSION}" in plugin.error


def test_a_paper_that_names_this_version_is_taken(tmp_path):
    (tmp_path / "toy.py").write_text(f"HARNESS_API = {API_VERSION}\n{TOY}")
    (plugin,) = [p for p in discover([tmp_path]) if p.source.path]
    assert plugin.status == "ok"
