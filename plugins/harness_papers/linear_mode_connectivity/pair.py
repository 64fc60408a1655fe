"""A pair of networks with one way of judging the line between them: what is built, trained and timed here."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from harness_papers.linear_mode_connectivity.barrier import distance, estimate, midpoint, scan, sharpness
from harness_papers.linear_mode_connectivity.network import Loss, Network
from harness_papers.linear_mode_connectivity.study import Study

Answer = Callable[[Loss, Tensor, Tensor], Tensor]

ANSWERS: dict[str, Answer] = {
    "spawn_late": estimate,
    "spawn_early": estimate,
    "different_init": estimate,
    "aligned": estimate,
    "scan": scan,
    "midpoint": midpoint,
    "distance": distance,
    "sharpness": sharpness,
}
"""How each variant answers: how high is the barrier between these two networks on these images?"""


class Pair(nn.Module):
    """Two networks of one shape, and one way of judging the line between them.

    Args:
        network: The shape of both.
        answer: One of `ANSWERS`.
        theta_1: One end, (P,).
        theta_2: The other.
        history: Room for what is measured along the training, (moments, quantities); None for a pair made from another.
        study: Room for what is measured over many pairs; None for a variant that does not ask it.
    """

    def __init__(
        self, network: Network, answer: Answer, theta_1: Tensor, theta_2: Tensor, history: Tensor | None = None, study: Study | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.answer = answer
        self.theta_1 = nn.Parameter(theta_1)
        self.theta_2 = nn.Parameter(theta_2)
        self.history: Tensor | None
        self.register_buffer("history", history)
        self.study = study

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        """theta_1 and theta_2, without gradients: (P,) each."""
        return self.theta_1.detach(), self.theta_2.detach()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the variant's answer on images x (N, C, H, W) and labels y (N,): a scalar."""
        return self.answer(self.network.loss_on(x, y), *self.ends)
