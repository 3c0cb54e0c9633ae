"""How people word things: question frames, synonyms, courtesies around a question, and typos.

A small model understands only wordings like those it has seen, so every question is composed:
a phrasing written by hand, or a frame around a noun phrase or a clause that names what is asked,
then synonyms, then words of courtesy, then the noise of quick typing.
"""

import random
import re
from functools import cache

from chatfeedback.starter.questions import SYNONYMS

NOUNS: dict[str, str] = {
    "animal.group": "group;kind;type;class;animal group;family;classification;category",
    "animal.food": "food;diet;favourite food;menu;usual food;dinner;meal;prey or food;feeding habits",
    "animal.home": "home;habitat;living place;natural home;environment;place to live;whereabouts;usual surroundings",
    "animal.fact": "fun fact;special feature;surprising fact;odd fact;most interesting thing;trick;secret;curious detail",
    "city.country": "country;nation;home country;state",
    "city.sight": "main sight;famous sight;landmark;best attraction;place to see;tourist attraction;monument;top sight",
    "city.dish": "dish;local dish;typical food;speciality;famous meal;traditional food;local cuisine;favourite food",
    "country.capital": "capital;capital city;main city;seat of government",
    "country.continent": "continent;part of the world;world region;landmass",
    "country.known_for": "claim to fame;fame;speciality;reputation;best known thing;famous things",
    "planet.order": "order;place in line;position;number from the Sun;rank from the Sun;spot in the row",
    "planet.type": "type;kind;class;sort;make-up;nature",
    "planet.year": "year;year length;orbit time;time around the Sun;length of a year;orbital period",
    "planet.fact": "fun fact;special feature;surprising fact;odd fact;most interesting thing;curious detail",
    "instrument.family": "family;group;type;kind;class;category;instrument family",
    "instrument.played_by": "way of playing;playing method;technique;playing style;sound method;handling",
    "instrument.made_of": "material;materials;construction;build;substance;parts;make-up",
    "tool.use": "use;purpose;job;function;task;main use;point",
    "tool.tip": "tip;trick;best advice;hint;good practice;advice for use;secret",
    "tool.storage": "storage;storage place;keeping place;best place;right place at home",
    "sport.goal": "goal;aim;object;objective;point;purpose;winning idea",
    "sport.gear": "gear;equipment;kit;things needed;outfit;necessary items;stuff",
    "sport.place": "place;playing area;ground;venue;location;setting;playing field",
    "science.what": "meaning;definition;idea;concept;explanation;basics;nature",
    "science.why": "reason;cause;reason behind it;mechanism;why;explanation behind;origin",
    "science.example": "example;real case;everyday example;illustration;instance;case;real life example",
    "food.taste": "taste;flavour;flavor;mouthfeel;eating experience",
    "food.season": "season;best season;time of year;harvest time;ripe time;month",
    "food.use": "use;kitchen use;common use;cooking use;purpose;way to use;role in cooking",
    "job.does": "job;work;main task;daily work;duty;role;task;typical day",
    "job.place": "workplace;place of work;work setting;usual place;location at work",
    "job.tool": "tool;main tool;equipment;instrument of work;gear;working tool",
    "invention.inventor": "inventor;maker;creator;person behind it;origin;father or mother",
    "invention.period": "date;time of invention;period;year;age;century;birth date",
    "invention.use": "use;purpose;function;point;benefit;job",
    "body.does": "job;function;purpose;role;task;work;use",
    "body.where": "place;location;position;spot in the body;whereabouts",
    "body.fact": "fun fact;special feature;surprising fact;odd fact;most interesting thing;curious detail",
    "recipe.ingredients": "ingredients;shopping list;things needed;list of ingredients;contents;items to buy",
    "recipe.time": "time;cooking time;preparation time;duration;time needed;total time;length",
    "recipe.tip": "tip;trick;best advice;secret;hint;cooking tip;advice;key to success",
    "recipe.how": "recipe;steps;method;instructions;cooking steps;preparation;procedure;directions",
}
"""Noun phrases that name each attribute, for frames such as "what is the NOUN of S?"."""

