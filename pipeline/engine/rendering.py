"""From turns to the exact text, and token ids, that a model is to continue.

A prefix of a solution is rendered as what the model saw while it wrote that solution: the prompt
with the opened assistant turn, then the solution's text, byte for byte. Nothing is stripped.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pipeline.engine.control_tokens import THINK, ControlTokens
from pipeline.engine.protocol import Prompt, Turns
from pipeline.errors import BadRequestError, PrerequisiteError

_PROBE = "steplabel-probe"
_CURE = (
    "give the model's folder a chat template that opens the assistant turn when "
    "add_generation_prompt is set, or use a prompt of style raw"
)


class TokenRenderer:
    """Renders by a Hugging Face tokenizer and its chat template.

    `template_args` are passed to the chat template (`{"enable_thinking": False}`).
    Raises PrerequisiteError where the template is missing or can't continue an assistant turn,
    BadRequestError for a solution that can't have been written after this prompt and for turns and
    answers that hold control tokens (`<think>` may stand in an answer: models write it).
    """

    def __init__(self, tokenizer: Any, template_args: Mapping[str, Any] | None = None) -> None:
        self.tokenizer = tokenizer
        self._template_args = dict(template_args or {})
        self._control = ControlTokens(tokenizer)
        self._leading_ids = self._find_leading_ids()
        self._opens_turn: bool | None = None

    def render(self, turns: Turns, answer_prefix: str = "") -> Prompt:
        head = self._head(turns)
        self._control.refuse_in(answer_prefix, "the answer so far", allowed=THINK)
        text = head + answer_prefix
        return Prompt(text, self._ids(text, turns.raw), _messages(turns, answer_prefix))

    def prefixes(self, turns: Turns, steps: Sequence[str]) -> list[Prompt]:
        head = self._head(turns)
        answers = ["", *accumulate(steps)]
        self._control.refuse_in(answers[-1], "the solution", allowed=THINK)
        _check_thinking(head, answers[-1])
        text = head + answers[-1]
        encoded = self._encode(text, turns.raw)
        prompts = []
        for answer in answers:
            prefix = head + answer
            ids = None if encoded is None else self._cut(encoded, prefix, turns.raw)
            if ids is None:
                ids = self._ids(prefix, turns.raw)
            prompts.append(Prompt(prefix, ids, _messages(turns, answer)))
        return prompts

    def extend(self, prompt: Prompt, continuation: str) -> tuple[tuple[int, ...], int]:
        """Ids of `prompt` with `continuation` after it, and where the continuation's ids begin."""
        raw = prompt.messages is None
        start = prompt.token_ids if prompt.token_ids is not None else self._ids(prompt.text, raw)
        encoded = self._encode(prompt.text + continuation, raw)
        if encoded is not None:
            cut = self._cut(encoded, prompt.text, raw)
            if cut is not None:
                return start + encoded.ids[len(cut) :], len(start)
        tail = self.tokenizer(continuation, add_special_tokens=False)["input_ids"]
        return start + tuple(tail), len(start)

    def _head(self, turns: Turns) -> str:
        """The text before the answer's first character."""
        asked = (turns.system or "") + turns.user
        self._control.refuse_in(asked, "the prompt", own=turns.own)
        if turns.raw:
            return asked
        messages = _dicts(_messages(turns, ""))
        self._check_template()
        head = self._template(messages, add_generation_prompt=True)
        if self._opens_turn is None:
            self._opens_turn = head != self._template(messages, add_generation_prompt=False)
        return head if self._opens_turn else self._continued_head(messages)

    def _check_template(self) -> None:
        if not getattr(self.tokenizer, "chat_template", None):
            raise PrerequisiteError(
                "this model's tokenizer has no chat template, and the prompt is of style chat; "
                "use a prompt of style raw, or an instruction-tuned model"
            )

    def _continued_head(self, messages: list[dict[str, str]]) -> str:
        """For a template without a generation prompt: what stands before an assistant's text."""
        probe = [*messages, {"role": "assistant", "content": _PROBE}]
        try:
            text = self._template(probe, continue_final_message=True)
        except ValueError as error:
            raise PrerequisiteError(
                f"this model's chat template can't continue an assistant turn; {_CURE}"
            ) from error
        if not text.endswith(_PROBE):
            raise PrerequisiteError(
                "this model's chat template can't continue an assistant turn: the text does not "
                f"end with the answer's beginning; {_CURE}"
            )
        return text.removesuffix(_PROBE)

    def _template(self, messages: list[dict[str, str]], **how: bool) -> str:
        from jinja2 import TemplateError

        try:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, **how, **self._template_args
            )
        except TemplateError as error:
            raise PrerequisiteError(
                f"this model's chat template refuses the prompt: {error}; {_CURE}"
            ) from error
        return str(text)

    def _find_leading_ids(self) -> tuple[int, ...]:
        """Ids that the tokenizer puts before every text (a BOS token), without those behind it."""
        plain = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        full = self.tokenizer("a")["input_ids"]
        for start in range(len(full) - len(plain) + 1):
            if list(full[start : start + len(plain)]) == list(plain):
                return tuple(full[:start])
        return ()

    def _ids(self, text: str, raw: bool) -> tuple[int, ...]:
        ids = tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return (*self._leading_ids, *ids) if raw else ids

    def _encode(self, text: str, raw: bool) -> _Encoded | None:
        """Ids with their character offsets; None where the tokenizer has no offsets."""
        if not getattr(self.tokenizer, "is_fast", False):
            return None
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return _Encoded(
            self._leading_ids if raw else (),
            tuple(encoding["input_ids"]),
            [start for start, _ in encoding["offset_mapping"]],
            [end for _, end in encoding["offset_mapping"]],
        )

    def _cut(self, encoded: _Encoded, prefix: str, raw: bool) -> tuple[int, ...] | None:
        """The ids of `prefix`, cut from those of the whole text; None where a token spans its end
        or where the cut ids would not decode to what the prefix's own ids decode to."""
        count = encoded.tokens_before(len(prefix))
        if count is None:
            return None
        ids = encoded.ids[:count]
        text = self._decode(ids[len(encoded.leading) :])
        if text == prefix:
            return ids
        own = self._ids(prefix, raw)
        return ids if text == self._decode(own[len(encoded.leading) :]) else None

    def _decode(self, ids: tuple[int, ...]) -> str:
        text = self.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(text)


