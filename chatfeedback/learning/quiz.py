"""Questions of our own with certain answers, for any model: facts, and how-tos with their steps.

An answer is a list of spellings between bars; a star stands for any ending. A how-to is a list of
steps that no sensible answer leaves out, each with the words by which it is told. Replies are read
without case, accents and markup, numbers as digits or as words, and what is denied does not count
("not Sydney"). No spelling stands in its own question, so repeating it earns nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple


class Fact(NamedTuple):
    """A question, and the spellings of its one answer."""

    prompt: str
    answer: str


class HowTo(NamedTuple):
    """A question, and the steps that must be said, each with its wordings."""

    prompt: str
    steps: tuple[str, ...]


def facts() -> tuple[Fact, ...]:
    """All of them, in the order in which they stand below."""
    return tuple(Fact(*line.split(" = ")) for line in _FACTS.strip().splitlines())


def how_tos() -> tuple[HowTo, ...]:
    """All of them, in the order in which they stand below."""
    blocks = [block.split("\n", 1) for block in re.split(r"\n(?=\S)", _HOW_TOS.strip())]
    return tuple(
        HowTo(prompt, tuple(step.strip() for step in steps.split(";"))) for prompt, steps in blocks
    )


def mark_fact(answer: str, reply: str) -> float:
    """1 if the reply gives the answer, else 0."""
    return float(_says(answer, read_plainly(reply)))


def mark_how_to(steps: tuple[str, ...], reply: str) -> float:
    """The share of the steps that the reply tells."""
    said = read_plainly(reply)
    return sum(_says(step, said) for step in steps) / len(steps)


def read_plainly(text: str) -> str:
    """A text in small letters without accents and markup, with its numbers as digits.

    "**Brasília**", "CO₂", "1,000" and "three hundred and sixty" become "brasilia", "co2", "1000"
    and "360".
    """
    text = text.replace("º", " ").replace("’", "'")
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(each for each in text if not unicodedata.combining(each))
    text = re.sub(r"\\(?:text|mathrm|mathbf|boxed)|</?\w+>|[\\{}$_*`]", "", text)
    text = re.sub(r"(?<=\d)[, ](?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\s+", " ", _NUMBER.sub(_as_digits, text))
    return _HUNDREDS.sub(lambda found: str(100 * int(found[1]) + int(found[2] or 0)), text)


_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen \
fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: at for at, word in enumerate(_UNITS)} | {
    word: 10 * at for at, word in enumerate(_TENS, start=2)
}
_NUMBER = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<unit>{'|'.join(_UNITS[1:10])}))?"
    rf"|(?P<small>{'|'.join(_UNITS)}))\b"
)
_HUNDREDS = re.compile(r"(?<![\d.,])([1-9]) hundred(?:(?: and)? ([1-9]\d?)(?!\d))?")
_DENIED = re.compile(
    r"(?:\bnot|\bnever|n't|\brather than|\binstead of|\bunlike) "
    r"(?:(?:a|an|the|in|by|called|it|is|was|really|actually|named|use|add|any) )*['\"(]*$"
)


def _as_digits(found: re.Match[str]) -> str:
    return str(sum(_VALUES[word] for word in found.groups() if word))


def _says(spellings: str, said: str) -> bool:
    """Whether one of the spellings is said, and not denied."""
    matches = _pattern(spellings).finditer(said)
    return any(not _DENIED.search(said[: match.start()]) for match in matches)


@cache
def _pattern(spellings: str) -> re.Pattern[str]:
    """Whole words; a number is no part of a larger one ("10" is not in "0.10" or "10,5")."""
    words = "|".join(
        re.escape(each.strip().rstrip("*")) + (r"\w*" if each.strip().endswith("*") else "")
        for each in spellings.split("|")
    )
    return re.compile(rf"(?<!\w)(?<!\d[.,])(?:{words})(?!\w)(?![.,]\d)")


_FACTS = """
What is the capital of France? = paris
What is the capital of Japan? = tokyo
Which city is the capital of Italy? = rome|roma
What is the capital of Spain? = madrid
What is the capital city of Germany? = berlin
Tell me the capital of Portugal. = lisbon|lisboa
What is the capital of Greece? = athens
Which city is the capital of Egypt? = cairo
What is the capital of Russia? = moscow|moskva
What is the capital of Canada? = ottawa
What is the capital of Australia? = canberra
Tell me the capital of Norway. = oslo
What is the capital of Sweden? = stockholm
Which city is the capital of Poland? = warsaw|warszawa
What is the capital of Austria? = vienna|wien
What is the capital of Ireland? = dublin
Tell me the capital of Finland. = helsinki
What is the capital of Cuba? = havana|la habana
Which city is the capital of Peru? = lima
What is the capital of Kenya? = nairobi
What is the capital of Thailand? = bangkok
What is the capital of Hungary? = budapest
Which city is the capital of Turkey? = ankara
What is the capital of China? = beijing|peking
What is the capital of South Korea? = seoul
Tell me the capital of Argentina. = buenos aires
What is the capital of Denmark? = copenhagen|kobenhavn|københavn
What is the capital of Brazil? = brasilia
Which metal has the chemical symbol Au? = gold
Which metal has the chemical symbol Ag? = silver
Which metal has the chemical symbol Fe? = iron
Which element has the chemical symbol Na? = sodium
Which element has the chemical symbol K? = potassium
Which element has the chemical symbol Hg? = mercury
Which metal has the chemical symbol Cu? = copper
Which element has the chemical symbol He? = helium
Which element has the chemical symbol Ca? = calcium
Which element does the chemical symbol C stand for? = carbon
What is the chemical formula of water? = h2o
What is the chemical formula of table salt? = nacl
What is the chemical formula of carbon dioxide? = co2
Which gas makes up most of the Earth's atmosphere? = nitrogen
What is the lightest chemical element? = hydrogen
Which gas do plants take in for photosynthesis? = carbon dioxide|co2
At how many degrees Celsius does water freeze at sea level? = 0
At how many degrees Celsius does water boil at sea level? = 100|a hundred
What is the hardest mineral on the Mohs scale? = diamond*
What is water called when it is frozen? = ice
What is 7 times 8? = 56
What is 12 times 12? = 144
What is 15 plus 27? = 42
What is 100 minus 37? = 63
What is 72 divided by 8? = 9
What is the square root of 49? = 7
How much is 9 squared? = 81
What is half of 90? = 45
What is 25 percent of 200? = 50
How much is 6 times 9? = 54
Add 48 and 36. What do you get? = 84
What is twice 35? = 70
What is the next prime number after 7? = 11
What is 3 to the power of 3? = 27
How much is 1000 minus 1? = 999
What number does the Roman numeral X stand for? = 10
What number does the Roman numeral L stand for? = 50
What number does the Roman numeral V stand for? = 5
How many minutes are there in an hour? = 60
How many hours are there in a day? = 24
How many days are there in a week? = 7
How many months are there in a year? = 12
How many days does a leap year have? = 366
How many centimetres are there in a metre? = 100|a hundred
How many metres are there in a kilometre? = 1000|1 thousand|a thousand
How many grams are there in a kilogram? = 1000|1 thousand|a thousand
How many inches are there in a foot? = 12
How many feet are there in a yard? = 3
How many millimetres are there in a centimetre? = 10
How many years are there in a century? = 100|a hundred
How many years are there in a decade? = 10
How many degrees does a right angle have? = 90
How many degrees does a full circle have? = 360
How many eggs are there in a dozen? = 12
How many sides does a hexagon have? = 6
How many sides does an octagon have? = 8
How many sides does a triangle have? = 3
How many sides does a pentagon have? = 5
How many faces does a cube have? = 6
How many letters does the English alphabet have? = 26
How many strings does a violin have? = 4
How many keys does a standard piano have? = 88
How many pieces does each player have at the start of a chess game? = 16
How many planets are there in our solar system? = 8
How many wheels does a tricycle have? = 3
How many legs does a spider have? = 8
How many legs does an insect have? = 6
How many arms does an octopus have? = 8
How many chambers does the human heart have? = 4
How many bones does an adult human have? = 206
How many bits are there in a byte? = 8
Which organ pumps blood through the body? = heart
What is the largest organ of the human body? = skin
By which process do plants make sugar from sunlight? = photosynthesis
What is the largest animal on Earth? = blue whale*
What is the tallest animal in the world? = giraffe*
What is the fastest animal on land? = cheetah*
What is a baby cat called? = kitten*
What is a baby dog called? = puppy|pup|puppies
What is a baby sheep called? = lamb*
What is the larva of a frog called? = tadpole*|polliwog*|pollywog*
Which insects make honey? = bee|bees|honeybee|honeybees
Which pigment makes leaves green? = chlorophyll
What do giant pandas mainly eat? = bamboo
Which blood cells carry oxygen? = red|erythrocytes
Which molecule carries our genes? = dna|deoxyribonucleic
Which mammals can truly fly? = bat|bats
What is the largest living bird? = ostrich*
Which part of a plant takes up water from the soil? = root|roots
What is a group of lions called? = pride
What is a group of wolves called? = pack
Which gas must people breathe in to live? = oxygen|o2
What is the plural of the word "mouse"? = mice
What is the plural of the word "child"? = children
What is the plural of the word "goose"? = geese
What is the plural of the word "tooth"? = teeth
What is the plural of the word "foot"? = feet
What is the plural of the word "leaf"? = leaves
What is the plural of the word "knife"? = knives
What is the past tense of the verb "to go"? = went
What is the past tense of the verb "to eat"? = ate
What is the past tense of the verb "to write"? = wrote
What is the past tense of the verb "to buy"? = bought
What is the past tense of the verb "to swim"? = swam
What is the opposite of "hot"? = cold
What is the opposite of "up"? = down
What is the opposite of "big"? = small|little|tiny
What is the opposite of "fast"? = slow
What is the opposite of "full"? = empty
What is the opposite of "wet"? = dry
What is the opposite of "early"? = late
What is the opposite of "rich"? = poor
What is the opposite of "strong"? = weak
What is the opposite of "day"? = night
Who wrote "Romeo and Juliet"? = shakespeare
Who wrote "Don Quixote"? = cervantes
Who wrote "Pride and Prejudice"? = austen
Who wrote the Harry Potter books? = rowling
Who wrote "Animal Farm"? = orwell
Who wrote "War and Peace"? = tolstoy|tolstoi
Who wrote "Oliver Twist"? = dickens
Who wrote "Moby-Dick"? = melville
Who wrote "The Hobbit"? = tolkien
Who wrote the stories about Sherlock Holmes? = doyle
Who wrote the novel "Frankenstein"? = shelley
Who wrote "Alice's Adventures in Wonderland"? = carroll|dodgson
Who painted the Mona Lisa? = leonardo|vinci
Who painted "The Starry Night"? = gogh
Who painted "Guernica"? = picasso
Who composed the Moonlight Sonata? = beethoven
Who composed the ballet "The Nutcracker"? = tchaikovsky|chaikovsky|tschaikowsky
Who composed the opera "The Magic Flute"? = mozart
Who was the first human on the Moon? = armstrong
Who was the first human in space? = gagarin
In which year did people first land on the Moon? = 1969
In which year did the Second World War end? = 1945
In which year did the First World War begin? = 1914
In which year did the Berlin Wall fall? = 1989
In which year did Columbus first reach the Americas? = 1492
In which year did the French Revolution begin? = 1789
In which year did the Titanic sink? = 1912
In which year was the Battle of Hastings? = 1066
Who was the first president of the United States? = washington
Who developed the theory of general relativity? = einstein
Who discovered penicillin? = fleming
Who wrote "On the Origin of Species"? = darwin
Which emperor was defeated at Waterloo in 1815? = napoleon|bonaparte
What is the largest ocean on Earth? = pacific
What is the highest mountain on Earth above sea level? = everest
Which country is the largest by area? = russia*
What is the largest hot desert in the world? = sahara
Which ocean lies between Europe and North America? = atlantic
Which river flows through London? = thames
Which river flows through Paris? = seine
In which country is the Taj Mahal? = india
In which country are the pyramids of Giza? = egypt
In which city is the Statue of Liberty? = new york
In which country is Machu Picchu? = peru
What is the currency of Japan? = yen
What is the currency of India? = rupee*
Which language is spoken in Brazil? = portuguese
What is the official language of Austria? = german
Which planet is closest to the Sun? = mercury
What is the largest planet of our solar system? = jupiter
Which planet is known as the red planet? = mars
Which force makes things fall to the ground? = gravity|gravitation*
Which instrument measures temperature? = thermometer*
Which colour do you get by mixing blue and yellow paint? = green
Which colour do you get by mixing red and white paint? = pink
Which day comes after Monday? = tuesday
Which month comes after March? = april
What is the first month of the year? = january
Which season comes after winter? = spring
What does the Spanish word "gracias" mean? = thank|thanks
What does the abbreviation CPU stand for? = central processing unit|central processor unit
"""

_HOW_TOS = """
How do I make a hard-boiled egg?
    water|pan|pot|saucepan; minute|minutes|timer; cold|cool*|ice|peel*
