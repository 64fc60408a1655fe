"""A target: this machine's processor under the name of the board it stands for, so that its figures get a column of their own."""

from harness import hookimpl
from harness.targets import Target, TargetKind


@hookimpl
def targets():
    return [Target("cpu:bench", TargetKind.CPU, "cpu", "the board on the bench")]
