"""How people ask: the phrasings the starter corpus is generated from.

Every list is split into phrasings the model is trained on (`seen`) and phrasings kept back to
measure whether it understands a question asked another way (`unseen`). An unseen phrasing is a
different sentence made of words and meanings that the seen ones cover too.

`{s}` is the subject with its article where it takes one ("an octopus", "Paris", "tie a tie"),
`{n}` the bare name (`{n}s` its plural), `{q}` a whole question. Capitals and typos are added by
the generator, which must drop any composed question that equals an unseen phrasing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrasings:
    """Ways to say one thing: `seen` in training, `unseen` only when measuring."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]


def _split(text: str) -> tuple[str, ...]:
    return tuple(
        part.strip() for line in text.splitlines() for part in line.split("|") if part.strip()
    )


def _say(seen: str, unseen: str) -> Phrasings:
    """Read two blocks of phrasings, set apart by `|` or a line end."""
    return Phrasings(_split(seen), _split(unseen))


QUESTIONS: dict[str, Phrasings] = {
    "animal.group": _say(
        """
        what kind of animal is {s}? | which group of animals does {s} belong to?
        what type of creature is {s}? | what class of animal is {s}? | what sort of animal is {s}?
        to which animal group does {s} belong? | is {s} a mammal, a bird or something else?
        how would you classify {s}? | how do scientists classify {s}? | what is {s} classed as?
        {n} animal group | {n} classification | tell me what kind of animal {s} is
        I'd like to know which group {s} is in | name the animal class of {s}
        which family of animals is {s} part of? | what category of animal does {s} fall into?
        is {s} a mammal or a reptile? | I want to know what type of animal {s} is
        """,
        """
        which class of animals is {s} in? | what group does {s} fall into?
        tell me which animal group {s} is part of | {n} animal type
        is {s} a bird, a reptile or a mammal?
        """,
    ),
    "animal.food": _say(
        """
        what does {s} eat? | what do {n}s eat? | what does {s} feed on? | {n} diet | {n} food
        what is the diet of {s}? | tell me what {s} eats | what food does {s} like?
        I'd like to know what {s} lives on | what would {s} have for dinner? | what {n}s eat
        which foods does {s} eat in the wild? | what can I feed {s}? | how does {s} feed itself?
        what is the favourite food of {s}? | describe the diet of {s} | what should {s} be fed?
        what does {s} usually eat? | what is on the menu for {s}? | does {s} eat plants or meat?
        what does {s} hunt or gather to eat? | name the main food of {s}
        tell me about the eating habits of {s} | I want to know what {s} eats
        tell me what {s} feeds on
        """,
        """
        what is the main food of {s}? | tell me about the diet of {s}
        which food does {s} usually have? | I want to know what {s} feeds on
        what can {s} eat in the wild?
        """,
    ),
    "animal.home": _say(
        """
        where does {s} live? | where do {n}s live? | what is the habitat of {s}? | {n} habitat
        where can I find {s}? | in which places does {s} live? | tell me where {s} lives
        where is the home of {s}? | what kind of place does {s} call home? | {n} home
        I'd like to know where {s} is found | in what environment does {s} live?
        where in the world would I see {s}? | where can {s} be found in the wild?
        describe the natural habitat of {s} | where does {s} make its home? | where {n}s live
        which habitat suits {s}? | where should I look for {s}? | where would you find {s}?
        tell me about the home of {s} | I want to know where {s} lives
        """,
        """
        what is the natural home of {s}? | in which habitat is {s} found?
        where in the wild can I see {s}? | tell me about the habitat of {s}
        what places does {s} live in?
        """,
    ),
    "animal.fact": _say(
        """
        tell me a fun fact about {s} | what is special about {s}? | what is a fun fact about {s}?
        give me an interesting fact about {s} | what makes {s} special? | {n} fun fact | {n} fact
        what is surprising about {s}? | share something surprising about {s} | {n} trivia
        do you know a curious fact about {s}? | I'd like to hear a fun fact about {s}
        what is unusual about {s}? | what can {s} do that is amazing? | why is {s} interesting?
        what is one thing most people don't know about {s}? | surprise me with a fact about {s}
        tell me something interesting about {s} | what makes {s} unique? | what is cool about {s}?
        """,
        """
        give me a fun fact about {s} | what is interesting about {s}?
        tell me something special about {s} | do you know something surprising about {s}?
        share an unusual fact about {s}
        """,
    ),
    "animal.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | all about {n}s | I know nothing about {s}, what is it?
        explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "city.country": _say(
        """
        which country is {s} in? | what country is {s} in? | where is {s}?
        in which country is {s}?
        where is {s} located? | to which country does {s} belong? | {n} country | {n} location
        tell me which country {s} is in | what country does {s} belong to? | where can I find {s}?
        I'd like to know what country {s} is part of | what nation is {s} in?
        name the country of {s}
        in what part of the world is {s}? | if I fly to {s}, which country do I land in?
        where on the map is {s}? | {s} is a city in which country? | which state or nation has {s}?
        I want to know where {s} is | tell me which nation {s} belongs to
        """,
        """
        {s} is in which country? | tell me where {s} is located | what country has the city of {s}?
        I want to know which nation {s} belongs to | what country can I find {s} in?
        """,
    ),
    "city.sight": _say(
        """
        what can I see in {s}? | what should I visit in {s}? | what is the famous sight of {s}?
        what is {s} famous for? | {n} sights | {n} sightseeing | {n} landmark
        best thing to see in {s}
        which landmark should I visit in {s}? | what are the sights of {s}?
        what is there to see in {s}?
        tell me what to see in {s} | I'd like to know what to visit in {s}
        what attracts tourists to {s}?
        I'm going to {s}, what should I see? | which attraction is a must in {s}? | {n} attractions
        name a famous landmark in {s} | where should tourists go in {s}?
        what is worth a visit in {s}?
        what is the most famous place in {s}? | recommend a sight in {s} | what to do in {s}
        I'm visiting {s}, what is worth seeing? | what famous places does {s} have?
        """,
        """
        which sight is worth seeing in {s}? | what famous landmark does {s} have?
        I'm visiting {s}, which place should I go to? | what do tourists see in {s}?
        {n} famous places
        """,
    ),
    "city.dish": _say(
        """
        what should I eat in {s}? | what is a typical dish in {s}? | what do people eat in {s}?
        which food is {s} known for? | {n} food | {n} local dish | {n} typical dish
        what to eat in {s}
        what is the local speciality of {s}? | tell me what to eat in {s}
        what local food should I try in {s}?
        I'd like to taste something local in {s}, what should I order?
        name a traditional dish from {s}
        I'm hungry in {s}, what should I try? | which dish must I try in {s}? | {n} cuisine
        what is the traditional food of {s}? | what meal is {s} famous for?
        recommend a dish in {s}
        what can I order for lunch in {s}? | what does the cuisine of {s} offer?
        """,
        """
        which local dish should I order in {s}? | what food should I taste in {s}?
        tell me a typical meal from {s} | I'm in {s}, what can I eat? | {n} traditional food
        """,
    ),
    "city.overview": _say(
        """
        tell me about {s} | what is {s} like? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        what kind of city is {s}? | {n} overview | {n} travel guide | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        I'm planning a trip to {s}, what should I know? | I'm off on a trip to {s}, tell me about it
        write a few lines about {s} | is {s} worth a trip?
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        what is the city of {s} like? | can you tell me about {s}?
        I'm going on a trip to {s}, tell me about it
        """,
    ),
    "country.capital": _say(
        """
        what is the capital of {s}? | which city is the capital of {s}? | {n} capital
        capital of {s}
        name the capital of {s} | tell me the capital of {s} | what is the capital city of {s}?
        I'd like to know the capital of {s} | what city is the capital of {s}? | {n} capital city
        what is the name of the capital of {s}? | where is the government of {s} based?
        which city does {s} have as its capital? | what is the main city of government in {s}?
        from which city is {s} governed? | do you know the capital of {s}? | what is {s}'s capital?
        which capital city belongs to {s}?
        """,
        """
        which capital does {s} have? | tell me which city is {s}'s capital
        what capital city belongs to {s}? | do you know what the capital of {s} is?
        in which city is the government of {s}?
        """,
    ),
    "country.continent": _say(
        """
        which continent is {s} on? | what continent is {s} in? | {n} continent | where is {s}?
        on which continent is {s}? | where in the world is {s}?
        to which continent does {s} belong?
        tell me which continent {s} is in | I'd like to know where {s} is located | {n} location
        what continent does {s} belong to? | where on the map is {s}?
        which part of the world is {s} in?
        name the continent of {s} | {s} is part of which continent?
        is {s} in Europe, Asia or somewhere else?
        on what continent can I find {s}? | where is {s} located? | where can I find {s} on a globe?
        I want to know which continent {s} is on | on which continent can {s} be found?
        """,
        """
        {s} is on which continent? | in what part of the world is {s}?
        tell me where in the world {s} is | which continent can {s} be found on?
        I want to know what continent {s} is located in
        """,
    ),
    "country.known_for": _say(
        """
        what is {s} known for? | what is {s} famous for? | {n} famous for | {n} known for
        why is {s} famous? | what makes {s} famous? | tell me what {s} is known for
        what is special about {s}? | what comes to mind when you think of {s}?
        I'd like to know what {s} is famous for | what do people know {s} for?
        for what is {s} known?
        name something {s} is known for | what is typical of {s}? | why do tourists visit {s}?
        what do people associate with {s}? | what is {s} best known for? | give me a fact about {s}
        what is interesting about {s}? | what is {s} celebrated for?
        tell me something typical of {s}
        """,
        """
        for what is {s} famous? | what do tourists know {s} for? | what makes {s} special?
        tell me why {s} is famous | name something typical of {s}
        """,
    ),
    "country.overview": _say(
        """
        tell me about {s} | what is {s} like? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        what kind of country is {s}? | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        I'm planning a trip to {s}, what should I know? | I'm off on a trip to {s}, tell me about it
        write a few lines about {s}
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        what is the country of {s} like? | can you tell me about {s}?
        I'm going on a trip to {s}, tell me about it
        """,
    ),
    "planet.order": _say(
        """
        which planet from the sun is {s}? | what number planet is {s}?
        where is {s} in the solar system?
        what is the position of {s} from the sun? | how many planets are closer to the sun than {s}?
        {n} position | {n} order from the sun | {n} place in the solar system
        is {s} close to the sun?
        tell me which place {s} has from the sun | counting from the sun, which planet is {s}?
        I'd like to know where {s} comes in the order of the planets
        is {s} near or far from the sun?
        in which place from the sun is {s}? | how far out from the sun is {s}?
        which number is {s} from the sun?
        where does {s} come among the planets? | in what order does {s} come from the sun?
        what place does {s} have, counting outwards from the sun?
        """,
        """
        what place does {s} have in the order of planets?
        counting the planets from the sun, what number is {s}?
        tell me the position of {s} in the solar system | where does {s} come from the sun outwards?
        how close to the sun is {s}?
        """,
    ),
    "planet.type": _say(
        """
        what type of planet is {s}? | what kind of planet is {s}? | what sort of planet is {s}?
        is {s} a rocky planet or a gas giant? | what is {s} made of? | {n} planet type | {n} type
        is {s} made of rock, gas or ice? | which class of planet does {s} belong to?
        tell me what kind of planet {s} is | I'd like to know which type of planet {s} is
        to which group of planets does {s} belong? | how would you classify {s}?
        {n} classification
        is {s} rocky or gassy? | does {s} have a solid surface? | what does {s} consist of?
        how do astronomers classify {s}? | is {s} a giant planet?
        in which group of planets is {s}? | is {s} a gas giant or an ice giant?
        """,
        """
        is {s} rock or gas? | which group of planets is {s} in? | tell me what type of planet {s} is
        is {s} an ice giant, a gas giant or a rocky planet? | what class of planet is {s}?
        """,
    ),
    "planet.year": _say(
        """
        how long is a year on {s}? | how long does {s} take to go around the sun? | {n} year length
        what is the length of a year on {s}? | how long does {s} need to circle the sun? | {n} year
        how many days are in a year on {s}? | how much time does one orbit of {s} take?
        {n} orbit time
        tell me how long a year is on {s} | I'd like to know how long one year on {s} lasts
        how long is the orbit of {s}? | what is the orbital period of {s}?
        how long does a year last on {s}?
        how quickly does {s} travel around the sun? | when has {s} gone once around the sun?
        what time does {s} need for one trip around the sun?
        tell me how long {s} needs for one orbit
        """,
        """
        how long does {s} take to orbit the sun? | how much time is one year on {s}?
        what is the year length of {s}? | tell me how long {s} needs to go around the sun
        how many days does {s} need to circle the sun?
        """,
    ),
    "planet.fact": _say(
        """
        tell me a fun fact about {s} | what is special about {s}? | what is a fun fact about {s}?
        give me an interesting fact about {s} | what makes {s} special? | {n} fun fact | {n} fact
        what is surprising about {s}? | share something surprising about {s} | {n} trivia
        do you know a curious fact about {s}? | I'd like to hear a fun fact about {s}
        what is unusual about {s}? | what is remarkable about {s}? | why is {s} interesting?
        what is one thing most people don't know about {s}? | surprise me with a fact about {s}
        tell me something interesting about {s} | what makes {s} unique? | what is {s} known for?
        """,
        """
        give me a fun fact about {s} | what is interesting about {s}?
        tell me something special about {s} | do you know something surprising about {s}?
        share an unusual fact about {s}
        """,
    ),
    "planet.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        what is {s} like? | {n} overview | {n} basics | introduce {s} to me
        describe the planet {s}
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        what is the planet {s} like? | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "instrument.family": _say(
        """
        what family of instruments does {s} belong to? | which instrument family is {s} in?
        what kind of instrument is {s}? | what type of instrument is {s}?
        what sort of instrument is {s}?
        {n} instrument family | {n} family | {n} instrument type
        is {s} a string, wind or percussion instrument?
        tell me which family {s} belongs to | to which group of instruments does {s} belong?
        I'd like to know what kind of instrument {s} is | how is {s} classified?
        how would you classify {s}?
        in which section of the orchestra is {s}? | what class of instrument is {s}?
        is {s} a woodwind, brass or string instrument? | name the instrument family of {s}
        which group is {s} part of?
        """,
        """
        to which instrument family does {s} belong? | what group of instruments is {s} in?
        is {s} a wind or a string instrument? | tell me what type of instrument {s} is
        which family is {s} part of?
        """,
    ),
    "instrument.played_by": _say(
        """
        how is {s} played? | how do you play {s}? | how does one play {s}? | playing {s}
        {n} playing technique
        how do I play {s}? | how do musicians play {s}? | tell me how {s} is played
        how to play {s}
        how does {s} make its sound? | how do you get a sound out of {s}?
        how is the sound of {s} made?
        what do you do to play {s}? | I'd like to know how people play {s} | how does {s} work?
        in what way is {s} played? | explain how to play {s} | what does the player of {s} do?
        where does the sound of {s} come from? | how do players make music with {s}? | {n} technique
        I want to play {s}, what do I do?
        what makes the sound in {s}? | what must a musician do with {s}?
        """,
        """
        how do people make a sound with {s}? | what does a musician do to play {s}?
        tell me how to play {s} | explain how {s} makes its sound | how do I make music with {s}?
        """,
    ),
    "instrument.made_of": _say(
        """
        what is {s} made of? | what is {s} made from? | which materials is {s} made of?
        {n} material
        what material is used for {s}? | {n} materials | {n} made of | tell me what {s} is made of
        of what material is {s}? | is {s} made of wood or metal? | what are {n}s made of?
        what do makers use to build {s}? | how is {s} built?
        I'd like to know what {s} is built from
        what materials go into {s}? | what does {s} consist of?
        which material do you need to make {s}?
        name the materials in {s} | what stuff is {s} made out of? | out of what is {s} built?
        what parts is {s} made of?
        """,
        """
        what is {s} built from? | which material is {s} made from? | tell me the materials of {s}
        is {s} built of metal or wood? | what do you use to make {s}?
        """,
    ),
    "instrument.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        what is {s} like?
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "tool.use": _say(
        """
        what is {s} used for? | what is {s} for? | what do you use {s} for? | {n} use | {n} uses
        what can I do with {s}? | what does {s} do? | what is the purpose of {s}? | {n} purpose
        tell me what {s} is for | when do I need {s}? | why would I need {s}?
        what job is {s} good for?
        I'd like to know what {s} is used for | for what work do people use {s}?
        what is {s} good for?
        what do people do with {s}? | when would you use {s}? | what task is {s} made for?
        which jobs can I do with {s}? | I found {s}, what is it used for?
        explain the purpose of {s}
        """,
        """
        what work is {s} for? | tell me what people use {s} for | what task can I do with {s}?
        for what purpose would I use {s}? | when do people need {s}?
        """,
    ),
    "tool.tip": _say(
        """
        how do I use {s} safely? | any tips for using {s}? | give me a tip for {s} | {n} tip
        {n} tips
        what should I watch out for with {s}? | how should I use {s}? | how do you use {s} well?
        what is a good tip for {s}? | tell me how to use {s} properly | {n} safety | how to use {s}
        I'd like a tip on using {s} | what is the right way to use {s}?
        what is the trick to using {s}?
        do you have advice for working with {s}? | what mistakes should I avoid with {s}?
        {n} advice
        what is the best way to handle {s}? | how can I work better with {s}?
        how do I hold {s} right?
        how can a beginner use {s} well? | I am new to {s}, any advice?
        what should I take care of when using {s}?
        """,
        """
        what advice do you have for {s}? | do you have a good tip for using {s}?
        how do I work safely with {s}? | tell me the best way to use {s}
        what should a beginner watch out for when using {s}?
        """,
    ),
    "tool.storage": _say(
        """
        how should I store {s}? | where should I keep {s}? | how do I store {s}? | {n} storage
        where do I put {s} when I'm done? | what is the best place to keep {s}? | storing {s}
        how do I look after {s}? | how do I take care of {s}? | {n} care | tell me where to keep {s}
        I'd like to know how to store {s} | what is the best way to store {s}?
        where does {s} belong when not in use?
        how can I keep {s} in good shape? | where is {s} best stored? | how do you put {s} away?
        in what place should {s} be kept? | how do I keep {s} from getting damaged?
        where to keep {s}
        how is {s} kept when nobody uses it?
        what is a safe place for {s} when I'm not using it?
        """,
        """
        where should {s} be stored? | how do I keep {s} when I'm not using it?
        tell me how to store {s} | what is a good place to store {s}? | where do you put {s} away?
        """,
    ),
    "tool.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "sport.goal": _say(
        """
        what is the goal of {s}? | what is the aim of {s}? | how do you win at {s}?
        how do I win at {s}?
        what is the point of {s}? | what is the object of {s}? | {n} goal | {n} aim | {n} rules
        what do players try to do in {s}? | how does {s} work? | tell me what you have to do in {s}
        how do you score in {s}? | who wins in {s}? | I'd like to know how to win at {s}
        how to win at {s}
        what are you trying to do in {s}? | explain the aim of {s} | what is {s} about?
        when have you won a game of {s}? | what are the basic rules of {s}? | how is {s} played?
        how do you play {s}?
        what is the main goal in {s}? | I want to win at {s}, what do I do?
        """,
        """
        what do you have to do to win at {s}? | tell me the goal of {s}
        what are players trying to do in {s}?
        explain how to win at {s} | what is the main aim in {s}?
        """,
    ),
    "sport.gear": _say(
        """
        what do I need to play {s}? | what equipment do I need for {s}? | what gear does {s} need?
        {n} equipment | {n} gear | {n} kit | what do you need for {s}? | what do players use in {s}?
        which equipment is used in {s}? | tell me what gear I need for {s}
        what should I buy for {s}?
        I want to start {s}, what do I need? | I'd like to know what equipment {s} takes
        what things are needed for {s}? | what should I bring to {s}? | what kit do I need for {s}?
        what do I have to buy to start {s}? | name the equipment for {s} | what do I need to do {s}?
        what should I wear or carry for {s}? | list the gear for {s}
        I'd like to try {s}, what do I need?
        """,
        """
        which gear do I need for {s}? | what equipment should I bring to {s}?
        tell me what you need for {s} | I want to try {s}, what should I buy?
        what kit is used in {s}?
        """,
    ),
    "sport.place": _say(
        """
        where is {s} played? | where do people play {s}? | where can I do {s}?
        where can I play {s}?
        what is {s} played on? | {n} place | {n} venue | {n} field | in what place does {s} happen?
        on what kind of ground does {s} take place? | where does {s} take place?
        where do you go for {s}?
        tell me where {s} is played | I'd like to know where to do {s}
        what kind of place do I need for {s}?
        is {s} played indoors or outdoors? | where do athletes practise {s}? | where to play {s}
        where should I go to try {s}? | which kind of court, field or track does {s} use?
        where do {n} matches take place?
        """,
        """
        in what kind of place is {s} played? | where do you play {s}? | where can I go for {s}?
        tell me where people do {s} | on what field or court does {s} take place?
        """,
    ),
    "sport.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        what kind of sport is {s}? | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}? | what sport is {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "science.what": _say(
        """
        what is {s}? | explain {s} | can you explain {s} to me? | define {s} | {n} definition
        {n} meaning
        what does {s} mean? | what is meant by {s}? | tell me what {s} is | {n} | {n} explained
        give me a definition of {s} | describe {s} | I'd like to understand {s} | tell me about {s}
        help me understand {s} | what do scientists mean by {s}? | how would you describe {s}?
        explain what {s} is | what exactly is {s}? | I don't understand {s}, what is it?
        what can you tell me about {s}? | teach me about {s} | what do you know about {s}?
        what is the meaning of {s}? | explain what {s} means | I want to know what {s} is
        """,
        """
        what is the definition of {s}? | explain to me what {s} means | how would you explain {s}?
        can you tell me what {s} is? | I want to understand what {s} is
        """,
    ),
    "science.why": _say(
        """
        why does {s} happen? | what causes {s}? | how does {s} work? | {n} cause | {n} reason
        what is the reason for {s}? | why is there {s}? | what is behind {s}?
        what makes {s} happen?
        how does {s} come about? | tell me why {s} happens | explain why {s} happens | why {s}?
        I'd like to know the cause of {s} | why do we have {s}? | where does {s} come from?
        what leads to {s}? | how does {s} happen? | explain how {s} works | how come there is {s}?
        what is the cause of {s}? | what brings {s} about? | why does {s} exist?
        """,
        """
        tell me the reason for {s} | for what reason does {s} happen? | explain what causes {s}
        how come {s} happens? | what is the cause behind {s}?
        """,
    ),
    "science.example": _say(
        """
        give me an example of {s} | what is an example of {s}? | {n} example | {n} examples
        example of {s}
        where can I see {s}? | show me an example of {s} | where do we see {s} in daily life?
        can you give an example of {s}? | how does {s} show up in everyday life?
        when do I notice {s}?
        where does {s} happen around us? | tell me an example of {s} | {n} in everyday life
        I'd like to see an example of {s} | name a case of {s} | what is a real case of {s}?
        what does {s} look like in real life? | where do I meet {s} at home? | illustrate {s}
        do you have an example of {s}? | how can I see {s} for myself? | show me {s} at work
        """,
        """
        tell me where we see {s} in real life | can you show me a case of {s}?
        where do I notice {s} in daily life? | name an example of {s}
        what is an everyday example of {s}?
        """,
    ),
    "food.taste": _say(
        """
        what does {s} taste like? | how does {s} taste? | {n} taste | {n} flavour
        what is the taste of {s}?
        what flavour does {s} have? | describe the taste of {s} | is {s} sweet or sour?
        tell me how {s} tastes
        is {s} sweet, bitter or salty? | I've never eaten {s}, what does it taste like?
        I'd like to know what {s} tastes like | what is the flavour of {s}?
        how would you describe the flavour of {s}?
        does {s} taste sweet? | what does it feel like to eat {s}? | is {s} tasty?
        what taste does {s} have?
        how sweet is {s}? | what should I expect when I bite into {s}? | how {s} tastes
        tell me about the taste of {s} | what kind of flavour does {s} have?
        I've never tasted {s}, how is it?
        """,
        """
        what kind of taste does {s} have? | tell me about the flavour of {s}
        does {s} taste sweet or bitter?
        how would you describe the taste of {s}? | I've never tasted {s}, what is it like?
        """,
    ),
    "food.season": _say(
        """
        when is {s} in season? | what season is {s} from? | which season is best for {s}?
        {n} season
        when can I buy fresh {n}? | when is the best time for {s}? | {n} harvest time
        when is {s} harvested?
        in which months is {s} ripe? | tell me when {s} is in season | when does {s} ripen?
        {n} months
        when should I buy {s}? | I'd like to know when {s} is fresh
        at what time of year is {s} best?
        what is the season for {s}? | when do farmers pick {s}?
        what time of the year do we get {s}?
        is {s} a summer or a winter food? | when is {s} ready to pick? | when to buy {s}
        """,
        """
        at what time of year is {s} in season? | in which season is {s} harvested?
        tell me the best months for {s} | when is {s} ripe? | when can I get fresh {n}?
        """,
    ),
    "food.use": _say(
        """
        what can I make with {s}? | how do I use {s} in the kitchen? | what is {s} used for?
        {n} uses
        what can I cook with {s}? | how do people eat {s}? | how is {s} used? | {n} ideas
        cooking with {s}
        what dishes use {s}? | in which dishes is {s} used? | tell me how to use {s}
        how can I prepare {s}?
        I have {s} at home, what can I do with it? | I'd like to know how to eat {s}
        how should I serve {s}?
        what do cooks make from {s}? | what is {s} good in? | what goes well with {s}?
        what to do with {s}
        how do you cook {s}? | how is {s} eaten? | which meals can I make with {s}?
        in what ways can {s} be eaten?
        """,
        """
        in which meals can I use {s}? | what do people cook with {s}?
        tell me what to make with {s}
        I have {s}, how do I prepare it? | how can {s} be eaten?
        """,
    ),
    "food.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        what kind of food is {s}? | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}? | what food is {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "job.does": _say(
        """
        what does {s} do? | what is the job of {s}? | what are the tasks of {s}? | {n} tasks
        {n} duties
        what does {s} do all day? | what is the work of {s}? | tell me what {s} does
        {n} job description
        what do {n}s do? | describe the work of {s} | what does {s} do at work? | {n} work
        I'd like to know what {s} does | what are the duties of {s}? | what is {s} responsible for?
        what would I do as {s}? | how does {s} help people? | what does being {s} involve?
        what tasks does {s} have? | I want to become {s}, what would I do?
        what does the job of {s} involve?
        tell me about the work {s} does
        """,
        """
        what does the work of {s} involve? | tell me about the tasks of {s}
        what duties does {s} have?
        describe what {s} does all day | what would I do at work as {s}?
        """,
    ),
    "job.place": _say(
        """
        where does {s} work? | where do {n}s work? | {n} workplace | {n} place of work
        where {n}s work
        in what place does {s} work? | where would I find {s}? | where can I meet {s}?
        where can I find {s}?
        what is the workplace of {s}? | tell me where {s} works
        where does {s} spend the working day?
        I'd like to know where {s} works | in which places do {n}s work?
        what kind of place does {s} work in?
        where is {s} needed? | where would I work as {s}? | does {s} work indoors or outdoors?
        where does {s} do the job? | at what kind of place is {s} employed? | where is {s} at work?
        I want to become {s}, where do I work?
        """,
        """
        in what kind of place would {s} work? | tell me the workplace of {s}
        where is {s} employed?
        I want to become {s}, where would I work? | in which place can I find {s}?
        """,
    ),
    "job.tool": _say(
        """
        what tools does {s} use? | what does {s} work with? | which tool does {s} need? | {n} tools
        what equipment does {s} use? | {n} equipment | what does {s} use at work? | {n} tool
        what is the most important tool of {s}? | tell me what tools {s} uses | what does {s} carry?
        what do {n}s use? | which equipment does {s} need? | I'd like to know what {s} works with
        what would I need to work as {s}? | what does {s} need for the job?
        with what does {s} work?
        name a tool {s} uses | what things does {s} use every day? | what gear does {s} have?
        which instrument does {s} use?
        """,
        """
        which tools do {n}s use? | what tool does {s} need every day? | tell me what {s} works with
        what equipment would I need as {s}? | what does {s} use for the job?
        """,
    ),
    "job.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} basics | who is {s}?
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | what is it like to be {s}? | tell me about the job of {s}
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        I want to learn the basics about {s} | can you tell me about {s}?
        describe what it is like to be {s}
        """,
    ),
    "invention.inventor": _say(
        """
        who invented {s}? | who is the inventor of {s}? | {n} inventor | who made the first {n}?
        who came up with {s}? | who created {s}? | by whom was {s} invented? | {n} creator
        tell me who invented {s} | who do we have to thank for {s}? | who was {s} invented by?
        I'd like to know who invented {s} | whose idea was {s}? | whose invention is {s}?
        name the inventor of {s} | who built the first {n}? | who was behind {s}?
        who thought of {s} first?
        which person invented {s}? | who gave us {s}? | who developed {s}? | who discovered {s}?
        """,
        """
        who was the inventor of {s}? | who first came up with {s}? | tell me whose invention {s} is
        which person built the first {n}? | by whom was {s} created?
        """,
    ),
    "invention.period": _say(
        """
        when was {s} invented? | in what year was {s} invented? | {n} date | {n} invention date
        {n} year
        how old is {s}? | when did {s} come out? | when was the first {n} made?
        which century is {s} from?
        since when do we have {s}? | tell me when {s} was invented | how long has {s} existed?
        I'd like to know when {s} was invented | at what time was {s} created?
        what period is {s} from?
        when did people first have {s}? | in which century was {s} invented?
        when does {s} date from?
        when was {s} developed? | from what time is {s}? | when did {s} first appear?
        what year is {s} from?
        """,
        """
        in which year did {s} appear? | tell me what century {s} was invented in
        when was {s} created?
        since when has {s} existed? | in what period was {s} invented?
        """,
    ),
    "invention.use": _say(
        """
        what is {s} used for? | what is {s} for? | what do people use {s} for? | {n} use | {n} uses
        what does {s} do? | what is the purpose of {s}? | {n} purpose | what can you do with {s}?
        why is {s} useful? | tell me what {s} is for | what did {s} change? | how does {s} help us?
        why was {s} invented? | why do we need {s}? | I'd like to know what {s} is used for
        what problem does {s} solve? | what is {s} good for? | what can I do with {s}?
        why was {s} important? | explain the purpose of {s} | how do people use {s}?
        """,
        """
        for what purpose do people use {s}? | tell me why {s} is useful | what do we need {s} for?
        explain what {s} is good for | what does {s} help people do?
        """,
    ),
    "invention.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} history | introduce {s} to me | {n} basics
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | what is the story of {s}? | tell me the history of {s}
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        what is the history of {s}?
        can you tell me about {s}? | tell me the story of {s}
        """,
    ),
    "body.does": _say(
        """
        what does {s} do? | what is the job of {s}? | what is {s} for? | {n} function | {n} purpose
        what is the function of {s}? | why do we have {s}? | why do we need {s}? | {n} job
        what role does {s} play? | tell me what {s} does | how does {s} work?
        what is the purpose of {s}?
        what does {s} do for us? | I'd like to know what {s} does
        what task does {s} have in the body?
        how does {s} help the body? | explain the function of {s} | what do I need {s} for?
        what work does {s} do? | what is the role of {s}? | why is {s} important? | how {s} works
        """,
        """
        what function does {s} have? | tell me what we need {s} for
        explain the job of {s} in the body
        what is the task of {s}? | how does {s} help us?
        """,
    ),
    "body.where": _say(
        """
        where is {s}? | where is {s} located? | where in the body is {s}? | {n} location
        {n} position
        where do I find {s}? | where can I find {s}? | in which part of the body is {s}?
        where {s} is
        tell me where {s} is | where does {s} sit? | what is the position of {s} in the body?
        I'd like to know where {s} is | on which side of the body is {s}? | where does {s} lie?
        where should I point to show {s}? | what part of the body is {s} in? | what is {s} next to?
        show me where {s} is found | where exactly is {s} located? | in what place is {s}?
        """,
        """
        where in the body does {s} sit? | tell me the location of {s}
        what is the place of {s} in the body?
        in what part of the body can I find {s}? | where does {s} lie in the body?
        """,
    ),
    "body.fact": _say(
        """
        tell me a fun fact about {s} | what is special about {s}? | what is a fun fact about {s}?
        give me an interesting fact about {s} | what makes {s} special? | {n} fun fact | {n} fact
        what is surprising about {s}? | share something surprising about {s} | {n} trivia
        do you know a curious fact about {s}? | I'd like to hear a fun fact about {s}
        what is unusual about {s}? | what is amazing about {s}? | why is {s} interesting?
        what is one thing most people don't know about {s}? | surprise me with a fact about {s}
        tell me something interesting about {s} | what makes {s} unique? | what is cool about {s}?
        """,
        """
        give me a fun fact about {s} | what is interesting about {s}?
        tell me something special about {s} | do you know something surprising about {s}?
        share an unusual fact about {s}
        """,
    ),
    "body.overview": _say(
        """
        tell me about {s} | what is {s}? | describe {s} | what can you tell me about {s}? | {n}
        I'd like to learn about {s} | give me an overview of {s} | what should I know about {s}?
        explain what {s} is | {n} overview | {n} basics | introduce {s} to me
        tell me everything about {s} | what do you know about {s}? | I want to know about {s}
        can you describe {s} for me? | teach me about {s} | give me the basics about {s}
        is there anything to know about {s}?
        write a few lines about {s} | I know nothing about {s}, what is it? | explain {s} for me
        """,
        """
        give me a few lines about {s} | what is there to know about {s}?
        I want to learn the basics about {s} | can you tell me about {s}? | explain {s} to me
        """,
    ),
    "recipe.how": _say(
        """
        how do I make {s}? | how do you make {s}? | how can I cook {s}? | {n} recipe
        recipe for {s}
        what is the recipe for {s}? | teach me to make {s} | how to make {s} | {n} steps
        give me a recipe for {s}
        how is {s} made? | how is {s} prepared? | tell me how to make {s} | show me how to cook {s}
        I'd like to make {s}, how do I do it? | I want to cook {s} tonight
        how do I prepare {s} at home?
        what are the steps for {s}? | explain how to prepare {s} | walk me through {s}
        help me make {s}
        what do I do to make {s}? | can you give me the recipe for {s}? | cooking {s} step by step
        """,
        """
        how can I prepare {s}? | what are the steps to make {s}? | teach me how to cook {s}
        I want to make {s}, can you help me? | tell me the recipe for {s}
        """,
    ),
    "recipe.ingredients": _say(
        """
        what do I need for {s}? | what are the ingredients of {s}? | what goes into {s}?
        {n} ingredients
        what ingredients do I need for {s}? | which ingredients are in {s}? | what is in {s}?
        what should I buy to make {s}? | {n} shopping list | tell me the ingredients of {s}
        ingredients for {s}
        what is {s} made of? | list the ingredients for {s} | I want to make {s}, what do I need?
        I'd like to know what goes into {s} | what do I have to buy for {s}?
        what does {s} contain?
        what food do I need at home to make {s}? | what is {s} made from? | what do you put in {s}?
        what must I get at the shop for {s}? | which things go in {s}?
        """,
        """
        which ingredients do I have to buy for {s}? | what do I need to make {s}?
        tell me what is in {s}
        what do you put into {s}? | list what goes into {s}
        """,
    ),
    "recipe.time": _say(
        """
        how long does {s} take? | how long do I need for {s}? | {n} time | {n} cooking time
        how much time does {s} take? | how long does it take to make {s}? | how long to make {s}
        how many minutes does {s} take? | tell me how long {s} takes | how quick is {s} to make?
        I'd like to know how long {s} takes | when is {s} ready? | how long must {s} cook?
        what is the cooking time for {s}? | how fast can I make {s}? | is {s} quick to make?
        how much time should I plan for {s}? | how long until {s} is ready?
        how long is {s} in the kitchen?
        what is the cooking time of a good {n}? | I want to make {s}, how long will it take?
        """,
        """
        how much time do I need to make {s}? | how many minutes until {s} is ready?
        tell me the cooking time of {s} | how long should I plan for {s}?
        how long does it take to cook {s}?
        """,
    ),
    "recipe.tip": _say(
        """
        any tips for {s}? | give me a tip for {s} | how do I make {s} better? | {n} tip | {n} tips
        what is the secret of good {n}? | what should I watch out for with {s}? | {n} advice
        {n} trick
        what is the trick to {s}? | do you have a tip for {s}? | tell me a trick for {s}
        what makes {s} taste good?
        I'd like a tip for making {s} | how can I improve {s}? | how do I get {s} right?
        what mistakes should I avoid with {s}? | what is a good tip for {s}?
        do you have any advice for {s}?
        how do I make perfect {n}? | what is important when I make {s}?
        what do good cooks do for {s}?
        what tricks are there for {s}?
        """,
        """
        what is the secret to making {s}? | do you have any tricks for {s}?
        tell me a good tip for {s}
        how can I make {s} taste better? | what advice do you have for {s}?
        """,
    ),
    "howto.how": _say(
        """
        how do I {s}? | how can I {s}? | how do you {s}? | how to {s} | what are the steps to {s}?
        {n} steps
        teach me to {s} | show me how to {s} | tell me how to {s} | explain how to {s} | {n} guide
        what is the best way to {s}? | I'd like to {s}, how do I do it? | I want to learn how to {s}
        help me {s} | what do I do to {s}? | I need to {s}, what should I do? | how should I {s}?
        walk me through how to {s} | can you teach me how to {s}? | what is the right way to {s}?
        {s}, step by step | give me the steps to {s} | I don't know how to {s}
        """,
        """
        I want to {s}, how do I do it? | what should I do to {s}? | can you show me how to {s}?
        I need help to {s} | tell me the steps to {s}
        """,
    ),
    "howto.time": _say(
        """
        how long does it take to {s}? | how much time do I need to {s}? | {n} time | {n} how long
        how many minutes do I need to {s}? | how long do I need to {s}? | how fast can I {s}?
        tell me how long it takes to {s} | I'd like to know how long it takes to {s} | time to {s}
        how quickly can I {s}? | what time should I plan to {s}? | can I {s} quickly?
        is it quick to {s}?
        I have to {s}, how long will it take? | how much time does it take to {s}?
        how long will I need to {s}?
        does it take long to {s}? | how long should I plan to {s}?
        I want to {s}, how long do I need?
        """,
        """
        how much time will it take to {s}? | how many minutes does it take to {s}?
        I want to {s}, how much time do I need? | tell me how much time I should plan to {s}
        will it take long to {s}?
        """,
    ),
    "howto.tip": _say(
        """
        any tips to {s}? | give me a tip to {s} | what is the trick to {s}? | {n} tip | {n} tips
        any advice on how to {s}? | how do I {s} better? | do you have a tip on how to {s}?
        {n} advice
        what should I watch out for when I {s}? | what mistakes should I avoid when I {s}?
        {n} trick
        tell me a trick to {s} well | what is a good tip to {s}? | I'd like a tip on how to {s}
        what helps me {s} well? | how can I get better when I {s}? | what is important when I {s}?
        what is the secret to {s} well? | what goes wrong when people {s}?
        how do I {s} like a pro?
        what tricks are there to {s}?
        """,
        """
        do you have any tricks to {s}? | what advice do you have on how to {s}?
        tell me a good tip to {s}
        how can I {s} better? | any mistakes to avoid when I {s}?
        """,
    ),
    "recommend.pick": _say(
        """
        can you recommend {s}? | recommend me {s} | suggest {s} | can you suggest {s}? | {n} ideas
        give me an idea for {s} | what is a good idea for {s}? | {n} recommendation
        {n} suggestions
        I need {s}, any ideas? | help me choose {s} | help me pick {s} | I'm looking for {s}
        do you know {s} I might like? | I'd like to try {s}, what do you suggest? | pick {s} for me
        what is {s} you would recommend? | which {n} should I try? | what {n} should I pick?
        what would you choose if you wanted {s}? | I want {s} but don't know which | name a good {n}
        do you have {s} to suggest? | what is a nice {n}? | best {n} to try | find me {s}
        can you give me one good {n}?
        """,
        """
        which {n} would you recommend? | I want {s}, can you suggest one? | any ideas for {s}?
        I'm looking for {s}, what do you recommend? | can you help me find {s}?
        what {n} would you pick?
        """,
    ),
}

