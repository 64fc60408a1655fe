"""`pytest --harness-plugin`: an author's CI in one line."""

import os
import subprocess
import sys

import pytest

from conformance.violators import BRANCHES, PLAIN
from harness.conformance.table import CHECKS
from harness.scaffold import write_file


def pytest_run(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    env = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout + done.stderr


def test_each_check_is_an_item_beside_the_authors_own_tests(tmp_path):
    write_file("my_method", tmp_path)
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    pass\n")
    code, said = pytest_run(tmp_path, "--harness-plugin", "my_method.py", "--collect-only", "-q")
    assert code == 0, said
    assert [line for line in said.splitlines() if "::" in line] == [
        "test_mine.py::test_mine",
        *(f"harness:my_method.py::{check.name}" for check in CHECKS),
    ]


@pytest.mark.slow
def test_checks_pass_skip_with_a_reason_and_fail_with_what_why_and_how(tmp_path):
    (path,) = write_file("my_method", tmp_path)
    path.write_text(path.read_text().replace('arxiv=""', 'arxiv="arXiv:2205.13213"'))
    code, said = pytest_run(tmp_path, "--harness-plugin", "my_method.py", "-rs", "-k", "card or sizes or hooks")
    assert code == 1
    assert "1 failed, 1 passed, 1 skipped, 13 deselected" in said
    assert "what: arxiv is 'arXiv:2205.13213'; write the id alone" in said
    assert "why:  the card is all that a reader of a report sees of a paper" in said
    assert "how:  fill in or correct the named field of Paper(...)" in said
    assert "sizes: the card has no published sizes" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_note_is_a_warning(tmp_path):
    (path,) = write_file("my_method", tmp_path)
    path.write_text(path.read_text().replace(PLAIN, BRANCHES))
    code, said = pytest_run(tmp_path, "--harness-plugin", "my_method.py", "-k", "export")
    assert code == 0, said
    assert "1 passed, 15 deselected, 1 warning" in said
    assert "my_method.py: export: 'plain' does not export" in said


@pytest.mark.slow
def test_two_plugins_share_servers_and_keep_their_names(tmp_path):
    for name in ("one_method", "two_method"):
        write_file(name, tmp_path)
    both = ("--harness-plugin", "one_method.py", "--harness-plugin", "two_method.py")
    code, said = pytest_run(tmp_path, *both, "-v", "-k", "state")
    assert code == 0, said
    assert "harness:one_method.py::state PASSED" in said
    assert "harness:two_method.py::state PASSED" in said


def test_a_plugin_that_does_not_exist_is_refused_with_the_nearest_name(tmp_path):
    code, said = pytest_run(tmp_path, "--harness-plugin", "hillo")
    assert code == 4
    assert "--harness-plugin: unknown plugin 'hillo'; did you mean 'hilo'?" in said


def test_without_the_option_no_check_and_no_torch_is_imported(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import sys\n\ndef test_mine():\n    assert 'harness.pytest_plugin' in sys.modules\n"
        "    assert not {'torch', 'harness.conformance'} & set(sys.modules)\n"
    )
    code, said = pytest_run(tmp_path, "-q")
    assert code == 0, said
