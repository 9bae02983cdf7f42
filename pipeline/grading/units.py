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
_WORD = re.compile(
    r"\$|(?<![\\A-Za-z])[a-z]{2,}|(?<=degrees )[cf]\b|(?<=[a-z])(?: ?\^ ?\{?[23]| ?/ ?[a-z]\b)"
)
_POWERS = {"square": "^2", "cubic": "^3"}
_IN_AMIDST = re.compile(r"\bin\b(?=\s*\S)")


def unit_of(word: str) -> str | None:
    """The unit that a word names, in the singular or plural, or None."""
    word = word.casefold()
    return _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))


def measures(text: str) -> frozenset[str]:
    """The units of measure that a text names, each under one name whatever its spelling, with a mark for
    each power of one, and for what one is divided by: 6 cm^2 are not 6 cm^3, nor 10 km/h 10 km."""
    words = _WORD.findall(_IN_AMIDST.sub(" ", text.casefold().replace(".", "")))
    units = frozenset(filter(None, map(unit_of, words)))
    marks = frozenset(re.sub("[ {]", "", word) for word in words if word.lstrip()[0] in "^/")
    return frozenset(_POWERS.get(unit, unit) for unit in units) | marks if units else units
