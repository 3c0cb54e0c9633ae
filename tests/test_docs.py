"""What is written is true: commands, files, settings and metrics of the docs exist."""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from pathlib import Path

import pytest

import chatfeedback
from chatfeedback.cli import build_parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [
    path for package in ("chatfeedback", "storage", "ui") for path in (ROOT / package).rglob("*.py")
]
METRIC = re.compile(r"""["']((?:dpo|kto|ppo|sft|reward|gate)/[a-z0-9_]+)["']""")


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command of the command line, with its parser."""
    (subparsers,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(subparsers.choices)


def test_the_readme_lists_exactly_the_commands_there_are() -> None:
    listed = re.findall(r"^\| `(\w+)`", README, flags=re.MULTILINE)
    assert sorted(listed) == sorted(commands())


def test_every_option_in_the_readme_exists() -> None:
    known = {option for each in commands().values() for option in each._option_string_actions}
    shown = set(re.findall(r"--[a-z][a-z-]+", README))
    assert shown <= known | {"--rebuild"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith(("http", "#")) and not (page.parent / link.split("#")[0]).exists()
    ]
    assert not missing


def modules_of(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.py")} - {"__init__.py"}


def test_the_readmes_tree_names_every_module_of_the_core_and_nothing_else() -> None:
    tree = README.split("## Where things are")[1]
    named = re.findall(r"^ {8}(?:(\w+)/|(\S+\.py)| {4}(\S+\.py)) ", tree, flags=re.MULTILINE)
    folders: dict[str, set[str]] = {"": set()}
    folder = ""
    for opened, module, inner in named:
        if opened:
            folder = opened
            folders[folder] = set()
        folders[folder if inner else ""] |= {module, inner} - {""}
    listed = {name: modules for name, modules in folders.items() if modules}
    assert len(listed) > 6
    assert listed == {name: modules_of(ROOT / "chatfeedback" / name) for name in listed}


def test_every_folder_of_the_readmes_tree_exists() -> None:
    tree = README.split("## Where things are")[1]
    folders = re.findall(r"^ {4}(\w+/)", tree, flags=re.MULTILINE)
    folders += [f"chatfeedback/{name}" for name in re.findall(r"^ {8}(\w+/)", tree, re.MULTILINE)]
    there = {path.parent.name + "/" for path in (ROOT / "chatfeedback").glob("*/__init__.py")}
    assert {name.removeprefix("chatfeedback/") for name in folders} >= there
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_every_metric_that_is_written_is_explained() -> None:
    explained = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    written = {key for path in SOURCES for key in METRIC.findall(path.read_text(encoding="utf-8"))}
    assert written
    assert {key for key in written if f"`{key}`" not in explained} == set()


def test_every_setting_says_what_it_is() -> None:
    tree = ast.parse((ROOT / "chatfeedback" / "settings.py").read_text(encoding="utf-8"))
    (settings,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    fields = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
    undocumented = [
        ast.unparse(field.target)
        for field, following in zip(fields, after(settings.body, fields), strict=True)
        if not is_text(following)
    ]
    assert fields
    assert not undocumented


def after(body: list[ast.stmt], fields: list[ast.AnnAssign]) -> list[ast.stmt | None]:
    """What stands below each field."""
    following = dict(zip(body, [*body[1:], None], strict=True))
    return [following[field] for field in fields]


def is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_the_package_and_the_project_agree_on_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == chatfeedback.__version__


def test_the_constraints_fit_the_requirements() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    pinned = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement.name
