"""Imports run one way: pages and storage know the core, the core knows neither."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("chatfeedback", "storage", "ui")
COMPOSITION_ROOT = "chatfeedback/cli.py"
TORCH = {"torch", "transformers", "peft", "bitsandbytes", "accelerate"}
SQL = {"sqlite3", "sqlite_utils"}
PAGES = {"gradio", "uvicorn"}

# package -> names that it must never import
FORBIDDEN = {
    "chatfeedback": {"ui", "storage"} | SQL | PAGES,
    "storage": {"ui"} | TORCH | PAGES,
    "ui": {"storage"} | SQL | TORCH,
}
TORCH_FREE_ENGINE = {"client.py", "messages.py", "adapter_files.py"}
DISTRIBUTIONS = {"markdown_it": "markdown-it-py"}  # where the name is not the module's
TORCH_IN_STARTER = {"train.py", "measure.py"}


def sources(package: str) -> Iterator[Path]:
    return (ROOT / package).rglob("*.py")


def imported_modules(path: Path) -> set[str]:
    """Full names of all modules a file imports, at its top or inside functions."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    sources_ = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in sources_), f"{path} imports relatively"
    members = {f"{node.module}.{alias.name}" for node in sources_ for alias in node.names}
    return plain | {str(node.module) for node in sources_} | members


def imported_roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_stays_inside_its_layer(package: str) -> None:
    for path in sources(package):
        if path != ROOT / COMPOSITION_ROOT:
            assert not imported_roots(path) & FORBIDDEN[package], path


def test_torch_is_imported_only_by_the_engine_process_and_the_starters_training() -> None:
    engine, starter = ROOT / "chatfeedback/engine", ROOT / "chatfeedback/starter"
    for path in sources("chatfeedback"):
        in_engine = path.parent == engine and path.name not in TORCH_FREE_ENGINE
        in_starter = path.parent == starter and path.name in TORCH_IN_STARTER
        if not (in_engine or in_starter):
            assert not imported_roots(path) & TORCH, path


@pytest.mark.parametrize("module", ["chatfeedback.cli", "launch", "chatfeedback.starter.train"])
def test_nothing_imports_the_entry_points(module: str) -> None:
    for package in PACKAGES:
        for path in sources(package):
            assert module not in imported_modules(path), path


def test_the_nouns_import_nothing_of_ours_but_each_other() -> None:
    nouns = {"chatfeedback.records", "chatfeedback.errors", "chatfeedback.settings"}
    for name in nouns:
        path = ROOT / f"{name.replace('.', '/')}.py"
        ours = {each for each in imported_modules(path) if each.startswith("chatfeedback.")}
        assert all(each.rpartition(".")[0] in nouns or each in nouns for each in ours), path


def test_every_library_that_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {Requirement(line).name for line in project["dependencies"]}
    ours = {*PACKAGES, "launch"}
    imported = set.union(*(imported_roots(path) for each in PACKAGES for path in sources(each)))
    libraries = imported - set(sys.stdlib_module_names) - ours
    named = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in libraries}
    assert named <= declared


@pytest.mark.parametrize(
    "module",
    ["chatfeedback.session", "chatfeedback.engine.client", "chatfeedback.api", "chatfeedback.cli"],
)
def test_the_app_process_never_loads_torch(module: str) -> None:
    loaded = loaded_after_importing(module)
    assert not loaded & TORCH


def test_the_command_line_is_read_without_loading_any_large_library() -> None:
    assert not loaded_after_importing("chatfeedback.cli") & {"numpy", "gradio", "fastapi"}


def loaded_after_importing(module: str) -> set[str]:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
