"""The whole story within the memory of a small graphics card: chat, click, DPO, RLOO, swap.

Random weights in the shapes of Qwen2.5, kept in 4 bits, with CUDA memory capped for this process.
Where there is no card, only the last test runs: the same story on the processor, tiny.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from chatfeedback.engine.base_model import load_base
from chatfeedback.engine.process import Threads, _assemble
from chatfeedback.records import (
    AdapterUse,
    Demonstration,
    DpoSettings,
    GeneratedReply,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    PreferencePair,
    RewardSnapshot,
    RlooSettings,
    RolloutPrompt,
    Sampling,
    Turn,
)
from chatfeedback.taste.basis import style_basis
from chatfeedback.taste.likelihoods import preference
from chatfeedback.taste.reward import RewardModel
from tests.tiny_models import tiny_tokenizer

GB = 10**9
QWEN = {  # hidden, inner, layers, heads, heads of keys, as published; head and embedding are one
    "1.5B": (1536, 8960, 28, 12, 2),
    "3B": (2048, 11008, 36, 16, 2),
    "tiny": (48, 96, 3, 4, 2),
}
SHORT = Sampling(max_new_tokens=24)
QUESTIONS = ("What does an owl eat?", "How do I make tea?", "Tell me a story.", "Hello!")


def save_random_model(folder: Path, size: str, device: str) -> Path:
    """A whole model folder, written in 16 bits."""
    hidden, inner, layers, heads, key_heads = QWEN[size]
    tokenizer = tiny_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer) if size == "tiny" else 151_936,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    with torch.device(device):
        Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class Person:
    """Somebody at one engine: chats, chooses, and has what they chose learned."""

    def __init__(self, model: Path, quantisation: str) -> None:
        self.base = load_base(model, quantisation)
        self.live, _, self._learn = _assemble(self.base, Threads(lambda _: None))

    def ask(self, question: str, adapter: AdapterUse | None = None, n: int = 1):
        request = GenerateRequest((Turn("user", question),), n, 1, SHORT, adapter)
        pieces = [piece for some in self.live.generate(request, 0.0) for piece in some]
        return [piece for piece in pieces if isinstance(piece, GeneratedReply)]

    def choose(self, question: str) -> tuple[PreferencePair, RewardModel]:
        """Of two answers the first: as a pair, and as what is believed of them then."""
        first, second = self.ask(question, n=2)
        basis = style_basis(self.base.info.key, self.base.info.hidden_size)
        phis = basis.phis(question, [first.text, second.text], [first.features, second.features])
        end = self.base.end_token_ids[0]
        chosen, rejected = ((*each.token_ids, end) for each in (first, second))
        pair = PreferencePair(first.prompt_ids, chosen, rejected, 1.0, "click")
        return pair, RewardModel.prior(basis).update(preference(phis[0], phis[1]))

    def learn(self, request: LearnRequest) -> AdapterUse:
        (result,) = (
            event for event in self._learn(request, lambda: False) if isinstance(event, LearnResult)
        )
        assert result.stop_reason == "steps"
        return AdapterUse(request.adapter_id, request.folder)


def live_through(folder: Path, size: str, quantisation: str, device: str) -> None:
    """The story; each part works, and the base answers as before in the end."""
    person = Person(save_random_model(folder / "model", size, device), quantisation)
    before = person.ask(QUESTIONS[0])[0].token_ids
    chosen = [person.choose(question) for question in QUESTIONS]
    pairs, belief = tuple(pair for pair, _ in chosen), chosen[-1][1]
    size_of_taste = belief.basis.size
    request = LearnRequest(
        run_id="dpo",
        folder=str(folder / "dpo"),
        adapter_id="dpo",
        pairs=pairs,
        retention=tuple(Demonstration(p.prompt_ids, p.rejected_ids) for p in pairs[:2]),
        probe_prompts=(pairs[-1].prompt_ids,),
        settings=DpoSettings(rank=16, alpha=32.0, max_steps=3, kl_budget_nats=1e9),
        seed=0,
    )
    by_dpo = person.learn(request)
    trials = replace(
        request,
        run_id="rloo",
        folder=str(folder / "rloo"),
        adapter_id="rloo",
        settings=RlooSettings(
            rank=16,
            alpha=32.0,
            pair_steps=1,
            max_steps=3,
            replies_per_step=16,
            kl_budget_nats=1e9,
        ),
        rollout_prompts=tuple(
            RolloutPrompt(question, pair.prompt_ids)
            for question, pair in zip(QUESTIONS, pairs, strict=True)
        ),
        reward=RewardSnapshot(
            belief.basis.to_bytes(),
            belief.mean[:size_of_taste],
            belief.covariance[:size_of_taste, :size_of_taste],
        ),
    )
    by_trial = person.learn(trials)
    for adapter in (by_dpo, by_trial):
        assert person.ask(QUESTIONS[0], adapter)[0].token_ids != before
    assert person.ask(QUESTIONS[0])[0].token_ids == before


@pytest.mark.gpu
@pytest.mark.parametrize("most_gb", [8, 12])
@pytest.mark.parametrize("size", ["1.5B", "3B"])
def test_the_whole_story_fits_into_a_small_card(tmp_path, size, most_gb):
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.set_per_process_memory_fraction(min(1.0, most_gb * GB / total))
    try:
        live_through(tmp_path, size, "nf4", "cuda")
        peak = torch.cuda.max_memory_reserved()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    print(f"{size} nf4 within {most_gb} GB: at most {peak / GB:.2f} GB were held")
    assert peak <= most_gb * GB


def test_the_same_story_on_the_processor(tmp_path):
    live_through(tmp_path, "tiny", "none", "cpu")
