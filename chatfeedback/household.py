"""The people of one installation: each has conversations, a taste and versions of their own.

Whoever was switched to last is who acts, on every page and in every command. All of them together
are one more person, made when they first act together: the team.
"""

from __future__ import annotations

from itertools import chain, count

from chatfeedback.errors import InputRefused, NotFound
from chatfeedback.protocols import Store
from chatfeedback.records import Person

FIRST = "You"
ACTIVE_SETTING = "active_person"  # of the first person
TEAM = "Everyone"
TEAM_SETTING = "team"  # of the first person: the number of who all of them are together
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

    def team(self) -> Person | None:
        """Everybody as one person; None until they first act together."""
        people = self._store.people()
        number = self._store.setting(people[0].person_id, TEAM_SETTING, "") if people else ""
        return next((each for each in people if str(each.person_id) == number), None)

    def members(self) -> list[Person]:
        """The people themselves, without the team."""
        team = self.team()
        return [each for each in self._store.people() if each != team]

    def awake(self) -> list[Person]:
        """Those for whom the app learns by itself: the members, and the team while it acts."""
        active = self.active()
        return self.members() + ([active] if active == self.team() else [])

    def members_of(self, person_id: int) -> list[Person]:
        """Those who act as this person: all members for the team, nobody for anybody else."""
        team = self.team()
        return self.members() if team is not None and team.person_id == person_id else []

    def act_together(self) -> Person:
        """Let all of them act as one person from now on; InputRefused for somebody alone."""
        team, names = self.team(), [each.name for each in self.members()]
        if len(names) < 2:
            raise InputRefused(
                f"To act together takes two people; there is {', '.join(names) or 'nobody'} alone. "
                "Add somebody first."
            )
        if team is None:
            team = self._store.ensure_person(_name_team(names), noted_as=TEAM_SETTING)
        return self.switch(team.person_id)

    def _first(self) -> Person:
        people = self._store.people()
        return people[0] if people else self._store.ensure_person(FIRST)


def _name_team(taken: list[str]) -> str:
    """A name that nobody has."""
    known = {name.casefold() for name in taken}
    names = chain((TEAM, f"{TEAM} together"), (f"{TEAM} together {n}" for n in count(2)))
    return next(name for name in names if name.casefold() not in known)
