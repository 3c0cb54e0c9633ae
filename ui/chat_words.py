"""Fixed labels of the chat page and of what surrounds every page (see `ui.labels`)."""

from __future__ import annotations

from collections.abc import Mapping

APP = {
    "message": "Message",
    "send": "Send",
    "offline": "The app does not answer. Is it still running?",
    "chat": "Chat",
    "sidebar": "Sidebar",
    "theme": "Light or dark",
    "pages": "Pages",
    "search": "Search everything",
    "settings": "Settings of this conversation",
    "to_end": "Jump to the newest message",
    "queued": "Will be sent when the model is ready",
    "cancel": "Cancel",
    "keys": "Keys",
    "close": "Close",
}
"""What belongs to no widget: `static/app.js` reads these as `WORDS`, `ui.page` puts in the rest."""

TRANSCRIPT = {
    "answers": "Other answers",
    "previous_answer": "Previous answer",
    "next_answer": "Next answer",
    "messages": "Versions of your message",
    "previous_message": "Previous version of your message",
    "next_message": "Next version of your message",
    "mine": "Your message",
    "edit_message": "Edit message",
    "edit_message_means": "Edit your message; it is answered anew",
    "stars": "Stars",
    "star": "{n} of 5 stars",
    "like": "Like",
    "liked": "Liked",
    "like_means": "Good answer (teaches: a thumb)",
    "dislike": "Dislike",
    "disliked": "Disliked",
    "dislike_means": "Bad answer (teaches: a thumb)",
    "tools": "Answer tools",
    "copy": "Copy",
    "copy_answer": "Copy answer",
    "copied": "Copied",
    "edit_answer": "Edit answer",
    "edit_answer_means": "Edit this answer: yours is the better one (teaches: a demonstration)",
    "another": "Another answer",
    "write_another": "Write another answer",
    "comment": "Comment",
    "your_comment": "Your comment",
    "harmful": "Harmful",
    "biased": "Biased",
    "feedback": "Feedback on this answer",
    "ask_bad": "What was wrong?",
    "ask_good": "Good to know.",
    "ask": "How was this answer?",
    "write_better": "Write a better answer",
    "undo": "Undo",
    "continue": "Continue",
    "continue_means": "Goes on where it was cut short; the text so far stays one step back",
    "answer": "Answer {letter}",
    "tie": "Tie",
    "both_bad": "Both bad",
    "all_bad": "All bad",
    "is_better": "{letter} is better",
    "is_best": "{letter} is best",
    "which_better": "Which answer is better?",
    "which_best": "Which answer is best?",
    "teaches_choice": "teaches: a choice",
    "teaches_ranking": "teaches: a ranking",
    "rank": "Put in order",
    "ranks": "Put the answers in order, best first",
    "rank_hint": "Best first: drag the letters, or press them one after the other.",
    "placed": "Answer {letter}: place {place}",
    "unplaced": "Answer {letter}: not placed",
    "cancel": "Cancel",
    "save_order": "Save order",
    "none": "There is no answer to this message yet.",
    "answer_now": "Answer it now",
    "welcome": "What shall we talk about?",
    "welcome_means": "Every choice you make teaches your own model, on this machine.",
    "earlier": "Show earlier messages",
    "elsewhere": "An answer is being written…",
    "memory": "Memory used by this conversation",
    "memory_used": "{percent} % of the model's memory",
}

CONVERSATIONS = {
    "search": "Search chats",
    "list": "Conversations",
    "rename": "Rename",
    "rename_of": "Rename {title}",
    "delete": "Delete",
    "delete_of": "Delete {title}",
    "new_title": "New title",
    "none": "No conversations yet",
    "acts": "{name} is chatting. Settings has the others.",
}

DRAWER = {
    "title": "This conversation",
    "close": "Close",
    "persona": "Instructions",
    "persona_means": "Who the model is here, and what it should heed.",
    "persona_example": "You are a patient teacher. Explain with examples.",
    "sampling": "How answers are drawn",
    "as_usual": "as usual: {usual}",
    "asking": "Ask me to compare answers",
    "asking_means": "For all conversations. A comparison teaches most when the model is unsure.",
    "copy": "Keep a copy",
    "markdown": "Save as Markdown",
    "json": "Save as JSON",
    "cancel": "Cancel",
    "save": "Save",
}

FINDER = {
    "title": "Search everything",
    "search": "Search everything that was said",
    "found": "Found",
    "nothing": "Nothing found.",
    "hint": "Words from any message or answer.",
}

RECEIPT = {
    "title": "What changed",
    "dismiss": "Dismiss",
    "before": "Before",
    "now": "Now",
    "details": "See details",
    "undo": "Undo: back to {version}",
}

TOUR = {
    "title": "First steps",
    "ask": "Ask something",
    "ask_means": "Any question will do, or one of the suggestions.",
    "say": "Say what you think of the answer",
    "say_means": "A thumb is enough. Compare two answers to teach it more.",
    "watch": "Watch it learn",
    "watch_means": "Your taste shows on the taste page at once; after some choices a new version "
    "answers you.",
    "taste": "Taste",
    "done": "Done",
    "skip": "Skip",
}

WRITER = {
    "rewrite": "Better answer",
    "rewrite_means": "Your version joins the conversation. As a better answer it also teaches the "
    "model what you prefer.",
    "rewrite_save": "Save as better answer",
    "revise": "Edit your message",
    "revise_means": "It is answered anew. What was said before stays one step back.",
    "revise_save": "Send anew",
    "comment": "Comment on this answer",
    "comment_means": "For yourself: it is kept beside the answer, and teaches nothing.",
    "comment_save": "Save",
    "cancel": "Cancel",
    "plain_save": "Save",
    "plain_means": "Only this conversation changes; nothing is taught",
}

CHAT: Mapping[str, Mapping[str, str]] = {
    "transcript": TRANSCRIPT,
    "conversations": CONVERSATIONS,
    "drawer": DRAWER,
    "finder": FINDER,
    "receipt": RECEIPT,
    "tour": TOUR,
    "writer": WRITER,
    "composer": {"stop": "Stop"},
    "pill": {"connecting": "Connecting…"},
    "toast": {"dismiss": "Dismiss"},
}
"""Widget -> its labels."""

KEYS = {
    "Writing": (
        ("Send", "Enter"),
        ("New line", "Shift+Enter"),
        ("Edit your last message", "↑ in an empty box"),
        ("Stop the answer; leave the box", "Esc"),
        ("To the message box", "/"),
    ),
    "Answers": (
        ("Like, dislike the last answer", "+ -"),
        ("Previous, next answer", "← →"),
        ("Another answer", "Ctrl+Enter"),
        ("Copy the last answer", "Ctrl+Shift+C"),
    ),
    "Two or more answers": (
        ("A, B, C, D is best", "1 2 3 4"),
        ("Tie", "0"),
        ("All are bad", "9"),
        ("Put them in order", "R, then 1 2 3 4"),
    ),
    "Everywhere": (
        ("Search everything", "Ctrl+K"),
        ("New chat", "Ctrl+Shift+O"),
        ("Sidebar", "Ctrl+Shift+S"),
        ("These keys", "?"),
    ),
}
"""Group -> (what it does, its keys); keys are joined by +, alternatives stand side by side."""
