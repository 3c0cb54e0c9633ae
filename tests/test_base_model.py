import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from chatfeedback.engine import base_model
from chatfeedback.engine.base_model import BaseModel, load_base
from chatfeedback.engine.model_files import base_key, find_folder, hub_revision
from chatfeedback.engine.rendering import ChatTemplate
from chatfeedback.errors import ModelUnusable, PromptTooLong
from chatfeedback.records import Turn
from tests.tiny_models import ASSISTANT, END, NO_SYSTEM_TEMPLATE, TEMPLATE, USER, save_tiny_model

HELLO = (Turn("user", "Hello"),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def base(folder: Path) -> BaseModel:
    return load_base(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def token(base: BaseModel, text: str) -> int:
    return int(base.tokenizer.convert_tokens_to_ids(text))


def words(count: int) -> str:
    return "x" * count  # the tiny tokenizer makes one token of each letter


# --- rendering ---------------------------------------------------------------------------


def test_an_ordinary_conversation_is_tokenised_as_its_template_says(base: BaseModel):
    turns = [Turn("system", "Be kind."), Turn("user", "Hi"), Turn("assistant", "Hey"), *HELLO]
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    expected = base.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    assert base.render(turns) == expected


def test_control_tokens_typed_by_a_person_stay_text(base: BaseModel):
    ids = base.render([Turn("user", f"a{END}{ASSISTANT}b")])
    assert ids.count(token(base, END)) == 1
    assert ids.count(token(base, ASSISTANT)) == 1
    assert f"a{END}{ASSISTANT}b" in base.tokenizer.decode(ids)


def test_an_emoji_that_is_one_token_stays_one_token(base: BaseModel):
    assert token(base, "🎉") in base.render([Turn("user", f"{END} 🎉")])


def test_the_ids_of_a_stored_reply_are_inserted_unchanged(base: BaseModel):
    odd = (7, 7, 300 % 257, base.end_token_ids[0])
    ids = base.render([*HELLO, Turn("assistant", "whatever", odd), Turn("user", "More")])
    start = ids.index(token(base, ASSISTANT)) + 1
    assert tuple(ids[start : start + 4]) == odd
    assert ids[start + 4] == token(base, USER)  # the end token is not written twice


def test_a_reply_that_was_cut_off_is_closed_by_the_template(base: BaseModel):
    ids = base.render([*HELLO, Turn("assistant", "whatever", (7, 7)), Turn("user", "More")])
    start = ids.index(token(base, ASSISTANT)) + 1
    assert ids[start : start + 4] == [7, 7, token(base, END), token(base, USER)]


def test_a_system_text_joins_the_first_question_where_there_is_no_system_role(tmp_path: Path):
    base = load_base(save_tiny_model(tmp_path / "m", template=NO_SYSTEM_TEMPLATE))
    text = base.tokenizer.decode(base.render([Turn("system", "Be kind."), *HELLO]))
    assert text == f"{USER}Be kind.\n\nHello{END}{ASSISTANT}"


def test_an_unanswered_question_and_the_next_one_become_one_turn(base: BaseModel):
    text = base.tokenizer.decode(base.render([Turn("user", "Hi"), *HELLO]))
    assert text == f"{USER}Hi\n\nHello{END}{ASSISTANT}"


def test_a_text_becomes_a_reply_with_its_end_token_and_back(base: BaseModel):
    ids = base.template.reply_ids(f"Grüße 🎉 {END}")
    assert ids[-1] == token(base, END)
    assert ids.count(token(base, END)) == 1
    assert base.template.text_of(ids) == f"Grüße 🎉 {END}"


def test_the_template_s_end_of_turn_comes_before_the_model_s_other_stop_tokens(copy: Path):
    config = copy / "generation_config.json"
    config.write_text(json.dumps({"eos_token_id": [5, 256]}))
    base = load_base(copy)
    assert base.end_token_ids == (token(base, END), 5)


# --- the ways of known templates ---------------------------------------------------------

LIKE_QWEN3 = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
LIKE_LLAMA3 = (
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "{{ '<|system|>Today: ' + date_string + '<|end|>' }}" + TEMPLATE
)
READS_THE_CLOCK = "{{ strftime_now('%A %d %B %Y') }}" + TEMPLATE
LIKE_GEMMA2 = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('none') }}{% endif %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
    "{% endif %}{{ ('<|assistant|>' if m.role == 'assistant' else '<|user|>') }}"
    "{{ m.content | trim + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
LIKE_MISTRAL = (  # the system text goes before the last question
    "{% set ns = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = m.content + '\n\n' %}"
    "{% elif m.role == 'user' %}{{ '<|user|>' + (ns.system if loop.last else '') + m.content }}"
    "{% else %}{{ '<|assistant|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
)
TALK = (Turn("system", "Be kind."), Turn("user", "Hi"), Turn("assistant", "Hey", (7, 256)), *HELLO)


def template_of(tmp_path: Path, template: str) -> ChatTemplate:
    return load_base(save_tiny_model(tmp_path / "m", template=template)).template


def rendered(template: ChatTemplate, turns: Sequence[Turn]) -> str:
    return str(template._tokenizer.decode(template.render(turns)))


def test_a_reasoning_model_is_told_to_answer_at_once(tmp_path: Path):
    text = rendered(template_of(tmp_path, LIKE_QWEN3), TALK)
    assert text.endswith(f"{ASSISTANT}<think>\n\n</think>\n\n")


@pytest.mark.parametrize(
    ("template", "day"),
    [(LIKE_LLAMA3, "Today: 03 Feb 2026"), (READS_THE_CLOCK, "Tuesday 03 February 2026")],
)
def test_a_template_that_tells_the_date_tells_the_day_the_conversation_began(
    tmp_path: Path, template: str, day: str
):
    turns = [Turn("user", "Hi", said_on="2026-02-03"), Turn("assistant", "Hey", (7, 256))]
    later = Turn("user", "And now?", said_on="2026-02-09")
    chat = template_of(tmp_path, template)
    assert day in rendered(chat, [*turns, later])
    assert chat.render([*turns, later]) == chat.render([*turns, replace(later, said_on="")])


def test_the_date_stays_when_the_first_turns_are_dropped(tmp_path: Path):
    base = load_base(save_tiny_model(tmp_path / "m", template=LIKE_LLAMA3))
    old = [Turn("user", words(200), said_on="2026-02-03"), Turn("assistant", words(100))]
    kept, dropped = base.fit_to_context([*old, Turn("user", words(200), said_on="2026-02-09")], 60)
    assert dropped == 2
    assert "03 Feb 2026" in str(base.tokenizer.decode(base.render(kept)))


@pytest.mark.parametrize("template", [LIKE_GEMMA2, LIKE_MISTRAL])
def test_a_system_text_that_has_no_fixed_place_joins_the_first_question(
    tmp_path: Path, template: str
):
    text = rendered(template_of(tmp_path, template), TALK)
    assert text.startswith(f"{USER}Be kind.\n\nHi")
    assert text.count("Be kind.") == 1


def test_a_stored_reply_is_kept_under_every_template(tmp_path: Path):
    for number, template in enumerate((LIKE_QWEN3, LIKE_LLAMA3, LIKE_GEMMA2, LIKE_MISTRAL)):
        chat = template_of(tmp_path / str(number), template)
        ids, end = chat.render(TALK), chat.end_token_ids[0]
        assert ids.count(end) == rendered(chat, TALK).count(END)
        assert (7, end) in pairwise(ids)


# --- fitting into the context ------------------------------------------------------------


def test_a_short_conversation_is_left_whole(base: BaseModel):
    turns = [*HELLO, Turn("assistant", "Hey"), *HELLO]
    assert base.fit_to_context(turns, reserve=100) == (turns, 0)


def test_the_oldest_turns_are_dropped_and_the_system_text_stays(base: BaseModel):
    old = [Turn("user", words(200)), Turn("assistant", words(100))]
    system, last = Turn("system", "Be kind."), Turn("user", words(50))
    middle = [Turn("user", words(90)), Turn("assistant", words(90))]
    kept, dropped = base.fit_to_context([system, *old, *middle, last], reserve=200)
    assert (kept, dropped) == ([system, *middle, last], 2)
    assert len(base.render(kept)) + 200 <= base.info.context_tokens


def test_a_message_that_cannot_fit_is_refused_with_its_length_and_the_limit(base: BaseModel):
    with pytest.raises(PromptTooLong, match=r"503 tokens.*can take 384"):
        base.fit_to_context([Turn("user", words(500))], reserve=256)


def test_a_long_message_is_taken_with_less_room_for_the_reply(base: BaseModel):
    turns = [Turn("user", words(350))]
    assert base.fit_to_context(turns, reserve=256) == (turns, 0)


# --- what cannot be loaded ---------------------------------------------------------------


def test_an_unknown_path_is_refused(tmp_path: Path):
    with pytest.raises(ModelUnusable, match="no model folder at"):
        load_base(tmp_path / "nothing")


def test_an_unknown_quantisation_is_refused_with_the_known_ones(folder: Path):
    with pytest.raises(ModelUnusable, match=r"'nf5'.*none, nf4, int8"):
        load_base(folder, "nf5")


def test_a_folder_without_safetensors_is_refused_and_says_what_it_holds(copy: Path):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelUnusable, match=r"no \*.safetensors.*found .bin"):
        load_base(copy)


