import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from harness.errors import HarnessError
from harness.meters.flops.counted import WHOLE
from harness.meters.flops.counter import count
from harness.meters.flops.weights import modules_in


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(4, 8), nn.Linear(8, 4)

    def forward(self, x):
        return x + self.down(F.relu(self.up(x)))


def rows(listed):
    return {row.name: row for row in listed}


def test_modules_hold_what_runs_in_them():
    model = nn.Sequential(Block(), nn.Linear(4, 2))
    with torch.no_grad():
        seen = count(lambda: model(torch.ones(1, 4)), model)
    assert {name: row.macs for name, row in rows(seen.by_module()).items()} == {WHOLE: 72, "0": 64, "0.up": 32, "0.down": 32, "1": 8}
    assert rows(seen.by_module())["0"].flops == 2 * 64 + 8 + 4 + 8 + 4


def test_every_breakdown_adds_up():
    model = nn.Sequential(Block(), nn.Linear(4, 2))
    seen = count(lambda: model(torch.ones(1, 4)).sum().backward(), model)
    for listed in (seen.by_operator(), seen.by_dtype()):
        assert sum(r.flops for r in listed) == seen.flops
        assert sum(r.macs for r in listed) == seen.macs
        assert sum(r.bytes_moved for r in listed) == seen.bytes_moved
    whole = seen.by_module()[0]
    assert (whole.name, whole.flops, whole.bytes_moved) == (WHOLE, seen.flops, seen.bytes_moved)


def test_the_backward_pass_belongs_to_the_modules_of_the_forward_pass():
    model = nn.Sequential(Block(), nn.Linear(4, 2))
    x = torch.ones(1, 4, requires_grad=True)
    seen = count(lambda: model(x).sum().backward(), model)
    assert {name: row.macs for name, row in rows(seen.by_module()).items()} == {WHOLE: 216, "0": 192, "0.up": 96, "0.down": 96, "1": 24}


def test_second_derivatives_belong_to_modules_too():
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))

    def product_with_the_hessian():
        weights = list(model.parameters())
        first = torch.autograd.grad(model(torch.ones(4, 8)).square().sum(), weights, create_graph=True)
        torch.autograd.grad(sum(g.sum() for g in first), weights)

    seen = count(product_with_the_hessian, model)
    by_module = rows(seen.by_module())
    assert not seen.uncounted
    assert by_module["0"].macs + by_module["2"].macs == seen.macs
    assert by_module["0"].macs > 2 * 4 * 8 * 16


def test_modules_outside_the_roots_go_by_their_class():
    model = nn.Linear(4, 2)
    with torch.no_grad():
        seen = count(lambda: Block()(model(torch.ones(1, 4)).repeat(1, 2)), model)
    assert {"Block", "Block.up", "Block.down"} <= rows(seen.by_module()).keys()


def test_hooks_are_gone_afterwards_even_if_the_call_fails():
    def fails():
        raise ValueError("no")

    before = dict(torch.nn.modules.module._global_forward_hooks)
    with pytest.raises(ValueError, match="no"):
        count(fails, nn.Linear(1, 1))
    assert dict(torch.nn.modules.module._global_forward_hooks) == before


def test_parameters_count_once_and_frozen_ones_too():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    model[1].weight = model[0].weight
    model.requires_grad_(False)
    assert count(lambda: None, model).parameters == 40
    assert count(lambda: None, model, model[0]).parameters == 40


def test_8_bit_buffers_are_told_and_are_no_parameters():
    model = nn.Linear(4, 2)
    model.register_buffer("packed", torch.ones(16, 8, dtype=torch.int8))
    seen = count(lambda: None, model)
    assert (seen.parameters, seen.packed_weights) == (10, 128)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_weights_that_torch_packs_are_told_too():
    layers = nn.Sequential(nn.Linear(16, 8), nn.LSTM(8, 4))
    model = torch.ao.quantization.quantize_dynamic(layers, {nn.Linear, nn.LSTM}, dtype=torch.qint8)
    seen = count(lambda: None, model)
    assert (seen.parameters, seen.packed_weights) == (0, 16 * 8 + 4 * 4 * (8 + 4))


def test_several_roots_keep_their_rows_apart():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    with torch.no_grad():
        seen = count(lambda: second(first(torch.ones(1, 2))), first, second)
    assert {name: row.macs for name, row in rows(seen.by_module()).items()} == {WHOLE: 8, "Linear[0]": 4, "Linear[1]": 4}


@torch.library.custom_op("harness_tests::running", mutates_args=(), device_types="cpu")
def running(x: torch.Tensor) -> torch.Tensor:
    return x.cumsum(0)


def test_an_operator_without_a_formula_is_listed_with_its_bytes():
    x = torch.ones(100)
    with torch.no_grad():
        seen = count(lambda: running(x) + running(x).sum())
    (missing,) = seen.uncounted
    assert (missing.operator, missing.calls, missing.bytes_moved) == ("harness_tests::running", 2, 1600)
    assert seen.uncounted_share == pytest.approx(1600 / seen.bytes_moved)
    assert seen.op_classes == {"elementwise": 100, "reduction": 99}


@torch.library.custom_op("harness_tests::halves", mutates_args=())
def halves(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.clone().numpy() / 2)


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_so_is_one_for_every_device_that_works_outside_of_torch(guard):
    with guard():
        seen = count(lambda: halves(torch.ones(100)))
    assert [(missing.operator, missing.bytes_moved) for missing in seen.uncounted] == [("harness_tests::halves", 800)]


