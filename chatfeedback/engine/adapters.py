"""LoRA adapters in the model: a live view that serves, a candidate view that learns.

A view is a module tree of its own over the one set of base tensors: nothing a view does (choosing
an adapter, scaling it, switching it off, learning) can be seen through another, so a reply and a
learning step run at the same time without a lock. PEFT provides the LoRA weights and the folder
format. What a layer does with them is ours (`_adapt`): PEFT's `set_adapter` walks the whole model
and changes `requires_grad` under way, and its forward costs as much Python a token as the base.
"""

from __future__ import annotations

import copy
import gc
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers.pytorch_utils import Conv1D

from chatfeedback.engine import adapter_files, attention
from chatfeedback.engine.memory import MICRO_BATCHES, LearningPlan
from chatfeedback.engine.references import References
from chatfeedback.engine.scoring import Anatomy, dissect
from chatfeedback.errors import AdapterDamaged
from chatfeedback.records import AdapterUse

SLOTS = 3  # adapters the live view keeps loaded: the serving one, the one before, a candidate
CANDIDATE = "candidate"
MAMBA = (
    "falcon_h1",
    "falcon_mamba",
    "mamba",
    "mamba2",
    "nemotron_h",
)  # PEFT refuses their out_proj

Item = TypeVar("Item")


def make_views(model: Any, *, shares_prefixes: bool = True) -> tuple[LiveView, CandidateView]:
    """Two views over the tensors of `model`, which itself stays as it is: the plain base.

    Args:
        model: a Hugging Face causal LM; it is frozen here.
        shares_prefixes: whether the token trie holds for it (`scoring.examine`).
    """
    model.requires_grad_(False).eval()
    return LiveView(model), CandidateView(_copy_tree(model), shares_prefixes)


def make_background_view(model: Any, wait: Callable[[], None]) -> LiveView:
    """A live view for work nobody watches: it calls `wait` before every decoder layer.

    For a third thread, beside the views of `make_views`; it has a base tree of its own.
    """
    view = LiveView(_copy_tree(model))
    for tree in (view.base, view._tree):
        for layer in _decoder_layers(tree):
            layer.register_forward_pre_hook(lambda *_: wait())
    return view


class LiveView:
    """What replies are written with. Owned by one thread; never learns.

    Attributes:
        model: the causal LM to call now: the plain base, or the tree with the chosen adapter.
        base: the plain base, whatever is chosen.
    """

    def __init__(self, model: Any) -> None:
        self.base = model
        self.model = model
        self._tree = _copy_tree(model)
        self._layers: list[LoraLayer] = []
        self._chosen: AdapterUse | tuple[tuple[AdapterUse | None, int], ...] | None = None
        self._loaded: OrderedDict[str, str] = OrderedDict()  # folder -> slot, oldest use first

    def use(self, adapter: AdapterUse | None) -> None:
        """Choose the adapter and its strength for the forwards to come. None = the base.

        Free when nothing changes, so it may be called before every forward. The first use of a
        folder verifies and loads it; the last SLOTS folders stay loaded.

        Raises:
            AdapterDamaged: the folder fails verification or does not fit this model.
        """
        if adapter == self._chosen:
            return
        self._choose_nothing()
        if adapter is None or adapter.scale == 0:
            return
        slot = self._slot_of(Path(adapter.folder))
        for layer in self._layers:
            layer.forward = partial(_adapt, layer.base_layer, *_change(layer, slot, adapter.scale))
        self._chosen, self.model = adapter, self._tree

    def use_each(self, groups: Sequence[tuple[AdapterUse | None, int]]) -> None:
        """Choose an adapter and a strength for each run of rows of the forwards to come.

        Args:
            groups: (adapter, number of rows), in the order of the rows; at most SLOTS adapters.

        Raises:
            AdapterDamaged: as `use`.
        """
        if (chosen := tuple(groups)) == self._chosen:
            return
        self._choose_nothing()
        parts = [(n_rows, *self._slot_and_scale(adapter)) for adapter, n_rows in chosen]
        sizes = [n_rows for n_rows, _, _ in parts]
        for layer in self._layers:
            changes = [_change(layer, slot, scale) if slot else None for _, slot, scale in parts]
            layer.forward = partial(_adapt_rows, layer.base_layer, sizes, changes)
        self._chosen, self.model = chosen, self._tree

    def _choose_nothing(self) -> None:
        """The plain base; it stays so if the next adapter turns out damaged."""
        self._chosen, self.model = None, self.base

    def _slot_and_scale(self, adapter: AdapterUse | None) -> tuple[str | None, float]:
        if adapter is None or adapter.scale == 0:
            return None, 0.0
        return self._slot_of(Path(adapter.folder)), adapter.scale

    def _slot_of(self, folder: Path) -> str:
        key = str(folder)
        if key not in self._loaded:
            slot = self._free_slot()
            _load_slot(self._tree, slot, folder)
            self._layers = list(lora_layers(self._tree).values())
            self._loaded[key] = slot
        self._loaded.move_to_end(key)
        return self._loaded[key]

    def _free_slot(self) -> str:
        """A slot nothing is loaded in; the least recently used is given up if need be."""
        if len(self._loaded) == SLOTS:
            self._loaded.popitem(last=False)
        return min({f"slot{number}" for number in range(SLOTS)} - set(self._loaded.values()))