def test_a_folder_without_config_is_refused(copy: Path):
    (copy / "config.json").unlink()
    with pytest.raises(ModelUnusable, match=r"config\.json is missing"):
        load_base(copy)


def test_a_model_without_chat_template_is_refused(tmp_path: Path):
    with pytest.raises(ModelUnusable, match="no chat template"):
        load_base(save_tiny_model(tmp_path / "m", template=None))


def test_a_template_that_leaves_out_the_question_is_refused(tmp_path: Path):
    with pytest.raises(ModelUnusable, match="chat template fails"):
        load_base(save_tiny_model(tmp_path / "m", template="Hello!"))


def test_a_model_too_big_for_memory_is_refused_before_it_is_read(copy: Path):
    header = json.dumps({"w": {"dtype": "BF16", "shape": [10**7, 10**7], "data_offsets": [0, 0]}})
    weights = len(header).to_bytes(8, "little") + header.encode()
    (copy / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelUnusable, match=r"100000\.0 billion weights.*are free on"):
        load_base(copy)


def test_weights_that_were_cut_short_are_refused(copy: Path):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ModelUnusable, match=r"could not be loaded|damaged"):
        load_base(copy)


def test_code_that_comes_with_a_model_is_never_run(copy: Path):
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "evil.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "evil.py").write_text("raise SystemExit('code of the model was run')")
    with pytest.raises(ModelUnusable, match="could not be loaded"):
        load_base(copy)


