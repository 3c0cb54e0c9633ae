"""Model text to HTML that is safe by construction.

Raw HTML in the text is escaped, never passed on, and nothing in the result makes the browser
fetch anything: pictures become links, links open only when the person clicks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight as paint
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from ui import text
from ui.formulas import add_formulas

_LINK_SCHEMES = {"http", "https", "mailto"}
_LONGEST_PAINTED_CODE = 20_000  # characters; beyond it colours cost more than they help


def paint_code(code: str, language: str) -> str:
    """HTML of a code block's inside, coloured when the language is known."""
    if not language or len(code) > _LONGEST_PAINTED_CODE:
        return escape(code)
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return escape(code)
    painted: str = paint(code, lexer, HtmlFormatter(nowrap=True))
    return painted


def _render_code(
    self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    token = tokens[index]
    language = token.info.strip().split(" ")[0][:20]
    return (
        f'<div class="code"><div class="code-head"><span>{escape(language)}</span>'
        f'<button type="button" class="copy-code">{escape(text.COPY_CODE)}</button></div>'
        f"<pre><code>{paint_code(token.content, language)}</code></pre></div>"
    )


def _render_link_open(
    self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    href = escape(str(tokens[index].attrGet("href") or ""))
    return f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">'


def _render_image(
    self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    source = escape(str(tokens[index].attrGet("src") or ""))
    label = escape(tokens[index].content or text.PICTURE)
    return f'<a href="{source}" target="_blank" rel="noopener noreferrer nofollow">{label}</a>'


def _is_link_allowed(url: str) -> bool:
    try:
        return urlsplit(url.strip()).scheme.lower() in _LINK_SCHEMES
    except ValueError:
        return False


def _build_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    add_formulas(parser)
    parser.validateLink = _is_link_allowed  # type: ignore[method-assign]
    rules: dict[str, Any] = {
        "fence": _render_code,
        "code_block": _render_code,
        "link_open": _render_link_open,
        "image": _render_image,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


_PARSER = _build_parser()


@lru_cache(maxsize=512)
def render_markdown(source: str) -> str:
    """Safe HTML of a reply; the same text is rendered once."""
    html: str = _PARSER.render(source)
    return html
