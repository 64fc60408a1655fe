"""Plugins that break the contract in one place: the scaffold's file with one replacement each."""

from dataclasses import dataclass

PLAIN = "return torch.nn.Linear(FEATURES, 1)"
COUNT = "    count = params["
SIZED = ("sizes=[],", 'sizes=[__import__("harness").PublishedSize("mine", "parameters", "10,241", source="table 1")],')
"""Adds a published size, the right one, to the scaffold, which has none."""

KEEPS_STATE = """BUILT = globals().setdefault("BUILT", [])
        made = torch.nn.Linear(FEATURES, 1)
        made.bias.data += len(BUILT)
        return made
    globals().setdefault("BUILT", []).append(variant)"""
DIALS_OUT = """    import contextlib
    import socket

    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=0.01)
"""
CUSTOM_OPERATOR = """def in_numpy(x):
            return torch.from_numpy(x.numpy() * 1)

        own = torch.library.custom_op("scaffold_test::same", in_numpy, mutates_args=(), schema="(Tensor x) -> Tensor")
        own.register_fake(torch.empty_like)

        class Plain(torch.nn.Linear):
            def forward(self, x):
                return super().forward(own(x))

        return Plain(FEATURES, 1)"""
BRANCHES = """class Plain(torch.nn.Linear):
            def forward(self, x):
                return super().forward(x if x.sum() > 0 else -x)

        return Plain(FEATURES, 1)"""


@dataclass(frozen=True)
class Violator:
    """A replacement in the scaffold's file, the check that it breaks, and what that check must say."""

    check: str
    old: str
    new: str
    told: str
    sized: bool = False

    def apply(self, text):
        """Return the scaffold's text with the one thing wrong."""
        base = text.replace(*SIZED) if self.sized else text
        assert base.count(self.old) == 1, self.old
        return base.replace(self.old, self.new)


VIOLATORS = [
    Violator("card", 'arxiv=""', 'arxiv="arXiv:2205.13213"', "arxiv is 'arXiv:2205.13213'; write the id alone"),
    Violator("card", 'data="sines of eight random numbers, drawn by the plugin"', 'data=""', "data is empty; say where the data come from"),
    Violator("hooks", "@hookimpl\ndef metric(", "def metric(", "the card promises 'mse', and there is no hook 'metric'"),
    Violator("hooks", "@hookimpl\ndef data(", "def data(", "there is no hook 'data'"),
    Violator("claims", 'when={"scale": "small"}', 'when={"scale": "smoke"}', "claim 'better-fit': a smoke run only shows that things work"),
    Violator("import", "from collections.abc", "import torch\nfrom collections.abc", "importing the plugin imports torch"),
    Violator("import", "FEATURES = 8", "FEATURES = 8 + 0 * sum(i for i in range(20_000_000))", "ms of CPU time, over 50"),
    Violator(
        "deterministic", "recipe=recipe)", 'recipe=recipe, extra={"id": __import__("os").getpid()})', "data of split 'train' is another one"
    ),
    Violator("alone", PLAIN, KEEPS_STATE, "model 'plain' is another one when no other has been built before it"),
    Violator("offline", COUNT, DIALS_OUT + COUNT, "data of split 'profile' asks for a connection to 192.0.2.1"),
    Violator("state", COUNT, "    torch.set_num_threads(3)\n" + COUNT, "split 'profile' leaves the number of threads at 3, it was 1"),
    Violator(
        "variants",
        PLAIN,
        "return torch.nn.Linear(FEATURES, 2)",
        "infer of 'plain' gives array[32, 2] float, that of the subject array[32, 1] float",
    ),
    Violator("sizes", '"10,241"', '"10,242"', "parameters of 'mine': built 10,241 is -1 (-0.01%) away from 10,242", sized=True),
    Violator(
        "meta",
        "width = WIDTH[scale]",
        "width = int(torch.tensor(WIDTH[scale]))",
        "'mine' reads values, which tensors on meta do not have",
        sized=True,
    ),
    Violator("counted", PLAIN, CUSTOM_OPERATOR, "are moved by operators without a formula: scaffold_test::same"),
    Violator("metrics", ".mean(), unit", ".mean() / 0, unit", "value is inf; a metric must be finite"),
    Violator("metrics", ".mean(), unit", '.mean() + __import__("os").getpid(), unit', "in the next, with the same seed"),
    Violator(
        "batch-one",
        PLAIN,
        "return torch.nn.Sequential(torch.nn.Linear(FEATURES, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))",
        "train_step of 'plain' fails: ValueError: Expected more than 1 value per channel",
    ),
]
