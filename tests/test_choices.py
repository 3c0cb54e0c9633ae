"""What a person may choose about learning, and what becomes of it."""

import pytest

from chatfeedback.errors import InputRefused
from chatfeedback.learning.choices import KNOBS, PRESETS, Choices, LearningChoices
from chatfeedback.settings import Settings
from storage.store import open_store


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    yield store
    store.close()


def test_who_chose_nothing_learns_as_the_settings_say():
    assert LearningChoices().apply(Settings()) == Settings()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_stays_within_the_limits_of_its_knobs(preset):
    for name, value in PRESETS[preset].items():
        assert KNOBS[name].low <= value <= KNOBS[name].high


def test_a_careful_version_must_be_surer_and_stay_closer_than_a_bold_one():
    careful, bold = (LearningChoices(preset).apply(Settings()) for preset in ("careful", "bold"))
    assert careful.min_better_probability > bold.min_better_probability
    assert careful.dpo.kl_budget_nats < bold.dpo.kl_budget_nats < bold.kl_limit_nats


def test_a_knob_wins_over_the_preset_until_another_preset_is_chosen():
    choices = LearningChoices().change({"preset": "bold", "clicks_per_run": "4"})
    assert choices.apply(Settings()).clicks_per_run == 4
    assert choices.change({"clicks_per_run": ""}).apply(Settings()).clicks_per_run == 6
    assert choices.change({"preset": "balanced"}).apply(Settings()) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("preset", "reckless"),
        ("when", "never"),
        ("clicks_per_run", "0"),
        ("kl_budget_nats", "nan"),
        ("max_steps", "many"),
        ("quiet_from", 24),
        ("how_personal", -0.1),
        ("learning_rate", 1.0),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_the_value_seen(name, value):
    with pytest.raises(InputRefused, match=str(value) if name != "learning_rate" else name):
        LearningChoices().change({name: value})


def test_learning_by_trial_is_for_the_person_to_allow():
    allowed = LearningChoices().change({"by_trial": "rloo"}).apply(Settings())
    assert allowed.by_trial == "rloo"
    with pytest.raises(InputRefused, match="grpo"):
        LearningChoices().change({"by_trial": "grpo"})


def test_quiet_hours_may_go_past_midnight():
    night = LearningChoices(quiet_from=22, quiet_until=7)
    assert [night.is_quiet(hour) for hour in (21, 22, 3, 7)] == [False, True, True, False]
    assert not any(LearningChoices().is_quiet(hour) for hour in range(24))


def test_choices_are_kept_for_each_person(store):
    me, other = store.ensure_person("You").person_id, store.ensure_person("Ada").person_id
    Choices(store).change(me, {"when": "by hand", "max_steps": 20})
    assert Choices(store).get(me) == LearningChoices(when="by hand", knobs={"max_steps": 20.0})
    assert Choices(store).get(other) == LearningChoices()


def test_a_choice_that_is_none_any_more_counts_as_never_made(store):
    me = store.ensure_person("You").person_id
    store.set_setting(me, "learning", '{"preset": "gone", "when": "clicks", "knobs": {"old": 3}}')
    assert Choices(store).get(me) == LearningChoices(when="clicks")
