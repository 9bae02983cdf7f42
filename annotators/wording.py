"""The words about a claim that say whether it stands: what is supposed, taken back, rounded, applied."""

from __future__ import annotations

import re


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OF = words("sum sums total totals product products")
"""What can be said `of` a whole expression without being its function; "the average of" is one."""
NUMBER_WORDS = words("one two three four five six seven eight nine ten eleven twelve dozen")
PARTS = words(
    "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh sevenths "
    "eighth eighths ninth ninths tenth tenths twelfth twelfths hundredth hundredths thousandth thousandths"
)
LEADING = NUMBER_WORDS | words(
    "times plus minus less negative twice thrice half double doubling triple tripling quadruple "
    "over step day week month year hour case part problem number question level round section no "
    "grade age page chapter room exercise row floor seat digit square cube root sqrt log ln sin "
    "cos tan lcm gcd gcf mod"
)
TRAILING = PARTS | words(
    "hundred hundreds thousand thousands million millions billion billions trillion dozen "
    "dozens percent percentage percents times plus minus of over divided multiplied squared "
    "cubed point remainder mod r or"
)
GLUED_UNITS = words(
    "kg kgs g mg lb lbs oz cm mm km m ft in ml l L mph kmh kph hr hrs min mins sec secs s h am pm"
)
TAKEN_BACK = re.compile(
    r"\b(?:incorrect|wrong|mistaken?|mistakenly|error|false|untrue|not|n['’]t|cannot|instead|"
    r"actually|wait|oops|correction|corrected|impossible|contradict\w*|"
    r"no (?:\w+ )?(?:solutions?|roots?|values?)|inconsistent|absurd|never|hmm+|recomput\w*|recalculat\w*)\b|"
    r"n['’]t\b|should (?:be|have)|(?:\.{3}|…|[?.!—–-])\s?no[.,!]",
    re.I,
)
SUPPOSED = re.compile(
    r"\b(?:if|suppose|assum\w+|guess\w*|try|trying|would|claim\w*|says?|said|whether|equation becomes)\b",
    re.I,
)
ROUGHLY = re.compile(
    r"\b(?:about|approx\w*|around|roughly|round\w*|nearest|almost|nearly|≈)\b", re.I
)
OTHER_ARITHMETIC = re.compile(
    r"\b(?:[pb]?mod|modulo|modular|modulus|bases?|binary|ternary|octal|hex|hexadecimal|bitwise|xor|"
    r"boolean|logical|concatenat\w*|strings?|digits?|with an? (?:borrow|carry)|"
    r"(?:borrow|carr[yi])\w* (?:over|the \d|1|one)|finite field|characteristic|"
    r"defin\w+ (?:\w+ ){0,3}operat\w+|operat\w+ [^.]{0,40}\bdefin\w+)\b|\b(?:pattern|puzzle|riddle)s?\s?:|"
    r"(?-i:\bGF\(|\b(?:in|over) \$?[ZF]_|\\math(?:bb|bf)\{[ZF]\}(?:_|/))|"
    r"\d\s?[ap]\.?m\b|(?-i:\b[AP]M\b)|\bo['’]?\s?clock\b",
    re.I,
)
FUNCTION = re.compile(
    r"\b(?:sqrt|roots?|squared|cubed|averag(?:e|es|ing)|mean|median|lcm|gcd|gcf|hcf|"
    r"(?:least|lowest|greatest|highest) common|reciprocals?|inverse|opposite|negative|absolute|"
    r"log|logarithm|ln|sin|cos|tan|sine|cosine|tangent|floor|ceil\w*|factorial|choose|"
    r"(?:twice|thrice|double|triple|half|of) the (?:sum|total|product))\b",
    re.I,
)
"""What a clause may make of the sum that it ends in: "the average of the lengths 4 + 6 = 5"."""
APPLIED = re.compile(
    r"\bthan\s*$|\b(?:add|subtract|deduct|tak(?:e|ing)|combin|multipl|divid|increas|decreas)\w*\b.*"
    r"\b(?:to|from|with|into)\s*$",
    re.I | re.S,
)
"""Of a clause that the claim's sum only ends: "add 5 to 3 * 2 = 11"."""
SENTENCE_ENDS = re.compile(r"[;!?\n]|\.(?!\d)|\b(?:because|since)\b", re.I)
CLAUSE_ENDS = re.compile(
    r"[;!?\n:=]|\.(?!\d)|\b(?:is|are|was|were|so|thus|therefore|because|since)\b", re.I
)
MILITARY_TIME = re.compile(r"\b(?:[01]\d|2[0-3])[0-5]\d\s?(?:hours|hrs|h)\b", re.I)
STARTS_AGAIN = re.compile(
    r"\b(?:clock|time|noon|midnight|morning|afternoon|evening|night|hours?|\w*days?|weeks?|months?|"
    r"january|february|march|april|june|july|august|september|october|november|december|"
    r"degrees?|angles?|circle|bearing)\b|°",
    re.I,
)
WINDOW = 160
NO_UNITS = PARTS | words(
    "and or so then thus is are was were be plus minus times over of by per divided multiplied if "
    "hundred hundreds thousand thousands million millions billion billions trillion percent "
    "percentage squared cubed "
    "mod modulo than more less fewer from to into in at on for with we this that which gives equals "
    "equal get total dozen dozens point remainder times twice x not but where when because since "
    "left right up down digit digits th st nd rd"
)
MEASURES = words(
    "second sec minute min hour hr day week month year decade inch foot feet yard mile cm mm m km g "
    "kg mg lb ounce oz pound ton ml l liter litre gallon quart pint cup cent dollar penny dime "
    "nickel quarter meter metre centimeter kilometer gram kilogram s h mph"
)
"""Singular, as `annotators.tokens.singular` has them."""
