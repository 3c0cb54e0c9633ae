"""The embedded starter model: a small chat model that ships with the project."""

from pathlib import Path

WEIGHTS: Path = Path(__file__).parent / "weights"
"""Folder with config, tokenizer and safetensors, loadable by transformers."""
