"""How a user of each tool times the three functions to +-2%: one module a tool, each a process that prints its figures as JSON.

Every process prints `{function: {"seconds", "half_width", "samples"}}`: the median, the half-width of the 95% interval that the tool's own
samples give, as a share of the figure, and what it counts as samples. Each goes on until that is 2%, or until the tool would give up.
All run one thread, in inference mode.
"""

WIDTH = 0.02
"""What everyone is asked for."""
Z_95 = 1.96
"""Standard errors in the arm of a 95% interval."""
MOST_SECONDS = 10.0
"""Measuring time after which a tool that works inside one process gives up on a function."""
