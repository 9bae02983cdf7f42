r"""One expression, in LaTeX or plain, as an exact value. Recursive descent over tokens, linear time.

    sum     = [sign] product {sign product}
    product = power {[* | / | \cdot] power}
    power   = atom {"^" exponent | "!"}
    atom    = number | mixed number | symbol | ( sum ) | \frac | \sqrt | \binom | function power

What can be read in two ways (1/2x, \sqrt13) raises Ambiguous, every word that isn't mathematics
NotUnderstood.
"""

from __future__ import annotations

import re
from fractions import Fraction

from pipeline.grading.errors import Ambiguous, NotUnderstood
from pipeline.grading.exact import Exact, infinity, number, of, symbol
from pipeline.grading.functions import FUNCTIONS, call, factorial
from pipeline.grading.polynomial import PI, E, I
from pipeline.grading.powers import power

MAX_DEPTH = 24
MAX_DIGITS = 60

_LETTERS = (
    r"\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \iota \kappa \lambda \mu "
    r"\nu \xi \rho \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Sigma \Phi "
    r"\Psi \Omega \ell \hbar"
)
_GREEK = frozenset(_LETTERS.split())
_RUNS = re.compile(
    r"[abc]{2,3}|[kmn]{2}|[pqr]{2,3}|[xyz]{2,3}|[stuv]{2}|[A-Z]{2,3}|[a-zA-Z][A-Z]|[A-Z][a-z]"
)
"""Letters that are products of variables; other runs are words."""
_CLOSING = {"(": ")", "[": "]", "{": "}", "\\{": "\\}"}
_FLOOR = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil")}
_NO_ATOMS = frozenset(["\\pm", "\\mp", "\\cup", "\\in", "\\approx", "\\}", "\\rfloor", "\\rceil"])
_FUNCTION_LETTERS = frozenset(["f", "g", "h", "F", "G", "P", "Q", "\\Phi", "\\phi", "\\psi"])


def read_expression(tokens: list[str], sign: int = 1) -> Exact:
    r"""The value of all the tokens. `sign` says which side of each \pm is meant."""
    reader = _Reader(tokens, sign)
    value = reader.sum()
    if reader.next is not None:
        raise NotUnderstood(f"unexpected {reader.next}")
    return value


