"""Carbon intensity from codecarbon's tables."""

import pytest

from harness.errors import HarnessError
from harness.sources.energy import carbon
from harness.sources.energy.carbon import VARIABLE, CarbonIntensity, carbon_intensity


def test_a_kilowatt_hour_is_the_intensity_in_grams():
    assert CarbonIntensity(250.0, "somewhere").grams(3.6e6) == pytest.approx(250)


def test_nobody_says_where_so_it_is_the_world(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert carbon_intensity() == CarbonIntensity(475.0, "world average")


def test_the_country_is_codecarbons_own_variable(monkeypatch):
    monkeypatch.setenv(VARIABLE, "fra")
    found = carbon_intensity()
    assert found.place.startswith("France 20")
    assert found == carbon_intensity("FRA")
    assert found.g_per_kwh < carbon_intensity("POL").g_per_kwh  # nuclear power against coal


def test_an_unknown_country_is_refused_with_the_nearest():
    with pytest.raises(HarnessError, match=f"unknown country of {VARIABLE} 'FRE'.*FRA"):
        carbon_intensity("FRE")


def test_without_codecarbon_there_is_no_figure(monkeypatch):
    monkeypatch.setattr(carbon.importlib.util, "find_spec", lambda _name: None)
    assert carbon_intensity() is None