class CandidateView:
    """What learns: one LoRA that can be reset, switched off, kept and saved. One thread's.

    Attributes:
        model: the causal LM, with the LoRA when it is on.
        micro_batch_tokens: how many tokens a run may have under gradient at once.
        references: what the base makes of replies that runs have read so far.
    """

    def __init__(self, model: Any, shares_prefixes: bool = True) -> None:
        self.model = model
        self.micro_batch_tokens = MICRO_BATCHES[0]
        self.references = References()
        self._shares_prefixes = shares_prefixes
        attention.prepare(model)
        self._layers: list[LoraLayer] = []
        self._plain_forwards = {layer: layer.forward for layer in _decoder_layers(model)}

    def reset(self, rank: int, alpha: float, seed: int) -> None:
        """Start afresh: B = 0, so the view equals the base; A from `seed` alone.

        A is uniform in +-1/sqrt(fan_in) (PEFT's default). Weights are float32.
        """
        _add_slot(self.model, CANDIDATE, rank, alpha)
        self._layers = list(lora_layers(self.model).values())
        generator = torch.Generator().manual_seed(seed)
        for layer in self._layers:
            down, up = layer.lora_A[CANDIDATE].weight, layer.lora_B[CANDIDATE].weight
            bound = down.shape[1] ** -0.5
            start = torch.empty(down.shape).uniform_(-bound, bound, generator=generator)
            with torch.no_grad():
                down.copy_(start)
                up.zero_()
            down.grad = up.grad = None  # of a run that was cancelled within a step
        self.on()

    def fit(self, plan: LearningPlan) -> None:
        """Learn within this much memory from now on; what is learned stays the same."""
        gc.collect()  # what a failed attempt left in cycles
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.micro_batch_tokens = plan.micro_batch_tokens
        for layer, plain in self._plain_forwards.items():
            layer.forward = partial(_recompute, plain) if plan.checkpointing else plain

    def micro_batches(
        self, items: Sequence[Item], tokens_of: Callable[[Item], int]
    ) -> Iterator[list[Item]]:
        """Consecutive runs of at most `micro_batch_tokens` tokens, at least one item each.

        They bound memory; what a step learns does not depend on them.
        """
        batch: list[Item] = []
        tokens = 0
        for item in items:
            if batch and tokens + tokens_of(item) > self.micro_batch_tokens:
                yield batch
                batch, tokens = [], 0
            batch.append(item)
            tokens += tokens_of(item)
        if batch:
            yield batch

    @cached_property
    def anatomy(self) -> Anatomy:
        """The view's parts, for scoring; with the adapter when it is on."""
        return replace(dissect(self.model), shares_prefixes=self._shares_prefixes)

    def on(self) -> None:
        """Apply the LoRA: the policy."""
        for layer in self._layers:
            layer.forward = partial(_adapt, layer.base_layer, *_change(layer, CANDIDATE, 1.0))

    def off(self) -> None:
        """Leave the LoRA out: the reference. Never inside a backward pass."""
        for layer in self._layers:
            layer.forward = partial(layer.base_layer)

    @contextmanager
    def as_reference(self) -> Iterator[None]:
        """`off` for the length of a with-block."""
        self.off()
        try:
            yield
        finally:
            self.on()

    @contextmanager
    def waiting_at_layers(self, wait: Callable[[], None]) -> Iterator[None]:
        """Call `wait` before every decoder layer, forward and backward, so that it may block."""

        def wait_before(*_: Any) -> None:
            wait()

        def wait_in_backward(_layer: Any, _inputs: Any, output: Any) -> None:
            states = output if isinstance(output, Tensor) else output[0]
            if states.requires_grad:
                states.register_hook(wait_before)

        hooks = []
        for layer in _decoder_layers(self.model):
            hooks.append(layer.register_forward_pre_hook(wait_before))
            hooks.append(layer.register_forward_hook(wait_in_backward))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def parameters(self) -> list[nn.Parameter]:
        """The LoRA weights, the only ones that learn, in a fixed order."""
        return list(_slot_weights(self.model, CANDIDATE).values())

    def snapshot(self) -> list[Tensor]:
        """A copy of the LoRA weights."""
        return [weight.detach().clone() for weight in self.parameters()]

    @torch.no_grad()
    def restore(self, snapshot: list[Tensor]) -> None:
        """Put a snapshot back."""
        for weight, kept in zip(self.parameters(), snapshot, strict=True):
            weight.copy_(kept)

    def save(self, staging: Path, base_name: str) -> None:
        """Write PEFT's two files into an empty folder; `adapter_files.publish` does the rest."""
        layer = next(iter(lora_layers(self.model).values()))
        config = _lora_config(self.model, layer.r[CANDIDATE], layer.lora_alpha[CANDIDATE])
        config.base_model_name_or_path = base_name
        config.inference_mode = True
        config.save_pretrained(str(staging))
        weights = _slot_weights(self.model, CANDIDATE)
        save_file(
            {name: weight.detach().cpu().contiguous() for name, weight in weights.items()},
            staging / adapter_files.WEIGHTS,
        )


