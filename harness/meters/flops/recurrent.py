"""Costs of recurrent layers and cells. For workers: imports torch.

Convention: four (LSTM), three (GRU) or one (plain) gates; each gate adds the two products and as many biases as there are; the activation of a gate
and of a cell is one transcendental operation.
"""

from __future__ import annotations

from harness.meters.flops.classes import OpClass
from harness.meters.flops.cost import Cost, floating, product
from harness.meters.flops.spec import Call, TensorSpec, tensors_in

_GATES = {0: 1, 1: 1, 2: 4, 3: 3}
"""Gates by mode, as cuDNN and oneDNN number them: 0 plain with relu, 1 plain with tanh, 2 LSTM, 3 GRU."""
RELU, TANH, LSTM, GRU = range(4)


def cell_ops(mode: int, cells: int, biased: bool) -> Cost:
    """Cost what `cells` units do beside the products: biases, activations, the update of the state.

    LSTM: c' = f c + i g (3), h' = o tanh(c') (1). GRU: n = tanh(a + r b) (1 product), h' = n + z (h - n) (3).
    """
    gates, biases = _GATES[mode], 2 if biased else 0
    update = {LSTM: 4, GRU: 4}.get(mode, 0)
    activations = {LSTM: 5, GRU: 3, TANH: 1}.get(mode, 0)
    relu = mode == RELU
    return floating(elementwise=cells * (gates * (1 + biases) + update + relu), transcendental=cells * activations)


def _layer(x: TensorSpec, mode: int, steps: int, width: int, hidden: int, biased: bool) -> Cost:
    """Cost one direction of one layer: `steps` counts time steps of all sequences."""
    return product(steps * _GATES[mode] * hidden * (width + hidden), x) + cell_ops(mode, steps * hidden, biased)


def fused_layer(call: Call) -> Cost:
    """Cost oneDNN's fused layer: one direction over a padded batch (time, batch, width), or over a packed one by its batch sizes."""
    x = call["input"]
    packed = call["batch_sizes"]
    steps = sum(packed) if packed else x.numel // x.shape[-1]
    return _layer(x, call["mode"], steps, x.shape[-1], call["hidden_size"], call["has_biases"])


def fused_layer_backward(call: Call) -> Cost:
    """Cost its backward pass: the gradients of input, state and weights cost two forward passes' products, the cells about two forward cells."""
    x = call["input"]
    packed = call["batch_sizes"]
    steps = sum(packed) if packed else x.numel // x.shape[-1]
    once = _layer(x, call["mode"], steps, x.shape[-1], call["hidden_size"], call["has_biases"])
    return once + once


def stacked(call: Call) -> Cost:
    """Cost cuDNN's whole network: layers, directions, projections, with the sizes read off its weights."""
    x, weights, mode = call["input"], list(tensors_in([call["weight"]])), call["mode"]
    packed = call["batch_sizes"]
    steps = sum(packed) if packed else x.numel // x.shape[-1]
    matrices = [w for w in weights if len(w.shape) == 2]
    products = product(steps * sum(w.numel for w in matrices), x)
    layers = call["num_layers"] * (2 if call["bidirectional"] else 1)
    return products + cell_ops(mode, steps * call["hidden_size"] * layers, biased=len(matrices) < len(weights))


def stacked_backward(call: Call) -> Cost:
    """Cost cuDNN's backward pass: two forward passes."""
    once = stacked(call)
    return once + once


def quantized_stack(call: Call, mode: int) -> Cost:
    """Cost a network with packed weights: its products in 8-bit integers, or in floating point where the weights are 16 bits wide."""
    x, state = call["input"], next(tensors_in([call["hx"]]))
    hidden, directions = state.shape[-1], 2 if call["bidirectional"] else 1
    steps = x.numel // x.shape[-1]
    widths = [x.shape[-1]] + [hidden * directions] * (call["num_layers"] - 1)
    macs = steps * directions * _GATES[mode] * hidden * sum(width + hidden for width in widths)
    narrow = call.get("dtype") is not None and call["dtype"].is_floating_point
    products = product(macs, x) if narrow else Cost({OpClass.INT8: 2 * macs})
    weights = macs // max(steps, 1) * (2 if narrow else 1)
    moved = Cost({}, read=x.nbytes + sum(t.nbytes for t in tensors_in([call["hx"]])) + weights)
    return moved + products + cell_ops(mode, steps * hidden * directions * call["num_layers"], call["has_biases"])


def quantized_cell(call: Call, mode: int) -> Cost:
    """Cost one step of a cell with packed weights."""
    x, hidden = call["input"], call.result
    macs = x.shape[0] * _GATES[mode] * hidden.shape[-1] * (x.shape[-1] + hidden.shape[-1])
    return Cost({OpClass.INT8: 2 * macs}) + cell_ops(mode, x.shape[0] * hidden.shape[-1], biased=True)


def fused_cell(call: Call, mode: int) -> Cost:
    """Cost what a CUDA cell kernel does after the products: everything but them."""
    gates = call["input_gates"]
    return cell_ops(mode, gates.numel // _GATES[mode], biased=call.get("input_bias") is not None)


def fused_cell_backward(call: Call, mode: int) -> Cost:
    """Cost the backward pass of a cell kernel as two forward ones."""
    gradient = call["grad_hy"] or call["grad_cy"]
    once = cell_ops(mode, gradient.numel, biased=False)
    return once + once
