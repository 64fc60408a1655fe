"""PyTorch-Direct: a GPU that trains on a graph fetches scattered feature rows from host memory itself.

What the paper is about is a link between a host and a GPU, and a machine without a GPU has none. There the variants that need one are skipped, and
what can be measured is how much the second pass over memory costs that the method saves: the claims' scaled-down checks are about that alone.

`gather` holds the ways of gathering, `zero_copy` the GPU's kernel, `traffic` what moves by construction, `graph` the data and their sampling, `sage`
the network and its training, and `claims` what the authors print.
"""

from __future__ import annotations

from harness import Chart, Data, Paper, Quality, Text, Variant, Work, Workload, hookimpl

from .claims import CLAIMS, SIZES
from .setting import SETTINGS


@hookimpl
def paper() -> Paper:
    return Paper(
        slug="pytorch_direct",
        title="PyTorch-Direct: Enabling GPU Centric Data Access for Very Large Graph Neural Network Training with Irregular Accesses",
        arxiv="2101.07956",
        year=2021,
        family="systems",
        task="gather scattered rows of a table in host memory to where training reads them: F (n, d), idx (R,) -> F[idx] (R, d)",
        method=(
            "A table in host memory is mapped into the GPU's address space, and the GPU reads the rows of a batch over the link itself. No CPU packs them "
            "into a staging buffer, and reads begin at line boundaries, so that a row costs no more requests than it has lines."
        ),
        variants=[
            Variant("direct", "the device that trains gathers the rows itself; on a CPU, one pass over memory", subject=True),
            Variant("cpu_gather", "the CPU packs the rows into a staging buffer, which is copied"),
            Variant("unshifted", "the GPU gathers, its reads not shifted to line boundaries", requires=("cuda",)),
            Variant("on_device", "the whole table is in the GPU's memory: a bound, not a competitor", requires=("cuda",)),
        ],
        workloads=[
            Workload("gather", "rows", "random rows of a large table, to where training reads them"),
            Workload("train", "seeds", "some batches: sampling, gathering, forward, backward, step", gradients=True),
        ],
        sweep={"d": {"smoke": (16,), "small": (128, 100, 602), "paper": (602, 128, 100)}},
        qualities={"accuracy": "higher", "gather_error": "lower"},
        sizes=SIZES,
        claims=CLAIMS,
        deviations=[
            "A class stands for the unified tensor; PyTorch's allocator, dispatcher and placement rules are not changed.",
            "The table's own memory is registered with the driver, as later releases of DGL do, instead of being allocated as unified memory.",
            "The GPU's kernel is written in Triton, and is not the authors' CUDA.",
            "The baseline's staging buffer is pinned once and used again, which is better than what it replaces: F[idx].to('cuda') for every batch.",
            "Graphs are drawn by the plugin: planted communities with power-law degrees, and the karate club for a smoke run.",
            "At small scale the network is 64 wide instead of 256, and a batch has 512 seeds instead of 1,024.",
            "Rows are gathered for every sampled neighbour; DGL gathers each node of a batch once. Both variants do the same.",
            "Neighbours are drawn with replacement.",
            (
                "Gathers are timed for rows of 100, 128 and 602 features, each width judged by itself. Rows of 64 and 256, which like those of 128 are whole lines, "
                "are left out, and there is no mean over widths as the authors' 47.1% is one."
            ),
        ],
        readings=[
            "A machine without a GPU cannot show the transfer over the link, the CPU time and power it saves, nor what aligned reads are worth.",
            "On a CPU `direct` is one pass and `cpu_gather` two, both by PyTorch's own index_select. It is the mechanism without the link.",
            "The CPU time of a gather, which the method brings near zero, is no quantity that can be claimed here; `energy` is the nearest.",
            "The authors' power is that of a system; the energy here is that of the devices that report it.",
            "Alignment is read from memory of the paper, and shifts each row's reads to the line boundary before it.",
            "Epochs are timed by some of their batches, whose work is all alike.",
            "At most two lines change in a user's code: F becomes UnifiedTensor(F, device), and is indexed as before.",
        ],
        findings=[
            "A row of 100 floats lies on exactly four lines wherever it begins; warps that are not shifted ask for seven, unless it begins at a line.",
            "On two busy cores one pass took 0.49 to 0.84 of the time of two, by width and moment: the threshold of the reduced check lies inside that.",
            "The GPU's kernel has been run in Triton's interpreter, where it copies bit for bit; on a GPU nothing of this paper has been measured yet.",
        ],
        data="planted communities with power-law degrees and noisy features; networkx's karate club; random tables where only movement is timed",
        code="https://github.com/K-Wu/pytorch-direct_dgl",
    )


