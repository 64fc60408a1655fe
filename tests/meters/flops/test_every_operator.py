"""Torch's own samples of its operators: every one is counted, or named here; on `meta` as on the CPU, in every mode alike."""

import contextlib
import warnings
from collections import Counter

import pytest
import torch
from torch.utils._pytree import tree_map

from harness.meters.flops.counter import count

UNCOUNTED = {
    "aten::_histogramdd_bin_edges",
    "aten::_histogramdd_from_bin_cts",
    "aten::_histogramdd_from_bin_tensors",
    "aten::_sparse_mm_reduce_impl",
    "aten::embedding_renorm_",
    "aten::hash_tensor",
}
"""What has no formula."""
OTHERWISE_ON_META = {"nn.functional.one_hot"}
"""Operators that torch makes of other operators on `meta`."""
COMPARED_ON_META = 400
"""Of some 620 operators 428 compute something and run on `meta` (torch 2.13); the rest only move data, or read values."""
VALUES_ALONE = {"norm", "linalg.cond", "linalg.matrix_norm", "linalg.matrix_rank", "linalg.eigvalsh", "linalg.svdvals"}
"""Operators for which torch computes vectors too as soon as anybody listens, unless in inference mode."""
SAMPLES = 4
DTYPES = (torch.float32, torch.complex64, torch.int64)


def cases():
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        for dtype in DTYPES:
            if dtype in op.supported_dtypes("cpu"):
                with contextlib.suppress(Exception):  # a few samples need what a build of torch lacks
                    yield from ((op, sample) for sample, _ in zip(op.sample_inputs("cpu", dtype), range(SAMPLES), strict=False))


def counted(op, first, args, kwargs):
    return count(lambda: op(first, *args, **kwargs))


def works(op, sample):
    with contextlib.suppress(Exception):
        op(sample.input, *sample.args, **sample.kwargs)
        return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_operator_is_counted_and_meta_agrees():
    warnings.simplefilter("ignore")
    uncounted, differ, negative, compared, seen = Counter(), set(), set(), set(), 0
    for op, sample in cases():
        with torch.no_grad():
            if not works(op, sample):
                continue
            seen += 1
            here = counted(op, sample.input, sample.args, sample.kwargs)
        uncounted.update(u.operator for u in here.uncounted)
        if any(n < 0 for e in here.entries for n in (*e.ops.values(), e.bytes_read, e.bytes_written)):
            negative.add(op.name)
        with torch.inference_mode():
            whole = counted(op, sample.input, sample.args, sample.kwargs)
        if whole.op_classes != here.op_classes and op.name not in VALUES_ALONE:
            differ.add((op.name, "inference"))
        there = on_meta(op, sample)
        if there is None or op.name in OTHERWISE_ON_META:
            continue
        if there.op_classes != here.op_classes:
            differ.add((op.name, "meta"))
        elif here.op_classes:
            compared.add(op.name)
    assert seen > 3000
    assert len(compared) > COMPARED_ON_META
    assert not negative
    assert set(uncounted) <= UNCOUNTED
    assert not differ


def on_meta(op, sample):
    """Count on `meta`; None where the operator reads values or torch has no meta kernel for it."""
    first, args, kwargs = tree_map(lambda v: v.to("meta") if isinstance(v, torch.Tensor) else v, (sample.input, sample.args, sample.kwargs))
    with torch.no_grad():
        try:
            op(first, *args, **kwargs)
        except RuntimeError as error:
            if "meta" not in str(error).lower():
                raise
            return None
        return counted(op, first, args, kwargs)
