"""The rollout tree selects as the paper says, searches nothing twice, and counts what it was told."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import TreeConfig
from pipeline.records import Outcome, ProbeCount, content_hash
from pipeline.search.tree import ROOT, Rollout, RolloutTree, Steps

RIGHT, WRONG, OPEN = Outcome.CORRECT, Outcome.INCORRECT, Outcome.UNDECIDED
Policy = Callable[[Steps, int], Rollout]
"""(node, how many were sampled from it before) -> a rollout."""


@dataclass
class Told:
    """What a tree was told: each rollout with its node."""

    rollouts: list[tuple[Steps, Rollout]] = field(default_factory=list)

    def count(self, node: Steps) -> ProbeCount:
        outcomes = Counter(r.outcome for at, r in self.rollouts if at == node)
        decided = outcomes[RIGHT] + outcomes[WRONG]
        return ProbeCount(len(node), outcomes[RIGHT], decided, outcomes[OPEN])


def grow(tree: RolloutTree, policy: Policy, shuffle: random.Random | None = None) -> Told:
    told, sampled = Told(), Counter[Steps]()
    while wanted := tree.next():
        for each in wanted:
            assert each.rollouts > 0
            drawn = []
            for _ in range(each.rollouts):
                drawn.append(policy(each.node, sampled[each.node]))
                sampled[each.node] += 1
            if shuffle:
                shuffle.shuffle(drawn)
            for rollout in drawn:
                told.rollouts.append((each.node, rollout))
                tree.observe(each.node, rollout)
    return told


def policy_of(
    seed: int, steps: int, value: float = 0.6, wordings: int | None = None, undecided: float = 0.05
) -> Policy:
    """A policy that errs in one step and never recovers. `wordings`: of each step; None: no two
    rollouts share a step."""

    def policy(node: Steps, number: int) -> Rollout:
        chance = random.Random(f"{seed} {node} {number}")
        rest = []
        for step in range(len(node), steps):
            words = chance.randrange(wordings) if wordings else f"{content_hash(node)} {number}"
            rest.append(f"{step} {words}")
        wrong = "bad" in " ".join(node) or chance.random() > value
        if wrong and rest:
            at = chance.randrange(len(rest))
            rest[at] = f"bad {rest[at]}"
        outcome = OPEN if chance.random() < undecided else WRONG if wrong else RIGHT
        return Rollout(tuple(rest), outcome, 20 * len(rest) + chance.randrange(20))

    return policy


policies = st.builds(
    policy_of,
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.sampled_from([0.3, 0.6, 0.9]),
    st.sampled_from([None, 1, 2]),
)


@settings(deadline=None, max_examples=60)
@given(policies, st.integers(1, 8), st.sampled_from([None, 1, 3]))
def test_no_rollout_of_a_state_is_searched_twice(
    policy: Policy, rollouts: int, wave: int | None
) -> None:
    tree = RolloutTree(TreeConfig(searches=30, rollouts=rollouts, wave=wave), 6)
    told = grow(tree, policy)
    wrong = {node + r.steps for node, r in told.rollouts if r.outcome is WRONG}
    assert len(set(tree.searched)) == len(tree.searched) <= 30
    assert set(tree.searched) <= wrong
    for solution in tree.searched:
        found = tree.finding(solution)
        assert found.first_error is not None or "undecided" in (found.reason or "")


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_counts_are_what_was_told(seed: int, steps: int) -> None:
    tree = RolloutTree(TreeConfig(searches=20, rollouts=4), 6)
    told = grow(tree, policy_of(seed, steps))
    for solution in tree.searched:
        for count in tree.counts(solution):
            assert count == told.count(solution[: count.prefix])
    nodes = {node for node, _ in told.rollouts}
    assert sum(tree.count(node).decided + tree.count(node).undecided for node in nodes) == len(
        told.rollouts
    )


@settings(deadline=None, max_examples=40)
@given(policies, st.integers(0, 10**6))
def test_the_order_within_a_round_does_not_matter(policy: Policy, seed: int) -> None:
    trees = [RolloutTree(TreeConfig(searches=12, rollouts=4), 6) for _ in range(2)]
    grow(trees[0], policy)
    grow(trees[1], policy, random.Random(seed))
    assert trees[0].searched == trees[1].searched
    for solution in trees[0].searched:
        assert trees[0].counts(solution) == trees[1].counts(solution)
        assert trees[0].finding(solution) == trees[1].finding(solution)


@settings(deadline=None, max_examples=40)
@given(policies, st.integers(1, 10))
def test_more_searches_begin_with_the_same(policy: Policy, searches: int) -> None:
    small = RolloutTree(TreeConfig(searches=searches, rollouts=4), 6)
    large = RolloutTree(TreeConfig(searches=2 * searches, rollouts=4), 6)
    first, more = grow(small, policy), grow(large, policy)
    assert more.rollouts[: len(first.rollouts)] == first.rollouts
    assert large.searched[: len(small.searched)] == small.searched


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 10))
def test_the_rollout_with_the_highest_q_and_u_is_selected(seed: int, steps: int) -> None:
    config = TreeConfig(searches=15, rollouts=4, spare=0, length=40)
    tree, told, policy = RolloutTree(config, 6), Told(), policy_of(seed, steps)
    visits, sampled = Counter[Steps](), Counter[Steps]()
    searched: list[Steps] = []
    while wanted := tree.next():
        for selected in tree.searched[len(searched) :]:
            scores = {}
            for node, r in told.rollouts:
                count = told.count(node)
                value = count.right / max(1, count.decided)
                if r.outcome is WRONG and 0 < value < 1 and node + r.steps not in searched:
                    q = 0.5 ** (1 - value) * 0.9 ** (r.tokens / 40)
                    u = 0.125 * sqrt(visits.total()) / (1 + visits[node])
                    scores[node, node + r.steps] = q + u
            best = max(scores, key=lambda pair: scores[pair])
            assert scores[best] == pytest.approx(
                max(score for (_, solution), score in scores.items() if solution == selected)
            )
            visits[next(node for node, solution in scores if solution == selected)] += 1
            searched.append(selected)
        for each in wanted:
            for _ in range(each.rollouts):
                rollout = policy(each.node, sampled[each.node])
                sampled[each.node] += 1
                told.rollouts.append((each.node, rollout))
                tree.observe(each.node, rollout)


def test_a_case_by_hand() -> None:
    """Of the root, MC 1/4: the shorter of two; then its good prefix, MC 2/4, goes before the root."""
    tree = RolloutTree(TreeConfig(rollouts=4, c_puct=0.125, length=100), 4)
    [wanted] = tree.next()
    assert (wanted.node, wanted.rollouts) == (ROOT, 4)
    tree.observe(ROOT, Rollout(("a", "b"), RIGHT, 50))
    tree.observe(ROOT, Rollout(("long", "x"), WRONG, 200))
    tree.observe(ROOT, Rollout(("short", "x"), WRONG, 100))
    tree.observe(ROOT, Rollout(("longest", "x"), WRONG, 300))
    [wanted] = tree.next()
    assert tree.searched == (("short", "x"),)
    assert (wanted.node, wanted.rollouts) == (("short",), 4)
    for number, outcome in enumerate((RIGHT, RIGHT, WRONG, WRONG)):
        tree.observe(("short",), Rollout((f"{number}",), outcome, 100 + number))
    # root: .5^.75 * .9^2 + .125 / 2 = .544; ("short",): .5^.5 * .9^1.02 + .125 = .760; then
    # ("short",): .5^.5 * .9^1.03 + .125 * sqrt(2) / 2 = .723, root: .482 + .088 = .570; then root
    [wanted] = tree.next()
    assert tree.searched == (("short", "x"), ("short", "2"), ("short", "3"), ("long", "x"))
    assert tree.finding(("short", "x")).first_error == 1
    assert wanted.node == ("long",)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_rollouts_that_all_come_out_alike_end_it(outcome: Outcome) -> None:
    tree = RolloutTree(TreeConfig(), 8)
    told = grow(tree, lambda node, number: Rollout((f"{number}", "x"), outcome, 5))
    assert len(told.rollouts) == 8
    assert tree.searched == ()


def test_undecided_rollouts_end_a_search_without_a_label() -> None:
    def policy(node: Steps, number: int) -> Rollout:
        if node:
            return Rollout((), OPEN, 0)
        return Rollout((f"{number}", "x", "y"), RIGHT if number % 2 else WRONG, 5)

    tree = RolloutTree(TreeConfig(rollouts=4, spare=2), 6)
    told = grow(tree, policy)
    assert len(tree.searched) == 3
    assert len(told.rollouts) == 6 + 3 * (4 + 2)
    for solution in tree.searched:
        assert tree.finding(solution).first_error is None
        assert [c.decided for c in tree.counts(solution)] == [0]


def test_a_solution_of_one_step_needs_no_rollout() -> None:
    tree = RolloutTree(TreeConfig(), 6)
    told = grow(tree, policy_of(3, 1))
    assert len(told.rollouts) == 6
    assert {tree.finding(s).first_error for s in tree.searched} == {0}


def test_two_hundred_steps_are_bisected() -> None:
    tree = RolloutTree(TreeConfig(searches=10), 8)
    told = grow(tree, policy_of(1, 200, undecided=0))
    assert len(tree.searched) == 10
    assert len(told.rollouts) <= 8 + 10 * 8 * 8
    for solution in tree.searched:
        bad = next(i for i, step in enumerate(solution) if step.startswith("bad"))
        assert tree.finding(solution).first_error == bad


def test_a_policy_that_repeats_itself_comes_to_an_end() -> None:
    def policy(node: Steps, number: int) -> Rollout:
        whole = ("a", "b", "c", "d") if number % 3 or node else ("right",)
        return Rollout(whole[len(node) :], WRONG if len(whole) > 1 else RIGHT, 5)

    tree = RolloutTree(TreeConfig(), 8)
    grow(tree, policy)
    assert tree.searched == (("a", "b", "c", "d"),)
    assert tree.finding(("a", "b", "c", "d")).first_error == 0


def test_a_prefix_in_waves_costs_less_and_has_k_or_both_outcomes() -> None:
    sizes = []
    for wave in (None, 1):
        tree = RolloutTree(TreeConfig(searches=4, wave=wave), 8)
        told = grow(tree, policy_of(5, 9, undecided=0))
        sizes.append(len(told.rollouts))
        for node in {node for node, _ in told.rollouts}:
            count = tree.count(node)
            assert count.decided >= 8 or (wave and 0 < count.right < count.decided)
        for solution in tree.searched:
            bad = next(i for i, step in enumerate(solution) if step.startswith("bad"))
            assert tree.finding(solution).first_error == bad
    assert sizes[1] < sizes[0]


def test_no_search_begins_beyond_the_budget_and_one_that_began_is_finished() -> None:
    tree = RolloutTree(TreeConfig(budget=9), 8)
    grow(tree, policy_of(5, 9, undecided=0))
    assert len(tree.searched) == 1
    assert tree.finding(tree.searched[0]).first_error is not None


def test_rollouts_that_pass_through_a_prefix_count_there_but_the_one_it_was_made_for() -> None:
    tree = RolloutTree(TreeConfig(rollouts=3), 4)
    tree.next()
    tree.observe(ROOT, Rollout(("a", "b", "x"), WRONG, 5))
    tree.observe(ROOT, Rollout(("a", "b", "y"), WRONG, 9))
    tree.observe(ROOT, Rollout(("a", "b", "z"), RIGHT, 9))
    tree.observe(ROOT, Rollout(("c", "d", "e"), RIGHT, 9))
    [wanted] = tree.next()
    assert wanted.node == ("a",)
    assert wanted.rollouts == 1  # of three, two pass through it
    assert tree.count(("a",)) == ProbeCount(1, 1, 2)
    assert tree.counts(("a", "b", "y")) == (ProbeCount(1, 1, 1),)  # nor is it evidence for itself
    tree.observe(("a",), Rollout(("b", "w"), RIGHT, 5))
    assert tree.count(("a",)) == ProbeCount(1, 2, 3)


def test_a_late_success_takes_a_search_up_again() -> None:
    """("a",) seems bad until a rollout that was sampled elsewhere passes through it and is right."""
    tree = RolloutTree(TreeConfig(rollouts=2, searches=1), 2)
    tree.next()
    tree.observe(ROOT, Rollout(("a", "b", "x"), WRONG, 5))
    tree.observe(ROOT, Rollout(("c",), RIGHT, 5))
    [wanted] = tree.next()
    assert wanted.node == ("a",)
    for number in range(2):
        tree.observe(("a",), Rollout((f"{number}",), WRONG, 5))
    assert tree.next() == []
    assert tree.finding(("a", "b", "x")).first_error == 0
    tree.observe(ROOT, Rollout(("a", "d"), RIGHT, 5))
    [wanted] = tree.next()
    assert wanted.node == ("a", "b")
