"""Everything that is trained together, and the sublayers that are taken from it."""

from __future__ import annotations

from torch import Tensor, nn

from .dictionaries import Dictionary
from .language import MLP, LanguageModel
from .setting import KEPT, LAMBDAS, Shape

KIND = {"transcoder": "transcoder", "transcoder_sparse": "transcoder", "transcoder_no_ghost": "no_ghost", "sae": "sae", "sae_in": "sae_in"}
"""Which dictionaries a variant has."""


def is_transcoder(kind: str) -> bool:
    """Say whether a kind of dictionary reads an MLP's input and writes its output."""
    return kind in ("transcoder", "no_ghost", "upstream")


class Study(nn.Module):
    """A language model, or an MLP alone, and dictionaries of every kind and sparsity on its activations. It answers with the MLP.

    Args:
        shape: Dimensions; without a context there is no language model, and no layer before.
        dictionaries: Whether there are any; at published size there are none.
    """

    def __init__(self, shape: Shape, dictionaries: bool) -> None:
        super().__init__()
        self.shape = shape
        self.language = LanguageModel(shape) if shape.context else None
        self.alone = None if shape.context else MLP(shape.d, shape.hidden, shape.relu)
        kinds = [kind for kind in LAMBDAS if dictionaries and (kind != "upstream" or shape.context)]
        self.kinds = nn.ModuleDict(
            {kind: nn.ModuleList(Dictionary(shape.d, shape.m, is_transcoder(kind)) for _ in LAMBDAS[kind]) for kind in kinds}
        )

    @property
    def mlp(self) -> MLP:
        """The MLP that is replaced."""
        if self.language is not None:
            return self.language.stack[-1].mlp
        assert self.alone is not None
        return self.alone

    def members(self, kind: str) -> list[Dictionary]:
        """Return the dictionaries of a kind, the least sparse first."""
        found = self.kinds[kind]
        assert isinstance(found, nn.ModuleList)
        return [member for member in found if isinstance(member, Dictionary)]

    def chosen(self, kind: str) -> Dictionary:
        """Return the dictionary of a kind that has the authors' weight of sparsity."""
        return self.members(kind)[LAMBDAS[kind].index(1.0)]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d) -> (N, d)."""
        return self.mlp(x)


class Replacement(nn.Module):
    """What stands in the place of the MLP: dictionary and MLP in the order in which a variant has them.

    Args:
        parts: Applied one after another.
        study: Where they come from, in a tuple, so that its weights are not counted as those of the replacement.
    """

    def __init__(self, parts: list[nn.Module], study: tuple[Study, ...] = ()) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)
        self.study = study

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d) -> (N, d)."""
        return self.parts(x)


def build(variant: str, shape: Shape, fitted: Study | None, dictionaries: bool) -> nn.Module:
    """Build a variant, from a fitted study if there is one."""
    if variant == "study":
        return Study(shape, dictionaries)
    mlp = MLP(shape.d, shape.hidden, shape.relu) if fitted is None else fitted.mlp
    study = () if fitted is None else (fitted,)
    if variant == "mlp":
        return Replacement([mlp], study)
    kind = KIND[variant]
    dictionary = Dictionary(shape.d, shape.m, is_transcoder(kind), KEPT if variant == "transcoder_sparse" else 0)
    if fitted is not None:
        dictionary.load_state_dict(fitted.chosen(kind).state_dict())
        dictionary.eval()
    order: dict[str, list[nn.Module]] = {"sae": [mlp, dictionary], "sae_in": [dictionary, mlp]}
    return Replacement(order.get(kind, [dictionary]), study)