@hookimpl
def model(scale, params):
    from .sage import GraphSAGE

    setting = SETTINGS[scale]
    return GraphSAGE(params["d"], setting.hidden, params.get("classes", setting.classes), setting.fan_out)


@hookimpl
def data(scale, split, params, seed):
    import torch

    setting = SETTINGS[scale]
    if split == "profile":
        idx = torch.randint(setting.table_rows, (setting.gathered,), generator=torch.Generator().manual_seed(seed))
        return Data((idx,), items=setting.gathered, extra={"setting": setting})
    from .graph import features, make_graph

    graph = make_graph(setting)
    nodes = graph.train if split == "train" else graph.test
    return Data((nodes,), graph.labels[nodes], extra={"setting": setting, "graph": graph, "table": features(graph.labels, params["d"])})


@hookimpl
def workload(name, variant, model, data, params, device):
    import torch

    from .gather import META, make_gather

    setting = data.extra["setting"]
    if name == "gather":
        from .graph import random_table

        meta = device == META
        table = torch.empty(setting.table_rows, params["d"], device=META) if meta else random_table(setting.table_rows, params["d"])
        gather = make_gather(variant, table, setting.gathered, device)
        idx = data.inputs[0] if meta else data.inputs[0].cpu()  # a sampler's indices are the host's
        return Work(lambda: gather(idx), setting.gathered)
    return _training(variant, model, setting, params["d"], device)


def _training(variant, model, setting, d, device):
    import torch

    from .gather import META, make_gather
    from .graph import features, make_graph
    from .sage import rows_of, steps

    graph = make_graph(setting)
    if device == META:  # sampling reads the graph, so that indices are real and rows are not

        def gather(idx):
            return torch.empty(len(idx), d, device=META)
    else:
        gather = make_gather(variant, features(graph.labels, d), rows_of(setting.batch, setting.fan_out), device)
    stepping = steps(model, graph, gather, setting, torch.Generator().manual_seed(0))
    return Work(lambda: torch.stack([next(stepping) for _ in range(setting.timed_batches)]), setting.timed_batches * setting.batch)


@hookimpl
def fit(variant, model, data, budget, seed):
    import torch

    from .gather import make_gather
    from .sage import rows_of, steps

    setting, graph = data.extra["setting"], data.extra["graph"]
    gather = make_gather(variant, data.extra["table"], rows_of(setting.batch, setting.fan_out), "cpu")
    stepping = steps(model, graph, gather, setting, torch.Generator().manual_seed(seed))
    for _ in range(budget.cap(setting.epochs * (len(graph.train) // setting.batch))):
        next(stepping)
    return model


@hookimpl
def metric(variant, model, data, seed):
    import torch

    from .gather import make_gather
    from .sage import predict, rows_of

    setting, graph, table = (data.extra[name] for name in ("setting", "graph", "table"))
    gather = make_gather(variant, table, rows_of(setting.batch, setting.fan_out), "cpu")
    found = predict(model, graph, data.inputs[0], gather, setting, torch.Generator().manual_seed(seed))
    idx = data.inputs[0].flip(0)[: setting.batch]
    return {
        "accuracy": Quality((found == data.targets).float().mean()),
        "gather_error": Quality((gather(idx) - table[idx]).abs().max(), "1", "lower"),
    }


@hookimpl
def artifacts(variant, params):
    if variant != "direct":
        return {}
    from .pictures import requests_chart

    return {"requests": Chart(*requests_chart()), "limits": Text(LIMITS, "What a machine without a GPU cannot show.")}


LIMITS = """Measured on any machine: the time, bytes and energy of one pass over memory against two, and training around each.
Measured on a machine with a GPU only: the transfer over its link, the gain of aligned reads, the energy of host and GPU, the bound of a table on the GPU.
Measured nowhere by the harness: CPU seconds of a gather, and the power of a whole system at the wall."""
