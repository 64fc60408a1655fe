"""When to read what: one protocol a kind of figure.

Each meter has two halves that never mix. `observe` runs in a fresh process beside the paper's code and returns plain data; `summarize` runs in the
driver, is a pure function of the observations of all repetitions, and returns figures with their intervals.
"""
