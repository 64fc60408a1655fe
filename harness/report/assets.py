"""What pages load: bundles of installed packages, taken when a site is rendered, and our own small files."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import Path

from harness.errors import HarnessError
from harness.report.charts.theme import chart_config

_OWN = ("site.css", "theme.js", "tables.js", "charts.js")
_EXPORTS = re.compile(r"export\{(?P<names>[^}]*)\};")
_TABLES = "harnessTables"
_EMBED = "window.vegaEmbed = vegaEmbed;"


def write_assets(folder: Path) -> None:
    """Write everything that pages load into `folder`, once a site."""
    folder.mkdir(parents=True)
    static = resources.files("harness.report") / "static"
    for name in _OWN:
        (folder / name).write_bytes((static / name).read_bytes())
    (folder / "datatables.js").write_text(_datatables(), encoding="utf-8")
    (folder / "vega.js").write_text(_vega(), encoding="utf-8")
    configs = {name: chart_config(dark) for name, dark in (("light", False), ("dark", True))}
    (folder / "chart-config.js").write_text(f"window.harnessChartConfig = {json.dumps(configs)};\n", encoding="utf-8")


@cache
def _datatables() -> str:
    """Return DataTables as a classic script: modules cannot be loaded from a file on disk."""
    bundle = (resources.files("itables") / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    return classic_script(bundle, _TABLES, {"default": "DataTable", "jQuery": "jQuery"})


def classic_script(module: str, name: str, wanted: dict[str, str]) -> str:
    """Turn a bundled module into a script that leaves its exports in `window.<name>`.

    Args:
        module: A module without imports and with one closing `export{...}`.
        name: The global to set.
        wanted: Export to the property it becomes.

    Raises:
        HarnessError: when the bundle has another form.
    """
    found = _EXPORTS.search(module)
    parts = [part.strip().split(" as ") for part in found["names"].split(",")] if found else []
    exports = {part[-1]: part[0] for part in parts}
    if found is None or not set(wanted) <= set(exports):
        raise HarnessError(
            "the DataTables bundle of the installed itables has another form than expected; run: pip install 'itables>=2.9,<3'"
        )
    properties = ", ".join(f"{as_name}: {exports[export]}" for export, as_name in wanted.items())
    body = f"{module[: found.start()]}window.{name} = {{ {properties} }};{module[found.end() :]}"
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


@cache
def _vega() -> str:
    """Return Vega with all that it needs; bundling it takes a second."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle(_EMBED)
    return bundle
