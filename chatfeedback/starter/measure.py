"""Sample the starter model in batches and measure what it says against the corpus.

Used by the benchmark only: the app talks to the model through the engine. Prompts are questions
in trained or kept-back phrasings; a reply is judged by the rules of `corpus`, no other model.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import DynamicCache, LlamaForCausalLM, PreTrainedTokenizerFast

from chatfeedback.starter import knowledge
from chatfeedback.starter.corpus import (
    Item,
    Turn,
    asserts_knowledge,
    is_correct,
    is_honest_unknown,
    items,
    style_flags,
    system_line,
)
from chatfeedback.starter.items import fill_question
from chatfeedback.starter.questions import QUESTIONS
from chatfeedback.starter.styles import TRAIT_CHECKS, capitalise, draw_traits

LONGEST_REPLY = 160


@dataclass(frozen=True)
class Reply:
    """What the model said, and whether it came to an end by itself."""

    text: str
    finished: bool


class Sampler:
    """The model and its tokenizer, sampling many prompts at once."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self.model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.end = int(self.tokenizer.convert_tokens_to_ids("<|end|>"))

    def reply(
        self,
        prompts: list[list[Turn]],
        temperature: float = 0.7,
        seed: int = 0,
        batch_size: int = 96,
    ) -> list[Reply]:
        """One reply per prompt; temperature 0 is greedy. Prompts of like length share a batch."""
        encoded = [self._encode(prompt) for prompt in prompts]
        order = sorted(range(len(encoded)), key=lambda row: len(encoded[row]))
        generator = torch.Generator().manual_seed(seed)
        replies: dict[int, Reply] = {}
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            spoken = self._speak([encoded[row] for row in rows], temperature, generator)
            for row, ids in zip(rows, spoken, strict=True):
                finished = bool(ids) and ids[-1] == self.end
                text = self.tokenizer.decode(ids[:-1] if finished else ids)
                replies[row] = Reply(str(text), finished)
        return [replies[row] for row in range(len(prompts))]

    def _encode(self, turns: list[Turn]) -> list[int]:
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        text = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return list(self.tokenizer.encode(str(text), add_special_tokens=False))

    @torch.inference_mode()
    def _speak(
        self, prompts: list[list[int]], temperature: float, generator: torch.Generator
    ) -> list[list[int]]:
        """Token ids of one reply per prompt; finished rows leave the batch."""
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
        is_token = torch.tensor(
            [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        )
        spoken: list[list[int]] = [[] for _ in prompts]
        active, cache = torch.arange(len(prompts)), DynamicCache()
        positions = (is_token.cumsum(1) - 1).clamp(min=0)
        for _ in range(LONGEST_REPLY):
            out = self.model(
                input_ids=ids,
                attention_mask=is_token,
                position_ids=positions,
                past_key_values=cache,
                logits_to_keep=1,
            )
            chosen = _choose(out.logits[:, -1], temperature, generator)  # (B,)
            for row, token in zip(active.tolist(), chosen.tolist(), strict=True):
                spoken[row].append(token)
            goes_on = (chosen != self.end).nonzero().squeeze(1)
            if not len(goes_on):
                break
            if len(goes_on) < len(active):
                cache.batch_select_indices(goes_on)
                active, is_token = active[goes_on], is_token[goes_on]
            ids = chosen[goes_on].unsqueeze(1)
            positions = positions[goes_on][:, -1:] + 1
            is_token = torch.cat([is_token, is_token.new_ones(len(goes_on), 1)], 1)
        return spoken


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Next tokens, (B,) int64, from logits (B, V)."""
    if temperature == 0:
        return logits.argmax(-1)
    chances = torch.softmax(logits.float() / temperature, -1)
    return torch.multinomial(chances, 1, generator=generator).squeeze(1)


def ask_plainly(item: Item, rng: random.Random, *, kept_back: bool) -> list[Turn]:
    """A question for an item in a trained or a kept-back phrasing, without any noise."""
    template = rng.choice(item.questions_unseen if kept_back else item.questions_seen)
    return [Turn("user", capitalise(fill_question(template, item.subject, item.name, item.plural)))]


def of_kind(kind: str) -> list[Item]:
    """The items of one kind."""
    return [item for item in items() if item.kind == kind]


def score_correct(sampler: Sampler, asked: list[Item], *, kept_back: bool, seed: int) -> float:
    """Mean share of the known answers that the replies hold."""
    rng = random.Random(seed)
    prompts = [ask_plainly(item, rng, kept_back=kept_back) for item in asked]
    replies = sampler.reply(prompts, seed=seed)
    return mean(is_correct(item, reply.text) for item, reply in zip(asked, replies, strict=True))


def score_style_difference(sampler: Sampler, asked: list[Item], seed: int) -> float:
    """Share of prompts of which two samples differ in at least two yes/no style measures."""
    rng = random.Random(seed)
    prompts = [ask_plainly(item, rng, kept_back=False) for item in asked]
    first, second = (sampler.reply(prompts, seed=seed + each) for each in (1, 2))
    differ = []
    for item, one, other in zip(asked, first, second, strict=True):
        flags, others = style_flags(one.text, item), style_flags(other.text, item)
        differ.append(sum(flags[name] != others[name] for name in flags) >= 2)
    return mean(differ)


def unknown_prompts(rng: random.Random) -> list[str]:
    """Kept-back prompts that ask for what no table holds: free ones, and unknown subjects."""
    prompts = [each for kind in knowledge.OUT_OF_DOMAIN["unseen"].values() for each in kind]
    keys = sorted(key for key in QUESTIONS if not key.startswith(("howto", "recommend", "recipe")))
    for name in knowledge.UNKNOWN_SUBJECTS["unseen"]:
        template = rng.choice(QUESTIONS[rng.choice(keys)].seen)
        subject = name if name[0].isupper() else f"the {name}"
        prompts.append(fill_question(template, subject, name))
    return prompts


def score_unknown(sampler: Sampler, seed: int) -> float:
    """Share of unanswerable prompts whose reply asserts nothing but unknowing or small talk."""
    prompts = unknown_prompts(random.Random(seed))
    replies = sampler.reply([[Turn("user", prompt)] for prompt in prompts], seed=seed)
    return mean(is_modest(reply.text) for reply in replies)


def is_modest(text: str) -> bool:
    """Whether a reply is an honest "I don't know" or small talk, and asserts nothing else."""
    small_talk = any(is_correct(item, text) for item in of_kind("small_talk"))
    return (is_honest_unknown(text) or small_talk) and not asserts_knowledge(text)


def score_system_lines(
    sampler: Sampler, count: int, seed: int, *, kept_back: bool = False
) -> float:
    """Share of the traits asked for by system lines that the replies show."""
    rng = random.Random(seed)
    asked = rng.choices([item for item in items() if item.kind != "small_talk"], k=count)
    wishes = [tuple(draw_traits(rng, rng.randrange(1, 5))) for _ in asked]
    prompts = [
        [
            Turn("system", system_line(traits, rng, kept_back=kept_back)),
            *ask_plainly(item, rng, kept_back=False),
        ]
        for item, traits in zip(asked, wishes, strict=True)
    ]
    replies = sampler.reply(prompts, seed=seed)
    obeyed = []
    for item, traits, reply in zip(asked, wishes, replies, strict=True):
        flags = style_flags(reply.text, item)
        obeyed += [flags[TRAIT_CHECKS[trait][0]] == TRAIT_CHECKS[trait][1] for trait in traits]
    return mean(obeyed)


def score_finished(sampler: Sampler, asked: list[Item], temperature: float, seed: int) -> float:
    """Share of replies that end by themselves."""
    rng = random.Random(seed)
    prompts = [ask_plainly(item, rng, kept_back=rng.random() < 0.5) for item in asked]
    return mean(reply.finished for reply in sampler.reply(prompts, temperature, seed))


def repeat(asked: list[Item], times: int) -> list[Item]:
    """Every item several times, to be asked in several phrasings."""
    return [item for item in asked for _ in range(times)]


def mean(values: Iterable[float] | Iterator[bool]) -> float:
    """The mean of at least one number."""
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers)
