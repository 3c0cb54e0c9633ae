"""What a person has said in words rather than by clicks: the taste card, principles, how often to
be asked. Kept as settings, so each is one row that a page can show and clear.

When people act together, everybody's principles hold and everybody's flags act: of two that ask for
different things of one kind the stricter one decides, since a reply has to keep both."""

from __future__ import annotations

from collections.abc import Sequence

from chatfeedback.asking.attention import note_rate_was_set
from chatfeedback.asking.explore import AskingRate
from chatfeedback.errors import InputRefused
from chatfeedback.household import Household
from chatfeedback.learning.calibration import Calibration
from chatfeedback.protocols import Store
from chatfeedback.rules.flags import FLAGS_TO_ACT, Behaviour, find_behaviours, flagged_ids
from chatfeedback.rules.principles import Principle, Rules, read_principles, write_principles
from chatfeedback.taste.card import CardEdit, TasteCard, check_card_text, write_card
from chatfeedback.taste.reward import RewardModel
from chatfeedback.taste.taste import Taste


class Orders:
    """The standing orders of all people."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._household = Household(store)
        self._behaviours: dict[tuple[int, ...], list[Behaviour]] = {}  # by the flagged replies

    def card(self, person_id: int, model: RewardModel, *, for_starter: bool) -> TasteCard:
        """The taste card as it stands, for the model that is to read it."""
        edit = CardEdit.from_json(self._store.setting(person_id, "taste_card", ""))
        on = self._store.setting(person_id, "taste_card_on", "no") == "yes"
        return write_card(model, edit, on=on, for_starter=for_starter)

    def set_card(
        self, person_id: int, model: RewardModel, text: str | None, *, for_starter: bool
    ) -> None:
        """The person's own wording; None takes it back, and the card is what was learned."""
        if text is None:
            self._store.set_setting(person_id, "taste_card", "")
            return
        learned = self.card(person_id, model, for_starter=for_starter).learned
        known = tuple(wish.name for wish in learned)
        edit = CardEdit(check_card_text(text), known)
        self._store.set_setting(person_id, "taste_card", edit.to_json())

    def switch_card(self, person_id: int, *, on: bool) -> None:
        """Whether the card goes into the system line from the next answer on."""
        self._store.set_setting(person_id, "taste_card_on", "yes" if on else "no")

    def asking_rate(self, person_id: int) -> AskingRate:
        """How often the person wants to be asked to compare answers."""
        return AskingRate(self._store.setting(person_id, "asking_rate", AskingRate.SOMETIMES))

    def set_asking_rate(self, person_id: int, rate: str) -> None:
        """InputRefused for anything but the rates there are."""
        if rate not in set(AskingRate):
            raise InputRefused(
                f"{rate!r} is no rate of asking. Choose one of: {', '.join(AskingRate)}."
            )
        self._store.set_setting(person_id, "asking_rate", rate)
        note_rate_was_set(self._store, person_id)

    def principles(self, person_id: int) -> tuple[Principle, ...]:
        """The person's principles, in the order in which they were written."""
        return read_principles(self._store.setting(person_id, "principles", ""))

    def principles_in_force(self, person_id: int) -> tuple[Principle, ...]:
        """The principles that hold for this person: their own, and for the team its members' too;
        what several wrote once."""
        members = [each.person_id for each in self._household.members_of(person_id)]
        found = (each for person in (person_id, *members) for each in self.principles(person))
        return tuple(dict.fromkeys(found))

    def set_principles(self, person_id: int, texts: Sequence[str]) -> None:
        """Replace them all; they hold from the next answer on."""
        self._store.set_setting(person_id, "principles", write_principles(texts))

    def behaviours(self, taste: Taste, calibration: Calibration | None) -> list[Behaviour]:
        """What flagged replies have in common that the base's other replies lack; for the team,
        what those of each member have."""
        tastes = (taste, *taste.members)
        found = (each for one in tastes for each in self._behaviours_of(one, calibration))
        return list(dict.fromkeys(found))

    def _behaviours_of(self, taste: Taste, calibration: Calibration | None) -> list[Behaviour]:
        flagged = tuple(flagged_ids(taste.judgements))
        if len(flagged) < FLAGS_TO_ACT or calibration is None:
            return []
        if flagged not in self._behaviours:
            usual = [reply.text for each in calibration.pool for reply in each.replies]
            replies = [taste.reply(reply_id) for reply_id in flagged]
            self._behaviours[flagged] = find_behaviours(replies, usual)
        return self._behaviours[flagged]

    def rules(self, person_id: int, taste: Taste, calibration: Calibration | None) -> Rules:
        """What every chosen or learned reply must keep: principles and the end of what was
        flagged."""
        principles = self.principles_in_force(person_id)
        checks = [each.check for each in principles if each.check is not None]
        checks += [behaviour.check for behaviour in self.behaviours(taste, calibration)]
        return Rules(tuple(checks))