# What a person says after a reply, about that reply.
FOLLOW_UPS: dict[str, Phrasings] = {
    "shorter": _say(
        """
        shorter please | make it shorter | can you make that shorter? | too long | shorter
        give me the short version | keep it shorter | say that in one sentence | in short?
        that is too long, cut it down | can you be briefer? | sum it up | just the main point
        can you shorten that? | briefly please | in fewer words please
        """,
        """
        can you give me a shorter version? | sum that up in one sentence
        that was too long, shorter please
        please cut it down | can you say that in fewer words?
        """,
    ),
    "longer": _say(
        """
        tell me more | longer please | more detail please | can you say more? | more | go on
        can you explain that in more detail? | give me more details | too short | make it longer
        I'd like to know more | that is too short, add more | say more about it
        can you expand on that?
        what else can you tell me? | give me a longer answer
        """,
        """
        can you tell me more? | I'd like more detail | please make that longer
        what more can you say about it?
        that was too short, give me more
        """,
    ),
    "bullets": _say(
        """
        make it a list | as a list please | can you put that in bullet points?
        bullet points please
        give me that as bullet points | list it | use bullets | turn that into a list
        show it as a list
        put it in a list | can I have that as a list? | in points please | can you list that?
        write it as bullets | break it into points
        """,
        """
        turn it into bullet points | can you make that a list? | please put that in points
        show me that as bullets
        """,
    ),
    "prose": _say(
        """
        no list please | without bullet points | write it as a paragraph | in full sentences please
        no bullets please | make it normal text | can you write that without a list?
        as plain text please
        put that in sentences | turn the list into a paragraph | as a paragraph please
        I don't want a list | one paragraph please | can you say it in sentences? | drop the bullets
        """,
        """
        can you put that in a paragraph? | please write it in sentences | I don't want bullet points
        turn that into normal text
        """,
    ),
    "emoji": _say(
        """
        add an emoji | with emoji please | use emoji | add some emoji | can you use emoji?
        I like emoji | put an emoji in | more emoji please | can I have an emoji with that?
        say it with emoji | make it fun with emoji | where are the emoji?
        """,
        """
        can you add emoji? | please put in some emoji | I'd like emoji with that
        say that with an emoji
        """,
    ),
    "no_emoji": _say(
        """
        no emoji please | without emoji | drop the emoji | remove the emoji | stop using emoji
        can you leave out the emoji? | I don't like emoji | please don't use emoji | no emoji
        the same without emoji | skip the emoji | fewer emoji, none at best | lose the emoji
        """,
        """
        can you drop the emoji? | please leave the emoji out | say it without emoji
        I don't want emoji
        """,
    ),
    "formal": _say(
        """
        more formal please | say it formally | can you be more formal? | make it formal
        in a formal tone please | use formal language | that is too casual | more serious please
        please answer formally | write it in a professional tone | can you put that formally?
        it is for my boss, make it formal
        """,
        """
        can you say that in a formal tone? | please be more formal | too casual, make it more formal
        write that in formal language
        """,
    ),
    "casual": _say(
        """
        more casual please | say it casually | be more relaxed | make it casual | less formal please
        in a casual tone please | that is too formal | talk like a friend | loosen up a bit
        can you be more casual? | use everyday language | say it like you would to a friend
        keep it casual
        """,
        """
        can you say that in a casual tone? | too formal, make it more relaxed
        please be less formal
        talk like you would to a friend
        """,
    ),
    "friendly": _say(
        """
        be friendlier | can you be nicer? | more friendly please | say it in a warm tone
        a little warmer please | that sounds cold | be kinder | say it nicely | make it friendly
        can you say that in a friendlier way? | a friendlier tone please | be warm and friendly
        """,
        """
        can you be a little friendlier? | please say that in a friendly tone
        that sounds cold, be warmer
        make it nicer please
        """,
    ),
    "example": _say(
        """
        give me an example | for example? | can you give an example? | an example please
        such as? | show me an example | like what? | do you have an example?
        with an example please
        what would be an example? | can you show me a case? | I need an example | add an example
        what is an example of that?
        """,
        """
        can you show me an example? | please give an example of that
        do you have an example for me?
        what example is there?
        """,
    ),
    "why": _say(
        """
        why? | why is that? | how come? | why so? | but why? | what is the reason?
        what is the reason for that?
        can you explain why? | tell me why | why does that happen? | and why is that so?
        how does that come about? | what causes that? | explain why
        """,
        """
        why is that so? | what is the reason why? | can you tell me why? | how does that happen?
        and why?
        """,
    ),
    "other": _say(
        """
        another one | something else? | give me another | what else? | any other ideas?
        another please
        do you have another one? | a different one please | not that one
        something different please
        can you suggest another? | tell me another one | what other options are there? | try again
        I don't like that one, another? | one more
        """,
        """
        can you give me a different one? | do you have something else? | any others?
        I'd like another one | tell me something different
        """,
    ),
    "about": _say(
        """
        what about {s}? | and {s}? | how about {s}? | and what about {s}? | now {s} | {s}?
        same question for {s} | and for {s}? | tell me the same about {s} | what is it for {s}?
        and with {s}? | is it the same for {s}? | and how is it for {s}? | now the same for {s}
        """,
        """
        and how about {s}? | the same question about {s} | now what about {s}?
        and the same for {s}?
        """,
    ),
    "thanks": _say(
        """
        thanks | thank you | thanks a lot | thank you very much | great, thanks | cheers
        perfect, thank you
        that helps, thanks | nice, thank you | ok thanks | many thanks | good answer, thanks
        thanks, that was helpful | that was great | wonderful, thank you
        """,
        """
        thank you so much | great, thank you | thanks, that helps a lot | ok, thank you very much
        """,
    ),
    "repeat_simple": _say(
        """
        say it more simply | simpler please | I don't understand | can you make that simpler?
        explain it like I'm five | in simple words please | can you explain that again?
        too complicated
        that is too hard to understand | make it easy | use simpler words | what does that mean?
        say that again in simple words | I didn't get that | easier please
        """,
        """
        can you say that in simple words? | please explain it more simply | I didn't understand that
        make that easier to understand | that is too complicated, simpler please
        """,
    ),
}