class _Reader:
    def __init__(self, tokens: list[str], sign: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._sign = sign
        self._depth = 0
        self._bars = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, wanted: str | None = None) -> str:
        token = self.next
        if token is None or (wanted is not None and token != wanted):
            raise NotUnderstood(f"{wanted or 'more'} is missing")
        self._at += 1
        return token

    def sum(self) -> Exact:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotUnderstood("nested too deep")
        total = self._signed(self.next in ("+", "-", "\\pm", "\\mp"))
        while self.next in ("+", "-", "\\pm", "\\mp"):
            total = total + self._signed(True)
        self._depth -= 1
        return total

    def _signed(self, has_sign: bool) -> Exact:
        sign = 1
        if has_sign:
            sign = {"+": 1, "-": -1, "\\pm": self._sign, "\\mp": -self._sign}[self._take()]
        value = self._product()
        return value if sign > 0 else -value

    def _product(self) -> Exact:
        value = self._power()
        slash = False
        while True:
            if self.next in ("*", "/"):
                divide = self._take() == "/"
                negative = self.next == "-"
                if negative:
                    self._take()
                factor = -self._power() if negative else self._power()
                value = value / factor if divide else value * factor
                slash = divide
            elif self._starts_atom():
                if slash:
                    raise Ambiguous("a product after a slash")
                if (
                    self._tokens[self._at][0] in "0123456789."
                    and self._tokens[self._at - 1] not in ")}]"
                ):
                    raise Ambiguous("a number after a factor")
                value = value * self._power()
            else:
                return value

    def _starts_atom(self) -> bool:
        token = self.next
        if token is None or token in _NO_ATOMS:
            return False
        if token == "|":
            return self._bars == 0
        return (token[0].isascii() and token[0].isalnum()) or token[0] in ".({[\\"

    def _power(self) -> Exact:
        value = self._atom()
        while self.next in ("^", "!"):
            if self._take() == "!":
                value = factorial(value)
            else:
                value = power(value, self._exponent())
                if self.next == "^":
                    raise NotUnderstood("a power of a power")
        return value

    def _exponent(self) -> Exact:
        if self.next == "{":
            return self._braced()
        if self.next in ("-", "+"):
            minus = self._take() == "-"
            value = self._atom()
            return -value if minus else value
        return self._atom()

    def _braced(self) -> Exact:
        self._take("{")
        value = self.sum()
        self._take("}")
        return value

    def _argument(self) -> Exact:
        """Of a command: {…}, or one digit, letter or command."""
        if self.next == "{":
            return self._braced()
        token = self.next
        if token is not None and token.isdigit():
            self._tokens = [*self._tokens[: self._at], *token, *self._tokens[self._at + 1 :]]
            return number(int(self._take()))
        if token is not None and token.isalpha() and len(token) > 1:
            self._tokens = [*self._tokens[: self._at], *token, *self._tokens[self._at + 1 :]]
        return self._atom()

    def _atom(self) -> Exact:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotUnderstood("nested too deep")
        value = self._simple(self._take())
        self._depth -= 1
        return value

    def _simple(self, token: str) -> Exact:
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return self._number(token)
        if token in _CLOSING and token != "\\{":
            value = self.sum()
            self._take(_CLOSING[token])
            return value
        if token == "|":
            self._bars += 1
            value = self.sum()
            self._take("|")
            self._bars -= 1
            return call("abs", value)
        if token in _FLOOR:
            closing, name = _FLOOR[token]
            value = self.sum()
            self._take(closing)
            return call(name, value)
        if token[0] == "\\":
            return self._command(token)
        if token[0].isascii() and token[0].isalpha():
            return self._letters(token)
        raise NotUnderstood(f"unexpected {token}")

    def _number(self, token: str) -> Exact:
        if len(token) > MAX_DIGITS:
            raise NotUnderstood("too many digits")
        value = Fraction(token)
        if (self.next == "\\overline" and "." in token) or self._repeats(token):
            return number(self._repeating(token))
        if "." in token or "e" in token.casefold():
            return number(value)
        if self.next == "\\frac":  # 1\frac{1}{2} is a mixed number, 2\frac{x}{3} a product
            before = self._at
            self._take()
            top, bottom = self._argument().rational(), self._argument().rational()
            if top is None or bottom is None or not 0 < top < bottom:
                self._at = before
                if top is not None and bottom is not None:
                    raise Ambiguous("neither a mixed number nor a product")
                return number(value)
            if top.denominator != 1 or bottom.denominator != 1:
                raise Ambiguous("neither a mixed number nor a product")
            return number(value + top / bottom)
        ahead = self._tokens[self._at : self._at + 3]
        if len(ahead) == 3 and ahead[1] == "/" and ahead[0].isdigit() and ahead[2].isdigit():
            top, bottom = Fraction(ahead[0]), Fraction(ahead[2])
            if not 0 < top < bottom or max(map(len, ahead)) > MAX_DIGITS:
                raise NotUnderstood("not a mixed number")
            self._at += 3
            return number(value + top / bottom)
        return number(value)

    def _repeats(self, token: str) -> bool:
        return token.isdigit() and self._tokens[self._at : self._at + 2] == [".", "\\overline"]

    def _repeating(self, token: str) -> Fraction:
        """0.1\\overline{6}"""
        if self.next == ".":
            self._take()
        self._take("\\overline")
        self._take("{")
        digits = self._take()
        self._take("}")
        if not digits.isdigit() or len(digits) > MAX_DIGITS:
            raise NotUnderstood("no repeating decimal")
        places = len(token.partition(".")[2])
        return Fraction(token) + Fraction(int(digits), (10 ** len(digits) - 1) * 10**places)

    def _letters(self, token: str) -> Exact:
        word = token.rstrip("'")
        if word in FUNCTIONS or word in ("asin", "acos", "atan"):
            return self._function(
                word.replace("a", "arc", 1) if word in ("asin", "acos", "atan") else word
            )
        if word == "pi":
            return of(PI)
        if word in ("inf", "infinity", "oo"):
            return infinity()
        if len(token) == 1 or (len(word) == 1 and token.endswith("'")):
            return self._symbol(token)
        if word != token or not (_RUNS.fullmatch(word) or (len(word) <= 3 and self.next == "{")):
            raise NotUnderstood(f"the word {word[:20]}")
        value = number(1)
        for letter in word[:-1]:
            value = value * self._constant(letter)
        if self.next in ("_", "^"):
            raise NotUnderstood("an index of a run of letters")
        return value * self._constant(word[-1])

    @staticmethod
    def _constant(letter: str) -> Exact:
        return {"e": of(E), "i": of(I)}.get(letter) or symbol(letter)

    def _symbol(self, name: str) -> Exact:
        if self.next == "_":
            self._take()
            name += "_" + self._index()
        elif name in ("e", "i"):
            return self._constant(name)
        if self.next == "(" and (name.rstrip("'") in _FUNCTION_LETTERS or name.endswith("'")):
            return self._unknown_function(name)
        return symbol(name)

    def _index(self) -> str:
        token = self._take()
        if token != "{":
            return token
        depth, found = 1, []
        while depth:
            token = self._take()
            depth += (token == "{") - (token == "}")
            if token not in ("{", "}", "\\mathrm", "\\text"):
                found.append(token)
        return "".join(found)[:40]

    def _unknown_function(self, name: str) -> Exact:
        self._take("(")
        arguments = [self.sum()]
        while self.next == ",":
            self._take()
            arguments.append(self.sum())
        self._take(")")
        if all(argument.rational() is not None for argument in arguments):
            raise Ambiguous("a function that isn't known, at a number")
        return call(f"{name}?", *arguments)

    def _command(self, token: str) -> Exact:
        if token == "\\frac":
            top = self._argument()
            return top / self._argument()
        if token == "\\binom":
            n, k = self._argument(), self._argument()
            return factorial(n) / (factorial(k) * factorial(n - k))
        if token == "\\sqrt":
            return self._square_root()
        if token == "\\pi":
            return of(PI)
        if token == "\\infty":
            return infinity()
        if token == "\\mathrm":
            self._take("{")
            name = self._take()
            self._take("}")
            return self._function(name) if name in FUNCTIONS else self._symbol(name)
        if token[1:] in FUNCTIONS:
            return self._function(token[1:])
        if token in _GREEK:
            return self._symbol(token)
        raise NotUnderstood(f"the command {token[:20]}")

    def _square_root(self) -> Exact:
        degree = Fraction(2)
        if self.next == "[":
            self._take()
            token = self._take()
            if not token.isdigit() or not 2 <= int(token[:4]) <= 100:
                raise NotUnderstood("no such root")
            degree = Fraction(int(token[:4]))
            self._take("]")
        token = self.next or ""
        if token.isdigit() and len(token) > 1:
            raise Ambiguous("how far does the root go?")
        value = self._argument() if token != "(" else self._atom()
        known = value.rational()
        if known is not None and known < 0 and degree % 2:
            return -power(-value, number(1 / degree))
        return power(value, number(1 / degree))

    def _function(self, name: str) -> Exact:
        exponent: Exact | None = None
        base: Exact | None = None
        if self.next == "_" and name == "log":
            self._take()
            base = self._argument()
        if self.next == "^":
            self._take()
            exponent = self._exponent()
            if exponent.rational() == -1:
                if name not in ("sin", "cos", "tan"):
                    raise NotUnderstood("an inverse function")
                name, exponent = "arc" + name, None
        if self.next == "(":
            argument = self._atom()
            if self.next in ("^", "!"):
                raise Ambiguous("what does the power go with?")
        elif self.next == "{":
            argument = self._braced()
        else:
            argument = self._bare_argument()
        value = call(name, argument, base) if base is not None else call(name, argument)
        return value if exponent is None else power(value, exponent)

    def _bare_argument(self) -> Exact:
        """sin 2x, ln x^2: the factors up to a sign, a bracket or another function."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotUnderstood("nested too deep")
        value = self._power()
        while self._starts_atom() and self.next not in ("(", "[", "|"):
            token = (self.next or "").lstrip("\\")
            if token in FUNCTIONS:
                break
            value = value * self._power()
        if self.next == "/":
            raise Ambiguous("how far does the function go?")
        self._depth -= 1
        return value
