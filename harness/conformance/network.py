"""The check that a plugin works offline: connections are refused and noted, also those whose failure the plugin would swallow."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

from harness.conformance.finding import Verdict, unless
from harness.conformance.workers import Examined

if TYPE_CHECKING:
    from harness.conformance.stage import Stage


class RefusedError(OSError):
    """A connection was asked for while plugins must do without."""


def offline(examined: Examined) -> Verdict:
    """Call for data, models and judgements while every connection is refused."""
    tried = examined.ask("network:tried")["tried"]
    return unless([f"{hook} asks for a connection to {where}" for hook, where in tried], "no connection asked for")


def tried(stage: Stage) -> dict[str, Any]:
    """Return which hook asked for a connection to where."""
    asked: list[tuple[str, str]] = []
    bench, doing = stage.bench(), [""]
    steps: list[tuple[str, Callable[[str], Any], str]] = [
        *((f"data of split {split!r}", bench.data, split) for split in stage.splits),
        *((f"model {name!r}", bench.model, name) for name in stage.untrained),
    ]
    if stage.card.qualities:
        steps.append((f"fit or metric of {stage.card.subject.name!r}", bench.metric, stage.card.subject.name))
    with _refused(asked, doing):
        for doing[0], hook, name in steps:
            with suppress(Exception):  # for want of the network, which has been noted, or for another reason, which other checks tell
                hook(name)
    return {"tried": list(dict.fromkeys(asked))}


@contextmanager
def _refused(asked: list[tuple[str, str]], doing: list[str]) -> Iterator[None]:
    def refuse(where: object) -> None:
        asked.append((doing[0], str(where)))
        raise RefusedError(f"connections are refused while a plugin is checked: {where}")

    class Refusing(socket.socket):
        """A socket that stays on this machine."""

        def connect(self, address: Any) -> None:
            if self.family != socket.AF_UNIX:
                refuse(address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            if self.family != socket.AF_UNIX:
                refuse(address)
            return super().connect_ex(address)

        def sendto(self, *arguments: Any) -> int:
            if self.family != socket.AF_UNIX:
                refuse(arguments[-1])
            return super().sendto(*arguments)

    def look_up(host: Any, *_arguments: Any, **_options: Any) -> None:
        refuse(host)

    with mock.patch.object(socket, "socket", Refusing), mock.patch.object(socket, "getaddrinfo", look_up):
        yield
