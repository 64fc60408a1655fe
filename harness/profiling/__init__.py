"""Profile and compare anything that can be called, without a plugin.

    import torch, harness

    model, x = torch.nn.Linear(512, 512), torch.randn(64, 512)
    profile = harness.profile(model, x)
    profile.macs                      # 16777216
    profile.latency.p50               # seconds, with .low and .high over fresh processes
    print(profile)

    harness.compare({"gelu": torch.nn.GELU(), "relu": torch.nn.ReLU()}, x)

The callable and its inputs are sent to fresh processes by value (cloudpickle): what is measured is not disturbed by what this process did before.
"""

from harness.profiling.comparing import Comparison, compare
from harness.profiling.profile import EnergyFigures, LatencyFigures, MemoryFigures, Profile
from harness.profiling.profiler import profile
from harness.profiling.session import ProfileError

__all__ = ["Comparison", "EnergyFigures", "LatencyFigures", "MemoryFigures", "Profile", "ProfileError", "compare", "profile"]
