"""Everything that can be asked, as items: questions, true sentences, bullets and keys.

An item is one question about one subject. It is built from a row of `knowledge` and the
phrasings of `questions`; how the answer looks is decided later, by a style.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from chatfeedback.starter import knowledge
from chatfeedback.starter.questions import QUESTIONS
from chatfeedback.starter.styles import capitalise, count_words, expand

Kind = Literal["fact", "how_to", "overview", "recommend", "small_talk"]


@dataclass(frozen=True)
class Item:
    """One question about one subject, with all that a reply to it may say.

    `sentences` are complete one-sentence answers that start with a small letter where grammar
    allows it; `extras` are further true sentences; `bullets` start with what was asked.
    """

    id: str
    kind: Kind
    category: str
    attribute: str
    subject: str
    name: str
    emoji: str
    questions_seen: tuple[str, ...]
    questions_unseen: tuple[str, ...]
    keys: tuple[str, ...]
    sentences: tuple[str, ...]
    extras: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    example: str = ""
    plural: bool = False

    @property
    def key(self) -> str:
        """Which phrasings ask for this item: "animal.food"."""
        return f"{self.category}.{self.attribute}"

    @property
    def core_words(self) -> int:
        """Words of the longest one-sentence answer."""
        if self.kind == "recommend":
            return 8
        return max(count_words(sentence) for sentence in self.sentences)


# One line per attribute: label | sentences, `;` between | the same with a pronoun.
# `[is|are]` is chosen by the number of the subject; {a} is the value with its article.
_SENTENCES = """
animal.group|Group|{s} is {a};{s} belongs to this group: {v}|it is {a}
animal.food|Food|{s} eats {v};{s} feeds on {v}|it eats {v}
animal.home|Home|{s} lives in {v};the home of {s} is {v}|its home is {v}
animal.fact|Fun fact|a fun fact about {s}: {v};here is what is special: {v}|{v}
city.country|Country|{s} is in {v};you find {s} in {v}|it is in {v}
city.sight|Sight|{s} is famous for {v};in {s}, you should see {v}|it is famous for {v}
city.dish|Dish|a typical dish in {s} is {v};in {s}, you should try {v}|a typical dish there is {v}
country.capital|Capital|the capital of {s} is {v};{v} is the capital of {s}|its capital is {v}
country.continent|Continent|{s} is in {v};{s} lies in {v}|it lies in {v}
country.known_for|Known for|{s} is known for {v};people know {s} for {v}|it is known for {v}
planet.order|Order|{s} is the {v} planet from the Sun;from the Sun, {s} comes {v}|it comes {v} from the Sun
planet.type|Type|{s} is {a};we call {s} {a}|it is {a}
planet.year|Year|a year on {s} lasts {v};{s} goes around the Sun in {v}|its year lasts {v}
planet.fact|Fun fact|a fun fact about {s}: {v};here is what is special: {v}|{v}
instrument.family|Family|the family of {s} is {v};{s} belongs to this family: {v}|its family is {v}
instrument.played_by|Played by|you play {s} by {v};{s} [is|are] played by {v}|you play it by {v}
instrument.made_of|Made of|{s} [is|are] made of {v};makers build {s} from {v}|it is made of {v}
tool.use|Use|{s} [is|are] used for {v};you use {s} for {v}|people use it for {v}
tool.tip|Tip|when you use {s}, {v};a good tip: {v}|a good tip: {v}
tool.storage|Storage|keep {s} {v};store {s} {v}|keep it {v}
sport.goal|Goal|the goal of {s} is to {v};in {s}, you try to {v}|the goal is to {v}
sport.gear|Gear|{s} needs {v};for {s}, you need {v}|it needs {v}
sport.place|Place|the place for {s} is {v};people do {s} at {v}|the right place is {v}
science.what|What|{s} is {v};you can think of {s} as {v}|it is {v}
science.why|Why|the reason for {s} is that {v};it happens because {v}|the reason is that {v}
science.example|Example|one case of {s} is when {v};you see {s} when {v}|you see it when {v}
food.taste|Taste|the taste of {s} is {v};{s} tastes {v}|its taste is {v}
food.season|Season|the season for {s} is {v};the best time for {s}: {v}|its season is {v}
food.use|Use|{s} is good for {v};people use {s} for {v}|it is good for {v}
job.does|Work|{s} {v};the work of {s}: this person {v}|this person {v}
job.place|Workplace|{s} works in {v};the workplace of {s} is {v}|the workplace is {v}
job.tool|Tool|{s} works with {v};{s} uses {v}|the main tool is {v}
invention.inventor|Inventor|{v} invented {s};{s} was invented by {v}|the inventor was {v}
invention.period|Date|{s} dates from {v};the date of {s} is {v}|it dates from {v}
invention.use|Use|{s} is for {v};people use {s} for {v}|people use it for {v}
body.does|Job|{s} {v};the job of {s}: it {v}|it {v}
body.where|Place|{s} is {v};you find {s} {v}|it is {v}
body.fact|Fun fact|a fun fact about {s}: {v};here is what is special: {v}|{v}
recipe.ingredients|You need|for {s}, you need {v};the ingredients are {v}|you need {v}
recipe.time|Time|to make {s}, you need {v};it takes {v}|it takes {v}
recipe.tip|Tip|for better {n}, {v};a good tip: {v}|a good tip: {v}
howto.time|Time|to {s}, you need {v};the time needed is {v}|the time needed is {v}
howto.tip|Tip|when you {s}, {v};a good tip: {v}|a good tip: {v}
"""

_OVERVIEWS = {
    "animal": "{s} is {a_group} from {home}",
    "city": "{s} is a city in {country} famous for {sight}",
    "country": "{s} is a country in {continent} and its capital is {capital}",
    "planet": "{s} is {a_type} and comes {order} from the Sun",
    "instrument": "{s} [is|are] made of {made_of} and played by {played_by}",
    "tool": "{s} [is a tool|are a tool] for {use}",
    "sport": "{s} is a sport where you {goal}",
    "food": "{s} tastes {taste} and is good for {use}",
    "job": "{s} {does} and uses {tool}",
    "invention": "{s} comes from {inventor} and is for {use}",
    "body": "{s} {does} and is {where}",
}

_EXAMPLES = {
    "animal": "you might see {s} in {home}",
    "city": "you could visit {sight} and then eat {dish}",
    "country": "a trip there could begin in {capital}",
    "planet": "a birthday there comes every {year}",
    "instrument": "a player makes music by {played_by}",
    "tool": "take {s} for {use}",
    "sport": "a first try could happen at {place}",
    "science": "{example}",
    "food": "you could use it for {use}",
    "job": "you may meet {s} in {place}",
    "invention": "people use it for {use}",
    "body": "it {does} even as you read this",
    "recipe": "a first try could take {time}",
    "howto": "a first try could take {time}",
}

_TABLES = {
    "animal": knowledge.ANIMALS,
    "city": knowledge.CITIES,
    "country": knowledge.COUNTRIES,
    "planet": knowledge.PLANETS,
    "instrument": knowledge.INSTRUMENTS,
    "tool": knowledge.TOOLS,
    "sport": knowledge.SPORTS,
    "science": knowledge.SCIENCE,
    "food": knowledge.FOODS,
    "job": knowledge.JOBS,
    "invention": knowledge.INVENTIONS,
    "body": knowledge.BODY,
    "recipe": knowledge.RECIPES,
    "howto": knowledge.HOWTOS,
    "recommend": knowledge.RECOMMENDS,
}

_ALWAYS_THE = ("invention", "body")
_BARE = (*knowledge.PROPER_KINDS, "howto", "recommend", "sport")
PLURALS = frozenset({"scissors", "bagpipes", "pancakes", "chocolate chip cookies", "burritos"})


def read_table(text: str) -> list[dict[str, str]]:
    """Rows of a pipe table as dictionaries; the first line names the columns."""
    header, *lines = text.strip().splitlines()
    names = header.split("|")
    return [dict(zip(names, line.split("|"), strict=True)) for line in lines]


def add_article(noun: str) -> str:
    """The noun with "a" or "an" by its sound: "an hour", "a unicorn"."""
    sounds_vowel = re.match(r"(?i)(?!uni|use|eu|one)[aeiou]|hour|x-", noun)
    return f"{'an' if sounds_vowel else 'a'} {noun}"


def name_subject(category: str, name: str) -> str:
    """The name as a sentence uses it, with its article where it takes one."""
    if category in _BARE or name in knowledge.PLURAL_OR_MASS:
        return name
    return f"the {name}" if category in _ALWAYS_THE else add_article(name)


def fill_question(template: str, subject: str, name: str, plural: bool = False) -> str:
    """A question template about one subject, with verbs that agree with a plural."""
    if plural:
        for one, many in (("is {s}", "are {s}"), ("does {s}", "do {s}"), ("{n}s", "{n}")):
            template = template.replace(one, many)
        template = template.replace("{s} is", "{s} are")
    return template.replace("{s}", subject).replace("{n}", name)


def _fill(template: str, plural: bool, **values: str) -> str:
    template = re.sub(r"\[(.*?)\|(.*?)\]", r"\2" if plural else r"\1", template)
    return template.format(**values)


@cache
def _sentences() -> dict[str, tuple[str, tuple[str, ...], str]]:
    rows = (line.split("|") for line in _protect(_SENTENCES).strip().splitlines())
    return {
        key: (label, tuple(_restore(text) for text in sentences.split(";")), _restore(follow))
        for key, label, sentences, follow in rows
    }


def _protect(text: str) -> str:
    return re.sub(r"\[(.*?)\|(.*?)\]", r"[\1¦\2]", text)


def _restore(text: str) -> str:
    return text.replace("¦", "|")


def _make_facts(category: str, row: dict[str, str]) -> list[Item]:
    """One item per attribute of a row that has sentences, and an overview where one exists."""
    name = row["name"]
    subject, plural = name_subject(category, name), name in PLURALS
    attributes = [column for column in row if f"{category}.{column}" in _sentences()]
    values = {**row, **{f"a_{column}": add_article(row[column]) for column in row}, "s": subject}
    follows, bullets, answers = {}, {}, {}
    for attribute in attributes:
        label, sentences, follow = _sentences()[f"{category}.{attribute}"]
        words = {"v": row[attribute], "a": add_article(row[attribute]), "n": name}
        answers[attribute] = tuple(_fill(text, plural, s=subject, **words) for text in sentences)
        follows[attribute] = capitalise(_agree(_fill(follow, plural, s=subject, **words), plural))
        bullets[attribute] = f"{label}: {row[attribute]}"
    example = _fill(_EXAMPLES[category], plural, **values)

    def make(kind: Kind, attribute: str, keys: tuple[str, ...], sentences: tuple[str, ...]) -> Item:
        asked = [attribute] if attribute in follows else []
        others = [other for other in attributes if other != attribute]
        phrasings = QUESTIONS[f"{category}.{attribute}"]
        return Item(
            id=f"{category}/{name}/{attribute}",
            kind=kind,
            category=category,
            attribute=attribute,
            subject=subject,
            name=name,
            emoji=row["emoji"],
            questions_seen=phrasings.seen,
            questions_unseen=phrasings.unseen,
            keys=keys,
            sentences=sentences,
            extras=tuple(follows[other] for other in others),
            bullets=tuple(bullets[each] for each in asked + others),
            example=example,
            plural=plural,
        )

    made = [make("fact", each, (normalise_key(row[each]),), answers[each]) for each in attributes]
    if category in _OVERVIEWS:
        head = _fill(_OVERVIEWS[category], plural, **values)
        keys = tuple(normalise_key(row[each]) for each in attributes)
        made.append(make("overview", "overview", keys, (head,)))
    return made


def _agree(sentence: str, plural: bool) -> str:
    if not plural:
        return sentence
    for one, many in ((" it ", " them "), ("it is", "they are"), ("its ", "their ")):
        sentence = sentence.replace(one, many)
    return sentence


def _make_how_to(category: str, row: dict[str, str]) -> Item:
    """The steps of a recipe or an everyday task, as one item."""
    name = row["name"]
    steps = tuple(step.strip() for step in row["steps"].split(";"))
    more = [attribute for attribute in ("tip", "time", "ingredients") if attribute in row]
    phrasings = QUESTIONS[f"{category}.how"]
    subject = name_subject(category, name)
    follows = [_sentences()[f"{category}.{each}"] for each in more]
    return Item(
        id=f"{category}/{name}/how",
        kind="how_to",
        category=category,
        attribute="how",
        subject=subject,
        name=name,
        emoji=row["emoji"],
        questions_seen=phrasings.seen,
        questions_unseen=phrasings.unseen,
        keys=tuple(normalise_key(step) for step in steps),
        sentences=(f"{', '.join(steps[:-1])} and {steps[-1]}",),
        extras=tuple(
            capitalise(follow.format(v=row[each]))
            for each, (_, _, follow) in zip(more, follows, strict=True)
        ),
        bullets=tuple(
            f"{label}: {row[each]}" for each, (label, _, _) in zip(more, follows, strict=True)
        ),
        steps=steps,
        example=_EXAMPLES[category].format(**row),
        plural=name in PLURALS,
    )


def _make_recommendation(row: dict[str, str]) -> Item:
    """The options for one thing to choose, as one item."""
    pairs = [option.strip().split(" - ", 1) for option in row["options"].split(";")]
    options = tuple((thing, reason) for thing, reason in pairs)
    phrasings = QUESTIONS["recommend.pick"]
    return Item(
        id=f"recommend/{row['name']}/pick",
        kind="recommend",
        category="recommend",
        attribute="pick",
        subject=row["name"],
        name=re.sub(r"^an? ", "", row["name"]),
        emoji=row["emoji"],
        questions_seen=phrasings.seen,
        questions_unseen=phrasings.unseen,
        keys=tuple(normalise_key(thing) for thing, _ in options),
        sentences=tuple(f"I would choose {thing}" for thing, _ in options),
        options=options,
        example=f"you could begin with {options[0][0]}",
    )


def _make_small_talk(number: int) -> Item:
    seen, unseen, replies, extra = knowledge.SMALLTALK[number]
    return Item(
        id=f"small_talk/{seen[0]}/reply",
        kind="small_talk",
        category="small_talk",
        attribute="reply",
        subject="",
        name=seen[0],
        emoji=("😊", "👋", "🌟", "✨")[number % 4],
        questions_seen=seen,
        questions_unseen=unseen,
        keys=tuple(normalise_key(reply) for reply in replies),
        sentences=replies,
        extras=(extra,),
    )


def normalise_key(text: str) -> str:
    """A value as `expand` leaves it in a reply, without its last mark."""
    return expand(text).rstrip(".!?")


@cache
def items() -> tuple[Item, ...]:
    """Every item of the corpus, in a fixed order."""
    made: list[Item] = []
    for category, table in _TABLES.items():
        for row in read_table(table):
            if category == "recommend":
                made.append(_make_recommendation(row))
                continue
            if "steps" in row:
                made.append(_make_how_to(category, row))
            made.extend(_make_facts(category, row))
    made.extend(_make_small_talk(number) for number in range(len(knowledge.SMALLTALK)))
    return tuple(made)
