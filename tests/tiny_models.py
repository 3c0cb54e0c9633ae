"""Tiny chat models with random weights, made on the spot: real transformers, real tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

END, SYSTEM, USER, ASSISTANT = "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
NO_SYSTEM_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
# What sets each architecture apart, small enough to show within forty tokens.
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 12},
    "mistral": {"sliding_window": 9},
    "gemma2": {"head_dim": 12, "query_pre_attn_scalar": 12, "sliding_window": 7},
    "gemma3_text": {"head_dim": 12, "query_pre_attn_scalar": 12, "sliding_window": 8},
    "phi3": {"sliding_window": 11},
    "smollm3": {"no_rope_layer_interval": 2},
    "olmo2": {},
    "granite": {"logits_scaling": 3.0, "residual_multiplier": 0.5, "embedding_multiplier": 2.0},
    "gpt_neox": {},
}


def tiny_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """One token a byte, four control tokens, and one emoji of its own."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    control = [END, SYSTEM, USER, ASSISTANT]
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in control])
    tokenizer.add_tokens([AddedToken("🎉", normalized=False)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=END)
    wrapped.chat_template = template
    return wrapped


def save_tiny_model(
    folder: Path,
    kind: str = "llama",
    *,
    seed: int = 0,
    context_tokens: int = 512,
    template: str | None = TEMPLATE,
    spread: float = 0.1,
    **extra: Any,
) -> Path:
    """Write a complete model folder of one of the FAMILIES.

    spread: standard deviation of the weights; larger makes the model more decided about its next
    token. extra: further fields of its configuration.
    """
    tokenizer = tiny_tokenizer(template)
    torch.manual_seed(seed)
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context_tokens,
        "initializer_range": spread,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    config = AutoConfig.for_model(kind, **size | FAMILIES[kind] | extra)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