CLAUSES: dict[str, str] = {
    "animal.group": "what kind of animal {s} is;which group {s} belongs to;what type of creature {s} is;what {s} is;what sort of animal {s} counts as",
    "animal.food": "what {s} eats;what {s} feeds on;what {s} likes to eat;what food {s} needs;what {s} lives on;what is on the menu for {s}",
    "animal.home": "where {s} lives;where {s} is found;where I can find {s};where {s} makes its home;what place {s} lives in;where {s} stays",
    "animal.fact": "what is special about {s};what makes {s} unusual;what is interesting about {s};what {s} is good at;what is surprising about {s};what sets {s} apart",
    "city.country": "where {s} is;which country {s} is in;what country {s} belongs to;where on the map {s} lies;in which country {s} lies",
    "city.sight": "what I should see in {s};what to visit in {s};what sight {s} is famous for;what tourists see in {s};where to go in {s};what to look at in {s}",
    "city.dish": "what people eat in {s};what I should eat in {s};which dish to try in {s};what to order in {s};what food {s} is known for",
    "country.capital": "what the capital of {s} is;which city is the capital of {s};where the government of {s} sits;which city runs {s}",
    "country.continent": "which continent {s} is on;where in the world {s} is;what continent {s} belongs to;what part of the world {s} is in;where {s} lies",
    "country.known_for": "what {s} is known for;what {s} is famous for;what people love about {s};why {s} is famous;what comes from {s}",
    "planet.order": "where {s} is in order from the Sun;which planet from the Sun {s} is;how far down the line {s} is;what number {s} has from the Sun",
    "planet.type": "what kind of planet {s} is;what type of world {s} is;what {s} is like;what sort of planet {s} is;what {s} is made of",
    "planet.year": "how long a year on {s} is;how long {s} takes around the Sun;how long one orbit of {s} takes;how many days a year has on {s}",
    "planet.fact": "what is special about {s};what makes {s} unusual;what is interesting about {s};what is surprising about {s};what sets {s} apart",
    "instrument.family": "what family {s} is in;what kind of instrument {s} is;which group {s} belongs to;what type of instrument {s} is",
    "instrument.played_by": "how {s} is played;how to play {s};how people play {s};how you get sound from {s};how musicians use {s};how {s} makes sound",
    "instrument.made_of": "what {s} is made of;what materials {s} has;what makers build {s} from;what {s} consists of;which materials go into {s}",
    "tool.use": "what {s} is for;what {s} is used for;what {s} does;what I can do with {s};why I would need {s};when to use {s};what job needs {s}",
    "tool.tip": "how to use {s} well;how to handle {s};how I should use {s};how to get the best out of {s};how to work with {s} properly;the right way to use {s}",
    "tool.storage": "where to keep {s};how to store {s};where I should put {s};where {s} belongs;how to keep {s} at home;where to leave {s} after use",
    "sport.goal": "what the goal of {s} is;how to win at {s};what players try to do in {s};how you score in {s};what {s} is about;how {s} is won",
    "sport.gear": "what I need for {s};what gear {s} needs;what equipment is used in {s};what to bring for {s};what to buy for {s};what players use in {s}",
    "sport.place": "where {s} is played;where people play {s};where {s} takes place;where to do {s};what place {s} needs;on what ground {s} happens",
    "science.what": "what {s} is;what {s} means;what is meant by {s};what people mean by {s};what the word {s} stands for",
    "science.why": "why {s} happens;how {s} works;what causes {s};what is behind {s};why there is {s};what makes {s} happen;where {s} comes from",
    "science.example": "where I can see {s};what {s} looks like in real life;where {s} shows up;how {s} appears in daily life;when {s} can be seen",
    "food.taste": "what {s} tastes like;how {s} tastes;what flavour {s} has;how you would describe eating {s};whether {s} is sweet or sour",
    "food.season": "when {s} is in season;when {s} is best;when to buy {s};what time of year {s} is ripe;when {s} is harvested;which season suits {s}",
    "food.use": "what to make with {s};how to use {s};what {s} is used for;how people eat {s};what I can cook with {s};what {s} is good for",
    "job.does": "what {s} does;what {s} does all day;what the work of {s} is;what {s} is paid to do;what kind of work {s} has",
    "job.place": "where {s} works;where {s} spends the day;where I would find {s} at work;in what place {s} works;where {s} does the job",
    "job.tool": "what tool {s} uses;what {s} works with;what {s} needs for work;which equipment {s} uses;what {s} holds at work;what {s} carries",
    "invention.inventor": "who invented {s};who made {s} first;who came up with {s};who created {s};who we thank for {s};who was behind {s}",
    "invention.period": "when {s} was invented;how old {s} is;when {s} was made first;when {s} first appeared;in which year {s} came up;since when we have {s}",
    "invention.use": "what {s} is for;what {s} is used for;why we need {s};what {s} does;what people do with {s};how {s} helps people",
    "body.does": "what {s} does;what {s} is for;why we have {s};what the job of {s} is;how {s} helps the body;why we need {s}",
    "body.where": "where {s} is;where {s} sits;where I can find {s};where in the body {s} is;in what part of the body {s} lies",
    "body.fact": "what is special about {s};what makes {s} unusual;what is interesting about {s};what is surprising about {s};what is amazing about {s}",
    "recipe.how": "how to make {s};how I make {s};how {s} is made;how to cook {s};how you prepare {s};how I can cook {s} at home;how to go about making {s}",
    "recipe.ingredients": "what I need for {s};what goes into {s};what is in {s};what to buy for {s};which ingredients {s} has;what {s} is made from",
    "recipe.time": "how long {s} takes;how much time {s} needs;how many minutes {s} takes;how long it takes to make {s};how long to cook {s};how quick {s} is",
    "recipe.tip": "how to make {s} better;what to watch out for with {s};how to make {s} turn out well;what the secret of {s} is;how {s} gets really good",
    "howto.how": "how to {s};how I {s};how I can {s};how you {s};how one should {s};how people {s};what to do to {s};the way to {s};the steps to {s}",
    "howto.time": "how long it takes to {s};how much time I need to {s};how many minutes it takes to {s};how long I need to {s};how quickly I can {s}",
    "howto.tip": "what to watch out for when I {s};what the trick is to {s};what helps to {s};how to {s} better;what to remember to {s} well",
}
"""Clauses that ask for each attribute, for frames such as "tell me CLAUSE"."""

