"""A model's folder, looked at without loading it: is it complete, how large, which one exactly.

Read from config.json and the headers of the safetensors files alone. No torch here.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from chatfeedback.engine.memory import ModelShape
from chatfeedback.errors import ModelUnusable
from chatfeedback.offline import HUB_ID, hub_cache, split_revision

SMALL_MODEL_WEIGHTS = 64_000_000  # below this, 32-bit floats cost nothing worth saving
MAX_CONTEXT_TOKENS = 8192  # bounds the KV cache and the wait for a first token
MODEL_FILES = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")  # of a hub's model
_SAMPLES_PER_FILE, _SAMPLE_BYTES = 64, 65_536


def short_name(path_or_id: str | Path) -> str:
    """What a person calls the model: the folder's name, or the hub id."""
    folder = Path(path_or_id).expanduser()
    return folder.resolve().name if folder.is_dir() else str(path_or_id)


def find_folder(path_or_id: str | Path, *, fetch: bool = True) -> Path:
    """The folder itself, or the hub's snapshot of a model id; fetched if need be and allowed.

    A revision is pinned by "name@revision": a commit, a branch or a tag.

    Raises:
        ModelUnusable: there is neither.
    """
    folder = Path(path_or_id).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.exists() or not HUB_ID.fullmatch(str(path_or_id)):
        raise ModelUnusable(
            f"There is no model folder at {path_or_id}. Give a folder with config.json and "
            "*.safetensors in it, or a hub id such as organisation/name, with @revision if you "
            "want a certain one."
        )
    from huggingface_hub import snapshot_download

    try:
        name, revision = split_revision(str(path_or_id))
        found = snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(MODEL_FILES),
            cache_dir=hub_cache(),  # as `fetch` does, whatever the library read at its import
            local_files_only=not fetch,
        )
        return Path(found)
    except Exception as error:  # no network, no such id, no permission: one thing to a person
        raise ModelUnusable(
            f"{path_or_id} is not a folder here and could not be fetched from the hub "
            f"({type(error).__name__}). Check the name and the network, or give a local folder."
        ) from error


def hub_revision(folder: Path) -> str:
    """The commit of a hub's snapshot; empty for a folder of one's own."""
    return folder.name if folder.parent.name == "snapshots" else ""


def read_shape(folder: Path) -> ModelShape:
    """The model's sizes.

    Raises:
        ModelUnusable: files are missing or damaged, or hold something else than a causal LM.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise ModelUnusable(
            f"{folder} is no model folder: config.json is missing. "
            "Give the folder that holds config.json and *.safetensors."
        )
    tensors = _tensor_shapes(folder)
    try:
        config = json.loads(file.read_text("utf-8"))
        config = config | config.get("text_config", {})
        return _shape(config, list(tensors.values()))
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelUnusable(
            f"{file} does not describe a language model ({error}). Choose another model."
        ) from error


def _shape(config: dict[str, Any], tensors: list[list[int]]) -> ModelShape:
    hidden = int(_first(config, "hidden_size", "n_embd"))
    heads = int(_first(config, "num_attention_heads", "n_head"))
    head_size = int(config.get("head_dim") or hidden // heads)
    vocabulary = config.get("vocab_size")
    matrices = [each for each in tensors if len(each) == 2 and vocabulary not in each]
    context = config.get("max_position_embeddings") or config.get("n_positions")
    return ModelShape(
        n_weights=sum(map(math.prod, tensors)),
        packable_weights=sum(map(math.prod, matrices)),
        lora_width=sum(map(sum, matrices)),
        layers=int(_first(config, "num_hidden_layers", "n_layer")),
        hidden=hidden,
        inner=int(config.get("intermediate_size") or config.get("n_inner") or 4 * hidden),
        queries=heads * head_size,
        keys=int(config.get("num_key_value_heads") or heads) * head_size,
        context_tokens=min(int(context or MAX_CONTEXT_TOKENS), MAX_CONTEXT_TOKENS),
    )


def _first(config: dict[str, Any], *names: str) -> Any:
    for name in names:
        if config.get(name):
            return config[name]
    raise ValueError(f"{names[0]} is missing")


def _tensor_shapes(folder: Path) -> dict[str, list[int]]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        others = sorted(
            {p.suffix for p in folder.iterdir() if p.suffix in (".bin", ".gguf", ".pt")}
        )
        found = f" (found {', '.join(others)} instead)" if others else ""
        raise ModelUnusable(
            f"{folder} holds no *.safetensors weights{found}. Only safetensors are loaded, because "
            "other formats can run code. Convert the model or choose another."
        )
    shapes: dict[str, list[int]] = {}
    for file in files:
        try:
            header = json.loads(_header(file))
            shapes |= {name: t["shape"] for name, t in header.items() if name != "__metadata__"}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelUnusable(
                f"{file} is damaged or was not downloaded completely. Fetch it again."
            ) from error
    return shapes


def _header(file: Path) -> bytes:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError("the header is longer than the file")
        return stream.read(length)


def base_key(folder: Path, quantization: str) -> str:
    """Names these weights, this tokenizer, the hub's revision and this quantisation for ever.

    Large weight files are sampled, not read: 64 places each, so that training on changes the key.
    """
    digest = hashlib.sha256(f"{quantization}{hub_revision(folder)}".encode())
    for file in sorted(folder.iterdir()):
        if file.name in ("config.json", "tokenizer.json", "tokenizer.model", "chat_template.jinja"):
            digest.update(file.name.encode() + file.read_bytes())
        elif file.suffix == ".safetensors":
            digest.update(f"{file.name} {file.stat().st_size}".encode())
            digest.update(_header(file))
            _update_with_samples(digest, file)
    return digest.hexdigest()[:16]


def _update_with_samples(digest: hashlib._Hash, file: Path) -> None:
    size = file.stat().st_size
    stride = max(_SAMPLE_BYTES, size // _SAMPLES_PER_FILE)
    with file.open("rb") as stream:
        for start in range(0, size, stride):
            stream.seek(start)
            digest.update(stream.read(_SAMPLE_BYTES))
