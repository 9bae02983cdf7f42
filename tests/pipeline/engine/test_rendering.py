from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pipeline.engine.protocol import Turns
from pipeline.engine.rendering import TextRenderer, TokenRenderer
from pipeline.errors import BadRequestError, PrerequisiteError

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|{{ m.role }}|>"
    "{{ m.content.split('</think>')[-1] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
TEXTS = ["2 + 3 = 5\n", "so x = 12.\n\n", "Der Rest ist 7, naïve", "  ", "\n", "é", "답은 4", "🙂"]
STEPS = st.lists(st.sampled_from(TEXTS) | st.text(max_size=12), max_size=8).map(
    lambda steps: [s.encode("utf-8", "ignore").decode() for s in steps]
)


def byte_level(bos: bool = False, trim: bool = False) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|assistant|>", "<|user|>", "<|system|>", "<bos>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A <|end|>",
            special_tokens=[("<bos>", special.index("<bos>")), ("<|end|>", 0)],
        )
    elif trim:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<|end|>"
    )
    fast.chat_template = CHAT
    return fast


BYTE_LEVEL = byte_level()
TRIMMING = byte_level(trim=True)
WITH_BOS = byte_level(bos=True)


def decoded(renderer: TokenRenderer, ids: tuple[int, ...] | None) -> str:
    assert ids is not None
    return str(
        renderer.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
    )


@pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, TRIMMING], ids=["bytes", "bytes trimmed"])
@pytest.mark.parametrize("raw", [True, False])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_prefix_ids_decode_to_the_prefix_text(
    tokenizer: PreTrainedTokenizerFast, raw: bool, steps: list[str]
) -> None:
    renderer = TokenRenderer(tokenizer)
    prompts = renderer.prefixes(Turns("What is 2 + 3?\n", raw=raw), steps)
    assert len(prompts) == len(steps) + 1
    for count, prompt in enumerate(prompts):
        assert prompt.text.endswith("".join(steps[:count]))
        assert decoded(renderer, prompt.token_ids) == prompt.text


@given(steps=STEPS)
@settings(max_examples=40, deadline=None)
def test_a_prefix_is_what_render_gives_for_the_same_text(steps: list[str]) -> None:
    renderer = TokenRenderer(BYTE_LEVEL)
    turns = Turns("What is 2 + 3?", "Be brief.")
    for count, prompt in enumerate(renderer.prefixes(turns, steps)):
        alone = renderer.render(turns, "".join(steps[:count]))
        assert (prompt.text, prompt.messages) == (alone.text, alone.messages)


def test_each_prompts_ids_begin_the_next_ones_where_no_token_spans_two_steps() -> None:
    renderer = TokenRenderer(BYTE_LEVEL)
    steps = ["2 + 3 = 5\n", "so x = 12.\n", "Der Rest ist 7"]
    prompts = renderer.prefixes(Turns("Q:", raw=True), steps)
    for shorter, longer in itertools.pairwise(prompts):
        assert shorter.token_ids is not None
        assert longer.token_ids is not None
        assert longer.token_ids[: len(shorter.token_ids)] == shorter.token_ids


def test_a_token_that_spans_two_steps_leaves_that_prefix_tokenised_by_itself() -> None:
    renderer = TokenRenderer(BYTE_LEVEL)
    whole = renderer.tokenizer("naïve", add_special_tokens=False)["input_ids"]
    prompts = renderer.prefixes(Turns("Q", raw=True), [" naï", "ve", " 7"])
    assert decoded(renderer, prompts[1].token_ids) == "Q naï"
    assert len(whole) < 5


def test_a_bos_token_comes_first_and_nothing_comes_after_a_raw_prefix() -> None:
    renderer = TokenRenderer(WITH_BOS)
    for prompt in renderer.prefixes(Turns("Q: ", raw=True), ["2 + 3 = 5\n", "so x"]):
        assert prompt.token_ids is not None
        assert prompt.token_ids[0] == renderer.tokenizer.bos_token_id
        assert decoded(renderer, prompt.token_ids) == "<bos>" + prompt.text


