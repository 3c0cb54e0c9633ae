"""A person's taste over a real store: learned click by click, rebuilt from SQLite to the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from store_samples import client_id, generated, start_replies

from chatfeedback.records import BaseInfo, FeedbackEvent
from chatfeedback.settings import Settings
from chatfeedback.taste.basis import Basis, style_basis
from chatfeedback.taste.drift import Belief
from chatfeedback.taste.evidence import EvidenceReader
from chatfeedback.taste.features import STYLE_MEASURES
from chatfeedback.taste.fold import judge
from chatfeedback.taste.prior import Prior, shipped_prior
from chatfeedback.taste.taste import IMPLICIT_SETTING, Taste, Tastes
from storage.store import Store, open_store
from tests.fakes import FakeEngine

ANSWERS = (
    "Boil it.",
    "Boil the egg for seven minutes in plenty of water, then cool it down at once.",
    "Sure! Boil it, my friend! 😊",
    "- Boil it\n- Peel it\n- Eat it",
)
BASE = BaseInfo("starter@1/none", "fake", True, 512, 4, 1000, "cpu", "float32", "none")
BASIS = style_basis(BASE.key, BASE.hidden_size)
WORDS = STYLE_MEASURES.index("log_words")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def me(store: Store) -> int:
    return store.ensure_person("me").person_id


class Voice:
    """A person who asks, is shown all four answers, and reacts; everything goes to the store."""

    def __init__(self, store: Store, person_id: int) -> None:
        self.store, self.person_id = store, person_id
        self.chat = store.add_conversation(person_id, "Eggs")

    def ask(self, n: int = 4) -> tuple[int, tuple[int, ...]]:
        """(comparison id, reply ids)"""
        message_id, _ = self.store.add_message(
            self.person_id, self.chat, "How do I boil eggs?", client_id()
        )
        ids = start_replies(self.store, self.person_id, message_id, n=n)
        for reply_id, text in zip(ids, ANSWERS, strict=False):
            self.store.finish_reply(self.person_id, reply_id, generated(text))
        return self.store.add_comparison(self.person_id, message_id, ids, ""), tuple(ids)

    def say(self, kind: str, **what: object) -> int:
        event = FeedbackEvent(client_id(), kind, **what)  # type: ignore[arg-type]
        return self.store.add_feedback(self.person_id, event)[0]

    def say_anything(self, rng: np.random.Generator) -> int:
        comparison_id, ids = self.ask()
        reply_id = int(rng.choice(ids))
        order = tuple(int(each) for each in rng.permutation(ids))
        gestures = [
            lambda: self.say("rank", comparison_id=comparison_id, order=order),
            lambda: self.say("pick", comparison_id=comparison_id, outcome="second"),
            lambda: self.say("pick", comparison_id=comparison_id, outcome="tie"),
            lambda: self.say("rating", reply_id=reply_id, value=int(rng.integers(1, 6))),
            lambda: self.say("thumb", reply_id=reply_id, value=int(rng.choice([-1, 1]))),
            lambda: self.say("chip", reply_id=reply_id, text="too long"),
            lambda: self.say("flag", reply_id=reply_id, flag="wrong"),
            lambda: self.say("trait", trait="emoji", value=-1),
        ]
        return gestures[int(rng.integers(len(gestures)))]()


@pytest.fixture
def voice(store: Store, me: int) -> Voice:
    return Voice(store, me)


def taste_of(store: Store, person_id: int, basis: Basis = BASIS) -> Taste:
    return Taste(store, person_id, basis, Settings())


def assert_same(belief: Belief, other: Belief) -> None:
    assert len(belief.models) == len(other.models)
    for mine, its in zip(belief.models, other.models, strict=True):
        np.testing.assert_allclose(mine.mean, its.mean, atol=1e-6)
        np.testing.assert_allclose(mine.covariance, its.covariance, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_stored_is_what_the_database_says(store, me, voice, seed):
    """After every gesture, undo and changed mind; rebuilt from nothing but what SQLite holds."""
    rng, taste = np.random.default_rng(seed), taste_of(store, me)
    given: list[int] = []
    for _ in range(40):
        given.append(voice.say_anything(rng))
        taste.learn(given[-1])
        if rng.random() < 0.2:
            taste.learn(voice.say("undo", undoes=given.pop(int(rng.integers(len(given))))))
    last_id, blob = store.load_reward(me, BASE.key)
    stored = Belief.from_bytes(blob, BASIS, shipped_prior(BASIS))
    reader = EvidenceReader(BASIS, taste.reply)
    said = judge(store.feedback(me), taste)
    by_event = {number: [j for j in said if j.feedback_id == number] for number in given}
    rebuilt = Belief.start(BASIS).rebuild(reader.read(by_event[n]) for n in sorted(given))

    assert last_id == store.feedback(me)[-1].feedback_id
    assert_same(stored, rebuilt)
    assert_same(stored, taste.belief)
    assert_same(taste_of(store, me).belief, rebuilt)


def test_clicks_that_a_dying_app_did_not_learn_are_learned_at_the_next_start(store, me, voice):
    taste = taste_of(store, me)
    for _ in range(3):
        taste.learn(voice.say("pick", comparison_id=voice.ask(2)[0], outcome="first"))
    late = voice.say("pick", comparison_id=voice.ask(2)[0], outcome="first")
    again = taste_of(store, me)
    rebuilt = taste_of(store, me)
    rebuilt.rebuild()

    assert store.load_reward(me, BASE.key)[0] == late
    assert again.belief.n == 4
    assert_same(again.belief, rebuilt.belief)


def test_an_undo_that_a_dying_app_did_not_learn_is_obeyed_at_the_next_start(store, me, voice):
    taste = taste_of(store, me)
    click = voice.say("pick", comparison_id=voice.ask(2)[0], outcome="first")
    taste.learn(click)
    voice.say("undo", undoes=click)

    assert taste_of(store, me).belief.n == 0


def test_an_undone_click_is_really_gone(store, me, voice):
    taste = taste_of(store, me)
    comparison_id, _ = voice.ask(2)
    before = taste.belief
    click = voice.say("pick", comparison_id=comparison_id, outcome="first")
    taste.learn(click)
    assert taste.model.weights[WORDS] < 0

    taste.learn(voice.say("undo", undoes=click))
    assert_same(taste.belief, before)
    assert taste.clicks == 0


def test_forget_me_goes_back_to_the_prior_and_can_be_taken_back(store, me, voice):
    taste = taste_of(store, me)
    comparison_id, _ = voice.ask(2)
    taste.learn(voice.say("pick", comparison_id=comparison_id, outcome="first"))
    learned = taste.belief
    forget = voice.say("forget")
    taste.learn(forget)
    assert taste.clicks == 0
    assert not taste.model.weights.any()

    taste.learn(voice.say("undo", undoes=forget))
    assert_same(taste.belief, learned)


def test_calling_the_loser_wrong_takes_the_choice_out_of_taste(store, me, voice):
    taste = taste_of(store, me)
    comparison_id, (short, _) = voice.ask(2)
    taste.learn(voice.say("pick", comparison_id=comparison_id, outcome="second"))
    liked_length = taste.model.weights[WORDS]
    taste.learn(voice.say("flag", reply_id=short, flag="wrong"))

    assert liked_length > 0.02
    assert 0 < taste.model.weights[WORDS] < 0.3 * liked_length


def test_thumbs_down_for_wrong_short_answers_teach_no_length(store, me, voice):
    taste = taste_of(store, me)
    for _ in range(10):
        _, (short, _) = voice.ask(2)
        taste.learn(voice.say("thumb", reply_id=short, value=-1))
        taste.learn(voice.say("chip", reply_id=short, text="wrong"))
    belief = next(trait for trait in taste.beliefs() if trait.name == "log_words")

    assert abs(belief.weight) < 0.3 * belief.sd


def test_a_trait_said_on_the_taste_page_is_believed(store, me, voice):
    taste = taste_of(store, me)
    taste.learn(voice.say("trait", trait="emoji", value=-1))

    assert taste.beliefs()[0].name == "emoji"
    assert taste.beliefs()[0].probability < 0.1


def test_copying_counts_once_it_is_switched_on(store, me, voice):
    _, (reply_id, _) = voice.ask(2)
    voice.say("copy", reply_id=reply_id)
    taste = taste_of(store, me)
    assert taste.clicks == 0

    store.set_setting(me, IMPLICIT_SETTING, "on")
    taste.rebuild()
    assert taste.clicks == 1
    assert taste.model.weights.any()


def test_choices_are_foretold_before_they_are_learned(store, me, voice):
    taste = taste_of(store, me)
    for _ in range(12):
        comparison_id, _ = voice.ask(2)
        taste.learn(voice.say("pick", comparison_id=comparison_id, outcome="first"))

    assert taste.scores.n == 12
    assert taste.agreement() > 0.9
    assert taste_of(store, me).agreement() == taste.agreement()


def test_a_rewrite_is_learned_from_but_is_no_choice_that_was_foretold(store, me, voice):
    taste = taste_of(store, me)
    _, (reply_id, *_) = voice.ask()
    longer = "Boil the egg for ten minutes, and then put it into cold water at once."
    store.add_edit(me, reply_id, longer)
    taste.learn(voice.say("edit", reply_id=reply_id, text=longer))

    assert taste.model.weights[WORDS] > 0
    assert taste.scores.n == 0


def test_after_a_change_of_taste_only_what_speaks_of_the_new_one_lasts(store, me, voice):
    taste = taste_of(store, me)
    for outcome in ["first"] * 25 + ["second"] * 15:
        taste.learn(voice.say("pick", comparison_id=voice.ask(2)[0], outcome=outcome))
    lasting = taste.lasting_judgements

    assert taste.belief.changes > 0
    assert taste.model.weights[WORDS] > 0
    assert len(taste.judgements) == 40
    assert lasting == taste.judgements[-len(lasting) :]
    assert 10 <= len(lasting) <= 25


# --- several people ------------------------------------------------------------------------------


def likes_it_short(store: Store, tastes: Tastes, name: str, clicks: int = 12) -> int:
    person_id = store.ensure_person(name).person_id
    voice = Voice(store, person_id)
    for _ in range(clicks):
        comparison_id, _ = voice.ask(2)
        click = voice.say("pick", comparison_id=comparison_id, outcome="first")
        tastes.get(person_id, BASE).learn(click)
    return person_id


@pytest.fixture
def tastes(store: Store) -> Iterator[Tastes]:
    tastes = Tastes(store, FakeEngine(BASE), Settings())
    yield tastes
    tastes.close()


def test_a_second_person_starts_ahead_of_the_first(store, tastes):
    first = likes_it_short(store, tastes, "first")
    second = store.ensure_person("second").person_id
    starts = tastes.get(second, BASE)
    stored = Prior.from_bytes(store.load_prior(second, BASE.key), starts.basis)

    assert tastes.get(first, BASE).model.weights[WORDS] < starts.model.weights[WORDS] < 0
    assert stored.fingerprint == starts.model.before.fingerprint
    assert store.load_prior(first, BASE.key) is None


def test_people_with_few_clicks_say_nothing_about_others(store, tastes):
    likes_it_short(store, tastes, "first", clicks=3)

    assert not tastes.get(store.ensure_person("second").person_id, BASE).model.weights.any()


def test_forgetting_goes_back_to_what_the_others_are_like_now(store, tastes):
    first = likes_it_short(store, tastes, "first")
    likes_it_short(store, tastes, "second")
    Voice(store, first).say("forget")
    tastes.reload(first)
    taste = tastes.get(first, BASE)

    assert taste.clicks == 0
    assert taste.model.weights[WORDS] < 0
    assert_same(taste.belief, Belief.start(taste.basis, taste.model.before))


def test_a_team_shares_what_its_people_like(store, tastes):
    people = [likes_it_short(store, tastes, name) for name in ("first", "second", "third")]
    likes_it_short(store, tastes, "hardly here", clicks=3)
    shared = tastes.shared(BASE)

    assert shared.shares == pytest.approx(dict.fromkeys(people, 1 / 3))
    assert shared.model.weights[WORDS] < 0
    assert shared.disagreements == ()


def test_which_choices_were_foretold_is_known_one_by_one_also_after_a_restart(store, me, voice):
    taste = taste_of(store, me)
    clicks = [
        voice.say("pick", comparison_id=voice.ask(2)[0], outcome=outcome)
        for outcome in ("first", "first", "second", "first")
    ]
    for click in clicks:
        taste.learn(click)
    assert taste.foretold()[1:] == [1.0, 0.0, 1.0]  # only the change of mind was a surprise
    assert sum(taste.foretold()) == taste.scores.hits
    assert taste_of(store, me).foretold() == taste.foretold()
    taste.learn(voice.say("undo", undoes=clicks[2]))
    assert taste.foretold()[1:] == [1.0, 1.0]