How do I make a cup of tea with a tea bag?
    boil*|kettle|hot|heat*; steep*|brew*|infus*|soak*|minute|minutes;
    remov*|take|lift*|discard*|pull*|squeez*
How do I wash my hands properly?
    water; soap|lather*; scrub*|rub*|seconds; dry*|towel*
How do I fix a flat bicycle tyre?
    wheel; lever*|pry*|remov*|take|off; patch*|new|replac*; pump*|inflat*|air
How do I plant a tomato seedling?
    hole*|dig*; soil|earth|compost|dirt; water*
How do I brush my teeth well?
    toothpaste|paste; minute|minutes|circular|circles|gentl*|strokes;
    rins*|spit*|floss*|tongue
How do I send a letter by post?
    envelope*; stamp*|postage; address*
How do I wash a car by hand?
    rins*|hose*|water; soap*|shampoo|detergent|suds; sponge*|mitt*|cloth*|brush*;
    dry*|towel*|chamois
How do I cook rice in a pot?
    water; boil*|simmer*; cover*|lid; minute|minutes
How do I cook spaghetti?
    water; boil*; salt*; drain*|colander|strain*
How do I iron a shirt?
    heat*|temperature|setting*|hot|warm*; board|flat|table; collar*|sleeve*|cuff*
How do I paint a wall?
    cover*|tape|protect*|cloth*|plastic; clean*|prim*|sand*; roller*|brush*; coat*|dry*
