"""What the tests of PPO and RLOO share: a tiny random model, and rewards that can be counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from chatfeedback.engine.adapters import make_views
from chatfeedback.engine.personal_reward import Scores
from chatfeedback.engine.rollouts import RolloutSource
from chatfeedback.records import BaseInfo, Demonstration, LearnRequest, RolloutPrompt

END, WISH = 2, 7  # WISH: the token that is paid for
MOST_TOKENS = 6


class TinyBase:
    info = BaseInfo("key", "tiny", False, 64, 32, 1, "cpu", "float32", "none")
    end_token_ids = (END,)


def tiny_view():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=24,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
        initializer_range=0.2,
    )
    return make_views(LlamaForCausalLM(config).eval())[1]


@torch.no_grad()
def draw(model, prompts, seed):
    """Replies of at most MOST_TOKENS tokens at temperature 1, all prompts being of one length."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([list(prompt) for prompt in prompts])
    start = ids.shape[1]
    for _ in range(MOST_TOKENS):
        likely = model(input_ids=ids).logits[:, -1].softmax(-1)
        ids = torch.cat([ids, torch.multinomial(likely, 1, generator=generator)], 1)
    return [_until_end(row) for row in ids[:, start:].tolist()]


def _until_end(reply):
    return reply[: reply.index(END) + 1] if END in reply else reply


@dataclass
class CountingReward:
    """Pays `each` for every WISH, and `unfinished` for a reply without an end."""

    each: float = 1.0
    unfinished: float = 0.0
    bonus: dict[int, float] = field(default_factory=dict)  # by the prompt's topic
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def get_to_know(self, prompts, draw, seed):
        self.seen = [prompt.prompt_ids for prompt in prompts]

    def __call__(self, prompts, replies):
        ends = np.array([reply[-1] == END for reply in replies])
        value = np.array([self.each * list(reply).count(WISH) for reply in replies], float)
        value += np.where(ends, 0.0, self.unfinished)
        value += [self.bonus.get(prompt.prompt_ids[1], 0.0) for prompt in prompts]
        return Scores(value, value, np.zeros(len(value)), ends)


def make_request(folder, settings, **changes):
    """Five prompts to answer, three to look at, five replies to hold."""
    whole = LearnRequest(
        run_id="run",
        folder=str(folder),
        adapter_id=folder.name,
        pairs=(),
        retention=tuple(Demonstration((5, t, 6), (t, t + 1, END)) for t in range(16, 21)),
        probe_prompts=tuple((5, topic, 6) for topic in range(13, 16)) * 8,
        settings=settings,
        seed=0,
        rollout_prompts=tuple(RolloutPrompt(f"{t}", (5, t, 6)) for t in range(8, 13)),
    )
    return replace(whole, **changes)


def run_all(steps, request, reward, view=None, drawing=draw):
    """All steps of a run, and its result."""
    *made, result = steps(
        view or tiny_view(),
        TinyBase(),
        request,
        draw,
        RolloutSource(drawing, reward),
        lambda: None,
        lambda: False,
    )
    return made, result


def wishes(view):
    """How often the policy says WISH in a reply, on average, as it is now."""
    prompts = [(5, topic, 6) for topic in range(8, 13)] * 40
    return np.mean([reply.count(WISH) for reply in draw(view.model, prompts, 99)])
