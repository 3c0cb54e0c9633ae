from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.base_model import BaseModel, load_base
from chatfeedback.engine.decode import (
    Decoding,
    KeptCaches,
    Row,
    TextStream,
    plan_batches,
    rows_at_once,
)
from chatfeedback.engine.sampling import (
    draw_uniforms,
    invert_cdf,
    next_tokens,
    penalise_repeats,
    truncate,
)
from chatfeedback.engine.serving import Serving
from chatfeedback.errors import PromptTooLong
from chatfeedback.records import (
    AdapterUse,
    GeneratedReply,
    GenerateRequest,
    Sampling,
    TextDelta,
    Turn,
)
from tests.tiny_models import save_tiny_model

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_new_tokens=24)
WARM = Sampling(temperature=1.0, min_p=0.0, repetition_penalty=1.1, max_new_tokens=24)
NO_END = (10_000,)


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return load_base(save_tiny_model(tmp_path_factory.mktemp(request.param), request.param))


class PlainView:
    """The base model alone."""

    def __init__(self, base: BaseModel) -> None:
        self.model: Any = base.model

    def use(self, adapter: AdapterUse | None) -> None: ...


def decode(base: BaseModel, prompts: Sequence[Sequence[int]], **wishes: Any) -> list[Row]:
    wishes = {"n": 1, "seed": 1, "sampling": WARM, "end_token_ids": NO_END} | wishes
    decoding = Decoding(PlainView(base), None, prompts, context_tokens=512, **wishes)
    run(decoding)
    return decoding.rows


def run(decoding: Decoding) -> None:
    while not decoding.done:
        decoding.step()


def ids_of(rows: list[Row]) -> list[list[int]]:
    return [row.token_ids for row in rows]


def prompt_of(length: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (length,), generator=generator).tolist()


# --- whole replies -----------------------------------------------------------------------