OVERVIEWS = (
    "tell me about {s};tell me something about {s};what do you know about {s}?;describe {s};"
    "give me some facts about {s};share what you know about {s};I'm curious about {s};"
    "give me an overview of {s};talk about {s};teach me about {s};facts about {s};"
    "I want to hear about {s};let's talk about {s};what can you tell me about {s}?;{s}?;{s};"
    "inform me about {s};some information about {s}, please;say a few words about {s}"
)

NOUN_FRAMES = (
    "what is the {n} of {s}?",
    "what is the {n} for {s}?",
    "tell me the {n} of {s}",
    "the {n} of {s}?",
    "{s}: {n}?",
    "{s}, {n}?",
    "do you know the {n} of {s}?",
    "I'd like to know the {n} of {s}",
    "what {n} does {s} have?",
    "name the {n} of {s}",
    "can you give me the {n} of {s}?",
    "what would you call the {n} of {s}?",
    "about {s}: what is the {n}?",
    "give me the {n} for {s}",
    "{n} of {s}",
    "what can you say about the {n} of {s}?",
    "which {n} has {s}?",
    "I need the {n} of {s}",
)
CLAUSE_FRAMES = (
    "tell me {c}",
    "do you know {c}?",
    "I want to know {c}",
    "can you tell me {c}?",
    "I wonder {c}",
    "could you explain {c}?",
    "please say {c}",
    "any idea {c}?",
    "I'd love to know {c}",
    "explain to me {c}",
    "remind me {c}",
    "I forgot {c}",
    "help me understand {c}",
    "show me {c}",
    "I need to know {c}",
    "my friend asked me {c}",
    "I'm trying to find out {c}",
    "{c}?",
)

