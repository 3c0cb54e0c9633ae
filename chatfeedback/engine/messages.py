"""What passes between the app and the engine: frames of a 4-byte length and a pickled message.

Pickle is safe here because both ends are ours: a pipe to a child process, never a file or a socket.
Imported by both sides, so it knows neither torch nor transformers.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import BinaryIO

from chatfeedback import errors
from chatfeedback.errors import ChatFeedbackError
from chatfeedback.records import (
    EngineState,
    GeneratedReply,
    GenerateRequest,
    LearnRequest,
    LearnResult,
    LearnStep,
    SampleRequest,
    ScoredText,
    ScoreRequest,
    TextDelta,
)

Request = GenerateRequest | SampleRequest | ScoreRequest | LearnRequest
Piece = (
    TextDelta
    | GeneratedReply
    | list[list[GeneratedReply]]
    | list[list[ScoredText]]
    | LearnStep
    | LearnResult
)

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Start:
    """App to engine: carry out `request`; everything it answers bears `request_id`."""

    request_id: int
    request: Request


@dataclass(frozen=True)
class Cancel:
    """App to engine: nobody waits for this request any more."""

    request_id: int


@dataclass(frozen=True)
class Answer:
    """Engine to app: one piece of a request's answer."""

    request_id: int
    piece: Piece


@dataclass(frozen=True)
class Finished:
    """Engine to app: the request is over; `error` says why if it failed."""

    request_id: int
    error: Failure | None = None


@dataclass(frozen=True)
class StateChanged:
    """Engine to app: the engine is loading, ready or cannot serve."""

    state: EngineState
    error: Failure | None = None


@dataclass(frozen=True)
class Failure:
    """An error by the name of its class, so that the app raises the same one."""

    error_class: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Keep our own errors as they are; others become a plain sentence with their kind."""
        if isinstance(error, ChatFeedbackError):
            return cls(type(error).__name__, str(error))
        kind = type(error).__name__
        return cls("ChatFeedbackError", f"The engine could not finish: {kind}: {error}")

    def to_error(self) -> ChatFeedbackError:
        """The matching error of `chatfeedback.errors`."""
        error_class: type[ChatFeedbackError] = getattr(errors, self.error_class)
        return error_class(self.message)


ToEngine = Start | Cancel
ToApp = Answer | Finished | StateChanged


def write_frame(stream: BinaryIO, message: ToEngine | ToApp) -> None:
    """Send one message. The caller makes sure that nobody else writes meanwhile."""
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(payload)) + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> ToEngine | ToApp | None:
    """Receive one message; None when the other side has gone, even in mid-frame."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    payload = stream.read(length)
    if len(payload) < length:
        return None
    message: ToEngine | ToApp = pickle.loads(payload)
    return message
