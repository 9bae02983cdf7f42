"""What a judge's prompt may show of a solution, under which name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from annotators.fence import fence_tag, quoted
from pipeline.prompts import PromptTemplate
from pipeline.records import Solution


def judge_slots(
    solution: Solution,
    prompt: PromptTemplate,
    upto: int | None = None,
    verifications: Sequence[str] = (),
    own: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Values for the slots of a judge's prompt.

    `question`, `solution`, `steps` (the first `upto`, all by default), `reference` (the reference
    solution, its lines numbered R1, R2, …), `verifications` (other judges' texts), `last_index` and
    `last_number` (of the last step shown, from 0 and from 1), `tag` (the name of the tags around what
    is quoted), and `own`, which is ours and shown as it is.

    A chat prompt shows texts quoted. A raw one is a completion model's own format and shows them to
    the letter; what would break it is refused by the renderer or read as a missing vote.
    """
    show = quoted if prompt.style == "chat" else str
    steps = solution.steps[:upto]
    reference = solution.reference or ""
    tag = fence_tag(solution.question, solution.text, reference, *verifications)
    lines = [line.strip() for line in reference.splitlines() if line.strip()]
    return {
        "question": show(solution.question),
        "solution": show(solution.text),
        "steps": prompt.show_steps([show(step) for step in steps], {"tag": tag}),
        "reference": "\n".join(f"R{n}: {show(line)}" for n, line in enumerate(lines, 1)),
        "verifications": "".join(
            f"<{tag} verification={n}>\n{show(text.strip())}\n</{tag}>\n"
            for n, text in enumerate(verifications, 1)
        ),
        "last_index": str(len(steps) - 1),
        "last_number": str(len(steps)),
        "tag": tag,
        **(own or {}),
    }
