"""Replies for several people in one forward: each is the reply it would be alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from chatfeedback.engine import adapter_files
from chatfeedback.engine.adapters import LiveView, make_views
from chatfeedback.engine.base_model import load_base
from chatfeedback.engine.decode import Decoding
from chatfeedback.engine.serving import Serving
from chatfeedback.engine.together import Together, step_together
from chatfeedback.records import (
    AdapterUse,
    GeneratedReply,
    GenerateRequest,
    Sampling,
    TextDelta,
    Turn,
)
from tests.tiny_models import save_tiny_model

WARM = Sampling(temperature=1.0, min_p=0.0, max_new_tokens=20)
NO_END = (10_000,)


@pytest.fixture(scope="module", params=["qwen2", "gemma3_text", "gpt_neox"])
def base(request, tmp_path_factory):
    return load_base(save_tiny_model(tmp_path_factory.mktemp(request.param), request.param))


@pytest.fixture(scope="module")
def adapters(base, tmp_path_factory):
    """Three versions with weights as after much learning, of two ranks."""
    _, candidate = make_views(base.model)
    found = []
    for number, rank in enumerate((4, 8, 4)):
        candidate.reset(rank, 2.0 * rank, seed=0)
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for weight in candidate.parameters():
                weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
        folder = tmp_path_factory.mktemp("adapters") / f"version{number}"
        staging = adapter_files.staging_folder(folder)
        candidate.save(staging, "tiny")
        adapter_files.publish(staging, folder, {})
        found.append(AdapterUse(folder.name, str(folder)))
    return found


def begin(view, adapter, length, seed, n=1, **wishes):
    """A reply whose prompt is read and whose first token is drawn."""
    draw = torch.Generator().manual_seed(seed)
    prompt = torch.randint(0, 256, (length,), generator=draw).tolist()
    decoding = Decoding(
        view,
        adapter,
        [prompt],
        n=n,
        seed=seed,
        sampling=replace(WARM, **wishes),
        end_token_ids=NO_END,
        context_tokens=512,
    )
    while decoding.is_reading:
        decoding.step()
    return decoding


def ids_of(decoding):
    return [row.token_ids for row in decoding.rows]


def alone(base, *wishes, **more):
    decoding = begin(LiveView(base.model), *wishes, **more)
    while not decoding.done:
        decoding.step()
    return ids_of(decoding)


def finish(together, decodings):
    """Step each in turn, as the loop does."""
    while not all(map(together.is_over, decodings)):
        for decoding in decodings:
            if not together.is_over(decoding):
                together.step(decoding)


def start(view, *decodings):
    together = Together(view)
    for decoding in decodings:
        together.enter(decoding)
    return together


# --- equal to being alone ----------------------------------------------------------------


def test_two_people_get_the_replies_they_would_get_alone(base, adapters):
    mine, yours, _ = adapters
    view = LiveView(base.model)
    decodings = begin(view, mine, 9, 1), begin(view, yours, 30, 2)
    finish(start(view, *decodings), decodings)
    assert ids_of(decodings[0]) == alone(base, mine, 9, 1)
    assert ids_of(decodings[1]) == alone(base, yours, 30, 2)
    assert ids_of(decodings[0]) != alone(base, yours, 9, 1)


def test_strengths_of_one_version_and_the_base_share_a_forward(base, adapters):
    uses = [replace(adapters[0], scale=scale) for scale in (1.0, 0.3, 0.0)] + [None]
    view = LiveView(base.model)
    decodings = [begin(view, use, 12, 5) for use in uses]
    finish(start(view, *decodings), decodings)
    found = [ids_of(decoding) for decoding in decodings]
    assert found == [alone(base, use, 12, 5) for use in uses]
    assert found[0] != found[1] != found[2] == found[3]


def test_candidates_of_one_and_the_reply_of_another_share_a_forward(base, adapters):
    view = LiveView(base.model)
    decodings = begin(view, adapters[0], 9, 1, n=3), begin(view, adapters[1], 40, 2)
    finish(start(view, *decodings), decodings)
    assert ids_of(decodings[0]) == alone(base, adapters[0], 9, 1, n=3)
    assert ids_of(decodings[1]) == alone(base, adapters[1], 40, 2)


def test_states_and_log_probabilities_are_those_of_being_alone(base, adapters):
    def next_logprob(joint):
        view = LiveView(base.model)
        first, second = begin(view, adapters[0], 9, 1), begin(view, adapters[1], 30, 2)
        if joint:
            step_together(view, [first, second])
        else:
            first.step()
        return torch.tensor(first.rows[0].policy_logprob)

    assert_close(next_logprob(joint=True), next_logprob(joint=False))


# --- joining and leaving -----------------------------------------------------------------


def test_a_reply_may_join_late_and_outlast_the_other(base, adapters):
    view = LiveView(base.model)
    first = begin(view, adapters[0], 9, 1)
    together = start(view, first)
    for _ in range(5):
        together.step(first)
    second = begin(view, adapters[1], 15, 2)
    together.enter(second)
    finish(together, [first, second])
    assert ids_of(first) == alone(base, adapters[0], 9, 1)
    assert ids_of(second) == alone(base, adapters[1], 15, 2)


def test_a_reply_that_leaves_lets_the_other_go_on_as_alone(base, adapters):
    view = LiveView(base.model)
    first, second = begin(view, adapters[0], 9, 1), begin(view, adapters[1], 15, 2)
    together = start(view, first, second)
    for _ in range(4):
        together.step(first)
        together.step(second)
    together.leave(second)
    finish(together, [first])
    assert ids_of(first) == alone(base, adapters[0], 9, 1)


def test_somebody_else_may_use_the_view_in_between(base, adapters):
    view = LiveView(base.model)
    first, second = begin(view, adapters[0], 9, 1), begin(view, adapters[1], 15, 2)
    together = start(view, first, second)
    while not together.is_over(first):
        together.step(first)
        together.step(second)
        view.use(adapters[2])
    assert ids_of(first) == alone(base, adapters[0], 9, 1)


def test_two_replies_cost_one_forward_a_token(base, adapters):
    view = LiveView(base.model)
    first, second = begin(view, adapters[0], 9, 1), begin(view, adapters[1], 15, 2)
    forwards = []
    view._tree.base_model.register_forward_hook(lambda *_: forwards.append(1))
    finish(start(view, first, second), [first, second])
    assert len(forwards) == WARM.max_new_tokens - 1


def test_more_adapters_than_can_be_loaded_take_turns(base, adapters):
    view = LiveView(base.model)
    decodings = [begin(view, use, 9 + at, at) for at, use in enumerate([*adapters, None])]
    together = start(view, *decodings)
    assert len(together._companions(decodings[0])) == 2
    finish(together, decodings)
    expected = [alone(base, use, 9 + at, at) for at, use in enumerate([*adapters, None])]
    assert [ids_of(each) for each in decodings] == expected


# --- as served ---------------------------------------------------------------------------


def chat(serving, adapter, question, seed):
    request = GenerateRequest((Turn("user", question),), 1, seed, WARM, adapter)
    return serving.generate(request, 0.0)


def all_of(stream):
    return [piece for pieces in stream for piece in pieces]


def take_turns(*streams):
    """What each says, forward by forward in turn."""
    pieces = [[] for _ in streams]
    waiting = dict(enumerate(streams))
    while waiting:
        for at, stream in list(waiting.items()):
            found = next(stream, None)
            if found is None:
                del waiting[at]
            else:
                pieces[at] += found
    return pieces


def reply_of(pieces):
    (reply,) = (piece for piece in pieces if isinstance(piece, GeneratedReply))
    assert reply.text == "".join(each.text for each in pieces if isinstance(each, TextDelta))
    return reply


def test_two_chats_at_once_are_answered_as_one_after_the_other(base, adapters):
    serving = Serving(base, LiveView(base.model), base.anatomy)
    asked = [(adapters[0], "Hello", 3), (adapters[1], "What is the weather like?", 4)]
    at_once = take_turns(*(chat(serving, *each) for each in asked))
    for pieces, each in zip(at_once, asked, strict=True):
        apart = reply_of(all_of(chat(serving, *each)))
        assert reply_of(pieces).token_ids == apart.token_ids
        assert reply_of(pieces).text == apart.text


def test_a_chat_that_is_stopped_does_not_disturb_the_other(base, adapters):
    serving = Serving(base, LiveView(base.model), base.anatomy)
    stopped, kept = chat(serving, adapters[0], "Hello", 3), chat(serving, adapters[1], "Well?", 4)
    for _ in range(6):
        next(stopped)
        next(kept)
    stopped.close()
    assert len(serving._together._under_way) == 1
    rest = all_of(kept)
    apart = reply_of(all_of(chat(serving, adapters[1], "Well?", 4)))
    assert next(r for r in rest if isinstance(r, GeneratedReply)).token_ids == apart.token_ids
