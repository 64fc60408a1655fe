"""`harness devices`: targets, what tells their energy, what to install or permit, and idle power or why there is none."""

import json
import re

import pytest

from extensions import Extended, install
from harness.sources.cpu import model

METERS = """
from harness import hookimpl
from harness.sources.availability import AVAILABLE
from harness.sources.energy.source import AbsentSource, Basis, Quantity

class Meter:
    domain, basis, quantity, resolution_s, note = "the wall", Basis.MEASURED, Quantity.WATTS, 0.02, "with its supply"
    def __init__(self, name, watts):
        self.name, self.watts = name, watts
    def available(self):
        return AVAILABLE
    def read(self):
        return self.watts

@hookimpl
def energy_sources(device):
    return [Meter("good", 7.5), Meter("dead", 0.0), AbsentSource("plug", "the wall", "it does not answer", "run: plug --permit")]
"""


class Wide(Extended):
    """Wide enough that no cell wraps."""

    @property
    def settings(self):
        return {**super().settings, "COLUMNS": "500", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def metered(tmp_path):
    """A machine with a meter that works, one that gives nothing, and one that may not be asked."""
    install(tmp_path / "site", meters=METERS)
    return Wide(tmp_path)


def test_the_table_says_what_is_used_what_is_missing_and_what_is_drawn_idle(metered):
    done = metered.harness("devices")
    assert done.code == 0, done.err
    cells = [re.split(r" {2,}", line.strip()) for line in done.out.splitlines()]
    found = {name: rest for name, *rest in cells}
    assert found["cpu"] == [model()]
    assert found["good"] == ["measured", "used first", "7.5 W", "with its supply"]
    assert found["dead"][:2] == ["measured", "there"]
    assert re.fullmatch(r"energy/dead gave 0 J for [\d.]+ s of work, which is no figure", found["dead"][2])
    assert found["codecarbon"][:3] == ["estimated", "there", "energy/codecarbon is estimated: it knows no idle power"]
    assert found["plug"] == ["measured", "absent", "it does not answer; run: plug --permit"]
    assert done.out.splitlines()[-1].startswith("cuda: no device 'cuda' here: ")


def test_the_same_is_data_for_scripts(metered):
    (cpu,) = json.loads(metered.harness("devices", "--json").out)["targets"]
    good, dead, plug = ({s["name"]: s for s in cpu["energy_sources"]}[name] for name in ("good", "dead", "plug"))
    assert (good["idle_w"]["value"], good["no_idle"]) == (7.5, "")
    assert dead["idle_w"] is None and "gave 0 J" in dead["no_idle"]
    assert (plug["idle_w"], plug["no_idle"]) == (None, "")
    assert (plug["reason"], plug["remedy"]) == ("it does not answer", "run: plug --permit")
