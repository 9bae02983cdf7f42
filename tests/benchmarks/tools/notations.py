"""One answer in other notations, all of which say the same."""

from __future__ import annotations

import re

_FRACTION = re.compile(r"\\d?frac\{(-?\d+)\}\{(\d+)\}")
_INTEGER = re.compile(r"-?\d+")


def notations(answer: str) -> list[str]:
    """The answer, and other ways to write it. Nothing here changes what it says."""
    found = [answer, f"${answer}$", f"\\boxed{{{answer}}}", f"  ${answer}$. ", f"\\( {answer} \\)"]
    found.append(
        re.sub(r"(?<!\\left)([(\[])(.*)(?<!\\right)([)\]])$", r"\\left\1\2\\right\3", answer)
    )
    found.append(answer.replace("\\frac", "\\dfrac").replace("\\ddfrac", "\\dfrac"))
    found.append(
        re.sub(r"(?<![A-Za-z\\{]),(?=\S)", r",\\ ", answer)
        if "," in answer and not _grouped(answer)
        else ""
    )
    found.append(re.sub(r"\s*([+=<>-])\s*", r" \1 ", answer) if "\\begin" not in answer else "")
    if fraction := _FRACTION.fullmatch(answer):
        top, bottom = int(fraction[1]), int(fraction[2])
        found += [f"{top}/{bottom}", f"\\frac{{{3 * top}}}{{{3 * bottom}}}"]
        if 10**6 * top % bottom == 0:
            found.append(f"{top / bottom:.6f}")
    if _INTEGER.fullmatch(answer):
        value = int(answer)
        found += [
            f"{value:,}",
            f"{value}.0",
            f"{value} apples",
            f"{value}\\text{{ apples}}",
            f"x = {value}",
        ]
        found += [f"{2 * value}/2", f"\\frac{{{2 * value}}}{{2}}"]
    return [text for text in dict.fromkeys(found) if text.strip()]


def _grouped(answer: str) -> bool:
    return re.search(r"\d,(?:\\!)?\s*\d{3}(?!\d)", answer) is not None
