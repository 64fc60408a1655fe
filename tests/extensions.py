"""Extensions, installed as packages are: an entry point in a dist-info on the import path."""

import importlib
import sys
from pathlib import Path

from harness.meters.registry import brought_meters
from harness.plugin.extensions import load_extensions
from projects import Project

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples" / "extensions"


def install(site, **sources):
    """Put modules on `site` as one distribution's extensions; a one-line source is the name of an example."""
    info = site / "extensions_of_this_test-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["[harness.extensions]"]
    for name, source in sources.items():
        text = source if "\n" in source else (EXAMPLES / f"{source}.py").read_text()
        (site / f"extension_{name}.py").write_text(text)
        lines.append(f"{name} = extension_{name}")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extensions-of-this-test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]))


def forget():
    """Let this process look for extensions again."""
    load_extensions.cache_clear()
    brought_meters.cache_clear()
    for name in [name for name in sys.modules if name.startswith("extension_")]:
        del sys.modules[name]
    importlib.invalidate_caches()


class Extended(Project):
    """A project with extensions installed beside it, in its folder `site`."""

    @property
    def env(self):
        return {**super().env, "PYTHONPATH": str(self.folder / "site"), **self.settings}

    @property
    def settings(self):
        """Environment variables that the examples read."""
        return {"HARNESS_EVENTS": str(self.folder / "events.jsonl"), "WATTMETER": str(self.folder / "watts.txt")}
