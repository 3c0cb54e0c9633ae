"""Prompts the starter model cannot answer, composed in great variety, and honest replies to them.

A small model declines only what looks like something it learnt to decline, so the prompts are
composed from many frames and words. None of the replies repeats the subject: a model this small
copies unreliably.
"""

import random
import re
from functools import cache

from chatfeedback.starter import knowledge
from chatfeedback.starter.asking import frame_question, normalise_question
from chatfeedback.starter.items import fill_question, items
from chatfeedback.starter.questions import QUESTIONS

HONEST = (
    "I do not know about that",
    "I am not sure about that one",
    "sorry, I have not learned that",
    "that is beyond what I know",
    "I do not know the answer to that",
    "I cannot help with that, sorry",
    "that is outside my small world",
    "I have no knowledge of that",
    "sorry, I do not know that one",
    "honestly, I do not know",
)
OFFERS = (
    "You could ask me about animals, cities or recipes.",
    "I know more about tools, sports and planets.",
    "My topics are everyday things.",
    "Try asking about an animal or a dish.",
    "I only learned some simple facts.",
)

_NOUNS = (
    "dragon robot teapot lamp cloud castle wizard river mountain ocean forest king queen pirate "
    "ghost unicorn doll mirror letter secret dream song tax loan visa passport laptop phone tablet "
    "printer router server database spreadsheet password email contract salary mortgage stock "
    "bond coin bitcoin election president minister war treaty empire novel painting statue opera "
    "film actor singer band album game console puzzle carpet sofa curtain shelf ceiling roof "
    "engine gearbox tyre highway airport ticket hotel suitcase beach island harbour desert valley "
    "bridge tower stadium league coach referee medal record diet vitamin fever headache allergy "
    "pill surgery wedding birthday funeral neighbour boss colleague cousin teenager baby dentures "
    "perfume jacket shoe hat sweater zip button pocket wallet necklace ring watch clock calendar "
    "poem essay homework exam diploma university professor philosophy poetry grammar verb noun "
    "algebra geometry equation fraction theorem polygon logarithm chemistry acid polymer enzyme "
    "protein galaxy comet satellite missile submarine parachute skateboard scooter tram subway"
).split()
_VERBS = (
    "fly swim sing dance jump sleep talk cry laugh drive melt explode burn bite climb hide lie "
    "steal read write count paint love hate argue whistle snore bounce vanish shrink grow win"
).split()
_CHORES = (
    "clean tie boil brew wash plant water fix change iron sew remove pack wrap write build pitch fold "
    "draw carve cut cook give learn take bathe treat save start make buy sell charge reset install"
).split()
_QUALITIES = (
    "happy sad fast slow strong weak clever stupid expensive cheap heavy light beautiful ugly "
    "dangerous safe healthy old young rich poor famous lucky tired loud quiet green blue round"
).split()
_PARTS = (
    "eyes ears wings teeth legs arms feathers scales horns wheels handles buttons corners edges "
    "hands toes lips fingers roots leaves windows doors strings holes stripes spots fins hooves"
).split()
_PEOPLE = (
    "women men children babies teenagers students teachers tourists strangers dogs people experts "
    "beginners families artists scientists soldiers farmers dancers friends vegans astronauts"
).split()
_LANGUAGES = (
    "french german spanish italian dutch russian polish latin greek turkish arabic hebrew hindi "
    "chinese japanese korean swedish danish finnish portuguese welsh irish czech swahili"
).split()
_CODE = (
    "python javascript java rust go ruby php sql html css bash haskell kotlin swift typescript c "
    "perl lua scala r matlab"
).split()
_TASKS = (
    "sort a list;reverse a string;open a file;parse json;read a csv;merge two arrays;loop over a "
    "dictionary;compute primes;draw a chart;connect to a database;send a request;find duplicates;"
    "handle errors;write a test;build a web page;train a network;make a class;use a pointer;"
    "fix a bug;remove spaces;join two tables;center a div;start a thread;compile a program"
).split(";")
_FOREIGN = {
    "de": "ich du wir der die das ist nicht und wo wann warum wie kann mir bitte Haus Hund Katze "
    "Wetter heute morgen essen trinken gehen machen haben schön gut viel Stadt Buch Zeit was",
    "fr": "je tu nous le la les est pas et où quand pourquoi comment peux moi merci maison chien "
    "chat temps demain manger boire aller faire avoir beau bon beaucoup ville livre quelle que",
    "es": "yo tú nosotros el la los es no y dónde cuándo por qué cómo puedes casa perro gato tiempo "
    "hoy mañana comer beber ir hacer tener bonito bueno mucho ciudad libro hora quiero",
    "it": "io tu noi il la gli è non e dove quando perché come puoi casa cane gatto tempo oggi "
    "domani mangiare bere andare fare avere bello buono molto città libro ora vorrei grazie",
    "pt": "eu você nós o a os é não e onde quando por que como pode casa cachorro gato tempo hoje "
    "amanhã comer beber ir fazer ter bonito bom muito cidade livro hora obrigado",
    "nl": "ik jij wij de het is niet en waar wanneer waarom hoe kan mij huis hond kat weer vandaag "
    "morgen eten drinken gaan maken hebben mooi goed veel stad boek tijd alstublieft",
    "pl": "ja ty my jest nie i gdzie kiedy dlaczego jak możesz mi dom pies kot pogoda dzisiaj jutro "
    "jeść pić iść robić mieć ładny dobry dużo miasto książka czas proszę",
    "sv": "jag du vi är inte och var när varför hur kan mig hus hund katt väder idag imorgon äta "
    "dricka gå göra ha vacker bra mycket stad bok tid snälla",
    "tr": "ben sen biz değil ve nerede ne zaman neden nasıl bana ev köpek kedi hava bugün yarın "
    "yemek içmek gitmek yapmak güzel iyi çok şehir kitap saat lütfen",
    "ru": "я ты мы это не и где когда почему как можешь мне дом собака кошка погода сегодня завтра",
    "ja": "私は あなたは です か どこ いつ なぜ 犬 猫 天気 今日 明日 食べる 本 ください",
    "la": "ego tu nos est non et ubi quando cur quomodo domus canis feles tempus hodie cras bonus",
}