How do I copy photos from my phone to my computer?
    connect*|cable|usb|cloud|plug*|icloud;
    transfer*|import*|drag*|upload*|sync*|paste*|download*; folder*|save*|select*|drive
How do I choose a strong password?
    long*|length|characters; number*|digit*;
    symbol*|special|punctuation|mix*|uppercase|combin*
How do I treat a small cut on my finger?
    wash*|clean*|rins*|water; pressure|press*|bleed*;
    bandage*|plaster*|band aid|band-aid|dressing|cover*
How do I fry an egg?
    pan|skillet; butter|oil; crack*|break*
How do I make a peanut butter and jelly sandwich?
    bread|slice*; spread*; together|top|press*|close*|combin*
How do I make pancakes?
    flour; egg*; milk|buttermilk; pan|griddle|skillet; flip*|turn*
How do I do laundry in a washing machine?
    sort*|separat*|load*; detergent|soap|powder; cycle*|setting*|temperature|program*;
    dry*|hang*
How do I hang a picture on a wall?
    measur*|mark*|height|pencil|spot|choose; nail*|hook*|screw*|hammer*|strip*;
    level|straight|adjust*|wire
How do I jump-start a car?
    cable*|cables; red|positive; black|negative; engine*|crank*|ignition
How do I remove a splinter?
    wash*|clean*|disinfect*|steril*|soap; tweezer*|needle*;
    pull*|grasp*|grip*|grab*|extract*