@torch.no_grad()
def merge(model: Any, folder: Path, scale: float) -> None:
    """Make an adapter part of the model's own weights; sums are taken in 32 bits.

    Raises:
        AdapterDamaged: the folder fails verification or does not fit this model.
    """
    _load_slot(model, CANDIDATE, folder)
    for path, layer in lora_layers(model).items():
        layer.scaling[CANDIDATE] *= scale
        weight = layer.base_layer.weight
        weight.copy_(weight.float() + layer.get_delta_weight(CANDIDATE))
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, layer.base_layer)
    model.__dict__.pop("peft_config", None)


Change = tuple[Tensor, Tensor, float]
"""A, B and the strength of what LoRA adds to a layer: strength * B A x."""


def _change(layer: LoraLayer, slot: str, scale: float) -> Change:
    strength = scale * layer.lora_alpha[slot] / layer.r[slot]
    return layer.lora_A[slot].weight, layer.lora_B[slot].weight, strength


def _adapt(base_layer: nn.Module, down: Tensor, up: Tensor, strength: float, x: Tensor) -> Tensor:
    """A LoRA layer's forward."""
    return _add_change(base_layer(x), x, down, up, strength)


def _adapt_rows(
    base_layer: nn.Module, sizes: list[int], changes: Sequence[Change | None], x: Tensor
) -> Tensor:
    """A LoRA layer's forward where runs of rows have adapters of their own, or none."""
    rows = zip(changes, torch.split(x, sizes), torch.split(base_layer(x), sizes), strict=True)
    return torch.cat([_add_change(own, own_x, *c) if c else own for c, own_x, own in rows])


def _add_change(result: Tensor, x: Tensor, down: Tensor, up: Tensor, strength: float) -> Tensor:
    """result + strength * up down x, in the dtype of `result`."""
    if x.dtype != down.dtype and not torch.is_autocast_enabled(x.device.type):
        x = x.to(down.dtype)
    inner = functional.linear(x, down)  # (..., rank)
    if inner.dtype != result.dtype:
        return (result + functional.linear(inner, up) * strength).to(result.dtype)
    # one product adds it, too: a pass over all outputs less, and one less in the backward pass
    rows, inner = result.flatten(0, -2), inner.flatten(0, -2)
    return torch.addmm(rows, inner, up.t(), alpha=strength).view(result.shape)


def _recompute(forward: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
    """Keep a layer's input only; the rest is computed again in the backward pass."""
    if not torch.is_grad_enabled():
        return forward(*inputs, **named)
    return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=False, **named)


