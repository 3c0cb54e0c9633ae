"""Load a base model: checked before a byte of it is read, never half-loaded.

Any transformers causal LM with safetensors weights and a chat template, from a folder or the hub.
Left out: code that ships with a model (`trust_remote_code`), pickled weights, several GPUs.
"""

from __future__ import annotations

import importlib.util
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from chatfeedback.engine.evidence import leave_out_longer, longest_piece
from chatfeedback.engine.memory import (
    LearningPlan,
    MemoryPlan,
    ModelShape,
    kv_bytes_per_token,
    learning_plans,
    longest_that_fits,
    plan_memory,
    reply_bytes,
)
from chatfeedback.engine.model_files import (
    MAX_CONTEXT_TOKENS,
    SMALL_MODEL_WEIGHTS,
    base_key,
    find_folder,
    hub_revision,
    read_shape,
    short_name,
)
from chatfeedback.engine.rendering import ChatTemplate
from chatfeedback.engine.scoring import Anatomy, examine
from chatfeedback.errors import ModelUnusable, PromptTooLong
from chatfeedback.records import BaseInfo, LearnRequest, Turn

QUANTIZATIONS = ("none", "nf4", "int8")
WIDE_WEIGHTS = 2_000_000  # smaller matrices lie in the cache either way


@dataclass(frozen=True)
class BaseModel:
    """The base model as loaded, with its tokenizer. No adapter is in it yet.

    kv_bytes: what keys and values may take: kept conversations a third, replies under way the rest.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    template: ChatTemplate
    info: BaseInfo
    anatomy: Anatomy
    shape: ModelShape
    kv_bytes: int

    @property
    def end_token_ids(self) -> tuple[int, ...]:
        """Tokens that end a reply; the chat template's own comes first."""
        return self.template.end_token_ids

    @property
    def kept_kv_bytes(self) -> int:
        """For the caches of conversations, between their turns."""
        return self.kv_bytes // 3

    @property
    def kv_tokens(self) -> int:
        """How many tokens of replies under way there is room for."""
        itemsize = self.model.dtype.itemsize
        return (self.kv_bytes - self.kept_kv_bytes) // kv_bytes_per_token(self.shape, itemsize)

    def plan_learning(
        self, request: LearnRequest, *, rollouts: bool = False
    ) -> tuple[LearnRequest, Iterator[LearningPlan]]:
        """What of a request fits into the memory free now, and the ways to learn it, the fastest
        first.

        Args:
            request: all evidence there is.
            rollouts: whether replies are drawn while learning (PPO, RLOO).

        Raises:
            InputRefused: nothing of it fits.
        """
        left, itemsize = free_memory(), self.model.dtype.itemsize
        room = left - reply_bytes(self.shape, left, itemsize)[0]
        most = longest_that_fits(self.shape, room, itemsize, rollouts=rollouts)
        request = leave_out_longer(request, most)
        longest = longest_piece(request)
        return request, learning_plans(
            self.shape, room, itemsize, rollouts=rollouts, longest=longest
        )

    def render(self, turns: Sequence[Turn]) -> list[int]:
        """Prompt ids of these turns, ready for the assistant's next token."""
        return self.template.render(turns)

    def fit_to_context(self, turns: Sequence[Turn], reserve: int) -> tuple[list[Turn], int]:
        """Drop the oldest turns until `reserve` tokens are left for the reply.

        System turns and the last question always stay.

        Returns:
            the turns kept, and how many were dropped.

        Raises:
            PromptTooLong: the last question alone leaves less than a quarter of the context.
        """
        day = next((turn.said_on for turn in turns if turn.said_on), "")
        turns = [replace(turn, said_on=day) for turn in turns]  # whichever of them stays
        system = [turn for turn in turns if turn.role == "system"]
        talk = [turn for turn in turns if turn.role != "system"]
        starts = [0, *(i for i, turn in enumerate(talk) if turn.role == "user" and i > 0)]
        context = self.info.context_tokens

        def fits(start: int) -> bool:
            return len(self.render([*system, *talk[start:]])) + reserve <= context

        best = bisect_left(starts, True, hi=len(starts) - 1, key=fits)
        kept = [*system, *talk[starts[best] :]]
        n_tokens = len(self.render(kept))
        limit = context - min(reserve, context // 4)
        if n_tokens > limit:
            raise PromptTooLong(
                f"This message is {n_tokens} tokens long (about {n_tokens * 3 // 4} words); "
                f"{self.info.name} can take {limit}. Shorten it, or send it in parts."
            )
        return kept, starts[best]


def load_base(
    path_or_id: str | Path, quantization: str = "none", *, is_starter: bool = False
) -> BaseModel:
    """Load a model folder, or a hub id (fetched when it is not on this machine yet).

    Raises:
        ModelUnusable: with what is wrong and what to do; nothing is left in memory.
    """
    if quantization not in QUANTIZATIONS:
        raise ModelUnusable(
            f"Unknown quantisation {quantization!r}. Choose one of: {', '.join(QUANTIZATIONS)}."
        )
    if quantization != "none" and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelUnusable(
            f"Quantisation {quantization} needs the package bitsandbytes, which is not installed. "
            "Install it, or start with --quantize none."
        )
    name = "starter" if is_starter else short_name(path_or_id)
    folder = find_folder(path_or_id)
    shape = read_shape(folder)
    dtype = _choose_dtype(shape.n_weights, quantization)
    plan = plan_memory(
        shape, quantization, free_memory(), itemsize=dtype.itemsize, device=_device().type
    )
    _require_room(name, plan, shape.n_weights)
    try:
        config, tokenizer = _load_tokenizer(folder)
        template = ChatTemplate(tokenizer, _stop_ids(folder, tokenizer))
        model = _load_model(folder, quantization, dtype)
        anatomy = examine(model)
    except ModelUnusable as error:
        raise ModelUnusable(f"{name} cannot be used. {error}") from error
    except Exception as error:  # transformers raises a dozen kinds for what is one thing to us
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelUnusable(f"{name} could not be loaded from {folder}: {reason}") from error
    cannot_learn = _why_not_learn(name, plan, model)
    info = BaseInfo(
        key=base_key(folder, quantization),
        name=name,
        is_starter=is_starter,
        context_tokens=_context_tokens(config, tokenizer),
        hidden_size=int(config.get_text_config().hidden_size),
        n_parameters=shape.n_weights,
        device=str(_device()),
        dtype=str(dtype).removeprefix("torch."),
        quantization=quantization,
        revision=hub_revision(folder),
        notes=_notes(name, anatomy, cannot_learn),
        cannot_learn=cannot_learn,
        room_for_rollouts=plan.ppo is not None,
    )
    return BaseModel(model, tokenizer, template, info, anatomy, shape, plan.kv)


# --- before loading ----------------------------------------------------------------------


def _require_room(name: str, plan: MemoryPlan, n_weights: int) -> None:
    if plan.chats:
        return
    advice = "Choose a smaller model" if plan.quantisation == "nf4" else "Try --quantize nf4"
    raise ModelUnusable(
        f"{name} has {n_weights / 1e9:.1f} billion weights and needs about "
        f"{plan.chatting / 1e9:.1f} GB; {plan.free / 1e9:.1f} GB are free on {_device()}. "
        f"{advice}, or close other programs."
    )


def _notes(name: str, anatomy: Anatomy, cannot_learn: str) -> tuple[str, ...]:
    """What is not as usual, in whole sentences."""
    if cannot_learn:
        return (cannot_learn,)
    slow = f"{name} reads a prompt anew for each of its replies, so it learns more slowly."
    return () if anatomy.shares_prefixes else (slow,)


def _why_not_learn(name: str, plan: MemoryPlan, model: PreTrainedModel) -> str:
    """Empty if the model can learn."""
    if not all(map(gradient_is_right, _quantised_layers(model))):
        return (
            f"{name} in {plan.quantisation} computes wrong gradients on {_device()}, so it chats "
            "but does not learn. Start with another --quantize to let it learn."
        )
    if plan.dpo is None:
        return (
            f"{name} {plan.in_words()}. Close other programs, choose a smaller model or start "
            "with --quantize nf4 to let it learn."
        )
    return ""


def free_memory() -> int:
    """Bytes free on the device the model runs on."""
    if _device().type == "cuda":
        free, total = torch.cuda.mem_get_info()
        cap = torch.cuda.get_per_process_memory_fraction() * total
        used, held = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
        return int(min(free + held - used, cap - used))
    return int(psutil.virtual_memory().available)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _choose_dtype(n_weights: int, quantization: str) -> torch.dtype:
    """32-bit for small models; bfloat16 where the processor multiplies it natively."""
    if quantization != "none":
        return torch.bfloat16
    if n_weights < SMALL_MODEL_WEIGHTS:
        return torch.float32
    if _device().type == "cuda":
        return torch.bfloat16
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


# --- loading -----------------------------------------------------------------------------


def _load_tokenizer(folder: Path) -> tuple[PretrainedConfig, PreTrainedTokenizerBase]:
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    return config, tokenizer


def _load_model(folder: Path, quantization: str, dtype: torch.dtype) -> PreTrainedModel:
    quantized: dict[str, Any] = {}
    if quantization != "none":
        quantized = {
            "quantization_config": _bitsandbytes_config(quantization, dtype),
            "device_map": {"": _device()},
        }
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        **quantized,
    )
    if quantization == "none":
        model = model.to(_device())
    else:
        _keep_storage_fixed(model)
    lay_out_for_decoding(model)
    return model.eval().requires_grad_(False)


