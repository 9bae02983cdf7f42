"""Units of measure that can be converted into one another: 3 hours are not 3 minutes."""

from __future__ import annotations

import re

_SPELLINGS = {
    "second": "sec",
    "minute": "min",
    "hour": "hr",
    "day": "",
    "week": "wk",
    "month": "",
    "year": "yr",
    "am": "",
    "pm": "",
    "dollar": "$ usd",
    "cent": "",
    "inch": "in inche",
    "foot": "ft feet",
    "yard": "yd",
    "mile": "",
    "meter": "metre",
    "millimeter": "mm millimetre",
    "centimeter": "cm centimetre",
    "kilometer": "km kilometre",
    "square": "sq",
    "cubic": "cu",
    "gram": "",
    "milligram": "mg",
    "kilogram": "kg kilo",
    "ounce": "oz",
    "pound": "lb",
    "ton": "tonne",
    "milliliter": "ml millilitre",
    "liter": "litre",
    "cup": "",
    "pint": "",
    "quart": "qt",
    "gallon": "gal",
    "degree": "",
    "radian": "rad",
    "celsius": "c",
    "fahrenheit": "f",
}
"""Each unit with its other spellings, in the singular. Other single letters are left to algebra."""
_UNITS = {word: unit for unit, more in _SPELLINGS.items() for word in (unit, *more.split())}
_WORD = re.compile(r"\$|(?<![\\A-Za-z])[a-z]{2,}|(?<=degrees )[cf]\b")
_IN_AMIDST = re.compile(r"\bin\b(?=\s*\S)")


def unit_of(word: str) -> str | None:
    """The unit that a word names, in the singular or plural, or None."""
    word = word.casefold()
    return _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))


def measures(text: str) -> frozenset[str]:
    """The units of measure that a text names, each under one name whatever its spelling."""
    words = _WORD.findall(_IN_AMIDST.sub(" ", text.casefold().replace(".", "")))
    return frozenset(filter(None, map(unit_of, words)))
