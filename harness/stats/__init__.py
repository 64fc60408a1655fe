"""What measured numbers allow to be said: pure functions from arrays to frozen values, without clock, file or torch.

| module | answers |
| --- | --- |
| `estimate` | a figure and its interval |
| `location` | where samples lie: medians, means, the process as the unit of repetition |
| `ratio`, `difference` | how a subject stands to its baseline |
| `compare` | faster, slower, the same, or cannot tell |
| `verdict` | upheld, consistent, direction only, inconclusive, refuted |
| `growth` | the exponent along a sweep |
| `steady` | where warm-up ends |
| `stopping` | when to stop sampling |
| `summary`, `modes` | a latency in a few numbers, and whether it is one thing or two |
| `multiple` | which of a night's many alarms count |
| `changepoint` | on which night a figure moved |

Nominal coverages and error rates are proven by simulation in `tests/stats`.

>>> from harness.stats.compare import compare
>>> subject = [[2.00, 2.01, 2.02, 2.01], [2.10, 2.11, 2.10, 2.12]] * 5
>>> baseline = [[1.00, 1.01, 1.00, 1.01], [1.05, 1.06, 1.05, 1.05]] * 5
>>> found = compare(subject, baseline)
>>> found.outcome.value, round(found.ratio.value, 1)
('slower', 2.0)
"""
