"""Evidence by logic: formal steps, each entailed by the problem's premises or not, asked of Z3.

FoVer (Kamoi et al. 2025, arXiv 2505.15960) labels steps of formal logic by a solver: a step is right
where the premises entail it. The premises are the formal statements of the question (see
`annotators.statements`; lines that state a goal are none). That earlier steps are entailed adds nothing to
what the premises entail, so a step is judged alike whatever stands before it.

With `entailed` (FoVer), a step that the premises don't entail is wrong, and the check holds a model in
which they are true and the step isn't; without it, only a step that they refute is. A step about names that
the premises don't know, and what Z3 leaves open, is unchecked. Where the premises contradict one another
they entail everything, and nothing is said. A last step that only states the answer is not held to it.
A step in prose is not read: the one that is named holds a wrong statement, and prose before it may be
wrong too.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from pydantic import Field

from annotators.entailment import Entailment, Theory, Z3Fault, require_z3
from annotators.first_order import Node
from annotators.sorts import Sorts, SortsConflict
from annotators.statements import Statement, names_in, read_statements
from pipeline.annotator import Expectation, Tools
from pipeline.config import Options
from pipeline.grading.extract import stated_answer
from pipeline.records import NO_ERROR, Check, Solution, Status, Verdict, content_hash

VERSION = 3
MAX_CHECKS = 200


class LogicOptions(Options):
    entailed: bool = Field(
        True,
        description="a step that the premises don't entail is wrong; false: only one that they refute",
    )
    effort: int = Field(
        5_000_000,
        ge=1000,
        description="Z3's own count of steps for one question, about a second's work",
    )
    timeout_s: float = Field(20.0, gt=0, description="longest question, by the clock")


class LogicAnnotator:
    OPTIONS: ClassVar[type[Options]] = LogicOptions
    uses_outcome = False

    def __init__(self, name: str, options: LogicOptions) -> None:
        require_z3()
        self.name = name
        self.role: str | None = None
        self.options = options
        self.fingerprint = content_hash(VERSION, options.fingerprint)

    def expected_completion_tokens(self, solution: Expectation) -> float:
        """It samples nothing."""
        return 0.0

    async def annotate(self, solution: Solution, tools: Tools) -> Verdict:
        # a thread of its own for each solution: Z3 works outside the interpreter's lock
        return await asyncio.to_thread(self.verdict, solution)

    def verdict(self, solution: Solution) -> Verdict:
        """Runs in one thread."""
        question = read_statements(solution.question)
        question = read_statements(solution.question, names_in(question.statements))
        premises = [s.formula for s in question.statements if s.kind == "claim"]
        sorts = Sorts()
        if any(s.kind == "unclear" for s in question.statements):
            return self._undecided(
                solution, "what the question gives and what it asks is not clear"
            )
        if not premises:
            return self._undecided(solution, "the question states no premises")
        try:
            for premise in premises:
                sorts.add(premise)
            proof = _Proof(premises, sorts, question.integers, self.options)
            if (consistent := proof.consistent()) is not True:
                why = "contradict one another" if consistent is False else "may not go together"
                return self._undecided(solution, f"the premises {why}")
            return self._judged(solution, proof)
        except SortsConflict as error:
            return self._undecided(solution, f"the premises' names are not clear: {error}")
        except Z3Fault as error:
            return self._undecided(solution, f"Z3: {error}")

    def _judged(self, solution: Solution, proof: _Proof) -> Verdict:
        checks: list[Check] = []
        wrong: int | None = None
        unsure = False
        unknown: int | None = None
        for index, step in enumerate(solution.steps):
            statements = read_statements(step, proof.names).statements
            claims = [s for s in statements if s.kind not in ("goal", "unclear")]
            concludes = index == len(solution.steps) - 1 and stated_answer(step) is not None
            left = MAX_CHECKS - len(checks)
            unread = len(claims) > left or (not claims and step.strip() and not concludes)
            if unread and unknown is None:
                unknown = index
            for claim in claims[:left]:
                status, expected, error = proof.judge(claim)
                open_before = proof.left_open
                checks.append(
                    Check(
                        index,
                        claim.start,
                        claim.end,
                        step[claim.start : claim.end],
                        status,
                        expected,
                    )
                )
                if error and wrong is None:
                    wrong, unsure = index, open_before
                elif not error and status is Status.UNCHECKED and unknown is None:
                    unknown = index
            if wrong is not None:
                break
        first, reason = wrong, None
        if wrong is not None and unsure:
            first, reason = None, "a step before the wrong one is unchecked"
        elif wrong is None and unknown is None and checks and self.options.entailed:
            first = NO_ERROR
        elif wrong is None:
            reason = (
                "nothing refuted" if not self.options.entailed else f"step {unknown} is unchecked"
            )
        return Verdict(
            solution.id, self.name, first_error=first, reason=reason, checks=tuple(checks)
        )

    def _undecided(self, solution: Solution, reason: str) -> Verdict:
        return Verdict(solution.id, self.name, first_error=None, reason=reason)


class _Proof:
    """The premises, and what was supposed on the way."""

    def __init__(
        self, premises: list[Node], sorts: Sorts, integers: frozenset[str], options: LogicOptions
    ) -> None:
        self._premises, self._sorts, self._integers = premises, sorts, integers
        self._options = options
        self._supposed: list[Node] = []
        self.names = frozenset(sorts.arity)
        self.left_open = False
        """Was a claim of formal logic left undecided?"""

    def consistent(self) -> bool | None:
        return self._theory([]).consistent()

    def judge(self, claim: Statement) -> tuple[Status, str | None, bool]:
        """Status, the evidence, and whether it is an error."""
        sorts = self._sorts.copy()
        try:
            sorts.add(claim.formula)
        except SortsConflict as error:
            return self._unchecked(str(error))
        if claim.kind == "supposition":
            self._sorts, self._supposed = sorts, [*self._supposed, claim.formula]
            return Status.UNCHECKED, "supposed", False
        theory = self._theory([], sorts)
        found = theory.ask(claim.formula)
        if found.entailment is not Entailment.ENTAILED and self._supposed:
            supposing = self._theory(self._supposed, sorts).ask(claim.formula)
            if supposing.entailment is Entailment.ENTAILED:
                return Status.EXACT, "under what was supposed", False
            if supposing.entailment is Entailment.UNDECIDED:
                return self._unchecked("not decided")
            if found.entailment is Entailment.REFUTED:
                found = supposing  # what refutes a supposition is no error of the step
        if found.entailment is Entailment.ENTAILED:
            return Status.EXACT, None, False
        if found.entailment is Entailment.UNDECIDED:
            return self._unchecked("not decided")
        if found.entailment is Entailment.REFUTED:
            return Status.CONTRADICTED, f"refuted: {found.model}", True
        if new := sorted(set(sorts.arity) - self.names):
            return self._unchecked(f"the premises don't know {', '.join(new)[:80]}")
        return Status.UNCHECKED, f"not entailed: {found.model}", self._options.entailed

    def _unchecked(self, why: str) -> tuple[Status, str, bool]:
        self.left_open = True
        return Status.UNCHECKED, why, False

    def _theory(self, supposed: list[Node], sorts: Sorts | None = None) -> Theory:
        return Theory(
            [*self._premises, *supposed],
            sorts or self._sorts,
            self._integers,
            self._options.effort,
            self._options.timeout_s,
        )