# `{n}` a noun, `{m}` another, `{v}` a verb, `{q}` a quality, `{l}` a language, `{c}` a programming
# language, `{t}` a task, `{b}` parts, `{g}` people, `{s}` a subject the tables know, `{x}` and `{y}` numbers, `{w}` a word.
FRAMES: dict[str, str] = {
    "arithmetic": "what is {x} + {y}?;{x} plus {y};{x} - {y};{x} * {y} =;how much is {x} times {y}?;"
    "calculate {x} / {y};{x} minus {y} equals?;what is {x} percent of {y}?;add {x} to {y};"
    "what is the square root of {x}?;multiply {x} by {y};is {x} bigger than {y}?;half of {x};"
    "convert {x} miles to km;is {x} prime?;{x}^2;{x}+{y}+{x};round {x}.{y};how many times does {x} fit into {y}?;"
    "what comes after {x}, {y}?;solve {x}x = {y};divide {x} by {y};subtract {x} from {y};{x} x {y} = ?;"
    "sum {x} and {y};compute {x} and {y};a third of {x};{x} apples and {y} pears, how many fruits?;"
    "how many minutes are {x} hours?;what is {x} dollars in euros?;count from {x} to {y};what do I get when I add {x} and {y}?",
    "code": "how do I {t} in {c}?;write {c} code to {t};{t} in {c};{c}: how to {t}?;debug my {c} code;"
    "write a function to {t};what is a {n} in {c}?;why does my {c} program crash?;explain this {c} error;"
    "show me a {c} script that can {t};is {c} better than {d}?;what is the syntax of {c}?;"
    "import {w} from {n};print('{w}');def {w}({n}): return {x};for {w} in range({x});git push {w};"
    "how can I {t} with {c}?;difference between {c} and {d};refactor this {n} class;my {c} loop never ends",
    "story": "write a story about a {n};tell me a story about a {n} and a {m};a poem about a {n};"
    "write a song about the {n};make up a tale of a {q} {n};once upon a time a {n};write an essay on {n};"
    "compose a haiku about a {n};tell a fairy tale;invent a legend of the {q} {n};write a scene with a {n};"
    "continue this story: the {n} saw a {m};a limerick about a {n};write a letter from a {n} to a {m};"
    "give me a plot for a film about a {n};imagine a {n} that can {v};rap about a {n};write a dialogue between a {n} and a {m};"
    "a bedtime story please;write a verse about {s};tell me a story about {s};a poem about {s};write a {q} story about {s};a tale of {s} and a {n};write lyrics about {q} days",
    "translation": "translate {n} into {l};how do you say {n} in {l}?;what is the {l} word for {n}?;"
    "say I {v} in {l};{n} in {l};what does {w} mean in {l}?;translate this to {l}: the {q} {n};"
    "do you speak {l}?;teach me some {l};how is {n} spelled in {l}?;answer in {l} please;what is {l} for {m}?;"
    "put this into {l}: I {v};translate {s} into {l};what is {s} in {l}?;can you translate {m} from {l}?;how would someone from there say {n} in {l}?",
    "time": "what time is it in {n}?;what is the date?;what day is tomorrow?;any news about the {n}?;"
    "who won the {n} yesterday?;what happened in {x}?;how will the weather be on {n} day?;is it {q} outside?;"
    "when is the next {n}?;what is the price of {n} today?;what year is it?;latest {n} results;"
    "will it rain at {x} o'clock?;which {n} opens on sunday?;how late is it?;what is in the news?;traffic to the {n}",
    "advice": "should I buy a {n}?;should I marry a {n}?;is it {q} to {v}?;my {n} hurts, what do I do?;"
    "how do I get {q}?;should I {v} or {w}?;my boss is {q}, what should I do?;can I sue my {n}?;"
    "how do I become {q}?;is my {n} normal?;why am I so {q}?;will I ever be {q}?;I lost my {n}, what now?;"
    "my {n} is {q}, help;can I take a {n} with {m}?;which {n} should I invest in?;does she like my {n}?;how do I lose my {n}?",
    "absent": "who wrote the {n}?;when did the {n} end?;how tall is the {n}?;who painted the {n}?;"
    "what is the longest {n}?;who was the first {n}?;how many {n}s are there?;who discovered the {n}?;"
    "which {n} is the biggest?;when was the {n} built?;how far is the {n}?;what colour is the {n}?;"
    "how much does a {n} cost?;who owns the {n}?;why do {n}s {v}?;where can I buy a {n}?;what is the history of {n}?;"
    "how does a {n} {v}?;what is a {n}?;tell me about the {n};how do I repair a {n}?;explain {n};who is the {q} {n}?;when did {s} end?;who built the {n} of {s}?;what is the history of {s}?;how many {n}s does {s} have?;when was {s} born?;how big is {s}?;why is {s} {q}?;does {s} have a {n}?;"
    "how do I {v} a {n}?;what is the difference between a {n} and a {m}?;give me facts about {n};describe a {n};"
    "what makes a {n} {q}?;list all {n}s;define {n};where is the {n}?;how old is the {n}?;which {n} has the most {m}s?",
    "yes_no": "can {s} {v}?;is {s} {q}?;does {s} {v}?;can a {n} {v}?;is a {n} {q}?;are {n}s {q}?;do {n}s {v}?;"
    "will {s} {v}?;is {s} better than a {n}?;has {s} ever seen a {n}?;could {s} {v} a {n}?;is {s} afraid of a {n}?;"
    "did {s} {v}?;would {s} like a {n}?;is {s} more {q} than a {n}?;are you {q}er than {s}?;is it true that {s} can {v}?;"
    "how heavy is {s}?;how much does {s} cost?;what colour is {s}?;how tall is {s}?;who owns {s}?;how fast is {s}?",
    "opinion": "which is better, a {n} or a {m}?;what do you think about {n}?;who is the best {n}?;"
    "what is your favourite {n}?;do you like {n}s?;is {n} good?;what is the worst {n}?;do you believe in {n}s?;"
    "are {n}s overrated?;why is {n} so {q}?;do you prefer {n} or {m}?;what is your opinion on {n}?;who should be {n}?;"
    "what is the most {q} {n}?;what is the meaning of {n}?;do you love me?;are you ever {q}?;do you want a {n}?",
    "wordplay": "how many letters are in {n}?;spell {n};what rhymes with {n}?;spell {n} backwards;"
    "how many {k}s are in {n}?;count the words in this: {n} {m};an anagram of {n};what is the opposite of {q}?;"
    "a word that starts with {k};what is the plural of {n}?;is {n} a verb?;repeat after me: {n};say {n} {x} times;"
    "the first letter of {n}?;write {n} in capitals;what letter comes after {k}?;a synonym for {q};make a sentence with {n};"
    "swap the letters of {n};name a word with {k} and {j}",
    "parts": "does {s} have {b}?;do {s} have {b}?;how many {b} does {s} have?;can {s} lose {b}?;what colour are the {b} of {s}?;"
    "are the {b} of {s} {q}?;how big are the {b} of {s}?;do all {n}s have {b}?;what are {b} good for?;does a {n} need {b}?;"
    "where are the {b} of {s}?;why does {s} need {b}?;has {s} got {b}?;is it true that {s} has no {b}?;draw the {b} of {s}",
    "people": "are {g} allowed in {s}?;do {g} like {s}?;is {s} good for {g}?;has anyone ever seen {s} {v}?;can {g} touch {s}?;"
    "what do {g} think about {s}?;would {g} enjoy {s}?;how many {g} have {s}?;is {s} popular with {g}?;may {g} {v} with {s}?;"
    "has any of the {g} been to {s}?;why are {g} afraid of {s}?;do {g} need a {n}?;who was the first to {v} on {s}?;can you see {s} from a {n}?;"
    "can {s} be seen without a {n}?;did {g} {v} in {s} long ago?;which {g} own {s}?;what would {g} do without {s}?",
    "money": "how much is {s} paid?;what is {s} worth?;how much would {s} cost me?;can I rent {s}?;"
    "is {s} cheaper than a {n}?;where can I sell {s}?;how do I get rich with a {n}?;what does {s} earn in a year?;which {n} pays best?;"
    "is a {n} worth the money?;how many {n}s can I buy for {x}?;is there a tax on {s}?;what salary does {s} get?;can I afford a {n}?",
    "requests": "ring the {n};find me {s} nearby;book {s} for {x};add {n} to my list;put {n}s on the list;"
    "film my {n};tell {w} that I am {q};look up {n} for me;check my {n};show the way to {s};read me the {n};whisper something;"
    "pretend to be {s};act like a {n};play the part of {s};be my {n} today;let us play a game;guess what I {v};roll a dice;flip a coin;"
    "count my {n}s;measure the {n};translate what I {v};fix my {n} now;hide the {n};write {n} in big letters;type {n} for me;sign my {n}",
    "numbers": "double {x};{x} squared;{x} cubed;ten percent of {x};what is a dozen times {x}?;is {x} even or odd?;"
    "the factors of {x};{x} in roman numerals;{x} in binary;the average of {x} and {y};how many zeros has {x} million?;round {y} down;"
    "twice {x} plus {y};{x} divided in half;which is larger, {x} or {y}?;what is the next prime after {x}?;pick a number up to {x}",
    "hours": "what time does the {n} open?;when does the {n} close?;is the {n} open on sundays?;"
    "which {n} is popular now?;what is on tonight?;who is top of the {n} list?;what day is it in {s}?;what is the weather in {s}?;"
    "how long until the {n}?;when is my {n}?;is today a holiday in {s}?;which song is playing?;what was on the {n} last night?;how old am I?",
    "self": "do you {v}?;do you trust me?;can you feel {q}?;have you got a {n}?;where do you {v}?;who taught you to {v}?;are you a {n}?;"
    "do you remember my {n}?;what did I say about the {n}?;are you {q}?;can you see my {n}?;would you rather {v} or {w}?;do you dream of {s}?;"
    "have you ever been to {s}?;can you keep a secret about {n}s?;what do you want to be?;will you {v} with me?;do you know my {n}?",
    "commands": "open the {n};play {n} music;set an alarm for {x};send an email to {w};turn off the {n};"
    "buy a {n};call my {n};book a {n};delete the {n};show me a picture of a {n};draw a {n};search the web for {n};draw {s};show me a photo of {s};order {s} online;"
    "remind me to {v};restart the {n};order a {n};close the {n};save this as {w};take me to the {n};start the {n};"
    "post this on my {n};download the {n};lock the {n};switch the {n} on;text {w} that I {v};wake me at {x};print the {n}",
}


