"""Rows that every section has: what each rule keeps and how exactly, and whether the posterior's stated
precision is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.consensus.agree import agree
from pipeline.consensus.majority import majority
from pipeline.evaluate.panel import UNDECIDED, Ints
from pipeline.evaluate.resample import Bootstrap, Figure
from pipeline.join import Annotated
from pipeline.records import NO_ERROR
from pipeline.search.hints import Hint
from pipeline.told import answers_of
from tests.benchmarks.consensus.rules import (
    Weighed,
    by_outcome,
    error_ratio,
    gap,
    named_by,
    precision,
    share_at,
)
from tests.benchmarks.report import Row

TARGETS = (0.9, 0.95, 0.98)


def row(section: str, figure: str, found: Figure, wanted: str = "") -> Row:
    if found.value is None:
        return Row(section, figure, "–", n=found.n, wanted=wanted)
    spread = "" if found.low is None else f"[{found.low:.4f}, {found.high:.4f}]"
    return Row(section, figure, round(found.value, 4), spread, found.n, wanted)


def compared(
    section: str,
    panel: str,
    items: Sequence[Annotated],
    truth: Ints,
    witnesses: Sequence[str],
    vetoes: Sequence[str],
    weighed: Weighed,
    bootstrap: Bootstrap,
) -> Iterator[Row]:
    """Agreement of the `witnesses`, the baselines, and the posterior beside them."""
    everyone = np.ones(len(truth), dtype=bool)
    rules = {
        "agree": named_by(agree, items, witnesses, vetoes),
        "majority": named_by(majority, items, witnesses, vetoes),
        "always no error": np.full(len(truth), NO_ERROR),
        "by the outcome alone": by_outcome(items),
    }
    for name, named in rules.items():
        kept, right = named != UNDECIDED, named == truth
        yield row(section, f"{panel}: {name}, share kept", bootstrap.share(kept, everyone))
        yield row(section, f"{panel}: {name}, precision", precision(bootstrap, right, kept))
    yield row(
        section,
        f"{panel}: posterior, precision of all",
        precision(bootstrap, weighed.right, everyone),
    )
    kept, right = rules["agree"] != UNDECIDED, rules["agree"] == truth
    share, exact = float(kept.mean()), float(right[kept].mean()) if kept.any() else 1.0
    chosen = weighed.surest(share)
    yield row(
        section,
        f"{panel}: posterior, precision at agree's share",
        precision(bootstrap, weighed.right, chosen),
    )
    if (kept & ~right).any():
        ratio = error_ratio(bootstrap, weighed.right, chosen, right, kept)
        yield row(
            section,
            f"{panel}: posterior's label errors at agree's share, of agree's",
            ratio,
            "<= .6",
        )
    wanted = min(share + (1 - share) / 2, 1.5 * share)
    yield Row(
        section,
        f"{panel}: posterior, share kept at agree's precision",
        round(share_at(weighed.sure, weighed.right, exact), 4),
        n=len(truth),
        wanted=f">= {wanted:.3f}",
    )


def calibrated(section: str, panel: str, weighed: Weighed, bootstrap: Bootstrap) -> Iterator[Row]:
    """At each target: share kept, precision, and stated less true."""
    everyone = np.ones(len(weighed.sure), dtype=bool)
    identified = "yes" if weighed.learned.identified else "no: nothing is labelled"
    yield Row(section, f"{panel}: identified", identified, f"spread {weighed.learned.spread:.4f}")
    for target in TARGETS:
        kept, binding = weighed.from_threshold(target)
        at = f"{panel}: target {target:g}{'' if binding else ' (not binding)'}"
        yield row(section, f"{at}, share kept", bootstrap.share(kept, everyone))
        yield row(section, f"{at}, precision", precision(bootstrap, weighed.right, kept))
        stated = gap(bootstrap, weighed.sure, weighed.right, kept)
        yield row(section, f"{at}, stated less precision", stated, "-.01 to .01")


def reliabilities(
    section: str, panel: str, weighed: Weighed, items: Sequence[Annotated], truth: Ints
) -> Iterator[Row]:
    """How often each witness was learned to be right, beside how often it is."""
    flawed = truth != NO_ERROR
    for name, reliability in weighed.learned.priors.reliability.items():
        named = np.array([_named(item, name) for item in items])
        said = named != UNDECIDED
        for kind, among, learned in zip(
            ("without an error", "with one"),
            (~flawed, flawed),
            weighed.learned.right[name],
            strict=True,
        ):
            if not (among & said).any():
                continue
            true = float((named == truth)[among & said].mean())
            yield Row(
                section,
                f"{panel}: {name}, learned to be right of solutions {kind}",
                round(learned, 4),
                f"speaks for itself in {reliability.own:.3f}",
                int((among & said).sum()),
                f"{true:.4f} is true",
            )


def _named(item: Annotated, witness: str) -> int:
    """What most of its votes name, the earliest of several, or its check."""
    verdict = item.verdicts.get(witness)
    answers = answers_of(verdict) if verdict else ()
    return Hint(witness, answers).top if answers else UNDECIDED