@given(steps=st.lists(st.text(alphabet=" wab=+.:\n0123456789", max_size=9), max_size=6))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_tinymath_prefix_ids_decode_like_the_prefix_tokenised_alone(
    tiny_model: Path, steps: list[str]
) -> None:
    renderer = TokenRenderer(AutoTokenizer.from_pretrained(tiny_model))
    for prompt in renderer.prefixes(Turns(" wa = 1 2 :", raw=True), steps):
        alone = renderer.render(Turns(prompt.text, raw=True))
        assert decoded(renderer, prompt.token_ids) == decoded(renderer, alone.token_ids)


def test_the_assistants_beginning_is_the_last_message() -> None:
    prompt = TokenRenderer(BYTE_LEVEL).render(Turns("Q", "S"), "2 + 3 = 5\n")
    assert prompt.messages == (("system", "S"), ("user", "Q"), ("assistant", "2 + 3 = 5\n"))
    assert prompt.text == "<|system|>S<|end|><|user|>Q<|end|><|assistant|>2 + 3 = 5\n"


def test_thinking_that_the_template_opens_and_strips_stays_in_the_prefix() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = THINKING
    steps = ["I see 2 + 3.\n", "</think>", "It is 5"]
    prompts = TokenRenderer(tokenizer).prefixes(Turns("Q"), steps)
    head = "<|user|>Q<|end|><|assistant|><think>\n"
    assert [p.text for p in prompts] == [
        head,
        head + "I see 2 + 3.\n",
        head + "I see 2 + 3.\n</think>",
        head + "I see 2 + 3.\n</think>It is 5",
    ]


def test_a_solution_without_thoughts_is_refused_after_an_opened_think_section() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = THINKING
    with pytest.raises(BadRequestError, match="enable_thinking"):
        TokenRenderer(tokenizer).prefixes(Turns("Q"), ["It is 5"])


def test_a_template_that_drops_the_assistants_text_is_refused() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% endif %}{% endfor %}"
    )
    with pytest.raises(PrerequisiteError, match="can't continue an assistant turn"):
        TokenRenderer(tokenizer).prefixes(Turns("Q"), ["It is 5"])


def test_a_template_without_generation_prompt_is_continued_by_its_own_rule() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]"
        "{% else %} {{ m.content }}<|end|>{% endif %}{% endfor %}"
    )
    prompts = TokenRenderer(tokenizer).prefixes(Turns("Q"), ["It is \n", "5"])
    assert [p.text for p in prompts] == ["[Q] ", "[Q] It is \n", "[Q] It is \n5"]


def test_a_tokenizer_without_chat_template_says_what_to_do() -> None:
    tokenizer = byte_level()
    tokenizer.chat_template = None
    with pytest.raises(PrerequisiteError, match="no chat template"):
        TokenRenderer(tokenizer).render(Turns("Q"))


def test_extend_gives_the_ids_of_prompt_and_continuation() -> None:
    renderer = TokenRenderer(BYTE_LEVEL)
    prompt = renderer.render(Turns("Q", raw=True), "2 + 3")
    ids, begin = renderer.extend(prompt, " = 5\n")
    assert ids[:begin] == prompt.token_ids
    assert decoded(renderer, ids) == "Q2 + 3 = 5\n"


def test_without_a_tokenizer_chat_goes_as_messages_and_raw_as_text() -> None:
    chat = TextRenderer(chat=True).render(Turns("Q", "S"), "A")
    assert chat.messages == (("system", "S"), ("user", "Q"), ("assistant", "A"))
    assert TextRenderer(chat=False).render(Turns("Q", raw=True), "A").text == "QA"
    with pytest.raises(PrerequisiteError, match="tokenizer"):
        TextRenderer(chat=False).render(Turns("Q"))
