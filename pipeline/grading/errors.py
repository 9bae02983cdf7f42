"""What grading says of a text, or of a value, that it can't tell anything of."""

from __future__ import annotations


class NotUnderstood(ValueError):
    """A text, or a value, that this package says nothing of."""


class Ambiguous(NotUnderstood):
    """A text that can be read in two ways: nobody may say which."""
