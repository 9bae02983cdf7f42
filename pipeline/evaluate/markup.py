"""Elements of a page. Text and attributes are escaped by the serializer, never by hand, so what a model
or a user wrote can't become markup."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from xml.etree import ElementTree as ET

Node = ET.Element | str | int

_ATTRIBUTES = {"class_": "class", "http_equiv": "http-equiv"}


def el(tag: str, *children: Node | None, **attributes: str | float) -> ET.Element:
    """`el("p", "text", el("b", "more"), class_="note")`; None is left out. An underscore in the name of
    an attribute is a dash."""
    names = {_ATTRIBUTES.get(k, k.replace("_", "-")): v for k, v in attributes.items()}
    element = ET.Element(tag, {name: shown(value) for name, value in names.items()})
    last: ET.Element | None = None
    for child in children:
        if isinstance(child, ET.Element):
            element.append(child)
            last = child
        elif child is not None and last is None:
            element.text = (element.text or "") + shown(child)
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + shown(child)
    return element


def shown(value: str | float) -> str:
    """Text without control and format characters, such as overrides of the writing direction: each
    becomes U+FFFD. Coordinates have two decimals."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return "".join(
        c if c in "\n\t" or not unicodedata.category(c).startswith("C") else "\ufffd"
        for c in str(value)
    )


def document(title: str, style: str, *body: Node) -> str:
    """A whole page that loads nothing and runs nothing: its policy allows this one style sheet."""
    head = head_of(title, style)
    page = el("html", head, el("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{to_html(page)}\n"


def head_of(
    title: str, style: str, script: str | None = None, connect: str | None = None
) -> ET.Element:
    """A head whose policy allows this style sheet, this script where there is one, requests of it to
    `connect`, and nothing else."""
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
    )
    if script is not None:
        policy += f"; script-src '{_digest(script)}'; require-trusted-types-for 'script'"
        policy += "; trusted-types 'none'"
    if connect is not None:
        policy += f"; connect-src {connect}"
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        verbatim("style", style),
    )


def to_html(element: ET.Element) -> str:
    text: str = ET.tostring(element, encoding="unicode", method="html")
    return text


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def verbatim(tag: str, text: str) -> ET.Element:
    """The serializer writes a style sheet or script as it is, so that its hash holds; it is ours alone."""
    element = ET.Element(tag)
    element.text = text
    return element
