"""Labels that changed: every solution is accounted for once, and each change says what caused it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import DatasetConfig, RunConfig
from pipeline.dataset import CardFacts, write_dataset
from pipeline.evaluate.evaluation import Rejections
from pipeline.join import Annotated
from pipeline.keep.diff import (
    KEPT,
    LEARNED,
    OTHER_STEP,
    UNDECIDED,
    UNTOLD,
    Difference,
    diff,
    to_json,
)
from pipeline.keep.standing import Heard, Side, Standing, flat, side_of_file, side_of_run
from pipeline.records import Verdict
from tests.flows.run_on_disk import CONFIG, write_run
from tests.pipeline.dataset.items import batch, in_memory, item


def labelled(one: Annotated, first_error: int | None, reason: str | None = None) -> Annotated:
    assert one.label is not None
    return replace(one, label=replace(one.label, first_error=first_error, reason=reason))


def heard(one: Annotated, name: str, verdict: Verdict) -> Annotated:
    return replace(one, verdicts=one.verdicts | {name: verdict})


def compared(folder: Path, before: list[Annotated], after: list[Annotated]) -> Difference:
    one, two = write_run(folder, "one", before), write_run(folder, "two", after)
    return diff(side_of_run(one), side_of_run(two))


def test_a_run_and_itself_are_alike(tmp_path: Path) -> None:
    found = compared(tmp_path, batch(3), batch(3))
    assert found.alike
    assert (found.same, found.causes, found.config) == (12, {}, {})


def test_a_change_names_the_witness_whose_verdict_changed(tmp_path: Path) -> None:
    before = item(1, first_error=2)
    told = replace(before.verdicts["judge"], first_error=1)
    found = compared(
        tmp_path, [before, item(2)], [heard(labelled(before, 1), "judge", told), item(2)]
    )
    (change,) = found.changes
    assert (change.kind, change.before, change.after) == (OTHER_STEP, 2, 1)
    assert change.why == ("judge: step 2 → step 1",)
    assert (found.same, dict(found.causes)) == (1, {"verdict of judge": 1})


def test_where_no_verdict_changed_the_evidence_that_did_is_named(tmp_path: Path) -> None:
    before = item(1, first_error=2)
    more = replace(before.verdicts["rollouts"], log_likelihood=(-1.0, -1.0, -1.0, -9.0))
    after = heard(labelled(before, None, "not sure"), "rollouts", more)
    (change,) = compared(tmp_path, [before], [after]).changes
    assert (change.kind, change.reason_after) == (UNDECIDED, "not sure")
    assert change.why == ("rollouts: other evidence, still step 2",)


def test_a_witness_that_is_not_counted_is_no_cause(tmp_path: Path) -> None:
    before = item(1, first_error=2)
    other = Verdict(before.solution.id, "likelihood", 0)
    (change,) = compared(
        tmp_path, [before], [heard(labelled(before, 1), "likelihood", other)]
    ).changes
    assert change.why == (UNTOLD,)


def standing(label: int | None, content: bytes | None = None, **heard: int | None) -> Standing:
    said = {name: Heard(first_error) for name, first_error in heard.items()}
    return Standing(content, "incorrect", label, None, None if label else "why", said)


def side(rows: dict[str, Standing], learned: tuple[str, ...] = (), **config: object) -> Side:
    counting = frozenset(("judge",)) if config else None
    return Side(
        "a side",
        iter(rows.items()),
        flat({"consensus": config} if config else {}),
        counting,
        learned,
    )


def test_a_rule_that_changed_is_the_cause_of_every_change() -> None:
    before = side({"a": standing(2, judge=2)}, rule="agree", precision=0.95)
    after = side({"a": standing(None, judge=2)}, rule="agree", precision=0.98)
    found = diff(before, after)
    assert found.changes[0].why == ("consensus.precision: 0.95 → 0.98",)
    assert found.config == {"consensus.precision": (0.95, 0.98)}


def test_what_consensus_learned_is_a_cause() -> None:
    before = side(
        {"a": standing(None, judge=2)}, ("judge is right of 90%", "the same"), rule="posterior"
    )
    after = side(
        {"a": standing(2, judge=2)}, ("judge is right of 95%", "the same"), rule="posterior"
    )
    found = diff(before, after)
    assert (found.changes[0].kind, found.changes[0].why) == (KEPT, (LEARNED,))
    assert found.learned == (("judge is right of 90%",), ("judge is right of 95%",))


def test_a_missing_configuration_is_said_and_not_compared() -> None:
    found = diff(side({"a": standing(2)}, rule="agree"), side({"a": standing(1)}))
    assert not found.config_known
    assert to_json(found)["config"] is None


def test_an_id_that_has_another_text_is_another_solution() -> None:
    found = diff(side({"a": standing(2, b"1")}), side({"a": standing(2, b"2")}))
    assert (found.only_before, found.only_after, found.same) == (["a"], ["a"], 0)


def test_of_several_with_one_text_those_with_equal_labels_are_matched_first() -> None:
    before = {"a": standing(1, b"x"), "b": standing(2, b"x")}
    after = {"c": standing(2, b"x"), "d": standing(1, b"x"), "e": standing(1, b"x")}
    found = diff(side(before), side(after))
    assert (found.same, found.by_content, found.changes, found.only_after) == (2, 2, [], ["e"])


texts = st.one_of(st.none(), st.sampled_from([b"x", b"y", b"z"]))
standings = st.builds(standing, st.sampled_from([None, -1, 1, 2]), texts)
sides = st.dictionaries(st.sampled_from("abcdefgh"), standings, max_size=8)


@given(sides, sides)
def test_every_solution_is_counted_once_on_each_side_and_the_other_way_round_is_the_mirror(
    one: dict[str, Standing], two: dict[str, Standing]
) -> None:
    found, back = diff(side(one), side(two)), diff(side(two), side(one))
    assert found.same + len(found.changes) + len(found.only_before) == len(one)
    assert found.same + len(found.changes) + len(found.only_after) == len(two)
    assert (found.same, found.kinds[OTHER_STEP]) == (back.same, back.kinds[OTHER_STEP])
    assert (found.kinds[KEPT], found.kinds[UNDECIDED]) == (back.kinds[UNDECIDED], back.kinds[KEPT])
    assert sorted(found.only_before) == sorted(back.only_after)


def test_a_published_dataset_is_compared_with_a_run_of_other_ids(tmp_path: Path) -> None:
    before = batch(5)
    write_dataset(in_memory(before), tmp_path / "dataset", DatasetConfig(), CardFacts("x"))
    renamed = [
        Annotated(
            replace(one.solution, id=f"other {one.solution.id}"),
            {n: replace(v, solution_id=f"other {v.solution_id}") for n, v in one.verdicts.items()},
            None
            if one.label is None
            else replace(one.label, solution_id=f"other {one.solution.id}"),
        )
        for one in before
    ]
    renamed[0] = labelled(renamed[0], 1)
    rejections = Rejections(strict=True)
    run = write_run(tmp_path, "run", renamed)
    found = diff(side_of_file(tmp_path / "dataset", rejections), side_of_run(run))
    assert (found.same, len(found.changes), found.by_content) == (19, 1, 20)
    assert (found.other_reason, found.only_before, found.only_after) == (0, [], [])


def test_all_of_it_is_plain_data(tmp_path: Path) -> None:
    found = compared(
        tmp_path, [item(1, first_error=2), item(2)], [labelled(item(1, first_error=2), None)]
    )
    data = json.loads(json.dumps(to_json(found)))
    assert (data["changed"], data["newly_undecided"], data["only_before"]) == (1, 1, ["s2-0"])
    assert data["changes"][0]["before"] == 2


def test_a_configuration_is_flat_and_says_only_what_labels_depend_on(tmp_path: Path) -> None:
    run = write_run(tmp_path, "run", batch(1))
    config = RunConfig.check(CONFIG | {"name": "run"}, "test")
    assert side_of_run(run).config["consensus.rule"] == config.consensus.rule
    assert not {"name", "runs_dir", "remote"} & side_of_run(run).config.keys()


def test_rows_without_ids_are_told_apart_by_their_steps(tmp_path: Path) -> None:
    def rows(name: str, *labels: int) -> Side:
        path = tmp_path / name
        lines = [
            {"problem": "2 + 2", "steps": [f"is {number}"], "label": label}
            for number, label in enumerate(labels)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return side_of_file(path, Rejections(strict=True))

    found = diff(rows("one.jsonl", 0, -1, 0), rows("two.jsonl", 0, 0, 0, -1))
    assert (found.same, len(found.changes), len(found.only_after)) == (2, 1, 1)
    assert (found.changes[0].before, found.changes[0].after) == (-1, 0)
