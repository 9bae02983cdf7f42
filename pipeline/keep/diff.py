"""What changed from one run to another: labels, and what it was that changed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.keep.standing import Heard, Side, Standing
from pipeline.records import NO_ERROR

FORMAT = 1
RULES = ("consensus", "cascade", "filter")
"""Parts of a configuration that change labels without changing a verdict."""
LEARNED = "what consensus learned of the witnesses"
UNTOLD = "nothing that is stored says why"
OTHER_STEP, KEPT, UNDECIDED = "another step", "newly kept", "newly undecided"


class Change(NamedTuple):
    """One solution whose label changed: ids on both sides, first errors (None: set aside), reasons for
    setting it aside, and why."""

    id: str
    id_after: str
    before: int | None
    after: int | None
    reason_before: str | None
    reason_after: str | None
    why: tuple[str, ...]

    @property
    def kind(self) -> str:
        if self.before is None:
            return KEPT
        return UNDECIDED if self.after is None else OTHER_STEP


@dataclass(slots=True)
class Difference:
    """`same`: solutions with the same label in both, undecided ones among them; `other_reason` of those are
    set aside for another reason. `by_content` solutions have another id in each and were matched by problem
    and steps. `causes`: kind of cause -> labels it changed; a label may have several. `config`: key -> what
    it was and is; `learned`: lines that only one side has."""

    before: str
    after: str
    same: int = 0
    other_reason: int = 0
    by_content: int = 0
    changes: list[Change] = field(default_factory=list)
    only_before: list[str] = field(default_factory=list)
    only_after: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    config: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    config_known: bool = True
    learned: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def kinds(self) -> Counter[str]:
        return Counter(change.kind for change in self.changes)

    @property
    def alike(self) -> bool:
        """Whether both have the same solutions with the same labels."""
        return not (self.changes or self.only_before or self.only_after)


def diff(before: Side, after: Side) -> Difference:
    """Solutions are matched by id where their texts are the same, else by problem and steps, each once:
    of several with one text those with equal labels first. In memory are the first side and what the
    second has that the first doesn't, without texts."""
    found = Difference(before.name, after.name)
    found.config_known = bool(before.config and after.config)
    if found.config_known:
        found.config = {
            key: (before.config.get(key), after.config.get(key))
            for key in sorted({*before.config, *after.config})
            if before.config.get(key) != after.config.get(key)
        }
    old, new = set(before.learned), set(after.learned)
    found.learned = (
        tuple(line for line in before.learned if line not in new),
        tuple(line for line in after.learned if line not in old),
    )
    why = _Why(before, after, found)
    left = dict(before.rows)
    unmatched: list[tuple[str, Standing]] = []
    for key, now in after.rows:
        was = left.get(key)
        if was is None or (was.content and now.content and was.content != now.content):
            unmatched.append((key, now))
            continue
        del left[key]
        _compare(found, why, key, key, was, now)
    _by_content(found, why, left, unmatched)
    return found


def _compare(
    found: Difference, why: _Why, key: str, key_after: str, was: Standing, now: Standing
) -> None:
    if was.label == now.label:
        found.same += 1
        found.other_reason += was.label is None and was.reason != now.reason
        return
    causes = why.of(was, now)
    found.causes.update(cause for cause, _ in causes)
    told = tuple(text for _, text in causes)
    found.changes.append(Change(key, key_after, was.label, now.label, was.reason, now.reason, told))


def _by_content(
    found: Difference,
    why: _Why,
    left: Mapping[str, Standing],
    unmatched: Sequence[tuple[str, Standing]],
) -> None:
    same_text: dict[bytes, list[str]] = {}
    for key, was in left.items():
        if was.content is not None:
            same_text.setdefault(was.content, []).append(key)
    groups: dict[bytes, list[tuple[str, Standing]]] = {}
    for key, now in unmatched:
        if now.content is not None and now.content in same_text:
            groups.setdefault(now.content, []).append((key, now))
        else:
            found.only_after.append(key)
    matched: set[str] = set()
    for content, news in groups.items():
        pairs, rest = _pairs([(key, left[key]) for key in same_text[content]], news)
        found.by_content += len(pairs)
        found.only_after += rest
        for (key, was), (key_after, now) in pairs:
            matched.add(key)
            _compare(found, why, key, key_after, was, now)
    found.only_before += [key for key in left if key not in matched]


