"""What benchmarks against TRL share: a random model, random conversations, TRL at its best.

The tokenizer has one token a word, so that TRL, which takes text, and we, who take token ids, see
the very same tokens. Models have random weights and the proportions of real ones (head to body
parameters as in Llama-3.2-1B), since neither speed nor loss arithmetic depends on the weights.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from chatfeedback.records import BaseInfo, PreferencePair

VOCABULARY = 12_000
END = 2
LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, ALPHA, BETA, RATE = 16, 32.0, 0.1, 1e-4
# (lowest, highest) tokens of prompts and of replies; lengths are log-uniform between them
SHAPES = {
    "chat": ((50, 800), (30, 250)),
    "long": ((500, 1200), (30, 130)),
    "short": ((30, 160), (60, 220)),
}
INFO = BaseInfo("random", "random", False, 1000, 256, 16, "cpu", "float32", "none")


class RandomBase:
    """What learning must know about the base model."""

    info = INFO
    end_token_ids = (END,)


def make_model() -> Qwen2ForCausalLM:
    """16 layers of width 256, 12 000 words: 20 M parameters, head to body 0.2. Random weights."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config).eval()


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Word w17 is token 17; the first three are special."""
    special = ["<pad>", "<unknown>", "<end>"]
    words = [*special, *(f"w{at}" for at in range(len(special), VOCABULARY))]
    vocabulary = {word: at for at, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", unk_token="<unknown>"
    )


def make_pairs(shape: str, count: int, seed: int = 0) -> tuple[PreferencePair, ...]:
    """Pairs of random replies to random prompts; every reply ends with its end-of-turn token."""
    rng = random.Random(seed)
    prompts, replies = SHAPES[shape]

    def draw(bounds: tuple[int, int]) -> tuple[int, ...]:
        length = round(math.exp(rng.uniform(*map(math.log, bounds))))
        return tuple(rng.randrange(10, VOCABULARY) for _ in range(length))

    return tuple(
        PreferencePair(
            draw(prompts), (*draw(replies), END), (*draw(replies), END), weight=1.0, source="click"
        )
        for _ in range(count)
    )


def to_text(ids: tuple[int, ...]) -> str:
    """The words of token ids, without an end-of-turn token, which TRL adds itself."""
    return " ".join(f"w{each}" for each in ids if each != END)


def peak_mb() -> float:
    """The most memory this process has held so far, MB.

    From /proc, since `ru_maxrss` of a child begins with what its parent held.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def make_trainer(
    pairs: tuple[PreferencePair, ...],
    *,
    pairs_per_step: int,
    steps: int,
    sequential: bool = False,
    bf16: bool = False,
    model: Qwen2ForCausalLM | None = None,
    callbacks: list[Any] | None = None,
) -> Any:
    """TRL's DPO trainer with the settings found fastest on a CPU.

    No checkpointing, reference log-probabilities precomputed, batches of like length (unless
    `sequential`, for comparing losses), bfloat16 autocast if `bf16`.
    """
    import datasets
    from trl import DPOConfig, DPOTrainer

    datasets.disable_progress_bars()
    rows = [
        {
            "prompt": to_text(pair.prompt_ids),
            "chosen": " " + to_text(pair.chosen_ids),
            "rejected": " " + to_text(pair.rejected_ids),
            "length": len(pair.prompt_ids) + max(len(pair.chosen_ids), len(pair.rejected_ids)),
        }
        for pair in pairs
    ]
    config = DPOConfig(
        **common_settings(pairs_per_step, steps, bf16),
        beta=BETA,
        precompute_ref_log_probs=True,
        max_length=2048,
        remove_unused_columns=False,
        train_sampling_strategy="sequential" if sequential else "group_by_length",
    )
    return DPOTrainer(
        model=model or make_model(),
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=make_tokenizer(),
        peft_config=lora_config(),
        callbacks=callbacks,
    )


def common_settings(batch: int, steps: int, bf16: bool) -> dict[str, Any]:
    """What all of TRL's trainers are told: as fast as they get on a CPU, and nothing written."""
    return {
        "output_dir": tempfile.mkdtemp(prefix="trl"),
        "per_device_train_batch_size": batch,
        "max_steps": steps,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "adam_beta2": 0.99,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "bf16": bf16,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
    }


def lora_config(task: str = "CAUSAL_LM") -> Any:
    """The LoRA that both sides learn."""
    from peft import LoraConfig

    return LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=LORA_TARGETS, task_type=task)


def alternating(ours: Callable[[], object], theirs: list[float], mine: list[float]) -> Any:
    """A callback for TRL's trainer: after each of its steps, one of ours. Appends CPU seconds."""
    from transformers import TrainerCallback

    class Alternate(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            theirs.append(time.process_time() - self.started)
            started = time.process_time()
            ours()
            mine.append(time.process_time() - started)

    return Alternate()


def no_samples(_model: Any, prompts: Any, _seed: int) -> Any:
    """Empty replies, for runs whose policy is never looked at."""
    return [(END,) for _ in prompts]


def staging_folder() -> str:
    """Where an update may publish its adapter."""
    return str(Path(tempfile.mkdtemp(prefix="update")) / "adapter")
