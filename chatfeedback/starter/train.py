"""Train the starter model from scratch on one CPU thread: `python -m chatfeedback.starter.train`.

The recipe, for a model of 4 M parameters and an hour of one core: matrices are optimised by Muon,
embeddings and norms by AdamW; batches are small (2 048 tokens) because many steps matter more
than smooth ones; the learning rate is constant for 60 % of the budget and then falls to almost
nothing, which is when the facts settle. Losses count assistant tokens only, and the language
model head is computed only there. The budget is process time, so a busy machine trains as long.
"""

import argparse
import copy
import csv
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from chatfeedback.starter.corpus import Turn, conversation, items
from chatfeedback.starter.styles import GENERAL_EMOJI

ROLES = ("system", "user", "assistant")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] "
    "+ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
VOCABULARY, LONGEST, MAX_POSITIONS = 4096, 400, 1024
IGNORED = -100
# The token after the end of a sentence decides what kind of sentence follows, if any. It carries
# the style, and is one of ten or so: without more weight, wishes about endings are learned last.
TURNING_POINT_WEIGHT = 4.0


@dataclass(frozen=True)
class Settings:
    """How one training run goes."""

    out: Path
    minutes: float
    seed: int = 0
    init: Path | None = None
    batch_tokens: int = 2048
    muon_lr: float = 0.02
    adam_lr: float = 3e-3
    warmup_steps: int = 40
    decay_from: float = 0.6
    final_lr_share: float = 0.02
    save_minutes: float = 6.0


def train_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the corpus, with every emoji one token and the chat template."""
    rng = random.Random(seed)
    texts = [turn.text for _ in range(12_000) for turn in conversation(rng)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|end|>", *(f"<|{role}|>" for role in ROLES)]
    emoji = sorted({item.emoji for item in items()} | {*GENERAL_EMOJI, "🤔", "🤷", "🙈"})
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(emoji),
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(sign, normalized=False, special=False) for sign in emoji])
    return wrap_tokenizer(add_names(tokenizer))


def wrap_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers knows it, with the chat template."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=[f"<|{role}|>" for role in ROLES],
        model_max_length=MAX_POSITIONS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def add_names(tokenizer: Tokenizer) -> Tokenizer:
    """Make every spelling of a name that the tables know one token.

    "Fox" at the start of a question, "fox" there and " fox" later are different strings to a BPE,
    and the rare ones fall into pieces that say nothing about the name.
    """
    written = json.loads(tokenizer.to_str())
    vocabulary = written["model"]["vocab"]
    for added in written["added_tokens"]:
        vocabulary.setdefault(added["content"], added["id"])
    # A word that is in the vocabulary as a whole needs no merges.
    written["model"]["ignore_merges"] = True
    for word in sorted({spelling for name in _names() for spelling in _spellings(name)}):
        pieces = tokenizer.pre_tokenizer.pre_tokenize_str(word)
        if len(pieces) == 1 and pieces[0][0] not in vocabulary:
            vocabulary[pieces[0][0]] = len(vocabulary)
    return Tokenizer.from_str(json.dumps(written))


def _names() -> set[str]:
    """Names of the subjects; how-tos and recommendations have phrases instead."""
    phrases = ("small_talk", "recommend", "how_to")
    return {item.name for item in items() if item.kind not in phrases}


def _spellings(name: str) -> set[str]:
    """Each word of a name as it stands inside a text, and the first one as it starts a text."""
    first, *_ = words = name.split()
    inside = {f" {word}" for word in words} | {f" {word.lower()}" for word in words}
    return inside | {first[:1].upper() + first[1:], first.lower()}


def share_embeddings(
    model: LlamaForCausalLM, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast
) -> None:
    """Give the tokens that `new` adds to `old` the embeddings of what they mean.

    A name at the start of a text begins as the same name inside a text, else as the mean of its
    old pieces; it learns on from there.
    """
    model.resize_token_embeddings(len(new), mean_resizing=False)
    tables = [model.get_input_embeddings().weight.data, model.get_output_embeddings().weight.data]
    for place in range(len(old), len(new)):
        word = new.decode([place])
        inside = old.encode(f" {word.strip().lower()}", add_special_tokens=False)
        proper = old.encode(f" {word.strip().capitalize()}", add_special_tokens=False)
        pieces = min((inside, proper), key=len)
        for table in tables:
            table[place] = table[pieces].mean(0)


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of about 4 M parameters with fresh weights."""
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=MAX_POSITIONS,
        # Words only people say would be blurred by a shared output embedding, which pushes them
        # all the same way; see docs/starter.md.
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=tokenizer.convert_tokens_to_ids("<|pad|>"),
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def encode(tokenizer: PreTrainedTokenizerFast, turns: list[Turn]) -> tuple[list[int], list[int]]:
    """Token ids of a conversation and its targets: assistant tokens and their end, else ignored."""
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    ids: list[int] = []
    targets: list[int] = []
    for turn in turns:
        role = tokenizer.convert_tokens_to_ids(f"<|{turn.role}|>")
        body = tokenizer.backend_tokenizer.encode(turn.text, add_special_tokens=False).ids
        ids += [role, *body, end]
        spoken = turn.role == "assistant"
        targets += [
            IGNORED,
            *(body if spoken else [IGNORED] * len(body)),
            end if spoken else IGNORED,
        ]
    return ids[:LONGEST], targets[:LONGEST]