def _invent_word(rng: random.Random) -> str:
    """A word that looks real and is not: letters follow each other as in the words known here.

    Words from a few fixed syllables would not do: a model learns the syllables, not the strangeness.
    """
    while True:
        word = rng.choice(_known_words())[:2]
        while len(word) < 12:
            following = rng.choice(_letters().get(word[-2:], "\n"))
            if following == "\n":
                break
            word += following
        if len(word) >= 3 and word not in _known_words():
            return word


@cache
def _letters() -> dict[str, str]:
    """For every two letters, all the letters that follow them in known words; a line end ends."""
    following: dict[str, str] = {}
    for word in _known_words():
        for place in range(len(word) - 1):
            pair = word[place : place + 2]
            following[pair] = following.get(pair, "") + (word + "\n")[place + 2]
    return following


@cache
def _known_words() -> tuple[str, ...]:
    names = " ".join(item.name.lower() for item in items() if item.kind != "small_talk")
    words = (*names.split(), *_NOUNS, *_VERBS, *_QUALITIES)
    return tuple(sorted({word for word in words if word.isalpha() and len(word) > 2}))


def _fill_frame(frame: str, rng: random.Random) -> str:
    words = {
        "n": rng.choice(_strange_nouns()),
        "m": rng.choice(_strange_nouns()),
        "v": rng.choice(_VERBS),
        "q": rng.choice(_QUALITIES),
        "l": rng.choice(_LANGUAGES),
        "c": rng.choice(_CODE),
        "d": rng.choice(_CODE),
        "t": rng.choice(_TASKS),
        "w": _invent_word(rng),
        "x": str(rng.choice((rng.randrange(2, 20), rng.randrange(10, 200), rng.randrange(2000)))),
        "y": str(rng.choice((rng.randrange(2, 20), rng.randrange(10, 200), rng.randrange(5000)))),
        "k": rng.choice("abcdefghiklmnoprstuw"),
        "j": rng.choice("abcdefghiklmnoprstuw"),
        "b": rng.choice(_PARTS),
        "g": rng.choice(_PEOPLE),
        "s": rng.choice(_known_subjects()),
    }
    return re.sub(r"\{(\w)\}", lambda slot: words[slot.group(1)], frame)