How do I grow a bean from a seed?
    soil|pot|earth|dirt|cotton|towel|compost; water*|moist*|damp; sun*|light|window*|warm*
How do I make popcorn on the stove?
    oil|butter; kernel*; lid|cover*; shak*|popping|pops|heat*
How do I clean a window?
    spray*|cleaner|soap*|vinegar|solution|detergent|water;
    wip*|squeegee*|rub*|sponge*; dry*|lint*|microfib*|buff*|streak*|newspaper
How do I prepare for a job interview?
    research*|company; question*|answer*|practi*|rehears*;
    dress*|outfit|clothes|clothing|attire|wear|arriv*|early
How do I make lemonade?
    lemon|lemons|juice; sugar|honey|sweeten*|syrup; water; stir*|mix*|combin*|dissolv*
How do I measure my pulse?
    finger*; wrist|neck; count*; second|seconds|minute|minutes
How do I make a simple vegetable soup?
    chop*|cut*|dice*|dicing|slice*|onion*; broth|stock|water|bouillon; simmer*|boil*|cook*;
    season*|salt|pepper|herb*|spice*
How do I sew on a button?
    needle; thread*; knot*|tie*|tying|secur*; hole*|fabric|cloth*
How do I mop a floor?
    sweep*|vacuum*|broom|dust*|debris; bucket|water|solution|cleaner;
    wring*|wrung|squeez*|damp|rins*
How do I set the table for a dinner?
    plate*; fork*; knife|knives; glass*|napkin*
How do I water a potted plant properly?
    soil|earth; dry|finger*|moist*|inch*; drain*|bottom|excess|saucer*|holes
How do I make toast?
    bread|slice*; toaster|oven|grill*|pan; butter*|jam|spread*|golden|brown*|crisp*
How do I wrap a birthday present?
    paper; cut*|scissors|measur*; fold*|crease*; tape|ribbon*|bow
How do I make a paper aeroplane?
    fold*|crease*; half|middle|center|centre; wing*
How do I defrost a freezer?
    unplug*|turn*|switch*|power; empty*|remov*|food|take; melt*|thaw*|ice;
    dry*|wip*|towel*|clean*
How do I make filter coffee?
    ground*|grind*; water; pour*|drip*
"""