def batches(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, batch_tokens: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of ids and targets, (B, T) int64, T a multiple of 16.

    Few distinct shapes keep the CPU kernels cached; leftovers wait for the next round.
    """
    waiting: dict[int, list[tuple[list[int], list[int]]]] = {}
    while True:
        for _ in range(1500):
            ids, targets = encode(tokenizer, conversation(rng))
            waiting.setdefault(-(-len(ids) // 16) * 16, []).append((ids, targets))
        ready = []
        for length, pairs in waiting.items():
            rng.shuffle(pairs)
            count = max(1, batch_tokens // length)
            while len(pairs) >= count:
                ready.append((length, pairs[:count]))
                del pairs[:count]
        rng.shuffle(ready)
        for length, pairs in ready:
            yield (
                _pad([ids for ids, _ in pairs], length, 0),
                _pad([targets for _, targets in pairs], length, IGNORED),
            )


def _pad(rows: list[list[int]], length: int, filler: int) -> Tensor:
    return torch.tensor([row + [filler] * (length - len(row)) for row in rows])


def compute_loss(
    model: LlamaForCausalLM, ids: Tensor, targets: Tensor, ends_sentence: Tensor
) -> Tensor:
    """Mean cross-entropy in nats per assistant token; ids and targets (B, T)."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
        is_spoken = targets[:, 1:] != IGNORED
        chosen, wanted = hidden[is_spoken], targets[:, 1:][is_spoken]
        # Rows are padded to a multiple of 128 so that the head sees few distinct shapes.
        extra = -len(wanted) % 128
        logits = model.lm_head(F.pad(chosen, (0, 0, 0, extra)))
    losses = F.cross_entropy(logits[: len(wanted)].float(), wanted, reduction="none")
    weights = 1 + (TURNING_POINT_WEIGHT - 1) * ends_sentence[ids[:, :-1]][is_spoken]
    return (losses * weights).sum() / weights.sum()


def find_sentence_ends(tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """1.0 for the tokens after which a new sentence may begin, else 0.0; (V,) float32."""
    ends = torch.zeros(len(tokenizer))
    emoji = set(tokenizer.added_tokens_decoder)
    for place in range(len(tokenizer)):
        text = tokenizer.decode([place])
        ends[place] = float(text.endswith((".", "!", "?", "\n")) or place in emoji)
    return ends


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal by a Newton-Schulz iteration.

    Keller Jordan 2024, "Muon: an optimizer for hidden layers"; for 2-D weights only.
    """

    def __init__(self, params: list[Tensor], lr: float, weight_decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix; equal shapes share one batched iteration."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for param in group["params"]:
                by_shape.setdefault(param.shape, []).append(param)
            for shape, params in by_shape.items():
                updates = orthogonalise(torch.stack([self._momentum(param) for param in params]))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for param, update in zip(params, updates, strict=True):
                    param.mul_(1 - group["lr"] * group["weight_decay"])
                    param.add_(update, alpha=-group["lr"] * scale)

    def _momentum(self, param: Tensor) -> Tensor:
        """Nesterov momentum of 0.95."""
        assert param.grad is not None
        buffer = self.state[param].setdefault("momentum", torch.zeros_like(param))
        buffer.lerp_(param.grad, 0.05)
        return param.grad.lerp(buffer, 0.95)


def orthogonalise(gradients: Tensor, steps: int = 5) -> Tensor:
    """The nearest orthogonal matrices, roughly; (N, rows, columns) float32 to float32.

    A quintic Newton-Schulz iteration pushes all singular values towards one; the coefficients
    are Muon's, chosen for speed: values end between about 0.7 and 1.2.
    """
    matrices = gradients.bfloat16()
    tall = matrices.size(-2) > matrices.size(-1)
    if tall:
        matrices = matrices.mT
    matrices = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = matrices @ matrices.mT
        matrices = 3.4445 * matrices + (-4.7750 * gram + 2.0315 * gram @ gram) @ matrices
    orthogonal: Tensor = matrices.mT if tall else matrices
    return orthogonal.float()


def make_optimizers(model: LlamaForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for the embedding and the norms."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, param in model.named_parameters():
        (
            matrices if param.ndim == 2 and "embed" not in name and "head" not in name else others
        ).append(param)
    return [
        Muon(matrices, settings.muon_lr),
        torch.optim.AdamW(others, settings.adam_lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def scale_lr(step: int, spent: float, settings: Settings) -> float:
    """Share of the full learning rate: a warm-up by steps, then a fall by the budget spent."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    left = (1 - spent) / (1 - settings.decay_from)
    return warm * max(settings.final_lr_share, min(1.0, left))


def train(settings: Settings) -> None:
    """Train until the budget is spent; resumes from `out/checkpoint.pt` where there is one."""
    torch.manual_seed(settings.seed)
    settings.out.mkdir(parents=True, exist_ok=True)
    tokenizer, model = _start(settings)
    ends_sentence = find_sentence_ends(tokenizer)
    optimizers = make_optimizers(model, settings)
    full_lrs = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    step, tokens, before, average = _resume(settings.out, model, optimizers)
    # A resumed run draws new conversations instead of repeating the ones it has seen.
    rng = random.Random(settings.seed * 1_000_003 + step)
    print(f"{sum(param.numel() for param in model.parameters()):,} parameters", flush=True)
    budget, started, saved = settings.minutes * 60, time.process_time(), before
    for ids, targets in batches(tokenizer, rng, settings.batch_tokens):
        spent = before + time.process_time() - started
        if spent >= budget:
            break
        share = scale_lr(step, spent / budget, settings)
        for optimizer, full in zip(optimizers, full_lrs, strict=True):
            optimizer.param_groups[0]["lr"] = full * share
        loss = compute_loss(model, ids, targets, ends_sentence)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        model.zero_grad(set_to_none=True)
        step, tokens = step + 1, tokens + ids.numel()
        average = loss.item() if step == 1 else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            _log(settings.out, step, tokens, spent, average, share)
        if spent - saved > settings.save_minutes * 60:
            saved = spent
            _checkpoint(settings.out, model, optimizers, (step, tokens, spent, average))
            save_weights(settings.out / "latest", model, tokenizer)
    save_weights(settings.out, model, tokenizer)


def _start(settings: Settings) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    """Tokenizer and model: given ones, those of the interrupted run, or fresh ones."""
    if settings.init:
        old = PreTrainedTokenizerFast.from_pretrained(settings.init)
        model = untie(LlamaForCausalLM.from_pretrained(settings.init, dtype=torch.float32))
        tokenizer = wrap_tokenizer(add_names(old.backend_tokenizer))
        share_embeddings(model, old, tokenizer)
        return tokenizer, model
    if (settings.out / "tokenizer.json").exists():
        # A tokenizer trained again on a corpus that has changed since would not fit the weights.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(settings.out)
    else:
        tokenizer = train_tokenizer(settings.seed)
        tokenizer.save_pretrained(settings.out)
    return tokenizer, make_model(tokenizer)


def untie(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """The same model with an output embedding of its own."""
    if not model.config.tie_word_embeddings:
        return model
    config = copy.deepcopy(model.config)
    config.tie_word_embeddings = False
    own = LlamaForCausalLM(config)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    own.load_state_dict(weights)
    return own


def _resume(
    out: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer]
) -> tuple[int, int, float, float]:
    """Step, tokens, CPU seconds and mean loss of an interrupted run, or zeros."""
    path = out / "checkpoint.pt"
    if not path.exists():
        return 0, 0, 0.0, 0.0
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    step, tokens, spent, average = saved["progress"]
    return step, tokens, spent, average


def _checkpoint(
    out: Path,
    model: LlamaForCausalLM,
    optimizers: list[torch.optim.Optimizer],
    progress: tuple[int, int, float, float],
) -> None:
    states = [optimizer.state_dict() for optimizer in optimizers]
    temporary = out / "checkpoint.tmp"
    torch.save({"model": model.state_dict(), "optimizers": states, "progress": progress}, temporary)
    temporary.replace(out / "checkpoint.pt")


def _log(out: Path, step: int, tokens: int, seconds: float, loss: float, share: float) -> None:
    path = out / "loss.csv"
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(("step", "tokens", "cpu_s", "loss_nats", "lr_share"))
        writer.writerow((step, tokens, round(seconds, 1), round(loss, 4), round(share, 4)))
    print(
        f"step {step} tokens {tokens / 1e6:.2f}M {seconds / 60:.1f} min loss {loss:.3f}", flush=True
    )


def save_weights(folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write the model in bfloat16 and its tokenizer, as transformers reads them."""
    smaller = LlamaForCausalLM(model.config)
    smaller.load_state_dict(model.state_dict())
    smaller.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and log")
    parser.add_argument("--minutes", type=float, default=60.0, help="CPU minutes to spend")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="weights to start from")
    parser.add_argument("--lr", type=float, default=0.02, help="Muon's learning rate")
    parser.add_argument("--decay-from", type=float, default=0.6, help="share of the budget")
    given = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(1)
    train(
        Settings(
            given.out,
            given.minutes,
            given.seed,
            given.init,
            muon_lr=given.lr,
            adam_lr=0.15 * given.lr,
            decay_from=given.decay_from,
        )
    )


if __name__ == "__main__":
    main()
