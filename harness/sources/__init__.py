"""What the hardware can tell: clocks, counters, sensors, the allocator.

A source answers one question when it is asked and knows nothing of protocols: *when* to read it is the business of `harness.meters`,
what the readings mean that of `harness.stats`. What a machine does not have is an object that says why, and what would have to be
installed or permitted:

>>> from harness.sources.energy.source import AbsentSource
>>> meter = AbsentSource("wall", "the whole machine", "no meter answers", "plug one in")
>>> bool(meter.available())
False
>>> str(meter.available())
'no meter answers; plug one in'

All time goes through `harness.sources.clock`, so that tests own it.
"""