# A style asked for inside the question, after it.
STYLE_ASKS: dict[str, Phrasings] = {
    "short": _say(
        """
        in one sentence | in short | briefly | in a few words | short answer please | keep it short
        just the short answer | in one line | be brief | in ten words or less | the short version
        """,
        "in a short sentence | a brief answer please | just a few words",
    ),
    "long": _say(
        """
        in detail | with details | in depth | tell me everything | a long answer please | at length
        with plenty of detail | explain it fully | in full detail | give me the long version
        """,
        "in more detail | a detailed answer please | explain it at length",
    ),
    "bullets": _say(
        """
        as a list | in bullet points | with bullets | as bullet points | make it a list | list style
        in points | give me a list | as a bullet list | use bullet points
        """,
        "in a list | as points | put it in bullet points",
    ),
    "prose": _say(
        """
        in a paragraph | without bullet points | no list | in full sentences | as plain text
        no bullets
        as one paragraph | in normal sentences | don't make a list | as a text
        """,
        "without a list | as a plain paragraph | in sentences",
    ),
    "emoji": _say(
        """
        with emoji | with an emoji | use emoji | add some emoji | and use emoji | emoji please
        with a few emoji | put in an emoji
        """,
        "with some emoji | add an emoji please",
    ),
    "no_emoji": _say(
        """
        no emoji | without emoji | no emoji please | and don't use emoji | leave out the emoji
        skip the emoji | with no emoji | emoji-free
        """,
        "please don't use emoji | and no emoji",
    ),
    "formal": _say(
        """
        in a formal tone | formally | in formal language | be formal | in a professional tone
        answer formally | keep it formal | politely and formally
        """,
        "use a formal tone | in professional language",
    ),
    "casual": _say(
        """
        in a casual tone | casually | in everyday language | keep it casual | like a friend would
        in a relaxed way | be casual | informally
        """,
        "use a casual tone | in a relaxed tone",
    ),
    "friendly": _say(
        """
        in a friendly tone | in a warm tone | be friendly | in a friendly way | nicely
        be nice | be warm and kind | with a friendly word
        """,
        "in a warm and friendly way | use a friendly tone",
    ),
    "example": _say(
        """
        with an example | give an example | and give an example | with one example | for example
        show an example | add an example | include an example | using an example
        """,
        "and add an example | please give one example",
    ),
}

