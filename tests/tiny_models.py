"""Tiny chat models with random weights, made on the spot: real transformers, real tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

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
) -> Path:
    """Write a complete model folder. spread: standard deviation of the weights; larger makes
    the model more decided about its next token."""
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
    if kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**size))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**size))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