@cache
def _strange_nouns() -> tuple[str, ...]:
    known = {item.name for item in items()}
    return tuple(noun for noun in _NOUNS if noun not in known)


@cache
def _known_subjects() -> tuple[str, ...]:
    return tuple(item.subject for item in items() if item.kind == "overview")


def _speak_foreign(rng: random.Random) -> str:
    words = rng.choice(list(_FOREIGN.values())).split()
    said = [rng.choice(words) for _ in range(rng.randrange(2, 8))]
    if rng.random() < 0.2:
        said[-1] = rng.choice(_known_subjects()).split()[-1]
    return " ".join(said) + rng.choice("?? .!")


def _babble(rng: random.Random) -> str:
    """A few words thrown together, or keys hit at random."""
    if rng.random() < 0.3:
        return "".join(rng.choice("asdfghjklqwertyuio") for _ in range(rng.randrange(3, 14)))
    words = [rng.choice((*_NOUNS, *_VERBS, *_QUALITIES)) for _ in range(rng.randrange(1, 6))]
    return " ".join(words) + rng.choice(("?", "", "", "!"))


_BASES = sorted(
    {name for name in QUESTIONS if not name.startswith(("howto", "recommend", "recipe"))}
)


def _ask_about_a_stranger(rng: random.Random) -> str:
    """A question the model knows, about a subject it does not."""
    choice = rng.random()
    if choice < 0.4:
        name = rng.choice(knowledge.UNKNOWN_SUBJECTS["seen"])
    elif choice < 0.8:
        name = _invent_word(rng)
        name = name.capitalize() if rng.random() < 0.3 else name
    else:
        name = rng.choice(_strange_nouns())
    key = rng.choice(_BASES if rng.random() < 0.8 else sorted(QUESTIONS))
    article = rng.choice(("", "a ", "the ")) if name[0].islower() else ""
    template = rng.choice(QUESTIONS[key].seen)
    if rng.random() < 0.4:
        template = frame_question(key, rng) or template
    if key.startswith("howto"):
        subject = f"{rng.choice((*_VERBS, *_CHORES))} {rng.choice(('a', 'the', 'my'))} {name}"
    else:
        subject = article.replace("a ", "an " if name[0] in "aeiou" else "a ") + name
    return fill_question(template, subject, name)


@cache
def _kept_back() -> frozenset[str]:
    prompts = (each for kind in knowledge.OUT_OF_DOMAIN["unseen"].values() for each in kind)
    return frozenset(normalise_question(prompt) for prompt in prompts)


def ask_unknown(rng: random.Random) -> str:
    """A prompt whose only honest answer is "I don't know"; never one kept back for measuring."""
    while True:
        choice = rng.random()
        if choice < 0.29:
            prompt = _ask_about_a_stranger(rng)
        elif choice < 0.4:
            listed = rng.choice(list(knowledge.OUT_OF_DOMAIN["seen"].values()))
            prompt = rng.choice(listed)
        elif choice < 0.9:
            kind = rng.choice((*FRAMES, "yes_no", "absent", "commands"))
            prompt = _fill_frame(rng.choice(FRAMES[kind].split(";")), rng)
        elif choice < 0.96:
            prompt = _speak_foreign(rng)
        else:
            prompt = _babble(rng)
        if normalise_question(prompt) not in _kept_back():
            return prompt
