"""Each person's reward model, kept in step with the log of feedback.

The log is the truth: the stored belief is the log's folding (fold.py), read as evidence
(evidence.py) and given to `Belief.update` event by event, from the newest stored prior on the
newest stored basis. It can be rebuilt from these at any time to the same numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby

import numpy as np

from chatfeedback.errors import ChatFeedbackError, InputRefused
from chatfeedback.household import Household
from chatfeedback.learning.calibration import Calibration
from chatfeedback.protocols import Engine, Store
from chatfeedback.records import (
    BaseInfo,
    Comparison,
    GeneratedReply,
    Person,
    ScoreRequest,
    StoredReply,
    TraitBelief,
    Turn,
)
from chatfeedback.settings import Settings
from chatfeedback.taste import reward
from chatfeedback.taste.basis import Basis, style_basis
from chatfeedback.taste.drift import Belief
from chatfeedback.taste.evidence import EvidenceReader
from chatfeedback.taste.fold import Judgements
from chatfeedback.taste.likelihoods import Matrix
from chatfeedback.taste.preferences import Judgement
from chatfeedback.taste.prequential import Scores
from chatfeedback.taste.prior import (
    MIN_CLICKS,
    Prior,
    on_another_prior,
    prior_from_people,
    shipped_prior,
)
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.shared import PersonSays, SharedTaste, share_taste

NO_BASE = BaseInfo("", "", False, 0, 0, 0, "", "", "")
"""Stands for the base while none is loaded: clicks then teach the style half."""

IMPLICIT_SETTING = "learn_from_copying"
"""A person's setting: "on" lets copying, and asking for another answer, count a little."""

SCORED_AT_ONCE = 64
"""Imported and rewritten replies taken from the store together, to be scored message by message."""

CHECKPOINT_EVERY = 200
RECENT = 20
"""Beliefs that are kept to go back to: of the latest reactions, and of every 200th before them."""


