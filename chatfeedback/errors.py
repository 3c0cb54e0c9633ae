"""Everything that can go wrong and be told to a person.

ChatFeedbackError
├── InputRefused          what the person sent cannot be used (empty, too long, unknown id)
│   └── PromptTooLong     one message alone does not fit the model's context
├── NotFound              an id that does not exist, or belongs to somebody else
├── ModelUnusable         a model path or id that cannot serve (missing, wrong format, too big)
├── EngineUnavailable     the engine is loading, restarting or gone
│   └── EngineDied        the engine process ended while a request was under way
├── AdapterDamaged        an adapter folder does not match its manifest
├── DataFolderBusy        another app already runs on this data folder
└── StorageFailed         the database cannot be read or written (disk full, damaged, newer)

Every message says what is wrong, the value seen, and what to do.
"""


class ChatFeedbackError(Exception):
    """Base of all errors whose message is meant for a person."""


class InputRefused(ChatFeedbackError):
    """What the person sent cannot be used."""


class PromptTooLong(InputRefused):
    """One message alone does not fit the model's context."""


class NotFound(ChatFeedbackError):
    """No such thing for this person."""


class ModelUnusable(ChatFeedbackError):
    """The model cannot be loaded or cannot chat."""


class EngineUnavailable(ChatFeedbackError):
    """The engine cannot take a request now."""


class EngineDied(EngineUnavailable):
    """The engine process ended while the request was under way."""


class AdapterDamaged(ChatFeedbackError):
    """An adapter folder does not match its manifest."""


class DataFolderBusy(ChatFeedbackError):
    """Another app runs on this data folder."""


class StorageFailed(ChatFeedbackError):
    """The database cannot be read or written."""
