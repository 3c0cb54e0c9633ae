r"""Formulas in what a model writes: LaTeX becomes MathML, which browsers draw by themselves.

What the converter makes is never passed on: it writes `\text{<script>}` and `\href` as they come.
It is rebuilt from known elements and attributes, and a formula that has anything else in it, or is
wrong, shows as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin

LONGEST_FORMULA = 1000  # characters; a longer one shows as it was written
ELEMENTS = frozenset(
    "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover"
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none".split()
)
ATTRIBUTES = frozenset(
    "display displaystyle scriptlevel mathvariant mathcolor mathbackground mathsize fence stretchy"
    " symmetric separator form accent accentunder movablelimits largeop lspace rspace minsize"
    " maxsize linethickness notation columnalign rowspacing columnspacing columnlines rowlines"
    " frame width height depth voffset".split()
)
PARTS = {  # of elements whose children have a meaning each
    "mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3,
    "munderover": 3,
}  # fmt: skip
CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}


def add_formulas(parser: MarkdownIt) -> None:
    r"""Let a parser find `$…$`, `$$…$$`, `\(…\)` and `\[…\]`. Sums of money stay text: no blank
    stands inside the dollars of a formula, and no digit outside beside them."""
    dollarmath_plugin(
        parser,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.inline.ruler.before("escape", "math_brackets", _find_inline)
    parser.block.ruler.before(
        "fence", "math_brackets", _find_block, {"alt": ["paragraph", "reference", "blockquote"]}
    )
    for name in ("math_inline", "math_inline_double", "math_block"):
        parser.add_render_rule(name, _render)


@lru_cache(maxsize=2048)
def render_formula(source: str, *, is_block: bool) -> str:
    """MathML of a formula; empty where it is wrong or holds something unknown.

    "x" -> '<math display="inline" alttext="x"><mrow><mi>x</mi></mrow></math>'
    """
    if len(source) > LONGEST_FORMULA or not _is_balanced(source):
        return ""
    try:
        element = convert_to_element(source, display="block" if is_block else "inline")
        element.set("alttext", source)
        return _write(element)
    except Exception:  # the converter has errors of its own for every mistake, and some of Python's
        return ""


def _is_balanced(source: str) -> bool:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", source, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    lefts, rights = (
        len(re.findall(rf"\\{side}(?![a-zA-Z])", source)) for side in ("left", "right")
    )
    return depth == 0 and lefts == rights


def _write(element: Element) -> str:
    """HTML of an element that consists of known parts only; ValueError otherwise."""
    name, said = element.tag, element.text or ""
    is_whole = len(element) == PARTS.get(name, len(element))
    if name not in ELEMENTS or not is_whole or ("\\" in said and name != "mtext"):
        raise ValueError(f"<{name}> is not shown.")
    attributes = "".join(
        f' {key}="{escape(value)}"'
        for key, value in element.items()
        if key in ATTRIBUTES or (name, key) == ("math", "alttext")
    )
    inside = escape(unescape(said)) + "".join(map(_write, element))
    return f"<{name}{attributes}>{inside}</{name}>"


def _render(
    self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    token = tokens[index]
    is_block = token.markup in ("$$", r"\[")
    shown = render_formula(token.content.strip(), is_block=is_block)
    if not shown:
        written = f"{token.markup}{token.content}{CLOSING[token.markup]}"
        shown = f'<span class="tex">{escape(written)}</span>'
    return f"<p>{shown}</p>\n" if token.type == "math_block" else shown


def _find_inline(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    if opening not in (r"\(", r"\["):
        return False
    end = state.src.find(CLOSING[opening], state.pos + 2, state.posMax)
    if end < 0 or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content, token.markup = state.src[state.pos + 2 : end], opening
    state.pos = end + 2
    return True


def _find_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    r"""`\[` at the beginning of a line up to `\]` at the end of one, without a blank line."""
    lines: list[str] = []
    for line in range(start, end):
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        is_inside = text and state.sCount[line] >= state.blkIndent
        if not is_inside or (not lines and not text.startswith(r"\[")):
            return False
        lines.append(text)
        if r"\]" in text:
            break
    whole = "\n".join(lines)
    if not whole.endswith(r"\]") or whole.count(r"\]") != 1 or not whole[2:-2].strip():
        return False
    if not silent:
        token = state.push("math_block", "math", 0)
        token.content, token.markup, token.block = whole[2:-2], r"\[", True
        token.map = [start, start + len(lines)]
    state.line = start + len(lines)
    return True
