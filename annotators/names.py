"""Which letters are variables, and which words are units: 16 eggs - 3 eggs = 13 eggs."""

from __future__ import annotations

from annotators.tokens import Kind, Token, singular
from annotators.wording import NO_UNITS

MAX_UNIT_WORDS = 2

_SIDES = frozenset((Kind.OPERATOR, Kind.EQUALS, Kind.RELATION))
_ENDS_UNIT = _SIDES | {Kind.CLOSE}


def settle_letters(tokens: list[Token]) -> None:
    """A letter outside of formulas: the sign of "3 x 5", a variable, or a word."""
    for at, token in enumerate(tokens):
        if token.kind is not Kind.WORD or len(token.text) != 1 or token.maths:
            continue
        before = tokens[at - 1] if at else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.text in "xX" and before and after and _is_times(before, token, after):
            tokens[at] = token._replace(kind=Kind.OPERATOR, text="*")
        elif not token.text.isascii():
            continue
        elif before and before.kind is Kind.NUMBER and not token.spaced:
            unit = token.text in "gmshLl" and (after is None or after.kind is not Kind.OPERATOR)
            if not unit:
                tokens[at] = token._replace(kind=Kind.VARIABLE)
        elif (
            after and after.kind in _SIDES and (not before or before.kind is not Kind.NUMBER)
        ) or (
            before
            and (before.kind in _SIDES or before.text == "(")
            and (after is None or after.kind is not Kind.WORD)
        ):
            tokens[at] = token._replace(kind=Kind.VARIABLE)


def _is_times(before: Token, letter: Token, after: Token) -> bool:
    """The letter x in "3 x 5" and "3x5"; "3x 5" is algebra."""
    operands = before.kind in (Kind.NUMBER, Kind.CLOSE) and after.kind in (Kind.NUMBER, Kind.OPEN)
    return operands and letter.spaced == after.spaced


def settle_units(tokens: list[Token]) -> None:
    """Words between a number and a sign are a unit, `per` among them a stroke."""
    at = 0
    while at < len(tokens):
        if tokens[at].kind is not Kind.NUMBER:
            at += 1
            continue
        end = at + 1
        while end < len(tokens) and _may_be_unit(tokens[end]) and end - at <= MAX_UNIT_WORDS:
            end += 1
        per = end + 1 < len(tokens) and tokens[end].text.lower() == "per"
        if per and _may_be_unit(tokens[end + 1]):
            tokens[end] = tokens[end]._replace(kind=Kind.OPERATOR, text="/")
        if end < len(tokens) and tokens[end].kind in _ENDS_UNIT:
            for word in range(at + 1, end):
                tokens[word] = _as_unit(tokens[word])
        of, sign = tokens[end + 1 : end + 2], tokens[end + 2 : end + 3]
        if sign and tokens[end].text == "/" and _may_be_unit(of[0]) and sign[0].kind in _ENDS_UNIT:
            tokens[end + 1] = _as_unit(of[0])
        at = max(end, at + 1)


def _as_unit(token: Token) -> Token:
    return token._replace(kind=Kind.UNIT, text=singular(token.text))


def _may_be_unit(token: Token) -> bool:
    return (
        token.kind is Kind.WORD
        and token.spaced + token.maths + (len(token.text) > 1) > 0
        and token.text.lower() not in NO_UNITS
        and (len(token.text) > 1 or token.text in "gmsh")
    )
