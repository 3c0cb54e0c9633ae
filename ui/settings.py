"""The settings page: people, the model, how the app looks, and where everything lies."""

from __future__ import annotations

from typing import Any

from chatfeedback.models import FoundModel
from chatfeedback.session import Session
from ui import text
from ui.people import PEOPLE_ACTS, show_people
from ui.views import Gesture, View


def show_settings(session: Session, person_id: int, see: Gesture) -> dict[str, Any]:
    """The settings widget's value."""
    model, quantisation = session.chosen_model()
    return {
        "headline": text.SETTINGS_HEADLINE,
        "people": show_people(session, person_id),
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
        "places": [
            {"path": each.path, "holds": each.holds, "size": text.say_size(each.size)}
            for each in session.places()
        ],
        "privacy": list(text.PRIVACY),
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
    typed = str(gesture.get("typed", "")).strip()
    session.choose_model(typed or str(gesture.get("model", "")), str(gesture.get("kept", "none")))
    return text.MODEL_CHOSEN


VIEW = View(
    "settings",
    "Settings",
    '<circle cx="12" cy="12" r="3"/><path d="M12 3.500v2.500M12 18v2.500M3.500 12H6M18 12h2.500'
    'M6 6l1.800 1.800M16.200 16.200 18 18M18 6l-1.800 1.800M7.800 16.200 6 18"/>',
    show_settings,
    {"model": choose_model, **PEOPLE_ACTS},
)