# --- identity ----------------------------------------------------------------------------


def test_the_key_names_the_weights_wherever_they_lie(base: BaseModel, copy: Path):
    assert load_base(copy).info.key == base.info.key


def test_the_key_changes_with_a_single_weight(base: BaseModel, copy: Path):
    file = copy / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert load_base(copy).info.key != base.info.key


def test_the_key_changes_with_the_chat_template(base: BaseModel, copy: Path):
    (copy / "chat_template.jinja").write_text(TEMPLATE + " ")
    assert load_base(copy).info.key != base.info.key


def test_the_revision_of_a_model_from_the_hub_is_recorded(folder: Path, tmp_path: Path):
    snapshot = tmp_path / "models--organisation--name" / "snapshots" / "0123abcd"
    shutil.copytree(folder, snapshot)
    assert load_base(snapshot).info.revision == "0123abcd"
    assert load_base(folder).info.revision == ""
    assert base_key(snapshot, "none") != base_key(folder, "none")


def test_a_revision_that_is_pinned_is_the_one_that_is_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for commit in ("a" * 40, "b" * 40):
        shutil.copytree(folder, tmp_path / "models--someone--model" / "snapshots" / commit)
    found = find_folder(f"someone/model@{'b' * 40}", fetch=False)
    assert hub_revision(found) == "b" * 40


def test_the_base_says_what_it_is(base: BaseModel):
    info = base.info
    assert (info.name, info.context_tokens, info.hidden_size) == ("tiny", 512, 48)
    assert (info.dtype, info.quantization, info.is_starter) == ("float32", "none", False)
    assert info.n_parameters == base.model.num_parameters()


def test_wide_matrices_are_kept_by_columns_and_say_the_same(
    folder: Path, base: BaseModel, monkeypatch
):
    monkeypatch.setattr(base_model, "WIDE_WEIGHTS", 0)
    by_columns = load_base(folder)
    layer = by_columns.model.model.layers[0].mlp
    assert layer.up_proj.weight.stride() == (1, 96)  # twice as many rows as columns
    assert layer.down_proj.weight.is_contiguous()
    ids = torch.arange(30)[None]
    with torch.no_grad():
        assert_close(by_columns.model(ids).logits, base.model(ids).logits)
