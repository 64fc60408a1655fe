"""All reference models with what is known of them: parameters, and multiply-accumulates of matrix products and convolutions for one input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .convnext import convnext_tiny
from .language import bert_base, gpt2_small
from .mobile import efficientnet_b0, mobilenet_v2
from .resnet import resnet18, resnet50
from .swin import swin_t
from .vit import vit_b_16


@dataclass(frozen=True)
class Reference:
    """A model whose size is known to the last digit."""

    name: str
    build: Callable[[], nn.Module]
    macs: int
    parameters: int
    tokens: int = 0
    """Length of a text model's input; 0 for an image model, which takes 3x224x224."""

    def input(self, device: str = "meta") -> Tensor:
        if self.tokens:
            return torch.zeros(1, self.tokens, dtype=torch.long, device=device)
        return torch.zeros(1, 3, 224, 224, device=device)

    def on(self, device: str = "meta") -> nn.Module:
        with torch.device(device):
            return self.build().eval()


MODELS = (
    Reference("ResNet-18", resnet18, 1_814_073_344, 11_689_512),
    Reference("ResNet-50", resnet50, 4_089_184_256, 25_557_032),
    Reference("MobileNetV2", mobilenet_v2, 300_774_272, 3_504_872),
    Reference("EfficientNet-B0", efficientnet_b0, 385_814_752, 5_288_548),
    Reference("ConvNeXt-T", convnext_tiny, 4_455_531_264, 28_589_128),
    Reference("Swin-T", swin_t, 4_490_566_656, 28_288_354),
    Reference("ViT-B/16", vit_b_16, 17_563_828_224, 86_567_656),
    Reference("BERT-base, 128 tokens", bert_base, 11_174_215_680, 109_482_240, tokens=128),
    Reference("GPT-2 small, 1,024 tokens", gpt2_small, 145_824_153_600, 124_439_808, tokens=1024),
)
