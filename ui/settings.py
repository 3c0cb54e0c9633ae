"""The settings page: people, the model, how the app looks, and where everything lies."""

from __future__ import annotations

from typing import Any

from chatfeedback.erasing import CONFIRMATION
from chatfeedback.models import FoundModel
from chatfeedback.session import Session
from ui import text
from ui.downloads import show_download
from ui.people import PEOPLE_ACTS, show_people, show_together
from ui.views import Gesture, View


def show_settings(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """The settings widget's value."""
    model, quantisation = session.chosen_model()
    return {
        "headline": text.SETTINGS_HEADLINE,
        "people": show_people(session, person_id),
        "together": show_together(session, person_id),
        "model": {
            "now": text.say_memory(session.engine_state()),
            "found": [
                show_model(each, chosen=each.name == model) for each in session.find_models()
            ],
            "kept": [
                {"name": name, "says": says, "chosen": name == quantisation}
                for name, says in text.QUANTISATIONS.items()
            ],
        },
        "download": show_download(session.download()),
        "places": [
            {"path": each.path, "holds": each.holds, "size": text.say_size(each.size)}
            for each in session.places()
        ],
        "privacy": list(text.PRIVACY),
        "erase": show_erasing(session),
    }


def show_erasing(session: Session) -> dict[str, Any]:
    """What deleting everything takes away. `is_done`: there is nothing to delete any more."""
    people, backups = session.queries.people(), session.queries.backups()
    talks = [talk for each in people for talk in session.queries.conversations(each.person_id, 1)]
    return {
        "word": CONFIRMATION,
        "goes": text.say_erased([each.name for each in people], len(backups)),
        "is_done": not (talks or backups or len(people) > 1),
    }


def show_model(model: FoundModel, *, chosen: bool) -> dict[str, Any]:
    """A model with its size, and what it needs under each quantisation."""
    return {
        "name": model.name,
        "title": text.name_model(model.name),
        "size": text.say_weights(model.n_weights) if model.n_weights else "",
        "chosen": chosen,
        "trouble": model.trouble,
        "fits": [
            {"kept": text.QUANTISATIONS[kind], "says": says, "ok": ok}
            for kind, (says, ok) in model.fits.items()
        ],
    }


def choose_model(session: Session, person_id: int, gesture: Gesture) -> str:
    """Another model, from the next start on: one that was found, or a folder or hub id typed in."""
    name = str(gesture.get("typed", "")).strip() or str(gesture.get("model", ""))
    is_here = session.choose_model(name, str(gesture.get("kept", "none")))
    return text.MODEL_CHOSEN if is_here else text.MODEL_FETCHED_FIRST


def cancel_download(session: Session, person_id: int, gesture: Gesture) -> str:
    """Fetch no more."""
    session.cancel_download()
    return text.DOWNLOAD_CANCELLED


def erase(session: Session, person_id: int, gesture: Gesture) -> str:
    """Delete everything, once the word was typed."""
    session.erase_everything(str(gesture.get("typed_word", "")))
    return text.ERASED


VIEW = View(
    "settings",
    "Settings",
    '<circle cx="12" cy="12" r="3"/><path d="M12 3.500v2.500M12 18v2.500M3.500 12H6M18 12h2.500'
    'M6 6l1.800 1.800M16.200 16.200 18 18M18 6l-1.800 1.800M7.800 16.200 6 18"/>',
    show_settings,
    {"model": choose_model, "cancel": cancel_download, "erase": erase, **PEOPLE_ACTS},
)