class Tastes:
    """The tastes of all people, and the calibration of the base that is loaded."""

    def __init__(self, store: Store, engine: Engine, settings: Settings) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._household = Household(store)
        self._lock = threading.RLock()  # the team's taste is made of the members'
        self._tastes: dict[tuple[int, str], Taste] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._background = ThreadPoolExecutor(1, thread_name_prefix="taste")
        self._closing = False

    def close(self) -> None:
        """End the background thread; what it had not scored is scored after the next start."""
        self._closing = True
        self._background.shutdown(wait=False, cancel_futures=True)

    def calibration(self, base: BaseInfo) -> Calibration | None:
        """What is known of this base; None until it has been calibrated once."""
        if self._calibrations.get(base.key) is None:
            blob = self._store.load_basis(base.key)
            self._calibrations[base.key] = Calibration.from_bytes(blob) if blob else None
        return self._calibrations[base.key]

    def set_calibration(self, calibration: Calibration) -> None:
        """Store it, and let every taste be rebuilt on the new basis."""
        self._store.save_basis(calibration.base_key, calibration.to_bytes())
        with self._lock:
            self._calibrations[calibration.base_key] = calibration
            self._tastes.clear()

    def get(self, person_id: int, base: BaseInfo | None) -> Taste:
        """The person's taste on this base, as the log has it now."""
        base = base or NO_BASE
        with self._lock:
            taste = self._tastes.get((person_id, base.key))
            if taste is None:
                taste = self._make(person_id, base)
                self._tastes[person_id, base.key] = taste
                if base.key:
                    self.score_edits_later(person_id)
        return taste

    def _basis(self, base: BaseInfo) -> Basis:
        known = self.calibration(base) if base.key else None
        return known.basis if known else style_basis(base.key, base.hidden_size)

    def _make(self, person_id: int, base: BaseInfo) -> Taste:
        basis = self._basis(base)
        members = self._tastes_of(self._household.members_of(person_id), base)
        prior = self._prior(person_id, basis, members)
        return Taste(self._store, person_id, basis, self._settings, prior, members)

    def _tastes_of(self, people: Sequence[Person], base: BaseInfo) -> tuple[Taste, ...]:
        return tuple(self.get(each.person_id, base) for each in people)

    def reload_later(self, person_id: int) -> None:
        """As `reload`, in the background; until then the taste from before serves."""
        with suppress(RuntimeError):  # the app is closing: the next start folds the log anew
            self._background.submit(self._reload_aside, person_id)

    def _reload_aside(self, person_id: int) -> None:
        base = self._engine.state().base or NO_BASE
        fresh = self._make(person_id, base)
        fresh.rebuild()  # a long log takes a while; nobody waits for it
        with self._lock:
            self._drop(person_id)
            self._tastes[person_id, base.key] = fresh
        fresh.learn(0)  # what was said meanwhile; and what is stored is no longer the old one's

    def reload(self, person_id: int) -> None:
        """Begin anew with this person: after "forget me", or when a setting changed that decides
        what counts. Their prior is estimated again, from the others as they are now."""
        with self._lock:
            self._drop(person_id)
        self.get(person_id, self._engine.state().base).rebuild()

    def _drop(self, person_id: int) -> None:
        """Let go of a taste, and of the team's, which is made of it."""
        team = self._household.team()
        gone = {person_id, team.person_id if team else person_id}
        for key in [key for key in self._tastes if key[0] in gone]:
            del self._tastes[key]

    def _prior(self, person_id: int, basis: Basis, members: Sequence[Taste]) -> Prior:
        """What is believed of a person before any reaction: from the others of this installation,
        each at what their own reactions say; of the team, what its members like alike. A new
        version is stored when it differs."""
        shipped = shipped_prior(basis)
        if not basis.base_key:
            return shipped
        if members:
            shared = share_members(basis, members)
            heard = len(shared.shares) > 1
            prior = Prior(shared.model.mean, shared.model.covariance) if heard else shipped
        else:
            others = [each.person_id for each in self._household.members()]
            found = [self._said_by(each, basis, shipped) for each in others if each != person_id]
            normals = [(each.mean, each.covariance) for each in found if each is not None]
            prior = prior_from_people(shipped, normals)
        if prior.fingerprint != self._stored_prior(person_id, basis, shipped).fingerprint:
            self._store.save_prior(person_id, basis.base_key, prior.to_bytes(basis))
        return prior

    def _stored_prior(self, person_id: int, basis: Basis, shipped: Prior) -> Prior:
        blob = self._store.load_prior(person_id, basis.base_key)
        return (Prior.from_bytes(blob, basis) if blob else None) or shipped

    def shared(self, base: BaseInfo | None) -> SharedTaste:
        """What the people of this installation like alike, and where they differ; what they say
        when they act together is not counted again."""
        base = base or NO_BASE
        members = self._tastes_of(self._household.members(), base)
        return share_members(self._basis(base), members)

    def _said_by(self, person_id: int, basis: Basis, shipped: Prior) -> PersonSays | None:
        """What a person's reactions say by themselves, once there are enough of them."""
        stored = self._store.load_reward(person_id, basis.base_key)
        prior = self._stored_prior(person_id, basis, shipped)
        belief = Belief.from_bytes(stored[1], basis, prior) if stored else None
        return _says(person_id, belief, shipped) if belief else None

    def clicks(self, person_id: int) -> int:
        """Reactions that count now (choices, ties, thumbs, rewrites); for the team, the members'
        too."""
        return self.get(person_id, self._engine.state().base).clicks_heard

    def score_edits_later(self, person_id: int) -> None:
        """Ask the engine, in the background, for the hidden half of answers that no model wrote:
        rewritten and imported ones."""
        with suppress(RuntimeError):  # the app is closing: the next start goes on with it
            self._background.submit(self._score_edits, person_id)

    def _score_edits(self, person_id: int) -> None:
        scored = 0
        for message_id, replies in self._unscored(person_id):
            if self._closing:
                return
            turns = (
                *self._store.turns_before(person_id, message_id),
                Turn("user", replies[0].prompt_text),
            )
            texts = tuple(reply.text for reply in replies)
            try:
                [found] = self._engine.score(ScoreRequest((turns,), (texts,)))
            except InputRefused:
                continue  # too long for this model: it teaches its style alone
            except ChatFeedbackError:
                break  # the engine is away; the next edit or start tries again
            for reply, features in zip(replies, found, strict=True):
                self._store.set_features(person_id, reply.reply_id, features)
            scored += len(replies)
        if scored:
            self._reload_aside(person_id)

    def _unscored(self, person_id: int) -> Iterator[tuple[int, list[StoredReply]]]:
        """(message id, its replies that no model has read), a few at a time."""
        if self._engine.state().base is None:
            return
        ids = self._store.unread_replies(person_id)
        for start in range(0, len(ids), SCORED_AT_ONCE):
            found = self._store.replies(person_id, ids[start : start + SCORED_AT_ONCE])
            for message_id, replies in groupby(found, key=lambda reply: reply.message_id):
                yield message_id, list(replies)


def share_members(basis: Basis, members: Sequence[Taste]) -> SharedTaste:
    """What those of them like alike who have said enough."""
    shipped = shipped_prior(basis)
    said = [_says(each.person_id, each.belief, shipped) for each in members]
    return share_taste(basis, shipped, [each for each in said if each is not None])


