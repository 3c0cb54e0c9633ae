"""Turns to token ids through the model's own chat template.

Three promises. What a person writes stays text: `<|im_end|>` typed into a message never becomes the
control token. What the model wrote stays as sampled: the stored ids of a reply go into the next
prompt unchanged, so its log-probabilities and the KV cache keep their meaning. A template that
tells the model the date gets the day of the conversation's first turn, never the clock's, so that
a conversation is rendered alike today and tomorrow.

The template is rendered with placeholders instead of contents, and each stretch of text between two
stored replies is tokenised as one, the way the model saw it in training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from transformers import PreTrainedTokenizerBase

from chatfeedback.errors import ModelUnusable
from chatfeedback.records import Turn

_MARK = "@turn-{}-5b2f@"
_MARKS = re.compile(r"@turn-(\d+)-5b2f@")
# Templates read the clock with strftime_now; this one of the same name reads a given day.
CALENDAR_FOR_CLOCK = (
    "{%- macro strftime_now(format) -%}{%- set said = namespace(text=format) -%}"
    "{%- for code, text in strftime_codes.items() -%}"
    "{%- set said.text = said.text | replace(code, text) -%}{%- endfor -%}"
    "{{ said.text }}{%- endmacro -%}"
)
STRFTIME_CODES = "%a %A %b %B %d %j %m %y %Y %H %I %M %S %p".split()
UNDATED = date(2025, 1, 1)  # of questions that belong to no conversation: calibration, the gate


class ChatTemplate:
    """A tokenizer's chat template, checked once to be usable.

    Raises:
        ModelUnusable: the tokenizer has no chat template, or one that fails on a simple question.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop_ids: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._markup = _markup_pattern(tokenizer)
        template = tokenizer.chat_template
        if isinstance(template, dict):  # several by name, e.g. one more for tools
            template = template.get("default")
        self._template = CALENDAR_FOR_CLOCK + str(template)
        if not template:
            raise ModelUnusable(
                "The model has no chat template, so it cannot hold a conversation. "
                "Choose its instruct or chat variant."
            )
        for roles, what in (
            (["user"], "a single question"),
            (["user", "assistant", "user"], "a second question"),
        ):
            if not self._accepts(roles):
                raise ModelUnusable(
                    f"The model's chat template fails on {what}. "
                    "Choose another model, or repair chat_template.jinja in its folder."
                )
        # some templates accept a system turn but move it about as the conversation grows
        self._takes_system = self._accepts(["system", "user", "assistant", "user"])
        self.end_token_ids = self._find_end_tokens(stop_ids)

    def render(self, turns: Sequence[Turn]) -> list[int]:
        """Ids of the whole prompt, up to and including the start of the assistant's turn."""
        day = day_of(turns)
        turns = self._prepared(turns)
        pieces = self._pieces([turn.role for turn in turns], day)
        ids: list[int] = []
        chunks = [pieces[0]]
        for turn, piece in zip(turns, pieces[1:], strict=True):
            if turn.token_ids is None:
                first, *rest = self._plain(turn.text)
                chunks[-1] += first
                chunks += rest
                chunks[-1] += piece
            else:
                ids += self._encode(chunks) + list(turn.token_ids)
                chunks = [self._without_end(piece, turn.token_ids)]
        return ids + self._encode(chunks)

    def reply_ids(self, text: str) -> tuple[int, ...]:
        """Ids of a text as the model would have written it, with its end-of-turn token."""
        return (*self._encode(self._plain(text)), self.end_token_ids[0])

    def text_of(self, token_ids: Sequence[int]) -> str:
        """The text a person sees for these ids; a character cut off at the end is left out."""
        if token_ids and token_ids[-1] in self.end_token_ids:
            token_ids = token_ids[:-1]
        text = self._tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text).rstrip("\ufffd")

    def _pieces(self, roles: Sequence[str], day: date = UNDATED) -> list[str]:
        """What the template writes before, between and after the contents."""
        messages = [{"role": role, "content": _MARK.format(i)} for i, role in enumerate(roles)]
        text = self._apply(messages, day, for_reply=True)
        parts = _MARKS.split(text)
        if parts[1::2] != [str(i) for i in range(len(roles))]:
            raise ModelUnusable(
                "The model's chat template leaves out or repeats messages. Choose another model."
            )
        return parts[0::2]

    def _apply(self, messages: list[dict[str, str]], day: date, *, for_reply: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=for_reply,
                enable_thinking=False,  # known to reasoning models only: answer at once
                thinking=False,  # the same, by another name
                chat_template=self._template,
                strftime_codes=_strftime_codes(day),
                date_string=day.strftime("%d %b %Y"),  # what Llama's template asks for first
            )
        )

    def _accepts(self, roles: Sequence[str]) -> bool:
        try:
            self._pieces(roles)
        except Exception:  # templates raise whatever they like
            return False
        return True

    def _prepared(self, turns: Sequence[Turn]) -> list[Turn]:
        """Neighbours of one role become one turn; a system text may move into the first question.

        Many templates insist on alternating roles, and some know no system role.
        """
        merged: list[Turn] = []
        for turn in turns:
            if not self._takes_system and turn.role == "system":
                turn = replace(turn, role="user")
            if merged and merged[-1].role == turn.role != "assistant":
                merged[-1] = replace(turn, text=f"{merged[-1].text}\n\n{turn.text}")
            else:
                merged.append(turn)
        return merged

    def _encode(self, chunks: Sequence[str]) -> list[int]:
        return [
            token_id
            for chunk in chunks
            if chunk
            for token_id in self._tokenizer.encode(chunk, add_special_tokens=False)
        ]

    def _plain(self, text: str) -> list[str]:
        """Cut inside everything that looks like a control token, so that none can be matched."""
        if self._markup is None:
            return [text]
        cuts = [match.start() + 1 for match in self._markup.finditer(text)]
        edges = [0, *cuts, len(text)]
        return [text[a:b] for a, b in pairwise(edges)]

    def _without_end(self, piece: str, token_ids: Sequence[int]) -> str:
        """The template's text after a stored reply, whose own end token is not written twice."""
        if token_ids and token_ids[-1] in self.end_token_ids:
            end = str(self._tokenizer.decode([token_ids[-1]], skip_special_tokens=False))
            if piece.lstrip(" ").startswith(end):
                return piece.lstrip(" ").removeprefix(end)
        return piece

    def _find_end_tokens(self, stop_ids: Sequence[int]) -> tuple[int, ...]:
        """The template's end-of-turn token first, then the model's other stop tokens."""
        messages = [
            {"role": "user", "content": _MARK.format(0)},
            {"role": "assistant", "content": _MARK.format(1)},
        ]
        tail = self._apply(messages, UNDATED, for_reply=False).split(_MARK.format(1))[-1]
        found = self._encode([tail.lstrip(" ")])[:1]
        special = [i for i in found if i in _control_tokens(self._tokenizer)]
        end_ids = tuple(dict.fromkeys([*special, *stop_ids]))
        if not end_ids:
            raise ModelUnusable(
                "The model names no end-of-turn token, so its replies would never end. "
                "Set eos_token_id in its generation_config.json."
            )
        return end_ids


def day_of(turns: Sequence[Turn]) -> date:
    """The day a conversation began; its other turns may be of later days."""
    said_on = next((turn.said_on for turn in turns if turn.said_on), "")
    return date.fromisoformat(said_on) if said_on else UNDATED


def _strftime_codes(day: date) -> dict[str, str]:
    codes = {code: day.strftime(code) for code in STRFTIME_CODES}
    return codes | {"%-d": str(day.day), "%-m": str(day.month)}  # not known to every platform


def _control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Added tokens a person must not be able to write: special ones, and all markup."""
    added = tokenizer.added_tokens_decoder
    return {
        token_id: token.content
        for token_id, token in added.items()
        if token.special or token.content.startswith(("<", "["))
    }


def _markup_pattern(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str] | None:
    """Matches (with width 0) wherever a control token of two or more characters begins."""
    texts = [text for text in _control_tokens(tokenizer).values() if len(text) > 1]
    return re.compile("(?=" + "|".join(map(re.escape, texts)) + ")") if texts else None