def lay_out_for_decoding(model: PreTrainedModel) -> None:
    """Keep large, wide 32-bit matrices by columns.

    On CPU one row times them is up to four times as fast, the head most of all, and many rows cost
    the same. In 16 bits it would be slower. Where the head is also the embedding, looking up a row
    costs a little more, which is nothing beside the layers.
    """
    for module in model.modules():
        if type(module) is nn.Linear:
            weight = module.weight
            is_wide = weight.numel() >= WIDE_WEIGHTS and weight.shape[0] >= 2 * weight.shape[1]
            if is_wide and weight.dtype == torch.float32 and weight.device.type == "cpu":
                weight.data = weight.data.t().contiguous().t()


def _bitsandbytes_config(quantization: str, dtype: torch.dtype) -> BitsAndBytesConfig:
    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )


def _keep_storage_fixed(model: PreTrainedModel) -> None:
    """Two views share the quantised weights, so no module may change how it stores them.

    On CPU, bitsandbytes repacks 4-bit weights at the first forward; that form has no backward and
    gives wrong gradients in silence. 8-bit weights find their final place at the first forward,
    which a copy made before would miss.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    with torch.no_grad():
        model(input_ids=torch.zeros((1, 2), dtype=torch.long, device=_device()))


def _quantised_layers(model: PreTrainedModel) -> list[nn.Module]:
    """One layer of each kind and shape whose weights are packed."""
    names = ("Params4bit", "Int8Params")  # bitsandbytes is imported only when asked for
    packed = [m for m in model.modules() if type(getattr(m, "weight", None)).__name__ in names]
    return list({(type(m), m.in_features, m.out_features): m for m in packed}.values())


def gradient_is_right(layer: nn.Module) -> bool:
    """Whether the backward pass of a linear layer belongs to its forward pass.

    For y = W x the gradient of y.u with respect to x is W^T u, so with u = y its product with x is
    y.y. Layers that repack their weights for faster inference have failed this without any error.
    """
    weight: Any = layer.weight
    draw = torch.Generator().manual_seed(0)
    width = int(getattr(layer, "in_features"))  # noqa: B009
    x = torch.randn(4, width, generator=draw).to(weight.device).requires_grad_()
    with torch.enable_grad(), torch.autocast(weight.device.type, torch.bfloat16):
        try:
            y = layer(x) - layer(torch.zeros_like(x)).detach()  # without the bias
            (gradient,) = torch.autograd.grad(y, x, y.detach())
        except RuntimeError:
            return False
    wanted = y.detach().float().square().sum()
    return bool(((gradient.float() * x.detach()).sum() - wanted).abs() < 0.05 * wanted)


def _stop_ids(folder: Path, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """eos of generation_config.json (one or several), then of the tokenizer."""
    stops: list[int] = []
    file = folder / "generation_config.json"
    if file.is_file():
        named = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
        stops += named if isinstance(named, list) else [] if named is None else [named]
    if tokenizer.eos_token_id is not None:
        stops.append(int(tokenizer.eos_token_id))
    return stops


def _context_tokens(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    named = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(int(named or tokenizer.model_max_length), MAX_CONTEXT_TOKENS)
