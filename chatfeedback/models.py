"""Which models are on this machine, which of them fit it, and which one is to be used.

One model serves everybody, so the first person of an installation keeps the choice. It counts from
the next start on; `--model` and `--quantize` go before it. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from chatfeedback.engine.memory import QUANTISED_BYTES, plan_memory
from chatfeedback.engine.model_files import base_key, find_folder, read_shape
from chatfeedback.errors import ChatFeedbackError, InputRefused
from chatfeedback.offline import hub_cache, must_be_fetched
from chatfeedback.protocols import Store
from chatfeedback.settings import Settings

MODEL_SETTING, QUANTISATION_SETTING = "model", "quantisation"
QUANTISATIONS = ("none", *QUANTISED_BYTES)
STARTER = Path(__file__).parent / "starter" / "weights"
MODEL_FOLDER = "models"  # below the data folder: where a person may put models


@dataclass(frozen=True)
class FoundModel:
    """A model on this machine.

    name: what `--model` takes; empty for the starter.
    fits: quantisation -> what it needs of the memory that is free now, in words, and whether
        that is there.
    trouble: why it cannot be used; empty when it can.
    """

    name: str
    n_weights: int
    fits: dict[str, tuple[str, bool]]
    trouble: str = ""


def find_models(data_folder: Path, device: str, chosen: str = "") -> list[FoundModel]:
    """The starter, folders below models/ in the data folder, the hub's models on this machine, and
    the chosen one, wherever it lies.

    Args:
        chosen: as `chosen_model` says it.
        device: "cpu" or "cuda", as the engine runs; on "cuda" only sizes are told.
    """
    folders = {"": STARTER}
    own = data_folder / MODEL_FOLDER
    folders |= {str(each.parent): each.parent for each in sorted(own.glob("*/config.json"))}
    for stored in sorted(hub_cache().glob("models--*")):
        name = stored.name.removeprefix("models--").replace("--", "/", 1)
        if any(stored.glob("snapshots/*/config.json")) and not must_be_fetched(name):
            folders[name] = next(stored.glob("snapshots/*/config.json")).parent
    names = {name: str(folder) for name, folder in folders.items()} | {
        chosen: chosen or str(STARTER)
    }
    return [_look_at(name, place, device) for name, place in names.items()]


def _look_at(name: str, place: str, device: str) -> FoundModel:
    """place: a folder, or the name of one that the hub's cache holds."""
    try:
        shape = read_shape(find_folder(place, fetch=False))
    except ChatFeedbackError as error:
        return FoundModel(name, 0, {}, str(error))
    fits: dict[str, tuple[str, bool]] = {}
    if device == "cpu":
        free = psutil.virtual_memory().available
        for kind in QUANTISATIONS:
            plan = plan_memory(shape, kind, free, itemsize=2 if name else 4, device=device)
            fits[kind] = (plan.in_words(), plan.chats)
    return FoundModel(name, shape.n_weights, fits)


def chosen_model(store: Store) -> str:
    """What was chosen last, as `--model` takes it; empty for the starter."""
    owner = next(iter(store.people()), None)
    return store.setting(owner.person_id, MODEL_SETTING, "") if owner else ""


def chosen_quantisation(store: Store, settings: Settings) -> str:
    """What was chosen last; what the settings say where nothing was."""
    owner = next(iter(store.people()), None)
    if owner is None:
        return settings.quantisation
    return store.setting(owner.person_id, QUANTISATION_SETTING, settings.quantisation)


def choose_model(store: Store, name: str, quantisation: str) -> None:
    """From the next start on.

    Raises:
        InputRefused: an unknown quantisation.
        ModelUnusable: it is not on this machine, or its folder holds no model.
    """
    check_quantisation(quantisation)
    if name:
        read_shape(find_folder(name, fetch=False))
    owner = store.people()[0].person_id
    store.set_setting(owner, MODEL_SETTING, name)
    store.set_setting(owner, QUANTISATION_SETTING, quantisation)


def check_quantisation(quantisation: str) -> None:
    """InputRefused for any that there is not."""
    if quantisation not in QUANTISATIONS:
        raise InputRefused(
            f"{quantisation!r} is no way to keep weights. "
            f"Choose one of: {', '.join(QUANTISATIONS)}."
        )


def base_of(key: str, model: str | None) -> Path:
    """The folder of the model that a version belongs to: the one named, or the starter.

    Args:
        key: `BaseInfo.key` of the version's base.
        model: folder or hub id; none for the starter.

    Raises:
        InputRefused: it is another model.
        ModelUnusable: there is no such model.
    """
    folder = find_folder(model or STARTER, fetch=False)
    if key not in {base_key(folder, quantisation) for quantisation in QUANTISATIONS}:
        raise InputRefused(
            f"The version was not learned on {model or 'the starter'}. "
            "Name its base with --model; a merged model is made from the base's own weights."
        )
    return folder