def test_a_custom_formula_counts_it():
    x = torch.ones(100)
    formulas = {"harness_tests::running": lambda call: {"reduction": call["x"].numel - 1, "binary": 7}}
    with torch.no_grad():
        seen = count(lambda: running(x), formulas=formulas)
    assert (seen.op_classes, seen.uncounted, seen.bytes_moved) == ({"reduction": 99, "binary": 7}, (), 800)


def test_a_custom_formula_wins_over_the_table():
    with torch.no_grad():
        seen = count(lambda: torch.ones(3).exp(), formulas={"aten::exp": lambda call: {"elementwise": 5 * call.result.numel}})
    assert seen.op_classes == {"elementwise": 15}


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (lambda _: 3, "the FLOP formula of 'harness_tests::running' returned a int; return operations by class"),
        (lambda _: {"matmull": 3}, "unknown operation class 'matmull'; did you mean 'matmul'?"),
    ],
)
def test_a_wrong_formula_is_told(formula, message):
    with pytest.raises(HarnessError, match="^" + message.replace("?", r"\?")):
        count(lambda: running(torch.ones(3)), formulas={"harness_tests::running": formula})


def test_a_formula_is_evaluated_once_for_each_signature():
    asked = []

    def formula(call):
        asked.append(call["x"].shape)
        return {"elementwise": call["x"].numel}

    def run():
        for _ in range(50):
            running(torch.ones(3))
            running(torch.ones(4))

    with torch.no_grad():
        seen = count(run, formulas={"harness_tests::running": formula})
    assert asked == [(3,), (4,)]
    assert seen.op_classes == {"elementwise": 50 * 7}


def test_two_operands_and_one_operand_twice_are_told_apart():
    x, y = torch.ones(10), torch.ones(10)
    with torch.no_grad():
        assert count(lambda: (x * y, x * x, x * y)).bytes_read == 4 * (20 + 10 + 20)


def test_results_whose_size_depends_on_values_are_told_apart():
    def run():
        torch.tensor([1, 0]).nonzero()
        torch.tensor([1, 1]).nonzero()

    with torch.no_grad():
        seen = rows(count(run).by_operator())["aten::nonzero"]
    assert seen.bytes_moved == 2 * 16 + 8 + 16


def test_meta_allocates_nothing():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(100_000, 100_000), nn.ReLU(), nn.Linear(100_000, 10))
        x = torch.empty(4096, 100_000)  # 40 GB of weights, 2 GB of input
    with torch.no_grad():
        seen = count(lambda: model(x), model)
    assert seen.macs == 4096 * 100_000 * 100_010
    assert seen.parameters == 100_000 * 100_000 + 100_000 + 1_000_010


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_count_does_not_hang_on_the_guard(guard):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)).eval()
    with guard():
        seen = count(lambda: model(torch.ones(1, 3, 8, 8)), model)
    assert seen.op_classes == {"matmul": 2 * 288 * 4, "conv": 2 * 8 * 36 * 27, "elementwise": 288 + 288 + 4}


def test_counting_leaves_the_results_alone():
    model, x = Block(), torch.randn(3, 4)
    out = []
    count(lambda: out.append(model(x)), model)
    assert torch.equal(out[0], model(x))


def test_a_tensor_subclass_is_counted_as_what_it_wraps():
    class Wrapped(torch.Tensor):
        @staticmethod
        def __new__(cls, held):
            made = torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype)
            made.held = held
            return made

        def __tensor_flatten__(self):
            return ["held"], None

        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            plain = [a.held if isinstance(a, Wrapped) else a for a in args]
            return Wrapped(func(*plain, **(kwargs or {})))

        @staticmethod
        def __tensor_unflatten__(held, context, size, stride):
            return Wrapped(held["held"])

    with torch.no_grad():
        assert count(lambda: Wrapped(torch.ones(4, 8)) @ torch.ones(8, 3)).macs == 96


@pytest.mark.filterwarnings("ignore")
def test_scripted_and_compiled_functions_are_seen():
    def product(x):
        return torch.relu(x @ x.mT)

    scripted, compiled = torch.jit.script(product), torch.compile(product, backend="eager")
    x = torch.ones(3, 4)
    with torch.no_grad():
        compiled(x)
        assert [count(lambda f=f: f(x)).macs for f in (product, scripted, compiled)] == [36, 36, 36]


def test_vectorised_and_differentiated_functions_are_seen():
    weight, x = torch.ones(4, 3), torch.ones(5, 4)
    assert count(lambda: torch.vmap(lambda row: row @ weight)(x)).macs == 5 * 12
    assert count(lambda: torch.func.grad(lambda y: (y @ weight).sum())(x)).macs == 2 * 5 * 12


def test_checkpointed_modules_run_again_as_far_as_their_last_saved_result():
    from torch.utils.checkpoint import checkpoint

    model, x = Block(), torch.ones(1, 4, requires_grad=True)
    plain = count(lambda: model(x).sum().backward(), model).macs
    again = count(lambda: checkpoint(model, x, use_reentrant=False).sum().backward(), model).macs
    assert again == plain + 32


@pytest.mark.parametrize(
    "held",
    [lambda m: m, lambda m: [m], lambda m: {"net": m}, lambda m: SimpleNamespace(net=m, steps=3)],
)
def test_modules_are_found_in_what_holds_them(held):
    module = nn.Linear(2, 2)
    assert modules_in(held(module)) == (module,)


def test_the_driver_needs_no_torch():
    code = "import sys, harness.meters.flops, harness.meters.flops.counted; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
