"""BERT-base and GPT-2 small, built by the transformers package from their configurations, with random weights."""

from __future__ import annotations

from torch import nn


def bert_base() -> nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig())


def gpt2_small() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config())
