"""The first page: what ran, where, when, how trustworthy, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.charts.gains import METRICS, gains, headline_row
from harness.report.facts.cards import Card
from harness.report.facts.facts import CaseInfo, Facts
from harness.report.facts.places import Place
from harness.report.judged.claims import ClaimRow, surprises, verdict_counts
from harness.report.judged.given import Size
from harness.report.judged.sizes import size_counts
from harness.report.notation import marks
from harness.report.notation.links import family_path, paper_path
from harness.report.notation.marks import BAD_STATUSES, Mark
from harness.report.notation.quantities import Quantity, quantity, spoken
from harness.report.pages.trust import Trust, trust_in
from harness.report.tables.cells import NO_RATIO, RatioText, ratio_text
from harness.report.tables.relative import relative

_SURPRISES = 5
"""As many of each as are read."""


@dataclass(frozen=True)
class PlaceRow:
    """What ran on a place."""

    place: Place
    ok: int
    bad: int
    skipped: int
    figures: int
    trust: Trust


@dataclass(frozen=True)
class FamilyRow:
    """A family, and what came of its papers' claims."""

    name: str
    path: str
    papers: int
    verdicts: tuple[tuple[Mark, int], ...]


@dataclass(frozen=True)
class PaperRow:
    """A paper: its method against its first baseline on the main place.

    Attributes:
        card: The card.
        path: Its page.
        family_path: Its family's page.
        gains: One for each of `Index.metrics`, then the difference of its first quality.
        quality_label: Name of its first quality, for people.
        verdicts: How many of its claims, as their authors make them, got which verdict; only those that are not zero.
        scaled: How many of their scaled-down checks.
        bad: Cases that did not end well.
    """

    card: Card
    path: str
    family_path: str
    gains: tuple[RatioText, ...]
    quality_label: str
    verdicts: tuple[tuple[Mark, int], ...]
    scaled: tuple[tuple[Mark, int], ...]
    bad: int


@dataclass(frozen=True)
class Index:
    """The first page."""

    places: tuple[PlaceRow, ...]
    main: Place
    verdicts: tuple[tuple[Mark, int], ...]
    scaled: tuple[tuple[Mark, int], ...]
    sizes: tuple[tuple[Mark, int], ...]
    best: tuple[ClaimRow, ...]
    worst: tuple[ClaimRow, ...]
    families: tuple[FamilyRow, ...]
    metrics: tuple[Quantity, ...]
    papers: tuple[PaperRow, ...]
    variants: int
    claims: int
    broken: int

    @property
    def has_scaled(self) -> bool:
        """Say whether any claim has a scaled-down check."""
        return any(count for _, count in self.scaled)

    @property
    def has_sizes(self) -> bool:
        """Say whether any published size was checked."""
        return any(count for _, count in self.sizes)

    @property
    def judged(self) -> int:
        """How many claims got a verdict."""
        return sum(count for _, count in self.verdicts)


def build_index(facts: Facts, claims: Sequence[ClaimRow], sizes: Sequence[Size]) -> Index:
    """Build the first page."""
    made, scaled = (_by_paper(claim for claim in claims if claim.is_scaled == asked) for asked in (False, True))
    best, worst = surprises(claims, _SURPRISES)
    main = facts.main_place
    cards = sorted(facts.cards.values(), key=lambda card: (card.family, card.slug))
    return Index(
        tuple(_place_row(facts, place) for place in facts.places),
        main,
        tuple(verdict_counts(claims)),
        tuple(verdict_counts(claims, scaled=True)),
        tuple(size_counts(sizes)),
        tuple(best),
        tuple(worst),
        _families(cards, made),
        tuple(quantity(metric, "1", {}, ()) for metric in METRICS),
        tuple(_paper_row(facts, card, main, made[card.slug], scaled[card.slug]) for card in cards),
        sum(len(card.variants) for card in cards),
        len({(claim.card.slug, claim.claim) for claim in claims if not claim.is_scaled}),
        len(facts.broken),
    )


def _place_row(facts: Facts, place: Place) -> PlaceRow:
    statuses = Counter(case.status for case in facts.cases if case.place.key == place.key)
    figures = sum(key.place == place.key for row in facts.figures.values() for key in row)
    bad = sum(statuses[status] for status in BAD_STATUSES)
    return PlaceRow(place, statuses["ok"], bad, statuses["skipped"], figures, trust_in(facts, place))


def _by_paper(claims: Iterable[ClaimRow]) -> Mapping[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for claim in claims:
        counts[claim.card.slug][claim.verdict.name] += 1
    return counts


def _families(cards: Sequence[Card], by_paper: Mapping[str, Counter[str]]) -> tuple[FamilyRow, ...]:
    rows = []
    for family in sorted({card.family for card in cards}):
        members = [card for card in cards if card.family == family]
        total = sum((by_paper[card.slug] for card in members), Counter[str]())
        rows.append(FamilyRow(family, family_path(family), len(members), _present(total)))
    return tuple(rows)


def _present(counts: Counter[str]) -> tuple[tuple[Mark, int], ...]:
    return tuple((mark, counts[name]) for name, mark in marks.VERDICTS.items() if counts[name])


def _paper_row(facts: Facts, card: Card, place: Place, verdicts: Counter[str], scaled: Counter[str]) -> PaperRow:
    found = gains(facts, card, place)
    ratios = [ratio_text(found[metric]) if metric in found else NO_RATIO for metric in METRICS]
    name = next(iter(card.qualities), "")
    row = headline_row(facts, card, place)
    compared = None
    if name and row is not None:
        compared = relative(facts, row, place.key, quantity(name, "", card.qualities, {name}), card.reference)
    cases: Sequence[CaseInfo] = facts.cases_by_paper.get(card.slug, ())
    bad = sum(case.status in BAD_STATUSES for case in cases)
    difference = ratio_text(compared) if compared else NO_RATIO
    judged = _present(verdicts), _present(scaled)
    return PaperRow(card, paper_path(card.slug), family_path(card.family), (*ratios, difference), spoken(name), *judged, bad)
