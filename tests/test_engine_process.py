import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chatfeedback.engine import client
from chatfeedback.engine.adapter_files import verify
from chatfeedback.engine.client import Engine
from chatfeedback.engine.loops import ReplyGate, ServingLoop
from chatfeedback.engine.messages import Answer, Failure, Finished, Start, read_frame, write_frame
from chatfeedback.errors import (
    EngineDied,
    EngineUnavailable,
    InputRefused,
    ModelUnusable,
    PromptTooLong,
)
from chatfeedback.records import (
    AdapterUse,
    DpoSettings,
    GeneratedReply,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    LearnStep,
    PreferencePair,
    SampleRequest,
    Sampling,
    ScoreRequest,
    TextDelta,
    Turn,
)
from tests.tiny_models import END, save_tiny_model

SHORT = Sampling(temperature=1.0, min_p=0.0, max_new_tokens=16)
LONG = Sampling(temperature=1.0, min_p=0.0, max_new_tokens=400)


def ask(text: str, **wishes: Any) -> GenerateRequest:
    wishes = {"n": 1, "seed": 5, "sampling": SHORT} | wishes
    return GenerateRequest((Turn("user", text),), **wishes)


def answer(engine: Engine, request: GenerateRequest) -> list[GeneratedReply]:
    return [piece for piece in engine.generate(request) if isinstance(piece, GeneratedReply)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def engine(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    log = tmp_path_factory.mktemp("logs") / "engine.log"
    with Engine(str(model), "none", log) as engine:
        yield engine


# --- frames ------------------------------------------------------------------------------


def test_a_message_arrives_as_it_was_sent():
    stream = io.BytesIO()
    for number in range(3):
        write_frame(stream, Start(number, ask("Hi")))
    stream.seek(0)
    assert [read_frame(stream) for _ in range(4)] == [
        *(Start(number, ask("Hi")) for number in range(3)),
        None,
    ]


def test_a_frame_cut_off_in_the_middle_counts_as_gone():
    stream = io.BytesIO()
    write_frame(stream, Start(1, ask("Hi")))
    assert read_frame(io.BytesIO(stream.getvalue()[:-1])) is None


def test_an_error_comes_out_as_the_same_class_with_the_same_message():
    error = Failure.of(PromptTooLong("512 tokens")).to_error()
    assert (type(error), str(error)) == (PromptTooLong, "512 tokens")


# --- whose turn it is --------------------------------------------------------------------


class FakeServing:
    """Jobs of a given length that write down when they run."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def generate(self, request: GenerateRequest, arrived_s: float) -> Iterator[list[Any]]:
        return self._steps(request.turns[0].text, 2)

    def sample(self, request: SampleRequest) -> Iterator[list[Any]]:
        return self._steps("sample", 3)

    def score(self, request: ScoreRequest) -> Iterator[list[Any]]:
        return self._steps("score", 1)

    def _steps(self, name: str, count: int) -> Iterator[list[Any]]:
        if name == "bad":
            raise InputRefused("no such thing")
        try:
            for _ in range(count):
                self.ran.append(name)
                yield [name]
        finally:
            self.ran.append(f"{name} over")


class Loop:
    """A live loop driven by hand."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.serving = FakeServing()
        self.gate = ReplyGate()
        self.live = ServingLoop(self.sent.append, [self.gate])

    def submit(self, request_id: int, request: Any) -> None:
        self.live.submit(Start(request_id, request))

    def step(self, times: int = 1) -> list[str]:
        for _ in range(times):
            self.live.step(self.serving)
        return self.serving.ran


SAMPLE = SampleRequest((), 1, 0)


def test_a_reply_overtakes_a_sample_between_two_of_its_steps():
    loop = Loop()
    loop.submit(1, SAMPLE)
    loop.step()
    loop.submit(2, ask("reply"))
    ran = ["sample", "reply", "reply", "reply over", "sample", "sample", "sample over"]
    assert loop.step(6) == ran


def test_two_replies_take_turns_and_a_score_comes_before_a_sample():
    loop = Loop()
    loop.submit(1, SAMPLE)
    loop.submit(2, ScoreRequest((), ()))
    loop.submit(3, ask("a"))
    loop.submit(4, ask("b"))
    assert loop.step(8)[:6] == ["a", "b", "a", "b", "a over", "b over"]
    assert loop.serving.ran[6:] == ["score", "score over"]


def test_a_cancelled_job_runs_no_further_step():
    loop = Loop()
    loop.submit(1, SAMPLE)
    loop.step()
    loop.live.cancel(1)
    assert loop.step() == ["sample", "sample over"]
    assert loop.sent == [Answer(1, "sample"), Finished(1)]


def test_a_failing_job_is_told_and_the_next_one_runs():
    loop = Loop()
    loop.submit(1, ask("bad"))
    loop.submit(2, ask("good"))
    loop.step(4)
    assert [type(message) for message in loop.sent].count(Finished) == 2
    assert loop.sent[0].error == Failure("InputRefused", "no such thing")
    assert loop.sent[-1] == Finished(2)


def test_learning_waits_while_a_reply_is_under_way_and_goes_on_after():
    loop = Loop()
    loop.submit(1, ask("reply"))
    passed = threading.Event()
    learner = threading.Thread(target=lambda: (loop.gate.wait(), passed.set()))
    learner.start()
    assert not passed.is_set()
    loop.step(3)
    assert passed.wait(5)
    learner.join()


def test_learning_is_let_go_when_replies_never_end():
    gate = ReplyGate(longest_wait_s=0.05, share_s=60.0)
    gate.reply_begins()
    start_s = time.monotonic()
    for _ in range(1000):  # layers: it waits at the first, the others are its share
        gate.wait()
    assert 0.05 <= time.monotonic() - start_s < 5


# --- the real thing ----------------------------------------------------------------------


def test_streamed_text_adds_up_to_the_reply(engine: Engine):
    pieces = list(engine.generate(ask("Hello", n=2)))
    replies = [piece for piece in pieces if isinstance(piece, GeneratedReply)]
    assert [reply.index for reply in replies] == [0, 1]
    for reply in replies:
        deltas = [p.text for p in pieces if isinstance(p, TextDelta) and p.index == reply.index]
        assert "".join(deltas) == reply.text


def test_a_reply_of_the_base_has_equal_policy_and_base_log_probability(engine: Engine):
    (reply,) = answer(engine, ask("Hello"))
    assert reply.policy_logprob == pytest.approx(reply.features.base_logprob, abs=1e-3)
    assert reply.features.hidden.shape == reply.features.prompt_hidden.shape == (48,)
    assert 0 < reply.first_token_ms <= reply.reply_ms


def test_the_same_seed_gives_the_same_reply_streamed_and_in_a_batch(engine: Engine):
    streamed = answer(engine, ask("Hello", n=3))
    (batch,) = engine.sample(SampleRequest((ask("Hello").turns,), 3, 5, SHORT))
    assert [r.text for r in batch] == [r.text for r in streamed]
    assert [r.token_ids for r in batch] == [r.token_ids for r in streamed]


def test_samples_come_in_the_order_of_their_prompts(engine: Engine):
    prompts = tuple((Turn("user", "x" * (1 + 37 * i % 50)),) for i in range(12))
    groups = engine.sample(SampleRequest(prompts, 2, 5, SHORT))
    lengths = [[len(reply.prompt_ids) - 3 for reply in group] for group in groups]
    assert lengths == [[len(turns[0].text)] * 2 for turns in prompts]


def test_samples_without_features_say_so(engine: Engine):
    ((reply,),) = engine.sample(SampleRequest((ask("Hi").turns,), 1, 5, SHORT, with_features=False))
    assert reply.features.hidden.shape == (0,)
    assert reply.features.base_logprob != reply.features.base_logprob  # not a number


def test_a_scored_text_is_rendered_as_a_reply(engine: Engine):
    request = ScoreRequest((ask("Hi").turns, ask("Ho").turns), (("Yes", f"No {END}"), ()))
    (first, second), nothing = engine.score(request)
    assert nothing == []
    assert first.token_ids[-1] == second.token_ids[-1]
    assert second.token_ids.count(second.token_ids[-1]) == 1
    assert first.features.base_logprob < 0


def test_a_message_that_cannot_fit_is_refused_on_the_app_s_side(engine: Engine):
    with pytest.raises(PromptTooLong, match="tokens long"):
        answer(engine, ask("x" * 600))


def test_a_closed_stream_stops_the_reply_and_the_next_one_is_answered(engine: Engine):
    stream = engine.generate(ask("Hello", sampling=LONG))
    next(stream)
    stream.close()
    assert len(answer(engine, ask("Hello"))) == 1


def test_a_conversation_goes_on_with_its_kept_cache(engine: Engine):
    (first,) = answer(engine, ask("Hello", conversation_key="talk"))
    spoken = Turn("assistant", first.text, first.token_ids)
    turns = (Turn("user", "Hello"), spoken, Turn("user", "Go on"))
    kept = GenerateRequest(turns, 1, 6, SHORT, conversation_key="talk")
    fresh = GenerateRequest(turns, 1, 6, SHORT)
    assert answer(engine, kept)[0].token_ids == answer(engine, fresh)[0].token_ids


def test_requests_of_many_threads_are_all_answered(engine: Engine):
    with ThreadPoolExecutor(6) as pool:
        texts = [reply.text for (reply,) in pool.map(answer, [engine] * 6, [ask("Hello")] * 6)]
    assert len(texts) == 6
    assert len(set(texts)) == 1


def learn_request(engine: Engine, folder: Path, max_steps: int = 4) -> LearnRequest:
    groups = engine.sample(SampleRequest((ask("Hi").turns, ask("Ho").turns), 2, 5, SHORT))
    end = engine.score(ScoreRequest((ask("Hi").turns,), (("",),)))[0][0].token_ids
    pairs = tuple(
        PreferencePair(a.prompt_ids, (*a.token_ids, *end), b.token_ids, 1.0, "click")
        for a, b in groups
    )
    probes = tuple(a.prompt_ids for a, _ in groups)
    settings = DpoSettings(max_steps=max_steps, learning_rate=0.02, kl_budget_nats=1e6)
    return LearnRequest("run", str(folder), folder.name, pairs, (), probes, settings, seed=0)


def test_learning_beside_chatting_changes_no_reply_until_its_adapter_is_used(
    engine: Engine, tmp_path: Path
):
    request = learn_request(engine, tmp_path / "a1", max_steps=20)
    before = answer(engine, ask("Hello"))[0]
    run = engine.learn(request)
    steps = [next(run), next(run)]
    for _ in range(5):
        assert answer(engine, ask("Hello"))[0].token_ids == before.token_ids
    steps += run
    result = steps[-1]
    assert isinstance(result, LearnResult)
    assert verify(tmp_path / "a1") == result.manifest_hash
    taught = answer(engine, ask("Hello", adapter=AdapterUse("a1", request.folder)))[0]
    assert taught.token_ids != before.token_ids
    assert abs(taught.policy_logprob - taught.features.base_logprob) > 1e-3
    off = answer(engine, ask("Hello", adapter=AdapterUse("a1", request.folder, scale=0.0)))[0]
    assert off.token_ids == before.token_ids


def test_a_cancelled_run_leaves_nothing_behind(engine: Engine, tmp_path: Path):
    run = engine.learn(learn_request(engine, tmp_path / "a2", max_steps=10_000))
    assert isinstance(next(run), LearnStep)
    run.close()
    again = list(engine.learn(learn_request(engine, tmp_path / "a3", max_steps=1)))
    assert isinstance(again[-1], LearnResult)
    assert [path.name for path in tmp_path.iterdir()] == ["a3"]


# --- when it goes wrong ------------------------------------------------------------------


def test_a_killed_engine_is_told_restarted_and_answers_the_same(engine: Engine):
    before = answer(engine, ask("Hello"))[0]
    stream = engine.generate(ask("Hello", sampling=LONG))
    next(stream)
    os.kill(engine.process_id() or 0, signal.SIGKILL)
    with pytest.raises(EngineDied, match="being started again"):
        list(stream)
    assert answer(engine, ask("Hello"))[0].token_ids == before.token_ids
    assert engine.state().phase == "ready"


def test_an_unusable_model_is_refused_once_and_not_tried_again(tmp_path: Path):
    with Engine(str(tmp_path), log_path=tmp_path / "logs" / "engine.log") as engine:
        with pytest.raises(ModelUnusable, match=r"config\.json is missing"):
            engine.wait_until_ready()
        assert engine.state().phase == "failed"
        with pytest.raises(ModelUnusable, match=r"config\.json is missing"):
            answer(engine, ask("Hello"))


def test_an_engine_that_keeps_dying_is_given_up_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        Engine(log_path=tmp_path / "engine.log") as engine,
        pytest.raises(EngineUnavailable, match=r"stopped 4 times.*engine\.log"),
    ):
        engine.wait_until_ready()


def test_an_engine_that_takes_minutes_to_die_while_it_loads_is_given_up_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(client, "DEATHS_WINDOW_S", 0.0)  # each death is long past at the next
    with Engine() as engine, pytest.raises(EngineUnavailable, match="stopped 4 times in a row"):
        engine.wait_until_ready(timeout_s=30)


def test_an_engine_that_cannot_be_started_says_why_instead_of_letting_wait(tmp_path: Path):
    (tmp_path / "logs").write_text("not a folder")
    with Engine(log_path=tmp_path / "logs" / "engine.log") as engine:
        with pytest.raises(EngineUnavailable, match=r"could not be started \(.*logs"):
            engine.wait_until_ready(timeout_s=30)
        with pytest.raises(EngineUnavailable, match="could not be started"):
            answer(engine, ask("Hello"))


def test_the_child_ends_when_the_app_is_gone(model: Path):
    command = [sys.executable, "-m", "chatfeedback.engine.process", "--model", str(model)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    state = read_frame(child.stdout)
    assert state.state.phase == "loading"  # type: ignore[union-attr]
    child.stdin.close()
    assert child.wait(timeout=30) == 0
    child.stdout.close()


def test_a_closed_engine_refuses_requests(model: Path):
    engine = Engine(str(model))
    engine.close()
    with pytest.raises(EngineUnavailable, match="shut down"):
        answer(engine, ask("Hello"))
