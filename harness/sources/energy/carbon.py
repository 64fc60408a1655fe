"""Carbon intensity of electricity, from codecarbon's tables: what turns joules into grams.

The tables are read as files: importing codecarbon takes half a second and looks for hardware. The country is told by codecarbon's own variable,
`CODECARBON_COUNTRY_ISO_CODE`; nothing is looked up over the network.
"""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import unknown

VARIABLE = "CODECARBON_COUNTRY_ISO_CODE"
J_PER_KWH = 3.6e6


@dataclass(frozen=True)
class CarbonIntensity:
    """How much carbon a unit of electricity stands for.

    Attributes:
        g_per_kwh: Grams of CO2-equivalent a kilowatt-hour, over a year.
        place: Whose electricity: a country's, or the world's average.
    """

    g_per_kwh: float
    place: str

    def grams(self, joules: float) -> float:
        """Return grams of CO2-equivalent of so much electricity."""
        return joules / J_PER_KWH * self.g_per_kwh


def carbon_intensity(country: str | None = None) -> CarbonIntensity | None:
    """Return the intensity of a country's electricity, or of the world's; None where codecarbon is not installed.

    Args:
        country: Three letters, ISO 3166-1 alpha-3; what `CODECARBON_COUNTRY_ISO_CODE` says where None, the world where that is not set.

    Raises:
        HarnessError: for a country that is not in the table.
    """
    spec = importlib.util.find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        return None
    tables = Path(next(iter(spec.submodule_search_locations))) / "data" / "private_infra"
    asked = (os.environ.get(VARIABLE, "") if country is None else country).upper()
    if not asked:
        return CarbonIntensity(float(_read(tables / "carbon_intensity_per_source.json")["world_average"]), "world average")
    countries = _read(tables / "global_energy_mix.json")
    if asked not in countries:
        raise unknown(f"country of {VARIABLE}", asked, countries)
    found = countries[asked]
    return CarbonIntensity(float(found["carbon_intensity"]), f"{found['country_name']} {found['year']}")


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content
