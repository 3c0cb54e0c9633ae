"""Take a version out of the app: as a PEFT folder, or merged into its base model.

`python -m chatfeedback.engine.export ADAPTER_FOLDER TARGET [--scale S] [--merge MODEL]`

Either answers, loaded with plain peft and transformers, as it answers here. Merging rounds to the
precision of the base's own weights, so it is made from them and never from quantised ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from chatfeedback.engine import adapter_files
from chatfeedback.engine.model_files import find_folder
from chatfeedback.errors import ChatFeedbackError, InputRefused
from chatfeedback.offline import go_offline

TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "*.model", "*.jinja", "vocab*", "*.txt")


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 1 after one plain line on stderr."""
    parser = argparse.ArgumentParser(prog="chatfeedback.engine.export", description=__doc__)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, metavar="S", help="how strongly (1)")
    parser.add_argument("--merge", metavar="DIR_OR_HUB_ID", help="into this base model")
    arguments = parser.parse_args(argv)
    go_offline(arguments.merge)
    try:
        if arguments.merge:
            export_merged(arguments.adapter, arguments.merge, arguments.target, arguments.scale)
        else:
            export_adapter(arguments.adapter, arguments.target, arguments.scale)
    except ChatFeedbackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def export_adapter(folder: Path, target: Path, scale: float = 1.0) -> None:
    """Copy a version as a PEFT folder; the scale becomes part of its `lora_alpha`.

    Args:
        folder: the version's folder.
        target: must not exist yet, or be empty.
        scale: how strongly it serves, in (0, 1].

    Raises:
        AdapterDamaged: the folder is not as its manifest says.
        InputRefused: the target holds something, or the scale is out of range.
    """
    _require_usable(target, scale)
    adapter_files.verify(folder)
    config = json.loads((folder / adapter_files.CONFIG).read_text("utf-8"))
    config["lora_alpha"] *= scale
    target.mkdir(parents=True, exist_ok=True)
    (target / adapter_files.CONFIG).write_text(json.dumps(config, indent=1), "utf-8")
    shutil.copy2(folder / adapter_files.WEIGHTS, target)


def export_merged(folder: Path, model: str | Path, target: Path, scale: float = 1.0) -> None:
    """Write a whole model: W + scale * alpha / r * B A in every linear layer the version changes.

    Args:
        folder: the version's folder.
        model: its base model, a folder or a hub id.
        target: must not exist yet, or be empty.
        scale: how strongly it serves, in (0, 1].

    Raises:
        AdapterDamaged: the folder is damaged, or of another base model.
        ModelUnusable: there is no such model.
        InputRefused: the target holds something, or the scale is out of range.
    """
    _require_usable(target, scale)
    base_folder = find_folder(model)
    from transformers import AutoModelForCausalLM

    from chatfeedback.engine.adapters import merge

    base = AutoModelForCausalLM.from_pretrained(
        base_folder, dtype="auto", trust_remote_code=False, use_safetensors=True,
        local_files_only=True,
    )  # fmt: skip
    merge(base, folder, scale)
    target.mkdir(parents=True, exist_ok=True)
    base.save_pretrained(target)
    for pattern in TOKENIZER_FILES:
        for file in base_folder.glob(pattern):
            shutil.copy2(file, target)


def _require_usable(target: Path, scale: float) -> None:
    if not 0 < scale <= 1:
        raise InputRefused(f"The scale is {scale}; choose more than 0 and at most 1.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputRefused(f"{target} exists and is not an empty folder. Choose another target.")


if __name__ == "__main__":
    sys.exit(main())
