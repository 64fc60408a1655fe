import pytest

from benchmarks.fresh import FreshError, run_fresh


def test_a_fresh_process_answers_with_the_last_line_and_its_wall_time(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "answers.py").write_text("import sys, json\nprint('noise')\nprint(json.dumps(sys.argv[1:]))\n")
    answer = run_fresh("answers", "a", "b")
    assert answer.value == ["a", "b"] and answer.wall_s > 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('no pyperf here')", "answers left with exit status 1; it said: no pyperf here"),
        ("print('nothing')", "answers printed no JSON but 'nothing"),
        ("pass", "answers printed no JSON but ''"),
    ],
)
def test_a_process_that_gives_nothing_is_named(tmp_path, monkeypatch, code, message):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "answers.py").write_text(code)
    with pytest.raises(FreshError) as error:
        run_fresh("answers")
    assert message in str(error.value)


def test_a_process_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(60)\n")
    with pytest.raises(FreshError, match=r"hangs did not end within 0\.2 s"):
        run_fresh("hangs", timeout_s=0.2)
