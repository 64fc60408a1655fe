"""Every check, broken by a plugin that breaks nothing else."""

import pytest

from conformance.violators import BRANCHES, COUNT, PLAIN, SIZED, VIOLATORS
from harness.conformance.examination import Examination
from harness.conformance.finding import Status
from harness.conformance.lookup import find_plugin
from harness.conformance.table import BY_NAME, CHECKS
from harness.conformance.workers import Workers
from harness.scaffold import write_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers():
    with Workers() as shared:
        yield shared


@pytest.fixture
def examine(workers, tmp_path):
    def findings(change, only=None):
        (path,) = write_file("my_method", tmp_path)
        path.write_text(change(path.read_text()))
        with Examination(find_plugin(str(path)), workers=workers) as examination:
            found = [examination.finding(BY_NAME[only])] if only else list(examination.findings())
        return {f.check: f for f in found}

    return findings


def failed(findings):
    return [f.check for f in findings.values() if f.status == Status.FAIL]


def test_the_scaffold_passes_every_check(examine):
    found = examine(lambda text: text.replace(*SIZED))
    assert {name: f.what for name, f in found.items() if f.status != Status.PASS} == {}
    assert list(found) == [check.name for check in CHECKS]


@pytest.mark.parametrize("violator", VIOLATORS, ids=lambda v: v.check)
def test_a_plugin_that_breaks_one_thing_is_told_so_and_of_nothing_else(examine, violator):
    found = examine(violator.apply)
    told = found[violator.check]
    assert violator.told in told.what
    assert told.why == BY_NAME[violator.check].why
    assert told.how
    needs_data = violator.old.endswith("def data(")  # without it no other hook has anything to work on
    assert needs_data or failed(found) == [violator.check]


def test_every_check_has_a_plugin_that_breaks_it():
    elsewhere = {"loads", "export"}
    assert {v.check for v in VIOLATORS} | elsewhere == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("def model(variant: str", "def model(varriant: str", "hook 'model' has no argument 'varriant'; did you mean 'variant'?"),
        ("year=2026", "year='soon'", "year is 'soon', a str; write a int"),
        ('baseline="plain"', 'baseline="plane"', "baseline names 'plane', which does not exist; did you mean 'plain'?"),
        ("from harness import", "import nothing_of_this_name\nfrom harness import", "No module named 'nothing_of_this_name'"),
    ],
)
def test_a_broken_plugin_is_told_why_and_nothing_else_is_asked_of_it(examine, old, new, told):
    found = examine(lambda text: text.replace(old, new))
    assert failed(found) == ["loads"]
    assert told in found["loads"].what
    assert {f.status for f in found.values()} == {Status.FAIL, Status.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("torch.set_default_dtype(torch.float64)", "leaves the default dtype at torch.float64"),
        ("torch.set_default_device('meta')", "leaves the default device at meta"),
        ("torch.set_grad_enabled(False)", "leaves gradients at off"),
        ("torch.manual_seed(7)", "hook 'data' of split 'train' seeds the global generator of torch"),
        ("__import__('numpy').random.seed(7)", "hook 'data' of split 'train' seeds the global generator of numpy"),
        ("__import__('random').seed(7)", "hook 'data' of split 'train' seeds the global generator of random"),
    ],
)
def test_whatever_is_left_behind_is_named_with_the_hook_that_left_it(examine, line, told):
    finding = examine(lambda text: text.replace(COUNT, f"    {line}\n{COUNT}"), only="state")["state"]
    assert finding.status == Status.FAIL
    assert told in finding.what


def test_a_generator_of_its_own_is_no_seeding(examine):
    assert examine(lambda text: text, only="state")["state"].status == Status.PASS


def test_a_model_that_does_not_export_is_a_note_and_no_failure(examine):
    found = examine(lambda text: text.replace(PLAIN, BRANCHES))
    assert failed(found) == []
    assert found["export"].status == Status.NOTE
    assert "'plain' does not export" in found["export"].what


DISPUTE = (', source="table 1")', ', source="table 1", disputed="a slip of the pen")')


def test_a_disputed_size_that_differs_is_a_note(examine):
    found = examine(lambda text: text.replace(*SIZED).replace("10,241", "10,242").replace(*DISPUTE), only="sizes")["sizes"]
    assert found.status == Status.NOTE
    assert "built 10,241 is -1 (-0.01%) away from 10,242; a slip of the pen" in found.what


def test_a_disputed_size_that_fits_is_a_failure(examine):
    found = examine(lambda text: text.replace(*SIZED).replace(*DISPUTE), only="sizes")["sizes"]
    assert (found.status, found.what) == (Status.FAIL, "parameters of 'mine' is disputed, and fits")


def test_a_hook_that_raises_is_told_with_its_line(examine, tmp_path):
    finding = examine(lambda text: text.replace(PLAIN, "raise RuntimeError('no such layer')"), only="deterministic")["deterministic"]
    assert finding.status == Status.FAIL
    line = next(i for i, text in enumerate((tmp_path / "my_method.py").read_text().splitlines(), 1) if "no such layer" in text)
    assert f"my_method.py:{line}: RuntimeError: no such layer" in finding.what


def test_a_hook_that_kills_its_process_fails_its_check_and_no_other_waits(examine):
    found = examine(lambda text: text.replace("    return {", "    __import__('os').abort()\n    return {"))
    assert "SIGABRT" in found["metrics"].what
    assert found["variants"].status == Status.PASS


def test_inputs_that_a_variant_changes_are_told(examine):
    changes = "class Plain(torch.nn.Linear):\n            def forward(self, x):\n                return super().forward(x.mul_(2))\n\n        return Plain(FEATURES, 1)"
    assert "infer of 'plain' changes its inputs" in examine(lambda text: text.replace(PLAIN, changes), only="variants")["variants"].what


def test_a_formula_of_the_plugins_own_counts(examine):
    from conformance.violators import CUSTOM_OPERATOR

    formulas = "\n\n@hookimpl\ndef flop_formulas():\n    return {'scaffold_test::same': lambda call: {'elementwise': 0}}\n"
    assert examine(lambda text: text.replace(PLAIN, CUSTOM_OPERATOR) + formulas, only="counted")["counted"].status == Status.PASS


def small_operators(*names):
    """Return a model in which each of the named operators has no formula and moves 8 of some 1,200 bytes."""
    return f"""def in_numpy(x):
            return torch.from_numpy(x.numpy() * 1)

        own = [torch.library.custom_op(name, in_numpy, mutates_args=(), schema="(Tensor x) -> Tensor") for name in {names}]

        class Plain(torch.nn.Linear):
            def forward(self, x):
                for operator in own:
                    operator(x[:1, :1])
                return super().forward(x)

        return Plain(FEATURES, 1)"""


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["own_test::a"], "4 calls counted"),
        (
            ["own_test::a", "own_test::b"],
            "1.3% of the bytes of infer of 'plain' are moved by operators without a formula: own_test::a, own_test::b",
        ),
    ],
)
def test_small_operators_without_a_formula_are_judged_by_what_they_move_together(examine, names, told):
    assert examine(lambda text: text.replace(PLAIN, small_operators(*names)), only="counted")["counted"].what == told
