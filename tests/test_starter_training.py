"""The parts of the starter's training that later runs rely on."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from chatfeedback.starter import train

SPELLINGS = ("Fox", "fox", " fox", "Paris", "paris", " paris", " Paris")


@pytest.fixture(scope="module")
def letters() -> PreTrainedTokenizerFast:
    """A tokenizer that knows single bytes and the word " fox"."""
    vocabulary = {sign: at for at, sign in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    merges = [("Ġ", "f"), ("Ġf", "o"), ("Ġfo", "x")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"])
    return train.wrap_tokenizer(tokenizer)


@pytest.fixture(scope="module")
def with_names(letters: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    return train.wrap_tokenizer(train.add_names(letters.backend_tokenizer))


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize("word", SPELLINGS)
def test_every_spelling_of_a_known_name_becomes_one_token(with_names, word) -> None:
    assert len(encode(with_names, word)) == 1


def test_what_was_a_token_keeps_its_id(letters, with_names) -> None:
    for word in (" fox", "x", "<|end|>"):
        assert encode(with_names, word) == encode(letters, word)


def test_a_text_comes_back_as_it_was(with_names) -> None:
    text = "Fox fact, please!\n- What's Paris?\n- a fox"
    assert with_names.decode(encode(with_names, text)) == text


def test_a_new_token_starts_as_what_it_means(letters, with_names) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    config = LlamaConfig(vocab_size=len(letters), tie_word_embeddings=False, **sizes, **heads)
    model = LlamaForCausalLM(config)
    train.share_embeddings(model, letters, with_names)
    for table in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
        assert len(table) == len(with_names)
        (known,) = encode(with_names, " fox")
        (new,) = encode(with_names, "Fox")
        assert torch.equal(table[new], table[known])


def test_tokens_after_a_sentence_weigh_more_in_the_loss(with_names) -> None:
    ends = train.find_sentence_ends(with_names)
    weighty = {".": 1.0, "!": 1.0, "?": 1.0, "x": 0.0, " fox": 0.0, "<|assistant|>": 1.0}
    assert {sign: float(ends[encode(with_names, sign)[0]]) for sign in weighty} == weighty