# Fragments of a system line, as a card of somebody's taste puts them; commas join them.
SYSTEM_LINES: dict[str, Phrasings] = {
    "short": _say(
        """
        short answers | keep it brief | keep answers short | be brief | one sentence is enough
        brief replies | be concise | answer in one or two sentences | as short as possible
        """,
        "keep replies short | concise answers | one or two sentences",
    ),
    "long": _say(
        """
        long, detailed answers | detailed answers | give plenty of detail | explain in depth
        long answers | be thorough | answer in detail | several sentences | full explanations
        """,
        "long and thorough answers | explain in detail | detailed replies",
    ),
    "bullets": _say(
        """
        use bullet points | bullets for lists | answer as a list | bullet points | use lists
        prefer bullet points | put things in a list | format answers as bullets
        """,
        "prefer lists | answer in bullet points | use bullets",
    ),
    "prose": _say(
        """
        no bullet points | plain paragraphs | no lists | write in paragraphs | full sentences
        prose, not lists | no bullets | plain text
        """,
        "paragraphs, not bullet points | write plain text | no lists or bullets",
    ),
    "emoji": _say(
        """
        use emoji | with emoji | add emoji | emoji are welcome | an emoji in each answer
        include emoji | likes emoji
        """,
        "emoji welcome | add an emoji",
    ),
    "no_emoji": _say(
        """
        no emoji | without emoji | never use emoji | don't use emoji | avoid emoji | leave out emoji
        emoji-free
        """,
        "do not use emoji | never add emoji",
    ),
    "warm": _say(
        """
        a warm, friendly tone | be friendly | be warm | friendly tone | a kind tone | warm and kind
        be encouraging | talk like a friend
        """,
        "warm and friendly | a warm tone | be kind",
    ),
    "plain": _say(
        """
        no small talk | neutral tone | plain tone | just the facts | matter of fact
        no pleasantries
        a plain, neutral tone | keep it neutral
        """,
        "a neutral tone | only the facts, no small talk",
    ),
    "formal": _say(
        """
        formal tone | be formal | formal language | a professional tone | write formally
        use formal language | no contractions | polite and formal
        """,
        "a formal tone | professional language",
    ),
    "casual": _say(
        """
        casual tone | be casual | casual language | a relaxed tone | write casually
        everyday language | informal | easy-going
        """,
        "a casual tone | relaxed and informal",
    ),
    "preamble": _say(
        """
        say a word before the answer | start with a short introduction | open with a friendly line
        begin with an opening line | lead in before the answer | a short opening first
        introduce the answer first
        """,
        "a short introduction before the answer | begin with a friendly line",
    ),
    "no_preamble": _say(
        """
        answer directly, no preamble | no preamble | no introduction | start with the answer
        answer directly | straight to the point | get to the point | skip the introduction
        """,
        "directly to the answer | no opening, straight to the answer",
    ),
    "question": _say(
        """
        end with a question | ask a question at the end | finish with a question
        ask something back
        close with a question | ask me back | end by asking something
        """,
        "close by asking a question | a question at the end",
    ),
    "no_question": _say(
        """
        no question at the end | don't ask questions | never end with a question | no questions
        ask nothing back | no closing question | avoid questions
        """,
        "do not ask anything back | don't end with a question",
    ),
    "example": _say(
        """
        give an example | with an example | use examples | add an example | include an example
        examples help | always show an example
        """,
        "always give an example | include examples",
    ),
    "no_example": _say(
        """
        no example | no examples | without examples | don't give examples | skip the examples
        leave out examples | avoid examples
        """,
        "do not add examples | never give an example",
    ),
}

