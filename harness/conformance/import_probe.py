"""Import one plugin and say what that took: `python -m harness.conformance.import_probe SOURCE`, in an interpreter that has done nothing else."""

from __future__ import annotations

import json
import sys
import time

from harness.plugin.discovery import Source, load


def main() -> None:
    """Print CPU seconds, whether torch came along, and which packages did, as one line of JSON."""
    source = Source(**json.loads(sys.argv[1]))
    before, start_s = set(sys.modules), time.process_time()
    plugin = load(source)
    cpu_s = time.process_time() - start_s
    if plugin.error:
        raise SystemExit(plugin.error)
    own = {source.module.split(".")[0], "harness"}
    packages = {name.split(".")[0] for name in set(sys.modules) - before}
    brought = sorted(p for p in packages - own - sys.stdlib_module_names if not p.startswith(("_", "harness_path_")))
    sys.stdout.write("\n" + json.dumps({"cpu_s": cpu_s, "torch": "torch" in sys.modules, "brought": brought}) + "\n")


if __name__ == "__main__":
    main()
