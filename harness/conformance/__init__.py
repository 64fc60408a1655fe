"""The contract between the host and a plugin, as checks that run: what `harness check` and `pytest --harness-plugin` do.

    from harness.conformance.examination import Examination
    from harness.conformance.finding import Status
    from harness.conformance.lookup import find_plugin

    with Examination(find_plugin("my_method")) as examination:
        broken = [finding for finding in examination.findings() if finding.status == Status.FAIL]

`table` lists the checks in order. A check is a function of the driver that asks what it needs to know of workers: fresh processes, forked from
servers that have never run anything of the plugin. Of the plugin itself the driver sees the card and nothing else.

A module holds one group of checks: `card`, `importing`, `repeating`, `network`, `variants`, `sizes`, `counting`, `state`, `batches`, `exporting`.
What runs in a worker is a function whose first argument is a `Stage`; it is named by `module:function`, and torch is imported inside.
"""
