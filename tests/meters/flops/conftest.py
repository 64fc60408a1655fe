import sys
from pathlib import Path

# The reference models stand beside this folder: benchmarks use them too.
sys.path.insert(0, str(Path(__file__).parents[1]))
