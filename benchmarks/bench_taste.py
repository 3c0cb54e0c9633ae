"""What TRL makes of the same clicks: random pairs, DPO with its settings tuned; see `simulate`.

Some simulated people pick the better of two random replies of the starter, as often as they click
in the benchmark of learning. TRL's DPOTrainer fits a LoRA of our size to these pairs, with every
setting of a small sweep; the setting that wins most over all of them counts, which favours it. One
sample a question is judged as lane C is.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peer import LORA_TARGETS
from chatfeedback.simulation.choices import find_temperature, mean, win_rate
from chatfeedback.simulation.people import Hidden, person_of
from chatfeedback.simulation.pool import REFERENCE, Pool, draw_pool
from chatfeedback.starter import WEIGHTS

PEOPLE = 4
CLICKS = (20, 50)
QUESTIONS = 60
REPLIES = 2
# learning rate, beta, steps of 8 pairs
SWEEP = ((1e-3, 0.1, 40), (3e-4, 0.1, 40), (1e-3, 0.3, 40), (1e-3, 0.1, 80))
DEFAULTS = (1e-6, 0.1, 40)
"""TRL's own learning rate and beta."""


def run(json_path: Path | None) -> int:
    """Measure, print, and write `json_path` if given. Returns 0."""
    torch.set_num_threads(int(os.environ.get("CHATFEEDBACK_THREADS", "1")))
    pool = draw_pool(80, QUESTIONS, seed=0)
    found: list[dict[str, Any]] = []
    for clicks in CLICKS:
        for setting in (DEFAULTS, *SWEEP):
            for number in range(PEOPLE):
                person = replace(person_of(number, 0), later=None)
                found.append(judge_one(person, number, clicks, setting, pool))
                print(found[-1], flush=True)
    figures = {f"win_at_{clicks}": best_of(found, clicks)[1] for clicks in CLICKS}
    figures |= {
        f"win_at_{clicks}_trl_defaults": win_of(found, clicks, DEFAULTS) for clicks in CLICKS
    }
    for name, value in figures.items():
        print(f"{name:28} {value:.3f}")
    if json_path:
        settings = {"people": PEOPLE, "questions": QUESTIONS, "runs": found}
        report = {"name": "taste", "ratios": {}, "figures": figures, "settings": settings}
        json_path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def judge_one(
    person: Hidden, number: int, clicks: int, setting: tuple[float, float, int], pool: Pool
) -> dict[str, Any]:
    """One fit, judged."""
    started = time.process_time()
    model, tokenizer = fit(random_pairs(person, number, clicks, pool), setting)
    fit_s = time.process_time() - started
    worth, base, kept, usual = [], [], [], []
    for asked, texts in zip(pool.report, answer(model, tokenizer, pool), strict=True):
        worth.append([person.utility(asked.question, text) for text in texts])
        replies = asked.replies[:REFERENCE]
        base.append([person.utility(asked.question, reply.text) for reply in replies])
        if asked.question.mark is not None and asked.question.kind == "fact":
            kept += [asked.question.mark(text) for text in texts]
            usual += asked.marks
    return {
        "person": person.name,
        "clicks": clicks,
        "setting": setting,
        "win": win_rate(np.array(worth), np.array(base)),
        "facts": mean(kept) / mean(usual),
        "fit_s": fit_s,
    }


def random_pairs(person: Hidden, number: int, clicks: int, pool: Pool) -> list[dict[str, Any]]:
    """(prompt, chosen, rejected) in TRL's conversational form; picked with the usual noise."""
    rng = np.random.default_rng(number)
    worth = np.array([[person.utility(a.question, r.text) for r in a.replies] for a in pool.chat])
    gaps = (worth[:, ::2] - worth[:, 1::2]).ravel()
    temperature = find_temperature(gaps[np.abs(gaps) > 1e-9], 0.775)
    pairs = []
    for place in rng.permutation(len(pool.chat))[:clicks]:
        asked = pool.chat[int(place)]
        first, second = (int(at) for at in rng.choice(len(asked.replies), 2, replace=False))
        gap = float(worth[place, first] - worth[place, second]) / temperature
        if rng.random() > 1 / (1 + np.exp(-np.clip(gap, -50, 50))):
            first, second = second, first
        texts = [asked.replies[at].text for at in (first, second)]
        chosen, rejected = ([{"role": "assistant", "content": text}] for text in texts)
        prompt = [{"role": "user", "content": asked.question.prompt}]
        pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    return pairs


def fit(pairs: list[dict[str, Any]], setting: tuple[float, float, int]) -> tuple[Any, Any]:
    """The starter with a LoRA that TRL's DPO fitted, and its tokenizer."""
    import datasets
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    datasets.disable_progress_bars()
    rate, beta, steps = setting
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        trainer = DPOTrainer(
            model=model,
            args=DPOConfig(
                output_dir=folder,
                per_device_train_batch_size=8,
                max_steps=steps,
                learning_rate=rate,
                beta=beta,
                lr_scheduler_type="linear",
                report_to=[],
                save_strategy="no",
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
                logging_steps=1000,
            ),
            train_dataset=datasets.Dataset.from_list(pairs),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=8, lora_alpha=16, target_modules=LORA_TARGETS, task_type="CAUSAL_LM"
            ),
        )
        trainer.train()
    return trainer.model.eval(), tokenizer


@torch.no_grad()
def answer(model: Any, tokenizer: Any, pool: Pool) -> list[list[str]]:
    """REPLIES samples to each report question, at the temperature of an ordinary reply."""
    torch.manual_seed(1)
    tokenizer.padding_side = "left"
    texts: list[list[str]] = []
    for asked in pool.report:
        turns = [{"role": "user", "content": asked.question.prompt}]
        prompt = tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        drawn = model.generate(
            **prompt,
            do_sample=True,
            temperature=0.7,
            top_k=0,
            max_new_tokens=160,
            num_return_sequences=REPLIES,
        )
        new = drawn[:, prompt["input_ids"].shape[1] :]
        texts.append([tokenizer.decode(ids, skip_special_tokens=True) for ids in new])
    return texts


def win_of(found: list[dict[str, Any]], clicks: int, setting: tuple[float, float, int]) -> float:
    """Mean over people."""
    rows = [row for row in found if row["clicks"] == clicks and row["setting"] == setting]
    return mean([row["win"] for row in rows])


def best_of(found: list[dict[str, Any]], clicks: int) -> tuple[tuple[float, float, int], float]:
    """The setting of the sweep that wins most, and its win."""
    best = max(SWEEP, key=lambda setting: win_of(found, clicks, setting))
    return best, win_of(found, clicks, best)
