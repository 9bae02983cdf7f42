"""The judge's one format: what it is shown, what it writes, how that is read.

Shown: the question, `Solution :`, the steps with their numbers, `Check :`. Written: the steps
again, token by token, each ending in `good`; where a token is not what the problem and the steps
before call for, `bad` stands in its place and the check ends:

    @1#1 Eve has 9 : Eve= 9 . good
    @2#2 Cal tops Eve by 3 bad

So each token of the check is a comparison of what the judge would have written itself with what
the solution says. A judge that writes on as it should be, in place of `bad`, has objected too: the
first step that it writes otherwise, or ends in `bad`, is the one it names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.testbed.facts import Ask, Form, Problem
from pipeline.testbed.steps import parse_step
from pipeline.testbed.tokenizer import pieces

_LINE = re.compile(r"@(\d{1,4})([^\n]*) (good|bad)")


def render_prompt(question: str, steps: Sequence[str]) -> str:
    """The judge's prompt. `steps` end in a newline each, as the policy writes them."""
    shown = "".join(f"@{i}{step.rstrip(chr(10))}\n" for i, step in enumerate(steps, 1))
    return f"{question}\nSolution :\n{shown}Check :\n"


def parse_check(text: str, steps: Sequence[str]) -> int | None:
    """First wrong step (0-based, -1 none) that a check of `steps` names; None where it can't be read.

    Strict: lines are numbered from 1 without a gap, and end in `good`, or the last one in `bad`. One
    that is written otherwise than its step is an objection only if it is a step itself. A check
    without an objection speaks of every step.
    """
    lines = text.strip().split("\n")
    if len(lines) > len(steps) or any("\n" in step.rstrip("\n") for step in steps):
        return None
    named = -1
    for i, (line, step) in enumerate(zip(lines, steps, strict=False)):
        found = _LINE.fullmatch(line)
        is_last = i == len(lines) - 1
        if not found or int(found[1]) != i + 1 or (found[3] == "bad" and not is_last):
            return None
        differs = found[2] != step.rstrip("\n")
        if differs and found[3] == "good" and parse_step(found[2]) is None:
            return None
        if named < 0 and (differs or found[3] == "bad"):
            named = i
    return named if named >= 0 or len(lines) == len(steps) else None


def solve_text(problem: Problem) -> tuple[str, str]:
    """Prompt and text of the judge's own solution, in the form of a check that finds no error."""
    lines = (f"@{i}{line[:-1]} good\n" for i, line in enumerate(problem.reference, 1))
    return f"{problem.text}\nSolve :\n", "".join(lines)


def _unsupported(tokens: Sequence[str], problem: Problem, derived: set[str]) -> int:
    """How many tokens stand before the first value that nothing yet supports."""
    if tokens[:1] == ["Answer"]:
        asked = problem.query
        known = asked.ask is not Ask.VALUE or asked.names[0] in derived
        return len(tokens) if known else 2
    subject = tokens[1][1:] if tokens[0].startswith("#") and len(tokens) > 1 else ""
    for i, token in enumerate(tokens):
        if token.endswith("=") and len(token) > 2:
            name = token[1:-1]
            if name != subject and name not in derived:
                return i + 1
    return len(tokens)


def check_text(problem: Problem, steps: Sequence[str], first_error: int) -> str:
    """The check of a solution whose first wrong step is known (-1: none).

    In the wrong step `bad` follows the longest beginning that it shares with a right line, or
    the name of the first value that no step before has derived, whichever comes first.
    """
    bodies = [step.rstrip("\n") for step in steps]
    if first_error < 0:
        return "".join(f"@{i}{body} good\n" for i, body in enumerate(bodies, 1))
    done = "".join(f"@{i}{body} good\n" for i, body in enumerate(bodies[:first_error], 1))
    derived = {fact.subject for fact in problem.facts if fact.form is Form.BASE}
    derived |= {body.split(" ")[1] for body in bodies[:first_error] if body.startswith("#")}
    tokens = pieces(bodies[first_error]) or [""]
    shared = 0
    for line in problem.reference:
        right = pieces(line.rstrip("\n"))
        same = next(
            (i for i, (a, b) in enumerate(zip(tokens, right, strict=False)) if a != b),
            min(len(tokens), len(right)),
        )
        shared = max(shared, same)
    kept = tokens[: min(shared, _unsupported(tokens, problem, derived))]
    return f"{done}@{first_error + 1}{''.join(kept)} bad\n"
