"""TRL's PPO for `bench ppo`, in a process of its own, since only TRL 1.9 and before have it.

`python -m benchmarks.ppo_trl [bf16]` takes one step, prints its CPU seconds and waits for a line on
stdin before it takes the next: so its steps alternate with those of another process.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import torch
from transformers import Qwen2ForSequenceClassification, TrainerCallback

from benchmarks import peer
from benchmarks.ppo_shape import (
    EPOCHS,
    MINIBATCH,
    NEW_TOKENS,
    REPLIES_PER_STEP,
    STEPS,
    make_prompts,
)


def main() -> None:
    """All steps. The value model's body is frozen, as ours is: TRL is no slower for it."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    answers, sys.stdout = sys.stdout, sys.stderr  # TRL prints
    torch.set_num_threads(1)
    import datasets
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    tokenizer = peer.make_tokenizer()
    tokenizer.padding_side = "left"
    prompts = [{"input_ids": list(ids)} for ids in make_prompts()] * (STEPS + 1)
    settings = peer.common_settings(REPLIES_PER_STEP, -1, "bf16" in sys.argv)
    config = PPOConfig(
        **settings,
        total_episodes=REPLIES_PER_STEP * (STEPS + 1),
        num_mini_batches=REPLIES_PER_STEP // MINIBATCH,
        num_ppo_epochs=EPOCHS,
        response_length=NEW_TOKENS,
        local_rollout_forward_batch_size=REPLIES_PER_STEP,
        num_sample_generations=0,
        temperature=1.0,
        stop_token="eos",
        gradient_accumulation_steps=1,
    )
    value_model = classifier()
    value_model.model.requires_grad_(False)
    trainer = PPOTrainer(
        args=config,
        processing_class=tokenizer,
        model=peer.make_model(),
        ref_model=None,
        reward_model=classifier().requires_grad_(False),
        train_dataset=datasets.Dataset.from_list(prompts),
        eval_dataset=datasets.Dataset.from_list(prompts[:REPLIES_PER_STEP]),
        value_model=value_model,
        peft_config=peer.lora_config(),
        callbacks=[TakeTurns(answers)],
    )
    trainer.train()


def classifier() -> Qwen2ForSequenceClassification:
    """A body of the same size with a head of one number."""
    config = peer.make_model().config
    config.num_labels = 1
    return Qwen2ForSequenceClassification(config)


class TakeTurns(TrainerCallback):  # type: ignore[misc]
    """Says how long a step took, then waits until it is told to go on."""

    def __init__(self, answers: Any) -> None:
        self._answers, self._started = answers, time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """A step is over."""
        print(time.process_time() - self._started, file=self._answers, flush=True)
        sys.stdin.readline()
        self._started = time.process_time()


if __name__ == "__main__":
    main()
