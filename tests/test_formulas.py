"""Formulas in replies: found, turned into MathML, and nothing else let through."""

from __future__ import annotations

import re

import pytest

from ui.formulas import ATTRIBUTES, ELEMENTS, LONGEST_FORMULA
from ui.markdown import render_markdown


def words(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html).strip()


@pytest.mark.parametrize("text", ["$x^2$", r"\(x^2\)"])
def test_a_formula_within_a_sentence_becomes_mathml(text):
    html = render_markdown(f"So {text} it is.")
    assert '<math display="inline" alttext="x^2">' in html
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert words(html) == "So x2 it is."


@pytest.mark.parametrize(
    "text",
    [
        "$$\n\\frac{a}{b}\n$$",
        "$$\\frac{a}{b}$$",
        "\\[\\frac{a}{b}\\]",
        "\\[\n\\frac{a}\n{b}\n\\]",
        "Thus:\n\\[\n\\frac{a}{b}\n\\]\nIndeed.",
        "Thus $$\\frac{a}{b}$$ indeed.",
        "1. first\n\n   \\[\n   \\frac{a}{b}\n   \\]",
    ],
)
def test_a_formula_of_its_own_is_shown_as_a_block(text):
    html = render_markdown(text)
    assert 'display="block"' in html
    assert re.search(r"<mfrac>.*<mi>a</mi>.*<mi>b</mi>.*</mfrac>", html)


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "From $5-$10, or US$5 and CA$7.",
        "A $ here and a $ there",
        "$5",
        r"\$x\$ is escaped",
        "`$x$` is code",
        "```\n$x$ \\(y\\)\n```",
        r"\( \)",
    ],
)
def test_prices_code_and_single_signs_stay_text(text):
    assert "<math" not in render_markdown(text)


def test_what_models_like_to_write_is_all_known():
    html = render_markdown(
        r"$\sum_{i=1}^{n} \alpha_i \le \sqrt[3]{\pi} \cdot \left( \int_0^\infty e^{-x}\,dx \right)$"
        "\n\n"
        r"$$\begin{pmatrix} a & b \\ c & d \end{pmatrix} \times \mathbb{R} \neq \vec{v} \text{ if }"
        r" \begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}$$"
    )
    assert html.count("<math") == 2
    assert "tex" not in re.findall(r'class="(\w+)"', html)


@pytest.mark.parametrize(
    "bad", [r"\notacommand{x}", r"\frac{a", r"a}b", r"\frac{a}", r"\left( a", r"\begin{foo}a"]
)
def test_a_wrong_formula_shows_as_it_was_written(bad):
    html = render_markdown(f"See ${bad}$ here.")
    assert "<math" not in html
    assert words(html) == f"See ${bad}$ here."


def test_an_unfinished_formula_is_text_until_it_is_finished():
    assert words(render_markdown(r"So \(x^")) == r"So (x^"
    assert words(render_markdown("So $x^")) == "So $x^"


def test_a_very_long_formula_shows_as_it_was_written():
    assert "<math" not in render_markdown(f"${'x' * (LONGEST_FORMULA + 1)}$")


@pytest.mark.parametrize(
    "attack",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(http://evil.example/)}{x}",
        r"\class{evil}{x}",
        r"\color{red\" onclick=\"alert(1)}{x}",
        r'\mathrm{"><img src=x onerror=alert(1)>}',
        'x" onmouseover="alert(1)',
        r"\unicode{60}script\unicode{62}",
        r"\hspace{1em\"onclick=alert(1)}",
        r"</math><img src=x onerror=alert(1)>",
    ],
)
@pytest.mark.parametrize("form", ["${}$", "$$\n{}\n$$", r"\({}\)", "\\[\n{}\n\\]"])
def test_nothing_but_mathml_comes_out_of_a_formula(attack, form):
    html = render_markdown(form.replace("{}", attack))
    for tag, attributes in re.findall(r"<(\w+)((?: [^<>]*?)?)>", html):
        assert tag in ELEMENTS | {"p", "span", "br"}
        for name in re.findall(r' ([\w-]+)="[^"]*"', attributes):
            assert name in ATTRIBUTES | {"alttext", "class"}
        assert re.sub(r' [\w-]+="[^"<>]*"', "", attributes) == ""
    assert 'class="evil"' not in html