_LOOSE_SYNONYMS: dict[str, str] = {
    "eat": "eat;consume;munch;have for lunch",
    "eats": "eats;consumes;munches",
    "live": "live;dwell;reside;stay",
    "lives": "lives;dwells;resides;stays",
    "famous": "famous;well known;known;renowned;celebrated",
    "special": "special;remarkable;unique;notable;unusual;striking",
    "interesting": "interesting;fascinating;curious;cool;remarkable",
    "kind": "kind;type;sort",
    "type": "type;kind;sort",
    "make": "make;prepare;cook;fix;put together",
    "cook": "cook;make;prepare",
    "use": "use;work with;employ",
    "used": "used;meant;needed;good",
    "need": "need;require",
    "needs": "needs;requires",
    "store": "store;keep;put away",
    "keep": "keep;store",
    "goal": "goal;aim;objective;point",
    "purpose": "purpose;point;aim;function",
    "gear": "gear;equipment;kit",
    "equipment": "equipment;gear;kit",
    "reason": "reason;cause;explanation",
    "causes": "causes;creates;produces;leads to",
    "happen": "happen;occur;take place",
    "happens": "happens;occurs;takes place",
    "explain": "explain;describe;clarify",
    "called": "called;named",
    "find": "find;see;spot;discover;meet",
    "visit": "visit;see;check out;look at",
    "should": "should;must;ought to;could;can",
    "best": "best;ideal;right;good",
    "tip": "tip;hint;piece of advice;trick",
    "trick": "trick;secret;key;tip",
    "steps": "steps;stages;instructions",
    "invented": "invented;created;developed;devised;thought up",
    "inventor": "inventor;creator;maker",
    "taste": "taste;flavour",
    "big": "big;large",
    "job": "job;task;role;work",
    "works": "works;is employed;has a job",
    "located": "located;found;situated;placed",
    "suggest": "suggest;recommend;propose;advise",
    "recommend": "recommend;suggest;propose;advise",
    "idea": "idea;suggestion;tip",
    "ideas": "ideas;suggestions;tips",
    "people": "people;folks;players;locals;everyone",
    "tell": "tell;teach",
    "give": "give;share;offer",
    "example": "example;instance;case;sample",
    "ingredients": "ingredients;foods;items",
    "minutes": "minutes;time",
    "long": "long;much time",
    "quick": "quick;fast;speedy",
    "belong": "belong;count",
    "travel": "travel;go",
    "played": "played;practised",
    "fun": "fun;neat;great;nice",
    "learn": "learn;find out;hear;know",
    "could": "could;can;would",
    "can": "can;could;do;may",
    "which": "which;what",
    "what": "what;which",
    "animal": "animal;creature;beast",
    "creature": "creature;animal;being",
    "city": "city;town;place",
    "food": "food;meal;dish",
    "dish": "dish;meal;food;plate",
    "sight": "sight;attraction;landmark;spot;place",
    "place": "place;spot;location",
    "start": "start;begin",
    "try": "try;taste;have",
    "enjoy": "enjoy;like;love",
    "like": "like;love;enjoy;prefer",
    "the": "the;the;the;the;a;",
    "usually": "usually;normally;mostly;often;generally;typically",
    "mainly": "mainly;mostly;chiefly",
    "really": "really;actually;truly",
    "exactly": "exactly;precisely;actually",
    "proper": "proper;right;correct",
    "way": "way;method;manner",
}
"""Words that may stand for a word of a question, grammar aside: people are loose with it too."""

OPENERS = (
    "please tell me, ;hey, ;hi, ;hello, ;hi there! ;quick question: ;I wonder, ;can you tell me, ;"
    "just curious, ;one thing: ;please, ;tell me, ;so, ;ok, ;okay, ;excuse me, ;sorry, ;well, ;"
    "another question: ;next: ;could you help me? ;a question for you: ;I have a question. ;"
    "say, ;good morning, ;do you know, ;I was thinking, ;question: ;out of interest, ;um, ;"
    "for my homework: ;my child asks: ;help! ;dear assistant, ;now, ;right, ;please help, "
).split(";")
ENDERS = (
    ", please; please; thanks;, thank you;, if you know;, do you know;, exactly; in general;"
    ", anyway;, I wonder; for me;, my friend;, can you say; again; pls;, by the way; actually;"
    ", in your words; today; these days; at all;, roughly"
).split(";")