class _Encoded:
    """Token ids of a whole text (after `leading` ones without text) and their offsets."""

    def __init__(
        self, leading: tuple[int, ...], ids: tuple[int, ...], starts: list[int], ends: list[int]
    ) -> None:
        self.leading = leading
        self.ids = (*leading, *ids)
        self._starts = starts
        self._ends = ends

    def tokens_before(self, end: int) -> int | None:
        """How many ids lie wholly before character `end`; None if one reaches across it."""
        count = bisect_right(self._ends, end)
        if count < len(self._starts) and self._starts[count] < end:
            return None
        return len(self.leading) + count


class TextRenderer:
    """For a server whose tokenizer is not known here: text, or messages, and no token ids.

    `chat` says that the server renders messages itself (`chat_api: true`). Which strings are
    control tokens is not known here: whether the server reads them in a message is its own affair.
    """

    def __init__(self, chat: bool) -> None:
        self._chat = chat

    def render(self, turns: Turns, answer_prefix: str = "") -> Prompt:
        if turns.raw and self._chat:
            raise PrerequisiteError(
                "a prompt of style raw can't go through /chat/completions; set chat_api: false "
                "for this engine, or use a prompt of style chat"
            )
        if turns.raw:
            return Prompt((turns.system or "") + turns.user + answer_prefix)
        if not self._chat:
            raise PrerequisiteError(
                "a prompt of style chat needs the model's chat template: set the engine's "
                "tokenizer to the model's folder, or chat_api: true so that the server renders it"
            )
        messages = _messages(turns, answer_prefix)
        return Prompt(json.dumps(messages, ensure_ascii=False), None, messages)

    def prefixes(self, turns: Turns, steps: Sequence[str]) -> list[Prompt]:
        return [self.render(turns, answer) for answer in ["", *accumulate(steps)]]


def _messages(turns: Turns, answer_prefix: str) -> tuple[tuple[str, str], ...] | None:
    if turns.raw:
        return None
    messages = [("system", turns.system)] if turns.system is not None else []
    messages.append(("user", turns.user))
    if answer_prefix:
        messages.append(("assistant", answer_prefix))
    return tuple((role, content) for role, content in messages if content is not None)


def _dicts(messages: tuple[tuple[str, str], ...] | None) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in messages or ()]


def _check_thinking(head: str, answer: str) -> None:
    """A template may open `<think>` itself. A whole solution without `</think>` was then not
    written after this prompt, and its steps would be read as thoughts."""
    tail = head.rpartition("<think>")
    opened = bool(tail[1]) and not tail[2].strip()
    if opened and answer and "</think>" not in answer:
        raise BadRequestError(
            "this model's chat template opens a <think> section and the solution has none, so the "
            "model can't continue it as an answer; set template_args: {enable_thinking: false} "
            "for this engine if the template knows it, or use a model that does not think first"
        )
