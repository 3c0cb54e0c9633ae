"""Which models are found on this machine, which one is used next, and what lies where."""

import pytest

from chatfeedback.errors import InputRefused, ModelUnusable
from chatfeedback.models import (
    STARTER,
    choose_model,
    chosen_model,
    chosen_quantisation,
    find_models,
)
from chatfeedback.places import list_places
from chatfeedback.settings import Settings
from storage.store import open_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    store = open_store(tmp_path)
    store.ensure_person("You")
    yield store
    store.close()


def test_the_starter_is_always_there_and_fits_a_small_machine(store):
    [starter] = find_models(store.folder, "cpu")
    assert starter.name == ""
    assert starter.n_weights > 1_000_000
    assert set(starter.fits) == {"none", "nf4", "int8"}


def test_a_broken_folder_is_listed_with_its_trouble(store):
    folder = store.folder / "models" / "half"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    _, broken = find_models(store.folder, "cpu")
    assert broken.name == str(folder)
    assert "no *.safetensors" in broken.trouble
    with pytest.raises(ModelUnusable, match=r"no \*.safetensors"):
        choose_model(store, broken.name, "none")


def test_models_of_the_hub_are_found_only_when_they_are_whole(store):
    for name, ref in (("whole", True), ("half", False)):
        snapshot = store.folder / "hub" / f"models--some--{name}" / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text("{}")
        if ref:
            (snapshot.parents[1] / "refs").mkdir()
            (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert [each.name for each in find_models(store.folder, "cpu")] == ["", "some/whole"]


def test_the_choice_is_kept_for_the_next_start(store):
    assert (chosen_model(store), chosen_quantisation(store, Settings())) == ("", "none")
    choose_model(store, "", "nf4")
    assert (chosen_model(store), chosen_quantisation(store, Settings())) == ("", "nf4")
    with pytest.raises(InputRefused, match="'int3'"):
        choose_model(store, "", "int3")


def test_the_chosen_model_is_listed_wherever_it_lies(store):
    elsewhere = store.folder / "elsewhere"
    elsewhere.mkdir()
    for name in ("config.json", "model.safetensors"):
        (elsewhere / name).symlink_to(STARTER / name)
    choose_model(store, str(elsewhere), "none")
    _, mine = find_models(store.folder, "cpu", chosen_model(store))
    assert (mine.name, mine.trouble) == (str(elsewhere), "")
    (elsewhere / "config.json").unlink()
    _, gone = find_models(store.folder, "cpu", chosen_model(store))
    assert "config.json" in gone.trouble


def test_a_model_that_is_not_here_is_not_chosen(store):
    with pytest.raises(ModelUnusable, match="some/model is not a folder here"):
        choose_model(store, "some/model", "none")
    assert chosen_model(store) == ""


def test_models_fetched_from_the_hub_are_listed_with_what_lies_where(store):
    blob = store.folder / "hub" / "models--some--model" / "blobs" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"x" * 1000)
    *_, fetched = list_places(store.folder, store.folder / "hub")
    assert (fetched.path, fetched.size) == (str(store.folder / "hub"), 1000)


def test_the_privacy_page_can_name_the_database_and_its_size(store):
    [database] = [each for each in list_places(store.folder) if each.path.endswith(".db")]
    assert database.size > 0