_SPOKEN = (
    ("what is", "what's"),
    ("where is", "where's"),
    ("who is", "who's"),
    ("how is", "how's"),
    ("I would", "I'd"),
    ("what are", "what're"),
    ("do not", "don't"),
    ("I am", "I'm"),
)


_SMALL_WORD = re.compile(r" (the|a|an|is|are|does|do|of|to|me|i|for|in)(?= )", re.IGNORECASE)


def frame_question(key: str, rng: random.Random) -> str | None:
    """Compose a question template for an attribute from a frame, or None if it has no frames."""
    if key.endswith(".overview"):
        return rng.choice(OVERVIEWS.split(";"))
    nouns, clauses = NOUNS.get(key, ""), CLAUSES.get(key, "")
    if clauses and (not nouns or rng.random() < 0.55):
        clause = rng.choice(clauses.split(";"))
        return rng.choice(CLAUSE_FRAMES).replace("{c}", clause)
    if nouns:
        return rng.choice(NOUN_FRAMES).replace("{n}", rng.choice(nouns.split(";")))
    return None


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """The careful synonyms of `questions` and the loose ones above."""
    loose = {word: tuple(others.split(";")) for word, others in _LOOSE_SYNONYMS.items()}
    return {word: loose.get(word, ()) + SYNONYMS.get(word, ()) for word in {*loose, *SYNONYMS}}


def swap_synonyms(template: str, rng: random.Random, share: float = 0.3) -> str:
    """Replace some words by synonyms; `{s}` stays."""

    def swap(match: re.Match[str]) -> str:
        word = match.group()
        others = _synonyms().get(word, ())
        return rng.choice(others) if others and rng.random() < share else word

    swapped = re.sub(r"(?<!\{)\b[a-z]+\b(?!\})", swap, template)
    return re.sub(r"\s+", " ", swapped).strip()


def normalise_question(template: str) -> str:
    """Small letters, no punctuation, no contractions: to compare two wordings."""
    for full, spoken in _SPOKEN:
        template = re.sub(rf"\b{spoken}\b", full, template, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", re.sub(r"[^\w{}' ]", " ", template)).strip().lower()


def be_polite(question: str, rng: random.Random) -> str:
    """Put words of courtesy before or after a question."""
    mark = question[-1] if question[-1] in "?.!" else ""
    if rng.random() < 0.3:
        question = rng.choice(OPENERS) + question
    if rng.random() < 0.15:
        question = question.rstrip("?.! ") + rng.choice(ENDERS) + mark
    return question


def type_quickly(question: str, rng: random.Random) -> str:
    """Add what quick typing does: contractions, lost capitals and marks, a typo now and then."""
    if rng.random() < 0.35:
        for full, spoken in _SPOKEN:
            question = re.sub(rf"\b{full}\b", spoken, question, flags=re.IGNORECASE)
        if rng.random() < 0.2:
            question = question.replace("'", "")
    chance = rng.random()
    if chance < 0.62:
        question = question[:1].upper() + question[1:]
    elif chance < 0.8:
        question = question.lower()
    elif chance < 0.82:
        question = question.upper()
    if rng.random() < 0.25:
        question = question.rstrip("?.!")
    elif question[-1] not in "?.!" and rng.random() < 0.5:
        question += rng.choice(".?!")
    if rng.random() < 0.05:
        question = _SMALL_WORD.sub("", question, count=1)
    if rng.random() < 0.07:
        question = mistype(question, rng)
    return question


def mistype(text: str, rng: random.Random) -> str:
    """One slip of a finger: two letters swapped, one lost, or one doubled."""
    if len(text) < 9:
        return text
    place = rng.randrange(1, len(text) - 2)
    first, second = text[place], text[place + 1]
    slip = rng.choice((second + first, second, first + first + second))
    return text[:place] + slip + text[place + 2 :]
