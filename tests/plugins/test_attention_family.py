"""What holds for every paper of the family `attention`, so that a row of one may be held against a row of another."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import pytest
import torch

from harness.plugin.discovery import discover
from harness.testing import bench
from harness_papers._kit.attention import PROTOCOL, SWEEP, TASK

CARDS = {plugin.slug: plugin.paper for plugin in discover(()) if plugin.paper and plugin.paper.family == "attention"}
PAPERS = sorted(CARDS)
SHARED = [
    (*pair, name) for pair in combinations(PAPERS, 2) for name in CARDS[pair[0]].variant_names if name in CARDS[pair[1]].variant_names
]
"""Names of variants that two papers have, with the two."""
INPUTS = [("smoke", "layer"), ("smoke", "freq_pairs"), ("small", "layer"), ("small", "freq_pairs"), ("small", "digits")]


@pytest.fixture(params=PAPERS)
def lab(request):
    return bench(request.param)


def test_there_are_papers_to_hold_against_each_other():
    assert {"hilo", "agent_attention", "soft_attention"} <= set(PAPERS)
    assert {
        ("agent_attention", "hilo", "mha"),
        ("agent_attention", "soft_attention", "sra"),
        ("hilo", "soft_attention", "linformer"),
    } <= set(SHARED)


def test_the_card_is_read_without_torch(lab):
    slug = lab.card.slug
    code = (
        "import sys; from harness.plugin.discovery import load, Source; "
        f"load(Source('{slug}', 'harness_papers.{slug}', '', '')).card; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_its_question_and_its_points_are_those_of_the_family(lab):
    first = bench("hilo").card
    assert (lab.card.task, lab.card.protocol) == (TASK, PROTOCOL)
    assert set(lab.card.sweep) == set(SWEEP)
    for scale in ("smoke", "small"):
        assert list(lab.card.cost_points(scale)) == list(first.cost_points(scale))
        assert list(lab.card.trained_points(scale)) == list(first.trained_points(scale))


def test_claims_are_about_what_exists(lab):
    for claim in lab.card.claims:
        for statement in (claim, claim.scaled) if claim.scaled else (claim,):
            scale = statement.when.get("scale", "small")
            for axis in set(statement.when) & set(lab.card.sweep):
                assert statement.when[axis] in lab.card.axis(axis, scale), (claim.id, axis)


@pytest.mark.parametrize("config", ["layer", "freq_pairs"])
def test_all_variants_take_the_same_inputs_and_are_built_the_same_twice(lab, config: str):
    here = lab.at(config=config)
    (x,) = here.data().inputs
    assert torch.equal(x, here.data().inputs[0])
    for variant in lab.card.variant_names:
        y = here.model(variant)(x)
        assert y.shape == (x.shape if config == "layer" else (2, 16))
        assert torch.equal(y, here.model(variant)(x))


@pytest.mark.parametrize("slug", PAPERS)
@pytest.mark.parametrize(("scale", "config"), INPUTS)
def test_inputs_are_those_of_every_other_paper(slug: str, scale: str, config: str):
    ours, theirs = (bench(paper, scale, config=config).data().inputs[0] for paper in (slug, "hilo"))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("config", ["layer", "freq_pairs"])
@pytest.mark.parametrize(("first", "second", "variant"), SHARED)
def test_a_variant_of_two_papers_is_the_same_in_both(first: str, second: str, variant: str, config: str):
    ours, theirs = (bench(paper, config=config).model(variant).state_dict() for paper in (first, second))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
