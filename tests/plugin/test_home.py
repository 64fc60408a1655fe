"""What of a plugin's source figures depend on."""

import pytest

from harness.plugin.home import hash_files, source_hash

CARD = """
from harness import Paper, Variant, hookimpl

@hookimpl
def paper():
    return Paper(slug="m", title="A title", findings=["One."], variants=[Variant("a", "x", subject=True)], sweep={"n": (1, 2)})

@hookimpl
def model(variant):
    return 3
"""


@pytest.fixture
def hashed(tmp_path):
    def write(text):
        (tmp_path / "m.py").write_text(text)
        return hash_files([tmp_path / "m.py"])

    return write


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ('["One."]', '["One.", "Two."]'),
        ('"A title"', '"Another"'),
        ("    return 3", "    return 3  # three"),
        ("\n\n@hookimpl\ndef model", "\n\n\n\n@hookimpl\ndef model"),
        ('findings=["One."], ', ""),
    ],
)
def test_prose_comments_and_layout_change_no_figure(hashed, was, is_now):
    assert was in CARD
    assert hashed(CARD) == hashed(CARD.replace(was, is_now))


@pytest.mark.parametrize(("was", "is_now"), [("return 3", "return 4"), ("(1, 2)", "(1, 3)"), ('"a", "x"', '"b", "x"'), ("model(", "data(")])
def test_code_variants_and_the_sweep_do(hashed, was, is_now):
    assert was in CARD
    assert hashed(CARD) != hashed(CARD.replace(was, is_now))


def test_prose_is_that_of_the_card_alone(hashed):
    other = CARD.replace("return 3", 'return dict(title="A title")')
    assert hashed(other) != hashed(other.replace('dict(title="A title")', 'dict(title="B")'))


def test_what_cannot_be_parsed_is_hashed_as_it_is(hashed):
    assert hashed("def (") != hashed("def ((")


def test_a_file_beside_it_that_papers_share_counts(tmp_path):
    for name in ("_kit", "m"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("x = 1\n")
    before = source_hash(tmp_path / "m")
    (tmp_path / "_kit" / "__init__.py").write_text("x = 2\n")
    source_hash.cache_clear()
    assert source_hash(tmp_path / "m") != before


MODULES = {
    "__init__.py": """
from harness import Paper, hookimpl
from .published import FINDINGS, WIDTHS, claims

@hookimpl
def paper():
    return Paper(slug="m", findings=FINDINGS, claims=claims(), sizes=[size for width in WIDTHS])

@hookimpl
def model(variant):
    from .model import build
    return build(variant)
""",
    "published.py": """
from harness import Claim

SOURCE = "table 1"
FINDINGS = ["One."]
WIDTHS = (8, 16)

def claims():
    return [Claim("faster", SOURCE)]
""",
    "model.py": """
from .published import WIDTHS

def build(variant):
    return WIDTHS[0]

def spare():
    return 1
""",
}


@pytest.fixture
def hashed_folder(tmp_path):
    def write(was="", is_now=""):
        assert any(was in text for text in MODULES.values())
        (tmp_path / "m").mkdir(exist_ok=True)
        for name, text in MODULES.items():
            (tmp_path / "m" / name).write_text(text.replace(was, is_now) if was else text)
        source_hash.cache_clear()
        return source_hash(tmp_path / "m")

    return write


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ('"One."', '"One.", "Two."'),
        ('"table 1"', '"table 2"'),
        ('Claim("faster"', 'Claim("slower"'),
        ("SOURCE", "ORIGIN"),
    ],
)
def test_what_only_prose_refers_to_changes_no_figure_wherever_it_stands(hashed_folder, was, is_now):
    assert hashed_folder() == hashed_folder(was, is_now)


@pytest.mark.parametrize(("was", "is_now"), [("(8, 16)", "(8, 32)"), ("WIDTHS[0]", "WIDTHS[1]"), ("return 1", "return 2")])
def test_what_code_refers_to_or_nobody_does(hashed_folder, was, is_now):
    assert hashed_folder() != hashed_folder(was, is_now)
