"""TRL's side of `bench_quality`: its DPO or KTO on somebody's clicks, written as a PEFT folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peer import LORA_TARGETS
from chatfeedback.engine import adapter_files
from chatfeedback.starter import WEIGHTS
from chatfeedback.taste.preferences import Better
from chatfeedback.taste.taste import Taste

PAIRS_PER_STEP, BETA = 8, 0.1


def fit(method: str, setting: tuple[float, int], taste: Taste, target: Path, seed: int) -> None:
    """A LoRA of our size on the person's picks, written to `target`.

    Args:
        method: "dpo" or "kto"; that one takes a pick for a like and a dislike.
        setting: learning rate and epochs.
    """
    import datasets
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

    datasets.disable_progress_bars()
    torch.manual_seed(seed)
    rate, epochs = setting
    rows = clicked_pairs(taste)
    if method == "kto":
        rows = [rated for row in rows for rated in rate_sides(row)]
        np.random.default_rng(seed).shuffle(rows)  # it takes them in order
    staging = adapter_files.staging_folder(target)
    settings: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(prefix="trl"),
        "per_device_train_batch_size": PAIRS_PER_STEP if method == "dpo" else 2 * PAIRS_PER_STEP,
        "num_train_epochs": epochs,
        "learning_rate": rate,
        "beta": BETA,
        "precompute_ref_log_probs": True,
        "seed": seed,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "logging_steps": 1000,
    }
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=LORA_TARGETS, task_type="CAUSAL_LM")
    trainer = (DPOTrainer if method == "dpo" else KTOTrainer)(
        model=AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32),
        args=DPOConfig(**settings) if method == "dpo" else KTOConfig(**settings),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(WEIGHTS),
        peft_config=lora,
    )
    trainer.train()
    trainer.model.save_pretrained(str(staging), selected_adapters=["default"])
    (staging / "README.md").unlink(missing_ok=True)
    adapter_files.publish(staging, target, {"method": f"trl {method}"})
    shutil.rmtree(settings["output_dir"])


def clicked_pairs(taste: Taste) -> list[dict[str, Any]]:
    """(prompt, chosen, rejected) of every pick, in TRL's conversational form."""
    picks = [judged for judged in taste.judgements if isinstance(judged, Better)]
    rows = []
    for pick in picks:
        chosen, rejected = taste.reply(pick.chosen_id), taste.reply(pick.rejected_id)
        rows.append(
            {
                "prompt": [{"role": "user", "content": chosen.prompt_text}],
                "chosen": [{"role": "assistant", "content": chosen.text}],
                "rejected": [{"role": "assistant", "content": rejected.text}],
            }
        )
    return rows


def rate_sides(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A pick as a like and a dislike."""
    return [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for side in ("chosen", "rejected")
    ]