def test_greedy_decoding_equals_transformers_token_for_token(base: BaseModel):
    prompt = prompt_of(30)
    theirs = base.model.generate(
        tensor([prompt]), max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    (ours,) = decode(base, [prompt], sampling=GREEDY)
    assert ours.token_ids == theirs[0, 30:].tolist()


def test_rows_of_a_batch_equal_the_same_prompts_alone(base: BaseModel):
    prompts = [prompt_of(length, seed=length) for length in (5, 31, 12, 60)]
    alone = [decode(base, [p], numbers=[i])[0] for i, p in enumerate(prompts)]
    assert ids_of(decode(base, prompts)) == ids_of(alone)


def test_a_prompt_read_in_slices_equals_one_read_at_once(base: BaseModel):
    prompts = [prompt_of(300, seed=i) for i in range(8)]  # 2400 tokens: more than one slice
    alone = [decode(base, [p], numbers=[i])[0] for i, p in enumerate(prompts)]
    assert ids_of(decode(base, prompts)) == ids_of(alone)


def test_candidates_that_share_a_prompt_equal_single_replies_with_their_numbers(base: BaseModel):
    prompt = prompt_of(20)
    alone = [decode(base, [prompt], first_reply=i)[0] for i in range(4)]
    together = decode(base, [prompt], n=4)
    assert ids_of(together) == ids_of(alone)
    assert len({tuple(row.token_ids) for row in together}) == 4


def test_replies_go_on_unchanged_when_others_of_the_batch_end(base: BaseModel):
    prompts = [prompt_of(10, seed=i) for i in range(6)]
    endless = decode(base, prompts)
    stops = {row.token_ids[3] for row in endless[:3]}
    for row, free in zip(decode(base, prompts, end_token_ids=stops), endless, strict=True):
        assert row.token_ids == free.token_ids[: len(row.token_ids)]
        assert row.stop_reason == ("end" if row.token_ids[-1] in stops else "length")


def test_another_seed_gives_another_reply(base: BaseModel):
    prompt = prompt_of(20)
    assert ids_of(decode(base, [prompt], seed=1)) != ids_of(decode(base, [prompt], seed=2))


def test_the_policy_log_probability_is_the_model_s_own(base: BaseModel):
    prompt = prompt_of(20)
    (row,) = decode(base, [prompt])
    with torch.no_grad():
        logits = base.model(tensor([prompt + row.token_ids])).logits[0, 19:-1]
    logprobs = logits.log_softmax(-1).gather(1, tensor(row.token_ids)[:, None])
    assert row.policy_logprob == pytest.approx(logprobs.sum().item(), abs=1e-3)


def test_hidden_states_of_decoding_equal_those_of_a_forward_over_the_whole_reply(base: BaseModel):
    prompts = [prompt_of(20), prompt_of(33)]
    ends = [row.token_ids[9] for row in decode(base, prompts)[:1]]
    for row in decode(base, prompts, n=3, end_token_ids=ends, with_hidden=True):
        ids = [*row.prompt_ids, *row.token_ids]
        with torch.no_grad():
            states = base.model.base_model(tensor([ids])).last_hidden_state[0]
        start = len(row.prompt_ids)
        assert_close(row.hidden, states[start:].mean(0), atol=1e-4, rtol=1e-4)
        assert_close(row.prompt_hidden, states[start - 1], atol=1e-4, rtol=1e-4)


def test_asking_for_hidden_states_changes_no_reply(base: BaseModel):
    prompts = [prompt_of(20), prompt_of(33)]
    assert ids_of(decode(base, prompts, with_hidden=True)) == ids_of(decode(base, prompts))


def test_a_reply_ends_at_the_end_token_and_keeps_it(base: BaseModel):
    (free,) = decode(base, [prompt_of(9)])
    (row,) = decode(base, [prompt_of(9)], end_token_ids=[free.token_ids[5]])
    assert row.stop_reason == "end"
    assert row.token_ids == free.token_ids[: free.token_ids.index(free.token_ids[5]) + 1]


def test_a_reply_ends_where_the_context_ends(base: BaseModel):
    (row,) = decode(base, [prompt_of(505)])
    assert (len(row.token_ids), row.stop_reason) == (7, "length")


def test_each_step_after_the_prompt_gives_one_token(base: BaseModel):
    decoding = Decoding(
        PlainView(base), None, [prompt_of(9)],
        n=2, seed=0, sampling=WARM, end_token_ids=NO_END, context_tokens=512,
    )  # fmt: skip
    for count in (1, 2, 3):
        assert decoding.step() == decoding.rows
        assert [len(row.token_ids) for row in decoding.rows] == [count, count]


# --- caches ------------------------------------------------------------------------------


def reply_with(caches: KeptCaches, base: BaseModel, prompt: list[int]) -> tuple[list[int], int]:
    kept = caches.take("talk", prompt)
    decoding = Decoding(
        PlainView(base), None, [prompt], kept=kept,
        n=1, seed=3, sampling=WARM, end_token_ids=NO_END, context_tokens=512,
    )  # fmt: skip
    run(decoding)
    read = decoding.what_was_read()
    assert read is not None
    caches.keep("talk", *read)
    return decoding.rows[0].token_ids, kept[1] if kept else 0


def test_a_kept_cache_gives_the_same_replies_turn_after_turn(base: BaseModel):
    caches, prompt, reused = KeptCaches(10**9), prompt_of(40), []
    for turn in range(3):
        ids, shared = reply_with(caches, base, prompt)
        reused.append(shared)
        assert ids == ids_of(decode(base, [prompt], seed=3))[0]
        prompt = [*prompt, *ids, *prompt_of(10, seed=turn)]
    assert reused == [0, 63, 97]  # all but the last token of what was read before


def test_a_changed_history_is_read_again_from_the_change_on(base: BaseModel):
    caches, prompt = KeptCaches(10**9), prompt_of(40)
    reply_with(caches, base, prompt)
    edited = [*prompt[:15], 1 + prompt[15], *prompt[16:]]
    assert reply_with(caches, base, edited) == (ids_of(decode(base, [edited], seed=3))[0], 15)


def test_a_candidates_prompt_can_be_continued_after_they_were_drawn(base: BaseModel):
    prompt = prompt_of(25)
    decoding = Decoding(
        PlainView(base), None, [prompt],
        n=3, seed=0, sampling=WARM, end_token_ids=NO_END, context_tokens=512,
    )  # fmt: skip
    run(decoding)
    read = decoding.what_was_read()
    assert read is not None
    caches = KeptCaches(10**9)
    caches.keep("talk", *read)
    longer = [*prompt, *decoding.rows[1].token_ids, *prompt_of(5)]
    assert reply_with(caches, base, longer) == (ids_of(decode(base, [longer], seed=3))[0], 25)


def test_the_least_recently_used_cache_goes_first(base: BaseModel):
    caches = KeptCaches(limit_bytes=30_000)
    for key in ("old", "new"):
        decoding = Decoding(
            PlainView(base), None, [prompt_of(20)],
            n=1, seed=0, sampling=GREEDY, end_token_ids=NO_END, context_tokens=512,
        )  # fmt: skip
        run(decoding)
        read = decoding.what_was_read()
        assert read is not None
        caches.keep(key, *read)  # 43 tokens x 3 layers x 2 x 2 heads x 12 x 4 bytes = 24 768
    assert caches.take("old", prompt_of(20)) is None
    assert caches.take("new", prompt_of(20)) is not None


def test_prompts_of_similar_length_share_a_batch(base: BaseModel):
    prompts = [[0] * (1 + i % 5) for i in range(1000)]
    batches = plan_batches(prompts, 2, base.model.config, new_tokens=100, kv_tokens=10**6)
    assert sorted(i for batch in batches for i in batch) == list(range(1000))
    lengths = [len(prompts[i]) for batch in batches for i in batch]
    assert lengths == sorted(lengths)
    assert all(len(batch) <= 96 for batch in batches)


def test_a_batch_takes_no_more_tokens_than_memory_has_room_for(base: BaseModel):
    prompts = [[0] * 50] * 20
    batches = plan_batches(prompts, 2, base.model.config, new_tokens=50, kv_tokens=650)
    assert [len(batch) for batch in batches] == [3] * 6 + [2]  # 6 rows of 100 tokens
    assert rows_at_once(1000, base.model.config, kv_tokens=650) == 1


# --- one token ---------------------------------------------------------------------------


def test_min_p_drops_what_is_less_likely_than_its_share_of_the_likeliest():
    kept = truncate(tensor([[0.5, 0.3, 0.06, 0.04, 0.1]]), top_p=1.0, min_p=0.1)  # floor 0.05
    assert_close(kept, tensor([[0.5, 0.3, 0.06, 0.0, 0.1]]))


def test_top_p_keeps_the_smallest_set_with_that_much_probability():
    kept = truncate(tensor([[0.1, 0.5, 0.15, 0.25]]), top_p=0.7, min_p=0.0)
    assert_close(kept, tensor([[0.0, 0.5, 0.0, 0.25]]))


def test_the_likeliest_token_always_stays():
    assert_close(truncate(tensor([[0.4, 0.6]]), top_p=0.0, min_p=1.0), tensor([[0.0, 0.6]]))


def test_the_repetition_penalty_lowers_used_tokens_of_either_sign():
    logits, is_used = tensor([[2.0, -2.0, 2.0]]), tensor([[True, True, False]])
    assert_close(penalise_repeats(logits, is_used, 1.25), tensor([[1.6, -2.5, 2.0]]))


def test_a_uniform_number_picks_the_token_whose_share_it_falls_into():
    weights = tensor([[0.0, 1.0, 0.0, 3.0]]).repeat(4, 1)
    picked = invert_cdf(weights, tensor([0.0, 0.249, 0.25, 1 - 2**-24]))
    assert picked.tolist() == [1, 1, 3, 3]


def test_tokens_are_drawn_as_often_as_their_probability_says():
    logits = tensor([[0.1, 0.2, 0.7]]).log().repeat(20_000, 1)
    uniforms = draw_uniforms(0, 0, 0, 20_000)
    tokens, _ = next_tokens(logits, None, uniforms, Sampling(temperature=1.0, min_p=0.0))
    assert_close(tokens.bincount() / 20_000, tensor([0.1, 0.2, 0.7]), atol=0.012, rtol=0)


def test_a_low_temperature_sharpens_and_the_log_probability_stays_the_model_s():
    logits = tensor([[0.25, 0.75]]).log().repeat(1000, 1)
    sharp = Sampling(temperature=0.5, min_p=0.0)  # 1 : 9 instead of 1 : 3
    tokens, logprobs = next_tokens(logits, None, draw_uniforms(0, 0, 0, 1000), sharp)
    assert_close((tokens == 0).float().mean(), tensor(0.1), atol=0.03, rtol=0)
    assert_close(logprobs.exp().unique(), tensor([0.25, 0.75]))


def test_the_random_numbers_of_a_reply_depend_on_its_own_numbers_only():
    assert_close(draw_uniforms(7, 3, 1, 5), draw_uniforms(7, 3, 1, 9)[:5])
    others = [draw_uniforms(*key, 5) for key in ((8, 3, 1), (7, 4, 1), (7, 3, 2), (7, 1, 3))]
    assert all((draw_uniforms(7, 3, 1, 5) != other).all() for other in others)


# --- text --------------------------------------------------------------------------------


def test_streamed_text_never_splits_a_character_and_adds_up(base: BaseModel):
    ids = base.template.reply_ids("Grüße an 東京 👩‍🚀! 🎉 Naïve café.")
    stream = TextStream(base.tokenizer, base.end_token_ids)
    pieces = [stream.push(token_id) for token_id in ids]
    assert not any("\ufffd" in piece for piece in pieces)
    assert "".join(pieces) + stream.finish() == "Grüße an 東京 👩‍🚀! 🎉 Naïve café." == stream.text


def test_a_character_that_was_cut_off_is_left_out(base: BaseModel):
    ids = base.template.reply_ids("ab東")[:-2]
    stream = TextStream(base.tokenizer, base.end_token_ids)
    assert [stream.push(token_id) for token_id in ids] == ["a", "b", "", ""]
    assert (stream.finish(), stream.text) == ("", "ab")
    assert base.template.text_of(ids) == "ab"


def stopped(base: BaseModel, text: str, *stop: str) -> tuple[list[str], TextStream]:
    stream = TextStream(base.tokenizer, base.end_token_ids, stop)
    return [stream.push(token_id) for token_id in base.template.reply_ids(text)], stream


def test_nothing_of_a_stop_text_is_ever_shown(base: BaseModel):
    pieces, stream = stopped(base, "ab\nUser: c", "\nUser:")
    assert ("".join(pieces), stream.finish(), stream.stopped) == ("ab", "", True)
    assert stream.text == "ab"


def test_what_only_begins_like_a_stop_text_is_shown_once_it_goes_on_otherwise(base: BaseModel):
    pieces, stream = stopped(base, "aXXb", "XXX", "")
    assert pieces == ["a", "", "", "XXb", ""]
    assert not stream.stopped


def test_a_beginning_of_a_stop_text_at_the_end_of_a_reply_is_shown(base: BaseModel):
    pieces, stream = stopped(base, "aXX", "XXX")
    assert ("".join(pieces), stream.finish(), stream.text) == ("a", "XX", "aXX")


def test_a_reply_that_was_ended_draws_no_more_tokens_and_the_others_go_on(base: BaseModel):
    decoding = Decoding(
        PlainView(base), None, [prompt_of(9)],
        n=2, seed=0, sampling=WARM, end_token_ids=NO_END, context_tokens=512,
    )  # fmt: skip
    for _ in range(3):
        decoding.step()
    decoding.end(decoding.rows[0])
    run(decoding)
    assert [len(row.token_ids) for row in decoding.rows] == [3, 24]
    assert [row.stop_reason for row in decoding.rows] == ["end", "length"]


def test_a_chat_reply_ends_where_a_stop_text_begins(base: BaseModel):
    live, _ = make_views(base.model)
    serving = Serving(base, live, base.anatomy)

    def ask(*stop: str) -> tuple[str, GeneratedReply]:
        sampling = Sampling(temperature=0, repetition_penalty=1.0, max_new_tokens=24, stop=stop)
        request = GenerateRequest((Turn("user", "Hi"),), 1, 0, sampling)
        pieces = [piece for some in serving.generate(request, 0.0) for piece in some]
        return "".join(each.text for each in pieces if isinstance(each, TextDelta)), pieces[-1]

    free_text, free = ask()
    middle = free_text[len(free_text) // 2 :][:3]
    text, reply = ask(middle)
    assert text == reply.text == free_text[: free_text.index(middle)]
    assert reply.stop_reason == "end"
    assert len(reply.token_ids) < len(free.token_ids)
    assert np.isfinite(reply.features.hidden).all()


# --- replies that go on ------------------------------------------------------------------


def test_a_reply_that_goes_on_equals_one_that_was_never_interrupted(base: BaseModel):
    prompt = prompt_of(20)
    (whole,) = decode(base, [prompt], sampling=WARM)
    first = whole.token_ids[:9]
    (rest,) = decode(base, [prompt], begun=first, sampling=replace(WARM, max_new_tokens=15))
    assert rest.token_ids == whole.token_ids
    assert (rest.prompt_ids, rest.stop_reason) == (prompt, "length")


def test_a_reply_that_goes_on_reads_nothing_again(base: BaseModel):
    prompt = prompt_of(20)
    (whole,) = decode(base, [prompt], sampling=WARM)
    decoding = Decoding(
        PlainView(base), None, [prompt],
        n=1, seed=1, sampling=WARM, end_token_ids=NO_END, context_tokens=512,
    )  # fmt: skip
    for _ in range(9):
        decoding.step()
    caches = KeptCaches(10**9)
    read = decoding.what_was_read()
    assert read is not None
    caches.keep("talk", *read)
    begun = decoding.rows[0].token_ids
    kept = caches.take("talk", [*prompt, *begun])
    assert kept is not None
    assert kept[1] == 20 + 9 - 1
    rest = replace(WARM, max_new_tokens=15)
    (row,) = decode(base, [prompt], begun=begun, kept=kept, sampling=rest)
    assert row.token_ids == whole.token_ids


def chat_about_hi(serving: Serving, **wishes: Any) -> Iterator[list[Any]]:
    wishes = {"n": 1, "seed": 3, "sampling": GREEDY, "conversation_key": "talk"} | wishes
    return serving.generate(GenerateRequest((Turn("user", "Hi"),), **wishes), 0.0)


def stop_after(stream: Iterator[list[Any]], pieces: int) -> tuple[int, ...]:
    """Close a stream once it gave so many pieces of text; the ids of these."""
    ids: tuple[int, ...] = ()
    seen = 0
    while seen < pieces:
        for delta in next(stream):
            seen += 1
            ids += delta.token_ids
    stream.close()
    return ids


@pytest.mark.parametrize("sampling", [GREEDY, WARM])
def test_a_stopped_chat_reply_goes_on_with_the_same_tokens_text_and_figures(
    base: BaseModel, sampling: Sampling
):
    serving = Serving(base, make_views(base.model)[0], base.anatomy)
    whole = list(chat_about_hi(serving, sampling=sampling))[-1][0]
    first = stop_after(chat_about_hi(serving, sampling=sampling), 3)
    begun = Turn("assistant", "", first)
    rest = replace(sampling, max_new_tokens=24 - len(first))
    *streamed, [reply] = chat_about_hi(serving, sampling=rest, begun=begun)
    said = "".join(delta.text for deltas in streamed for delta in deltas)
    assert 3 <= len(first) < len(whole.token_ids)
    assert reply.token_ids == whole.token_ids
    assert base.template.text_of(first) + said == reply.text == whole.text
    assert reply.policy_logprob == pytest.approx(whole.policy_logprob, abs=1e-3)
    assert reply.features.base_logprob == pytest.approx(whole.features.base_logprob, abs=1e-3)
    assert_close(reply.features.hidden, whole.features.hidden, atol=2e-3, rtol=2e-3)


def test_a_reply_without_ids_goes_on_from_its_text(base: BaseModel):
    serving = Serving(base, make_views(base.model)[0], base.anatomy)
    reply = list(chat_about_hi(serving, begun=Turn("assistant", "Tea is")))[-1][0]
    assert reply.text.startswith("Tea is")
    assert len(reply.token_ids) == 6 + GREEDY.max_new_tokens


def test_a_reply_that_fills_the_context_cannot_go_on(base: BaseModel):
    serving = Serving(base, make_views(base.model)[0], base.anatomy)
    with pytest.raises(PromptTooLong, match="512 tokens that the model can read"):
        list(chat_about_hi(serving, begun=Turn("assistant", "", (65,) * 510)))
