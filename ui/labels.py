"""Fixed labels of the widgets, in one place: headings, buttons, and what explains them.

A widget's views and behaviour read its own as `WORDS.name` (see `ui.widgets.make_widget`), and
`fill(WORDS.name, {what})` puts facts in the place of `{what}`. Sentences with numbers, times and
beliefs in them are made in `ui.text`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ui.chat_words import CHAT

Labels = Mapping[str, str]

PAGE: Labels = {
    "sidebar": "Sidebar",
    "loading": "Loading…",
    "table": "As a table",
    "curve": "{name}: from {first} to {last}, {means}",
}

TASTE: Labels = {
    "title": "Taste",
    "believes": "What it believes",
    "key": "The bar shows how strongly, the thin line how uncertain, the number how sure it is of "
    "the direction.",
    "nothing": "Nothing yet. Like an answer, or compare two, and it appears here at once.",
    "clearest": "Only the clearest",
    "all": "All traits",
    "supports": "Speaks for it",
    "opposes": "Speaks against it",
    "said_so": "You said so.",
    "preferred": "You preferred",
    "over": "over",
    "about": "About this answer",
    "forget_this": "Forget this",
    "sure_forget_this": "Undo the choices behind this belief?",
    "no_choice": "No single choice says it; it follows from many small ones, or from the start.",
    "right": "Right",
    "wrong": "Wrong",
    "not_now": "Not now",
    "why": "Why?",
    "right_of": "Right: {what}",
    "wrong_of": "Wrong: {what}",
    "not_now_of": "Not now: {what}",
    "why_of": "Why: {what}",
    "card": "Taste card",
    "card_means": "A line that stands in front of every conversation, so that any version follows "
    "it at once.",
    "card_empty": "Nothing is certain enough yet; write your own.",
    "card_since": "Learned since: {wishes}.",
    "card_save": "Save my wording",
    "card_reset": "Use what was learned",
    "card_use": "Use the card",
    "principles": "Principles",
    "principles_mean": "Rules of your own, such as “never use emoji”, “at most two sentences” or "
    "“never give medical doses”. What can be counted in an answer is kept by rule; the rest is "
    "judged by the model itself.",
    "principles_count": "Labels that come from principles count half a choice each, at most 30 % "
    "of what a version learns from, and none among your own choices.",
    "no_principles": "There is none yet.",
    "principle_new": "A new principle",
    "principle_example": "never use emoji",
    "principle_add": "Add",
    "principle_change": "Change",
    "principle_change_of": "Change: {what}",
    "principle_wording": "Wording of: {what}",
    "principle_save": "Save",
    "principle_remove": "Remove",
    "principle_of_member": "One of you wrote it for themselves. It holds while you act together.",
    "principle_remove_of": "Remove: {what}",
    "knows": "Does it know you?",
    "shared": "What all of you like",
    "shared_means": "What the people of this installation like alike. Nobody has more than a third "
    "of the say (in a team of two, half), and where you clearly differ no side is taken.",
    "shared_few": "It shows here once two of you have each said enough (about ten choices).",
    "differ": "Where you differ",
    "agree": "Nobody clearly wants what somebody else clearly does not.",
    "forget": "Forget everything",
    "forget_means": "All that you said counts no more: the beliefs start afresh and the base model "
    "answers. Conversations stay, and so do earlier versions, to go back to. To delete them too, "
    "see Privacy in the settings.",
    "sure_forget": "Forget everything that was learned from you?",
}

LEARNING: Labels = {
    "title": "Learning",
    "learning": "Learning",
    "outcome": "Last outcome: {outcome}",
    "learn": "Learn now",
    "pause": "Pause",
    "resume": "Resume",
    "stop": "Stop",
    "personal": "How personal",
    "personal_means": "How strongly answers follow what was learned. At 0 the base model answers; "
    "your choices stay.",
    "personal_low": "Base model",
    "personal_high": "All that was learned",
    "per_cent": "{n} per cent",
    "before": "Before",
    "this_version": "This version",
    "elo_means": "From {duels}; the base model has 1000",
    "elo": "Elo {elo}",
    "clicks": "Which choices it learned from",
    "clicks_unknown": "They are not known any more.",
    "use": "Use this version",
    "use_of": "Use {what}",
    "examples": "Before and after, on your own prompts",
    "base": "Base model",
    "in_use": "in use",
    "back_to_base": "Back to the base model",
    "base_means": "As it came, without anything learned from you. Your choices stay, and still "
    "help to pick among answers.",
    "versions": "Versions",
    "duel": "Compare versions blind",
    "duel_means": "Both answer the same question, and you are not told which is which. Your vote "
    "teaches like any other, and gives each version an Elo.",
    "duel_thanks": "Thank you: {who}",
    "duel_version": "Version",
    "duel_against": "against",
    "duel_question": "Question",
    "duel_placeholder": "Ask something",
    "duel_ask": "Ask both",
    "duel_asking": "Both are answering…",
    "first": "A is better",
    "second": "B is better",
    "tie": "Tie",
    "both_bad": "Both are bad",
    "trials": "Base against personal, blind",
    "trials_picture": "The personal answer won {at} %, between {low} % and {high} %; at 50 % there "
    "is no difference",
    "guards": "Is all well?",
    "guards_mean": "What goes wrong when a model learns from one person, watched all the time. "
    "With few reactions a guard says “too early” rather than “all well”.",
    "guards_well": "Nothing asks for your attention.",
    "guards_rest": "All guards, with their figures",
    "choices": "How and when it learns",
    "boldly": "How boldly",
    "when": "When it learns",
    "by_trial": "May it try answers out and learn from what it believes of them?",
    "quiet_from": "Never between",
    "quiet_until": "and",
    "quiet": "In quiet hours nothing is learned by itself.",
    "no_quiet": "No quiet hours are set.",
    "advanced": "Advanced",
    "memory": "Before a run",
    "runs": "Runs that left no version",
}

SETTINGS: Labels = {
    "title": "Settings",
    "people": "People",
    "people_mean": "Each person has conversations, a taste and versions of their own. Nobody is "
    "asked for a password: this keeps lives apart, not secrets.",
    "acts": "acts now",
    "switch": "Switch",
    "switch_to": "Switch to {name}",
    "team": "all of you",
    "together": "Together",
    "together_means": "All of you can chat as one more person, who answers by what all of you "
    "like alike. Everybody's principles hold. What you react to there counts for all of you "
    "together and changes nobody's own taste.",
    "together_differ": "Here you clearly differ, and no side is taken:",
    "together_act": "Act together",
    "new_person": "Somebody new",
    "add": "Add and switch",
    "model": "Model",
    "found": "Found on this machine",
    "fits": "Fits",
    "fits_not": "Does not fit",
    "typed": "Another folder, or the hub's name of a model",
    "typed_example": "/path/to/model or organisation/name",
    "kept": "Weights are kept",
    "use": "Use from the next start on",
    "download": "Fetching a model",
    "cancel": "Cancel",
    "look": "Appearance",
    "theme": "Theme",
    "system": "As the system",
    "light": "Light",
    "dark": "Dark",
    "tour": "Show the first steps again",
    "privacy": "Privacy",
    "places": "Where everything lies",
    "place": "{holds}, {size}",
    "erase": "Delete all my data",
    "erase_means": "For good: there is no way back. To keep something, export it first, on the "
    "data page. This deletes:",
    "erase_word": "Type “{word}” to confirm",
    "erase_now": "Delete everything now",
}

DATA: Labels = {
    "title": "Data",
    "headline": "What you said about answers: look through it, put it right, take it with you.",
    "filters": "Filters",
    "kind": "Kind",
    "kind_all": "all kinds",
    "about": "Reason or trait",
    "about_all": "any",
    "state": "State",
    "conversation": "Conversation",
    "all": "all",
    "since": "From",
    "until": "Until",
    "better": "Better",
    "better_answer": "Better answer",
    "save": "Save",
    "correct": "Correct",
    "include": "Let it count",
    "exclude": "Exclude",
    "delete": "Take back",
    "sure_delete": "Take this reaction back? It counts no more, for good. The answers themselves "
    "stay in their conversation, and the log keeps that it was there.",
    "newest": "Newest",
    "older": "Older",
    "what_stays": "What excluding, correcting and taking back do",
    "why_log": "Your feedback is a log that only grows, so that every version can be traced to "
    "what it learned from.",
    "exclude_means": "Exclude sets an entry aside: it teaches nothing until you let it count "
    "again.",
    "correct_means": "Correct takes it back and says something else in its place.",
    "delete_means": "Take back is for good: the entry counts no more, and its place in the log "
    "stays.",
    "versions_keep": "Versions learned before keep what they learned; the next one is learned from "
    "what counts then.",
    "first": "A is better",
    "tie": "Tie",
    "both_bad": "Both bad",
    "second": "B is better",
    "not_now": "Not now",
    "put_off": "Show those I put off",
    "pair": "Two answers to compare",
    "judged": "Once more: do you agree with yourself?",
    "single": "An answer to rate",
    "answer": "Answer",
    "answer_of": "Answer {letter}",
    "like": "Like",
    "dislike": "Dislike",
    "import": "Import",
    "import_known": "Our own JSONL; TRL and Hugging Face preference (with or without a prompt "
    "column), unpaired and ranking data; ShareGPT; Open WebUI’s feedback export; SillyTavern chats "
    "with swipes. Nothing is stored before you have seen what is in it.",
    "choose_file": "Choose a file",
    "export": "Export",
    "export_means": "All that stands, without what you took back. Each format holds what it can "
    "say.",
    "save_as": "Save as {label}",
    "worth_knowing": "Worth knowing",
    "how_much": "How much and how balanced",
    "nothing": "Nothing to count yet.",
    "consistent": "Do you agree with yourself?",
    "labels": "Said by the model itself, not by you",
    "backups": "Backups",
    "backups_mean": "A backup is a verified copy of everything but the weights of learned "
    "versions, which are never overwritten. The newest seven are kept; one is made by itself "
    "before every update of the app.",
    "restore": "Restore",
    "restore_of": "Restore the backup of {when}, {why}",
    "sure_restore": "Go back to this backup? All people, chats, feedback and the choice of version "
    "on this machine become what they were then. What is there now is backed up first.",
    "no_backup": "There is none yet.",
    "back_up": "Back up now",
    "refused": "The app refused it ({status}).",
    "not_sent": "The file could not be sent.",
    "no_app": "The app does not answer. Is it still running?",
    "reading": "Reading the file…",
    "importing": "Importing…",
    "importing_far": "Importing… {done} of {total} ({percent} %)",
    "line": "line {line}",
    "teaches_nothing": "nothing",
    "known": "here already",
    "usable": "{format}: {rows} rows can be used.",
    "usable_one": "{format}: 1 row can be used.",
    "usable_known": "{format}: usable rows: {rows}. {known} of them are here already and will be "
    "left out.",
    "one_wrong": "1 row is left out",
    "wrong": "{n} rows are left out",
    "wrong_rows": "Rows that are left out",
    "first_rows": "The first rows",
    "import_one": "Import 1 row",
    "import_rows": "Import {n} rows",
    "cancel": "Cancel",
    "added_one": "Added 1 reaction{known}.",
    "added": "Added {n} reactions{known}.",
    "added_known": "; {n} were here already",
    "added_unrated": "Stored{known}. Nothing was said of these answers yet; they wait to be rated, "
    "under Rate later.",
    "added_then": "Style is learned from at once; what the model itself makes of the answers "
    "follows in idle time.",
}

LABELS: Mapping[str, Labels] = {
    **CHAT,
    "taste": TASTE,
    "learning": LEARNING,
    "settings": SETTINGS,
    "data": DATA,
}
"""Widget -> its labels. Those of a page beside the chat come on top of `PAGE`."""
