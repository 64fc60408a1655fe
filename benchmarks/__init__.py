"""Benchmarks of the harness itself, run by `make bench`; nothing here is part of the package.

    python -m benchmarks                      every section, about an hour on a quiet machine
    python -m benchmarks overhead startup     some of them
    python -m benchmarks --quick              the same with few repetitions, to see that all of it works

Prints tables and writes them to `benchmarks/RESULTS.md`, each section with the machine it was measured on; sections that were not run stay.

| module | asks |
| --- | --- |
| `overhead` | is the latency figure that of a bare loop? |
| `isolation` | what does a process of its own cost a case? |
| `precision` | who is first at +-2%, and is it true? |
| `alarms` | how often does a comparison cry wolf, and how often does it find 3%? |
| `counting` | who counts FLOPs right? |
| `startup` | how long until `harness list` has answered? |
| `rendering` | how does the report scale? |
"""
