"""The contract as tests: `pytest --harness-plugin my_method` collects one item a check.

Shipped with the host and loaded by every pytest beside it, so nothing of the harness is imported until the option is given.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.conformance.examination import Examination
    from harness.conformance.finding import Finding
    from harness.conformance.workers import Workers

_OPTION = "--harness-plugin"
_WORKERS = pytest.StashKey["Workers"]()
"""Servers that the plugins of a session share: they take seconds to start."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--harness-plugin`."""
    parser.getgroup("harness").addoption(
        _OPTION,
        action="append",
        default=[],
        metavar="SLUG|PATH",
        help="check that a plugin of paper-harness keeps its contract, one test a check; repeatable",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the checks to whatever has been collected, before `-k` and the like choose."""
    for wanted in dict.fromkeys(config.getoption(_OPTION)):
        items.extend(PluginChecks.from_parent(session, name=wanted, nodeid=f"harness:{wanted}", path=config.rootpath).collect())


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers."""
    if _WORKERS in config.stash:
        config.stash[_WORKERS].__exit__(None, None, None)


def _workers(config: pytest.Config) -> Workers:
    from harness.conformance.workers import Workers

    if _WORKERS not in config.stash:
        config.stash[_WORKERS] = Workers().__enter__()
    return config.stash[_WORKERS]


class ContractError(Exception):
    """A check that does not hold."""


class PluginChecks(pytest.Collector):
    """The checks of one plugin."""

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item a check.

        Raises:
            pytest.UsageError: when there is no such plugin.
        """
        from harness.conformance.lookup import find_plugin
        from harness.conformance.table import CHECKS
        from harness.errors import HarnessError

        try:
            self.plugin = find_plugin(self.name)
        except HarnessError as error:
            raise pytest.UsageError(f"{_OPTION}: {error}") from error
        for check in CHECKS:
            yield CheckItem.from_parent(self, name=check.name)

    def setup(self) -> None:
        """Begin all checks that are going to be asked for: they run two at a time."""
        from harness.conformance.examination import Examination
        from harness.conformance.table import BY_NAME

        self.examination: Examination = Examination(self.plugin, workers=_workers(self.config)).__enter__()
        for item in self.session.items:
            if item.parent is self:
                self.examination.start(BY_NAME[item.name])

    def teardown(self) -> None:
        """Wait for what has begun, and begin no more."""
        self.examination.__exit__(None, None, None)


class CheckItem(pytest.Item):
    """One check of one plugin."""

    parent: PluginChecks

    def runtest(self) -> None:
        """Fail with what, why and how; skip with the reason where a check means nothing for the plugin."""
        from harness.conformance.finding import Status
        from harness.conformance.table import BY_NAME

        finding = self.parent.examination.finding(BY_NAME[self.name])
        if finding.status == Status.FAIL:
            raise ContractError(_told(finding))
        if finding.status == Status.NOT_APPLICABLE:
            pytest.skip(f"{self.name}: {finding.what}")
        if finding.status == Status.NOTE:
            self.add_report_section("call", "note", _told(finding))
            warnings.warn(pytest.PytestWarning(f"{self.parent.name}: {self.name}: {finding.what}"), stacklevel=1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Show a failed check as its three lines, anything else with its traceback."""
        if isinstance(excinfo.value, ContractError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the item in the summary."""
        return self.path, None, f"{self.parent.name} keeps its contract: {self.name}"


def _told(finding: Finding) -> str:
    return f"what: {finding.what}\nwhy:  {finding.why}\nhow:  {finding.how}"