Named = tuple[str, Standing]


def _pairs(
    olds: Sequence[Named], news: Sequence[Named]
) -> tuple[list[tuple[Named, Named]], list[str]]:
    """Each old one with a new one of the same text: equal labels first, the others by id; and the ids of
    the new ones that are left."""
    by_label: dict[int | None, list[Named]] = {}
    for old in sorted(olds, key=lambda one: one[0], reverse=True):
        by_label.setdefault(old[1].label, []).append(old)
    pairs, waiting = [], []
    for new in sorted(news, key=lambda one: one[0]):
        if same := by_label.get(new[1].label):
            pairs.append((same.pop(), new))
        else:
            waiting.append(new)
    others = sorted((old for rest in by_label.values() for old in rest), key=lambda one: one[0])
    n = min(len(others), len(waiting))
    pairs += list(zip(others[:n], waiting[:n], strict=True))
    return pairs, [key for key, _ in waiting[n:]]


class _Why:
    """Causes of a change: what differs of the solution itself, and what differs of the rules."""

    def __init__(self, before: Side, after: Side, found: Difference) -> None:
        self._counting: frozenset[str] | None = None
        if before.counting is not None and after.counting is not None:
            self._counting = before.counting | after.counting
        self._rules = [
            (key, f"{key}: {_short(was)} → {_short(now)}")
            for key, (was, now) in found.config.items()
            if key.partition(".")[0] in RULES
        ]
        if any(found.learned):
            self._rules.append((LEARNED, LEARNED))

    def of(self, was: Standing, now: Standing) -> list[tuple[str, str]]:
        """(kind of cause, in words). A witness's other evidence for the same step is named where no
        verdict changed."""
        causes: list[tuple[str, str]] = []
        if was.outcome != now.outcome and was.outcome and now.outcome:
            causes.append(("outcome", f"outcome: {was.outcome} → {now.outcome}"))
        names = sorted({*was.heard, *now.heard} & (self._counting or {*was.heard, *now.heard}))
        verdicts = [(n, was.heard.get(n), now.heard.get(n)) for n in names]
        points = [
            (f"verdict of {name}", f"{name}: {_heard(a)} → {_heard(b)}")
            for name, a, b in verdicts
            if (None if a is None else (a.first_error,))
            != (None if b is None else (b.first_error,))
        ]
        evidence = [
            (f"evidence of {name}", f"{name}: other evidence, still {_heard(a)}")
            for name, a, b in verdicts
            if a is not None
            and b is not None
            # what a file has of a witness is less than a run has
            and None not in (a.evidence, b.evidence)
            and a.evidence != b.evidence
        ]
        return causes + (points or evidence) + self._rules or [(UNTOLD, UNTOLD)]


def _heard(heard: Heard | None) -> str:
    return "not asked" if heard is None else named(heard.first_error)


def named(first_error: int | None) -> str:
    """A first error in words."""
    if first_error is None:
        return "undecided"
    return "no error" if first_error == NO_ERROR else f"step {first_error}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"[:80]
    return "not set" if value is None else str(value)[:80]


def to_json(found: Difference) -> dict[str, Any]:
    """All of it as plain data, every changed solution among it."""
    return {
        "format": FORMAT,
        "before": found.before,
        "after": found.after,
        "same": found.same,
        "same_undecided_for_another_reason": found.other_reason,
        "changed": len(found.changes),
        **{kind.replace(" ", "_"): found.kinds[kind] for kind in (OTHER_STEP, KEPT, UNDECIDED)},
        "matched_by_content": found.by_content,
        "only_before": found.only_before,
        "only_after": found.only_after,
        "causes": dict(found.causes.most_common()),
        "config": {key: {"before": a, "after": b} for key, (a, b) in found.config.items()}
        if found.config_known
        else None,
        "learned": {"before": found.learned[0], "after": found.learned[1]},
        "changes": [change._asdict() for change in found.changes],
    }