# Polite or indirect frames around a question or a request.
WRAPPERS = _say(
    """
    please tell me, {q} | hey, {q} | hi, {q} | hello, {q} | quick question: {q}
    I was wondering, {q}
    {q} thanks! | {q} please | {q} thank you | ok, {q} | so, {q} | tell me, {q} | one question: {q}
    I have a question: {q} | excuse me, {q} | sorry, {q} | please, {q} | can you help me? {q}
    hi there! {q} | good morning, {q} | my friend asked me: {q} | just curious, {q}
    by the way, {q}
    for my homework: {q} | do you know this? {q} | I need help: {q} | now, {q} | and {q} | well, {q}
    {q} I'm curious | {q} I forgot | {q} my child wants to know
    """,
    """
    hello there, {q} | a quick question, please: {q} | {q} please and thank you | I'm curious, {q}
    sorry, one question: {q} | my child asked me: {q} | hi, can you help me? {q}
    """,
)

# Words that may stand for each other inside any question above without breaking its grammar.
# Only whole words of one form: no pair here changes an article, a number or a preposition.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "kind": ("type", "sort"),
    "type": ("kind", "sort"),
    "sort": ("kind", "type"),
    "famous": ("known", "well known"),
    "fun": ("cool", "nice"),
    "surprising": ("remarkable", "striking"),
    "special": ("remarkable", "unusual"),
    "unusual": ("odd", "uncommon"),
    "curious": ("funny", "strange"),
    "amazing": ("incredible", "astonishing"),
    "typical": ("characteristic",),
    "traditional": ("typical", "classic"),
    "equipment": ("gear", "stuff"),
    "gear": ("equipment", "stuff"),
    "goal": ("purpose", "target"),
    "aim": ("goal", "purpose"),
    "purpose": ("point", "aim"),
    "function": ("job", "purpose"),
    "position": ("place", "spot"),
    "tasks": ("duties", "jobs"),
    "duties": ("tasks", "responsibilities"),
    "trick": ("secret",),
    "secret": ("trick",),
    "advice": ("guidance", "help"),
    "mistakes": ("errors",),
    "ingredients": ("items", "things"),
    "materials": ("substances", "stuff"),
    "flavour": ("taste", "flavor"),
    "favourite": ("favorite", "preferred"),
    "landmark": ("monument", "attraction"),
    "sights": ("attractions", "landmarks"),
    "attractions": ("sights", "landmarks"),
    "tourists": ("visitors", "travellers"),
    "nation": ("country",),
    "habitat": ("natural home", "living place"),
    "located": ("situated", "found"),
    "usually": ("normally", "mostly"),
    "properly": ("correctly", "well"),
    "safely": ("carefully",),
    "quickly": ("fast", "rapidly"),
    "describe": ("explain", "outline"),
    "explain": ("describe",),
    "recommend": ("suggest",),
    "suggest": ("recommend", "propose"),
    "choose": ("pick", "select"),
    "invented": ("created", "developed"),
    "created": ("invented", "developed"),
    "buy": ("get", "purchase"),
    "basics": ("essentials", "main points"),
    "example": ("instance", "illustration"),
}


