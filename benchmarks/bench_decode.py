"""Writing replies, against `transformers.generate` with the same model and the same sampling.

Three cases: a single reply; the first token of the sixth turn of a chat, where we go on from the
keys and values of the turns before; four candidates for one prompt, which we read once. Ours runs
as in a chat, so it also keeps log-probabilities and hidden states. Runs alternate, and CPU seconds
of the process are counted, so that other programs do not look like a ratio. Replies have a fixed
length. A ratio above 1 means that ours is better.

`ratios` are those of a random model with the proportions of real ones; the figures also tell the
starter's, and how `generate` does with more help: a cache that its caller keeps for it, and all
candidates in one call.
"""

from __future__ import annotations

import copy
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, DynamicCache

from benchmarks import peer
from chatfeedback.engine.adapters import LiveView, make_views
from chatfeedback.engine.base_model import lay_out_for_decoding
from chatfeedback.engine.decode import Decoding, KeptCaches
from chatfeedback.records import Sampling

ROUNDS = 5
NEW_TOKENS, PROMPT_TOKENS, CANDIDATE_PROMPT_TOKENS = 64, 64, 300
TURNS, QUESTION_TOKENS = 6, 40
STARTER = Path(__file__).resolve().parents[1] / "chatfeedback" / "starter" / "weights"
NEVER_ENDS = (-1,)


@dataclass
class Contest:
    """One model, as transformers loads it, and a view of it as we do."""

    model: Any
    view: LiveView

    def ours(
        self,
        prompt: list[int],
        n: int = 1,
        new_tokens: int = NEW_TOKENS,
        kept: tuple[DynamicCache, int] | None = None,
    ) -> Decoding:
        decoding = Decoding(
            self.view,
            None,
            [prompt],
            n=n,
            seed=0,
            sampling=Sampling(max_new_tokens=new_tokens),
            end_token_ids=NEVER_ENDS,
            context_tokens=4096,
            with_hidden=new_tokens > 1,
            kept=kept,
        )
        while not decoding.done:
            decoding.step()
        return decoding

    @torch.inference_mode()
    def generate(
        self, prompt: list[int], n: int = 1, new_tokens: int = NEW_TOKENS, **more: Any
    ) -> None:
        ids, like = torch.tensor([prompt]), Sampling()
        self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new_tokens,
            do_sample=True,
            temperature=like.temperature,
            top_k=0,
            min_p=like.min_p,
            repetition_penalty=like.repetition_penalty,
            num_return_sequences=n,
            eos_token_id=None,
            pad_token_id=0,
            **more,
        )

    def words(self, count: int, seed: int = 0) -> list[int]:
        rng = random.Random(seed)
        return [rng.randrange(10, self.model.config.vocab_size) for _ in range(count)]


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(int(os.environ.get("CHATFEEDBACK_THREADS", "1")))
    figures, ratios = {}, {}
    for name, load in {"random": peer.make_model, "starter": load_starter}.items():
        theirs, ours = load(), load()
        lay_out_for_decoding(ours)
        theirs.generation_config.eos_token_id = None
        seconds = measure(Contest(theirs, make_views(ours)[0]))
        figures |= {f"{name}_{case}_s": value for case, value in seconds.items()}
        found = {
            "single": seconds["single_generate"] / seconds["single_ours"],
            "turn6_first_token": seconds["turn6_generate"] / seconds["turn6_ours"],
            "four_candidates": seconds["four_calls"] / seconds["four_ours"],
        }
        ratios = ratios or found
        figures |= {f"{name}_{case}": value for case, value in found.items()}
        figures[f"{name}_turn6_generate_with_cache"] = (
            seconds["turn6_generate_with_cache"] / seconds["turn6_ours"]
        )
        figures[f"{name}_four_in_one_call"] = seconds["four_in_one_call"] / seconds["four_ours"]
    for key, value in {**figures, **ratios}.items():
        print(f"{key:40} {value:10.4f}")
    settings = {"rounds": ROUNDS, "new_tokens": NEW_TOKENS, "threads": torch.get_num_threads()}
    report = {"name": "decode", "ratios": ratios, "figures": figures, "settings": settings}
    if json_path:
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def load_starter() -> Any:
    return AutoModelForCausalLM.from_pretrained(STARTER, dtype=torch.float32).eval()


def measure(contest: Contest) -> dict[str, float]:
    """Median CPU seconds of every case."""
    prompt = contest.words(PROMPT_TOKENS)
    long_prompt = contest.words(CANDIDATE_PROMPT_TOKENS)
    conversation, read, cache = five_turns(contest)

    def keep() -> KeptCaches:
        caches = KeptCaches(limit_bytes=10**9)
        caches.keep("talk", read, copy.deepcopy(cache))
        return caches

    def sixth_turn(caches: KeptCaches) -> None:
        kept = caches.take("talk", conversation)
        assert kept is not None
        assert kept[1] == len(read)
        contest.ours(conversation, new_tokens=1, kept=kept)

    return alternate(
        {
            "single_ours": (nothing, lambda _: contest.ours(prompt)),
            "single_generate": (nothing, lambda _: contest.generate(prompt)),
            "turn6_ours": (keep, sixth_turn),
            "turn6_generate": (nothing, lambda _: contest.generate(conversation, new_tokens=1)),
            "turn6_generate_with_cache": (
                lambda: copy.deepcopy(cache),
                lambda held: contest.generate(conversation, new_tokens=1, past_key_values=held),
            ),
            "four_ours": (nothing, lambda _: contest.ours(long_prompt, n=4)),
            "four_calls": (nothing, lambda _: four_calls(contest, long_prompt)),
            "four_in_one_call": (nothing, lambda _: contest.generate(long_prompt, n=4)),
        }
    )


def five_turns(contest: Contest) -> tuple[list[int], list[int], DynamicCache]:
    """The sixth turn's prompt, and what was read of it by the end of the fifth, with its cache."""
    prompt: list[int] = []
    caches = KeptCaches(limit_bytes=10**9)
    for turn in range(TURNS - 1):
        prompt = [*prompt, *contest.words(QUESTION_TOKENS, seed=turn)]
        decoding = contest.ours(prompt, kept=caches.take("talk", prompt))
        ids, cache = decoding.what_was_read() or ([], DynamicCache())
        caches.keep("talk", ids, cache)
        prompt = [*prompt, *decoding.rows[0].token_ids]
    return [*prompt, *contest.words(QUESTION_TOKENS, seed=TURNS)], ids, cache


def four_calls(contest: Contest, prompt: list[int]) -> None:
    for _ in range(4):
        contest.generate(prompt)


def nothing() -> None:
    """A case that needs no preparation."""


def alternate(
    cases: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]],
) -> dict[str, float]:
    """Median CPU seconds of the acts, which take turns; what they are handed is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS + 1):
        for name, (prepare, act) in cases.items():
            handed = prepare()
            started = time.process_time()
            act(handed)
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}
