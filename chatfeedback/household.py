"""The people of one installation: each has conversations, a taste and versions of their own.

Whoever was switched to last is who acts, on every page and in every command.
"""

from __future__ import annotations

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.protocols import Store
from chatfeedback.records import Person

FIRST = "You"
ACTIVE_SETTING = "active_person"  # of the first person
LONGEST_NAME = 40


class Household:
    """Who there is, and who acts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def active(self) -> Person:
        """Who acts now; in a fresh installation there is one person, "You"."""
        first = self._first()
        active = self._store.setting(first.person_id, ACTIVE_SETTING, "")
        return next((each for each in self._store.people() if str(each.person_id) == active), first)

    def switch(self, person_id: int) -> Person:
        """Let another person act from now on; NotFound if there is none."""
        found = next((each for each in self._store.people() if each.person_id == person_id), None)
        if found is None:
            raise NotFound(f"There is no person {person_id}. Choose one from the list.")
        self._store.set_setting(self._first().person_id, ACTIVE_SETTING, str(person_id))
        return found

    def add(self, name: str) -> Person:
        """A new person, who acts from now on."""
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME:
            raise InputRefused(f"A name has 1 to {LONGEST_NAME} letters; this one has {len(name)}.")
        if any(each.name.casefold() == name.casefold() for each in self._store.people()):
            raise InputRefused(f"There is a {name!r} already. Choose another name.")
        return self.switch(self._store.ensure_person(name).person_id)

    def _first(self) -> Person:
        people = self._store.people()
        return people[0] if people else self._store.ensure_person(FIRST)