WISH_QUESTIONS = _say(
    """
    how do you answer? | how will you answer me? | what style do you use? | which wishes do you follow?
    how do I like my answers? | what did I ask for? | how should you reply? | say how you answer
    repeat my wishes | what are my wishes? | which style did I choose? | tell me how you will reply
    """,
    "how are you going to answer? | what do I want from your answers? | list my wishes",
)
"""Questions about the system line. To answer them is to read it, every word of it."""

RESTATED_WISHES: dict[str, tuple[str, ...]] = {
    "short": ("I keep answers short", "my answers are brief"),
    "long": ("I give long answers", "my answers have plenty of detail"),
    "bullets": ("I use bullet points", "I write lists"),
    "prose": ("I write in paragraphs", "I use no lists"),
    "emoji": ("I add an emoji", "my answers have emoji"),
    "no_emoji": ("I leave out emoji", "my answers have no emoji"),
    "warm": ("I am warm and friendly", "my tone is kind"),
    "plain": ("my tone is neutral", "I am matter of fact"),
    "formal": ("my language is formal", "I write formally"),
    "casual": ("my language is casual", "I write casually"),
    "preamble": ("I begin with an opening line", "I say a word first"),
    "no_preamble": ("I start with the answer", "I say no word before"),
    "question": ("I end with a question", "I ask you something at the end"),
    "no_question": ("I do not end with a question", "I ask nothing at the end"),
    "example": ("I give an example", "my answers have an example"),
    "no_example": ("I give no example", "I leave out examples"),
}
"""What each wish of a system line makes of the answers, in the model's own words."""
