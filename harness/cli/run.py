"""`harness run`: select, plan, measure, judge."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import DEFAULT_STORE, DeviceOption, JsonOption, PluginPathOption, StoreOption, print_json
from harness.errors import ExitCode, HarnessError, NothingToMeasureError

if TYPE_CHECKING:
    from harness.plugin.discovery import Plugin
    from harness.runner.plan import Planned
    from harness.runner.run import Tally
    from harness.store import Store
    from harness.targets import Target

_METRICS = "flops,sizes,memory,quality,latency,energy"
_GIB = 2**30


@dataclass(frozen=True)
class Options:
    """What a run was asked to be: kept in the store, so that `--resume` asks for the same."""

    plugins: str
    device: str
    scale: str
    workload: str
    metrics: str
    mode: str
    dtype: str
    timeout_s: float
    memory_limit_gib: float
    threads: int
    executor: str
    claims: bool
    fresh: bool
    plugin_path: tuple[str, ...]


def run(
    plugins: Annotated[str, typer.Option(help="`all`, slugs, globs, `family:NAME`; comma-separated.")] = "all",
    device: DeviceOption = "cpu",
    scale: Annotated[
        str, typer.Option(help="`smoke` (seconds), `small` (an honest reduced experiment), `paper` (published size).")
    ] = "smoke",
    workload: Annotated[str, typer.Option(help="Only these workloads; comma-separated.")] = "",
    metrics: Annotated[str, typer.Option(help="Which meters; comma-separated.")] = _METRICS,
    mode: Annotated[str, typer.Option(help="`eager`, `compile`, `cudagraph`.")] = "eager",
    dtype: Annotated[str, typer.Option(help="`native`, or `float32`, `bfloat16`, `float16`.")] = "native",
    timeout: Annotated[float, typer.Option(help="Seconds a case may take.", min=0.1)] = 600.0,
    memory_limit: Annotated[float, typer.Option(help="GiB a process may allocate; 0: 80% of the machine.", min=0.0)] = 0.0,
    threads: Annotated[int, typer.Option(help="Threads torch may use; 0: every core.", min=0)] = 0,
    executor: Annotated[str, typer.Option(help="Who starts the processes: `local`, or what an extension brings.")] = "local",
    claims: Annotated[bool, typer.Option("--claims", help="Measure exactly what claims need, under their own conditions.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure even what the store already has, and train anew.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest run that did not finish.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, with an estimate of the time, and stop.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
    plugin_path: PluginPathOption = None,
) -> None:
    """Measure papers against their baselines, each case in fresh processes, and keep every figure.

    Examples:
        harness run

        harness run --plugins hilo,family:time-series --scale small

        harness run --device cuda --metrics latency,energy

        harness run --plugins hilo --claims

        harness run --resume
    """
    asked = Options(
        plugins,
        device,
        scale,
        workload,
        metrics,
        mode,
        dtype,
        timeout,
        memory_limit,
        threads,
        executor,
        claims,
        fresh,
        tuple(str(p.resolve()) for p in plugin_path or ()),
    )
    raise SystemExit(_run(asked, store, resume, dry_run, as_json))


def _run(asked: Options, location: str, resume: bool, dry_run: bool, as_json: bool) -> int:
    from harness.claims.ledger import ledger
    from harness.plugin.discovery import discover
    from harness.runner.environment import environment
    from harness.runner.execute import Limits, default_memory_bytes
    from harness.runner.executor import LOCAL, find_executor
    from harness.runner.progress import RunProgress
    from harness.runner.run import Run, new_run_id
    from harness.runner.select import select
    from harness.store import Store
    from harness.targets import find_target

    store = Store(location)
    run_id = new_run_id()
    if resume:
        run_id = store.latest("running")
        asked = _options(json.loads(store.run(run_id)["options"]))
    chosen = select(discover(asked.plugin_path), asked.plugins)
    target, executor = find_target(asked.device), find_executor(asked.executor)
    planned = _plan(chosen, target, asked)
    if dry_run:
        _print_plan(planned, store, as_json)
        return ExitCode.OK
    if not planned and not any(p.error for p in chosen):
        raise NothingToMeasureError("the selection has no case to measure; see: harness run --dry-run")
    store.prepare()
    threads = asked.threads or len(os.sched_getaffinity(0))
    memory_bytes = int(asked.memory_limit_gib * _GIB) or default_memory_bytes()
    limits = Limits(asked.timeout_s, memory_bytes, threads)
    brought = {} if executor.name == LOCAL else {"executor": executor.name}
    facts = {**environment(target, threads), **brought, **_fitness(planned, target)}
    work = Run(run_id, store, target, limits, facts, asked.fresh, executor)
    if not resume:
        work.begin(chosen, planned, asdict(asked))
    with RunProgress(len(planned)) as progress:
        try:
            tally = work.execute(chosen, planned, progress)
        except KeyboardInterrupt:
            progress.note(f"stopped; what has ended is kept. Go on with: harness run --resume --store {location}")
            return ExitCode.INTERRUPTED
    _print_summary(run_id, tally, Counter(j.verdict for j in ledger(store, [run_id])), location, as_json)
    for plugin in chosen:
        if plugin.error:
            typer.echo(f"broken: {plugin.slug}: {plugin.error}", err=True)
    return ExitCode.FAILED if tally.bad else ExitCode.OK


def _fitness(planned: Sequence[Planned], target: Target) -> dict[str, str]:
    """Say, before anything is timed, how far times from this machine can be trusted."""
    from harness.meters.fitness import doctor
    from harness.meters.registry import METERS

    if not any(METERS[p.case.meter].exclusive for p in planned):
        return {}
    fitness = doctor(target.torch_device)
    typer.echo(fitness.verdict_line, err=True)
    return {"fitness_score": f"{fitness.score:.0f}", "fitness_verdict": fitness.verdict_line}


def _plan(chosen: list[Plugin], target: Target, asked: Options) -> list[Planned]:
    from harness.runner.claim_plan import plan_claims
    from harness.runner.plan import Request, plan

    request = Request(asked.scale, _names(asked.metrics), _names(asked.workload), asked.dtype, asked.mode)
    planned = plan(chosen, target, request)
    if not asked.claims:
        return planned
    planned, untestable = plan_claims(chosen, target)
    for claim in untestable:
        reduced = " (scaled-down check)" if claim.scaled else ""
        typer.echo(f"not testable here: {claim.paper} {claim.claim}{reduced} needs {claim.needs}", err=True)
    return [p for p in planned if p.case.meter in request.metrics]


def _options(stored: Mapping[str, Any]) -> Options:
    try:
        return Options(**{**stored, "plugin_path": tuple(stored["plugin_path"])})
    except (TypeError, KeyError) as error:
        raise HarnessError(f"the run cannot be resumed: its options were written by another version of harness ({error})") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _print_plan(planned: list[Planned], store: Store, as_json: bool) -> None:
    from harness.runner.forecast import forecast, spoken

    rows = [{**p.case.identity, "case_id": p.case.case_id, "skip": p.skip} for p in planned]
    if as_json:
        print_json(rows)
        return
    for item in planned:
        typer.echo(f"{item.case.title}{'  (skipped: ' + item.skip + ')' if item.skip else ''}")
    expected = forecast(planned, store)
    grounds = f"{expected.seen} of {expected.cases} have been run into this store before; others are taken to be like them"
    typer.echo(f"{len(planned)} cases, about {spoken(expected.seconds)} ({grounds})", err=True)


def _print_summary(run_id: str, tally: Tally, verdicts: Mapping[str, int], location: str, as_json: bool) -> None:
    if as_json:
        ended = {"cases": dict(tally.cases), "reused": tally.reused, "broken": tally.broken}
        print_json({"run_id": run_id, **ended, "claims": dict(verdicts), "store": location})
        return
    counts = ", ".join(f"{n} {status}" for status, n in sorted(tally.cases.items()))
    reused = f" ({tally.reused} reused from earlier runs)" if tally.reused else ""
    broken = f"; {tally.broken} plugins broken" if tally.broken else ""
    typer.echo(f"run {run_id}: {counts or 'no case'}{reused}{broken}")
    if verdicts:
        typer.echo("claims: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items())))
    typer.echo(f"figures: harness results {run_id} --store {location}\nsite:    harness report {run_id} --store {location}")