def lora_layers(model: nn.Module) -> dict[str, LoraLayer]:
    """The LoRA layers of a tree by their path, in the tree's order."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}


def _copy_tree(model: Any) -> Any:
    """New modules, same tensors: what deepcopy would copy, the memo maps to itself."""
    shared = [*model.parameters(), *model.buffers()]
    for module in model.modules():  # where bitsandbytes keeps packed weights and their scales
        if (packed := getattr(module, "state", None)) is not None:
            shared += [value for value in vars(packed).values() if isinstance(value, Tensor)]
        if (scales := getattr(module, "quant_state", None)) is not None:
            shared.append(scales)
    return copy.deepcopy(model, {id(each): each for each in shared})


def _target_names(model: Any) -> list[str]:
    """Last names of all linear layers but the head's, e.g. q_proj ... down_proj.

    Left out are routers, which are linear layers that answer with more than a product; layers of
    Mamba whose weights fused kernels read by themselves; and, beside experts that are stacked in
    one tensor, the layers whose names PEFT takes for the experts'.
    """
    head = model.get_output_embeddings()
    names = set()
    for path, module in model.named_modules():
        if isinstance(module, LoraLayer):
            module = module.base_layer
        elif ".base_layer" in path or ".lora_" in path:
            continue
        is_linear = isinstance(module, nn.Linear | Conv1D) and not type(module).__name__.endswith(
            "Router"
        )
        if is_linear and module is not head:
            names.add(path.removesuffix(".base_layer").rpartition(".")[2])
    if model.config.model_type in MAMBA:
        names.discard("out_proj")
    config = LoraConfig(target_modules=sorted(names))
    convert_peft_config_for_transformers(config, model, None)
    return sorted(config.target_modules)


def _lora_config(model: Any, rank: int, alpha: float) -> LoraConfig:
    transposed = any(isinstance(module, Conv1D) for module in model.modules())
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=_target_names(model),
        fan_in_fan_out=transposed,
        task_type="CAUSAL_LM",
    )


def _add_slot(tree: Any, slot: str, rank: int, alpha: float) -> None:
    """Give every linear layer LoRA weights under this name, replacing earlier ones.

    What the weights are is not said here. Those of the same shape are kept, since PEFT takes a
    tenth of a second to make new ones even for a small model.
    """
    layers = lora_layers(tree).values()
    if layers and all(
        (layer.r.get(slot), layer.lora_alpha.get(slot)) == (rank, alpha) for layer in layers
    ):
        return
    for layer in layers:
        if slot in layer.r:
            layer.delete_adapter(slot)
    tree.__dict__.pop("peft_config", None)  # PEFT warns of a second adapter; we mean it
    inject_adapter_in_model(_lora_config(tree, rank, alpha), tree, slot)
    for weight in _slot_weights(tree, slot).values():
        weight.data = weight.data.float()
        weight.requires_grad_(slot == CANDIDATE)


def _slot_weights(tree: Any, slot: str) -> dict[str, nn.Parameter]:
    """LoRA weights of a slot under the names PEFT gives them in files."""
    weights = {}
    for path, layer in lora_layers(tree).items():
        weights[f"base_model.model.{path}.lora_A.weight"] = layer.lora_A[slot].weight
        weights[f"base_model.model.{path}.lora_B.weight"] = layer.lora_B[slot].weight
    return weights


@torch.inference_mode(False)  # weights made in it could not be loaded over outside it
@torch.no_grad()
def _load_slot(tree: Any, slot: str, folder: Path) -> None:
    adapter_files.verify(folder)
    config = json.loads((folder / adapter_files.CONFIG).read_text("utf-8"))
    _add_slot(tree, slot, config["r"], config["lora_alpha"])
    weights, stored = _slot_weights(tree, slot), load_file(folder / adapter_files.WEIGHTS)
    if {n: w.shape for n, w in weights.items()} != {n: w.shape for n, w in stored.items()}:
        raise AdapterDamaged(
            f"Adapter {folder.name} does not fit the model that is loaded: it has "
            f"{len(stored)} tensors where {len(weights)} are needed, or other shapes. "
            "It belongs to another base model; choose that one, or another version."
        )
    for name, weight in weights.items():
        weight.copy_(stored[name])


def _decoder_layers(model: Any) -> list[nn.Module]:
    """The blocks of the largest ModuleList: every decoder keeps its layers in one."""
    blocks = [list(m.children()) for m in model.modules() if isinstance(m, nn.ModuleList)]
    return max(blocks, key=len, default=[])
