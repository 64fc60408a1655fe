"""Layers under test: filled with numbers that hide nothing, and counted."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def make_alive(module: nn.Module) -> nn.Module:
    """Give every parameter a random value of ordinary size in double precision, so that no path is hidden by a zero."""
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def macs(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Count by torch's own counter, which is not the host's."""
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2
