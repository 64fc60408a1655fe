"""Every block of the tutorial, in order, in an empty folder."""

import os
import sys
from pathlib import Path

import pytest

from docs.tutorial import Block, blocks, commands, shell, shows, write

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-plugin.md"


@pytest.mark.slow
def test_every_block_of_the_tutorial_does_what_it_says(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    typed = []
    for block in blocks(PAGE):
        if block.title:
            write(block, tmp_path)
            continue
        assert block.language == "console", block
        for command, wanted in commands(block):
            code, out, err = shell(command, tmp_path, env)
            assert code == 0, f"{command}\n{out}\n{err}"
            assert shows(wanted, out), f"{command}\nwanted:\n{wanted}\nshown:\n{out}\n{err}"
            typed.append(command.split()[1])
    assert {"list", "run", "results", "verify", "claims", "report", "check"} <= set(typed)
    assert (tmp_path / "reports" / "paper" / "low_rank.html").exists()


def test_what_is_shown_is_held_against_what_is_written():
    assert shows(["...1 match"], "a table\n\n1  match\n")
    assert shows(["run ...: 5 ok"], "run 2026-a: 5 ok\nmore")
    assert not shows(["run ...: 5 ok"], "run 2026-a: 4 ok, 1 failed")
    assert not shows(["2 passed"], "1 passed")


def test_a_command_keeps_the_lines_below_it():
    block = Block("console", "", False, "$ one\nshown\n$ two\n")
    assert commands(block) == [("one", ["shown"]), ("two", [])]