def _says(person_id: int, belief: Belief, shipped: Prior) -> PersonSays | None:
    """What a person's reactions say by themselves, once there are enough of them."""
    if belief.n < MIN_CLICKS:
        return None
    model = belief.model
    mean, covariance = on_another_prior(model.mean, model.covariance, model.before, shipped)
    return PersonSays(person_id, mean, covariance, belief.n)


class Taste:
    """One person's reward model on one base. Thread-safe; `belief` is replaced, never changed.

    Args:
        members: for the team, the tastes of its people; what they like alike is its prior.
    """

    def __init__(
        self,
        store: Store,
        person_id: int,
        basis: Basis,
        settings: Settings,
        prior: Prior | None = None,
        members: Sequence[Taste] = (),
    ) -> None:
        self._store = store
        self.person_id = person_id
        self.members = tuple(members)
        self._settings = settings
        self._lock = threading.RLock()
        self._replies: dict[int, StoredReply] = {}
        self._comparisons: dict[int, Comparison] = {}
        self._said = Judgements(self, implicit=self._counts_implicit())
        self._reader = EvidenceReader(basis, self.reply)
        self._checkpoints: list[tuple[int, Belief]] = []
        self._hits: list[tuple[int, float]] = []  # (event, share of its choices foretold)
        self._hits_missing_until = 0  # the stored belief knows these events only as sums
        self.basis = basis
        self._start = Belief.start(basis, prior)
        self.belief = self._start
        if not self._go_on_from_stored():
            self.rebuild()

    # --- learning ----------------------------------------------------------------------------

    def learn(self, feedback_id: int) -> tuple[TraitBelief, ...]:
        """Take in the log up to this event; returns the traits that moved most."""
        with self._lock:
            before, known = self.model, self._said.last_id
            stands = self._read_log()
            self._go_on(known if stands >= known else self._go_back(stands))
            self._save()
            return tuple(reward.moved(before, self.model))

    def rebuild(self) -> None:
        """The belief from the log alone, all of it read again."""
        with self._lock:
            self._said = Judgements(self, implicit=self._counts_implicit())
            self._read_log()
            self._reader.forget_rewrites()
            self._go_on(self._go_back(0))
            self._save()

    def _go_on_from_stored(self) -> bool:
        """Learn what the stored belief does not know yet; False if there is none that fits, or
        later events changed what was said before them."""
        stored = self._store.load_reward(self.person_id, self.basis.base_key)
        if stored is None:
            return False
        last_id, blob = stored
        belief = Belief.from_bytes(blob, self.basis, self._start.model.before)
        if belief is None:
            return False
        events = self._store.feedback(self.person_id)
        later = [event for event in events if event.feedback_id > last_id]
        if any(each.event.kind == "undo" for each in later):
            return False
        self._said.take(events[: len(events) - len(later)])
        known = self._said.last_id
        if self._said.take(later) < known:
            return False
        self.belief, self._checkpoints = belief, [(last_id, belief)]
        self._hits_missing_until = last_id
        if later:
            self._go_on(last_id)
            self._save()
        return True

    def _go_back(self, feedback_id: int) -> int:
        """To the last checkpoint at or before this event; returns the event it is at."""
        self._checkpoints = [each for each in self._checkpoints if each[0] <= feedback_id]
        at, self.belief = self._checkpoints[-1] if self._checkpoints else (0, self._start)
        self._hits = [each for each in self._hits if each[0] <= at]
        self._hits_missing_until = min(self._hits_missing_until, at)
        return at

    def _go_on(self, feedback_id: int) -> None:
        """Learn from the events after this one."""
        for number, said in self._said.after(feedback_id):
            before = self.belief.scores
            self.belief = self.belief.update(*self._reader.read(said))
            self._hits += _hits_since(before, self.belief.scores, number)
            self._remember(number)

    def _remember(self, feedback_id: int) -> None:
        """Keep the latest beliefs and some of the earlier ones: an undo goes on from there."""
        older, latest = self._checkpoints[:-RECENT], self._checkpoints[-RECENT:]
        sparse = [each for each in older if each[1].n % CHECKPOINT_EVERY == 0]
        self._checkpoints = [*sparse[-RECENT:], *latest, (feedback_id, self.belief)]

    @property
    def model(self) -> RewardModel:
        """The reward model that is followed."""
        return self.belief.model

    @property
    def scores(self) -> Scores:
        """How well it foretold this person's choices."""
        return self.belief.scores

    @property
    def clicks(self) -> int:
        """Reactions that count now, the person's own."""
        return self._said.clicks

    @property
    def heard(self) -> tuple[Taste, ...]:
        """Of a team, the members who have said enough to be heard; nobody while that is only one,
        whose taste would be taken for everybody's."""
        heard = tuple(each for each in self.members if each.belief.n >= MIN_CLICKS)
        return heard if len(heard) > 1 else ()

    @property
    def clicks_heard(self) -> int:
        """Reactions that it knows of: the person's own; for a team, the members' too."""
        return self.clicks + sum(each.clicks for each in self.heard)

    def clicks_after(self, feedback_id: int) -> int:
        """How many of the person's own came after this event."""
        with self._lock:
            return self._said.clicks_after(feedback_id)

    @property
    def began_after(self) -> int:
        """The event by which the person last had everything forgotten; 0 when they never did."""
        return self._said.began_after

    @property
    def judgements(self) -> Sequence[Judgement]:
        """What the log says now."""
        with self._lock:
            return tuple(self._said.all())

    @property
    def lasting_judgements(self) -> Sequence[Judgement]:
        """What the log says of the taste as it is now: all of it, unless the taste changed."""
        with self._lock:
            lasting: list[Judgement] = []
            reactions, since = 0, self.belief.since[0]
            for _, said in self._said.after(0):
                reactions += bool(self._reader.read(said))
                if reactions > since:
                    lasting += said
            return tuple(lasting)

    # --- asking it -----------------------------------------------------------------------------

    def phis(self, prompt: str, replies: Sequence[GeneratedReply]) -> Matrix:
        """(n, D) of fresh replies to one prompt."""
        return self.basis.phis(
            prompt, [reply.text for reply in replies], [reply.features for reply in replies]
        )

    def choose(self, prompt: str, replies: Sequence[GeneratedReply]) -> int:
        """Which of n fresh replies to serve."""
        rewards, _ = self.model.score(self.phis(prompt, replies))
        plausibility = np.array([reply.features.base_logprob_mean for reply in replies])
        return reward.choose(rewards, plausibility, [is_usable(reply) for reply in replies])

    def helps_to_choose(self) -> bool:
        """Whether best-of-n is worth its time: only after a few clicks."""
        return self.clicks_heard >= self._settings.min_clicks_for_best_of

    def beliefs(self) -> list[TraitBelief]:
        """Style traits, the surest first."""
        return sorted(self.model.beliefs(), key=lambda trait: -abs(trait.probability - 0.5))

    def agreement(self) -> float | None:
        """Prequential accuracy: the share of choices that were foreseen before learning from
        them. None below five choices."""
        return self.scores.accuracy

    def foretold(self) -> list[float]:
        """Of every reaction that was a choice, oldest first: 1 where it was foreseen before it was
        learned from, 0 where not; a ranking has the share of its pairs. The same as `scores`."""
        with self._lock:
            self._find_missing_hits()
            return [hit for _, hit in self._hits]

    def _find_missing_hits(self) -> None:
        """Once after a start: foretell anew what the stored belief had learned already."""
        belief, found = self._start, []
        for number, said in self._said.after(0):
            if number > self._hits_missing_until:
                break
            before = belief.scores
            belief = belief.update(*self._reader.read(said))
            found += _hits_since(before, belief.scores, number)
        self._hits, self._hits_missing_until = [*found, *self._hits], 0

    # --- looking things up (preferences.Lookups) -----------------------------------------------

    def comparison(self, comparison_id: int) -> Comparison:
        """Which replies were shown; kept, as every click folds the whole log again."""
        known = self._comparisons.get(comparison_id)
        if known is None:
            known = self._store.comparison(self.person_id, comparison_id)
            self._comparisons[comparison_id] = known
        return known

    def reply(self, reply_id: int) -> StoredReply:
        """A reply with its features; kept once it has them."""
        known = self._replies.get(reply_id)
        if known is None:
            known = self._store.reply(self.person_id, reply_id)
            if known.features is not None:
                self._replies[reply_id] = known
        return known

    def rewritten(self, reply_id: int, text: str) -> int | None:
        """The sibling that holds a rewrite."""
        return self._store.rewritten(self.person_id, reply_id, text)

    # --- inside ----------------------------------------------------------------------------------

    def _counts_implicit(self) -> bool:
        return self._store.setting(self.person_id, IMPLICIT_SETTING, "off") == "on"

    def _read_log(self) -> int:
        """Returns the id of the last event up to which all stands as it did before."""
        new = self._store.feedback(self.person_id, after_id=self._said.last_id)
        return self._said.take(new)

    def _save(self) -> None:
        if self.basis.base_key:
            self._store.save_reward(
                self.person_id, self.basis.base_key, self._said.last_id, self.belief.to_bytes()
            )


def _hits_since(before: Scores, after: Scores, number: int) -> list[tuple[int, float]]:
    """(event, share of its choices that were foretold); nothing where it held no choice."""
    n = after.n - before.n
    return [(number, (after.hits - before.hits) / n)] if n else []


def is_usable(reply: GeneratedReply) -> bool:
    """A reply that the model ended itself and that is not blank."""
    return reply.finished and bool(reply.text.strip())
