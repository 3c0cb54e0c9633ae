"""Principles: read from a sentence, kept by rule, judged by a critic, capped; flags that act."""

import dataclasses

import numpy as np
import pytest

from chatfeedback.asking.explore import choose_reply
from chatfeedback.errors import InputRefused
from chatfeedback.learning.calibration import PoolPrompt, PoolReply
from chatfeedback.records import AiLabel, FeedbackEvent, PreferencePair, ScoredText, StoredReply
from chatfeedback.rules.critic import Critic, choice, pairs_of_labels, says_no
from chatfeedback.rules.effects import find_effects
from chatfeedback.rules.flags import (
    Behaviour,
    cut_out,
    find_behaviours,
    find_flagged,
    find_shown,
    pair_against,
    share_showing,
)
from chatfeedback.rules.labels import Labeller
from chatfeedback.rules.principles import (
    AI_SHARE,
    AI_WEIGHT,
    Check,
    Principle,
    Rules,
    cap_ai_labels,
    count,
    label_by_rule,
    may_be_better,
    read_check,
    read_principles,
    write_principles,
)
from chatfeedback.rules.protected import count_protected, may_win
from chatfeedback.session import Session
from chatfeedback.settings import Settings
from storage.store import open_store
from tests.fakes import BASE, FakeEngine, features_of
from tests.store_samples import ask as ask_stored

# --- reading a sentence -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "check"),
    [
        ("At most two sentences.", Check("sentences", at_most=2)),
        ("No more than 50 words, please", Check("words", at_most=50)),
        ("Keep it under 20 words", Check("words", at_most=19)),
        ("Answer in one sentence", Check("sentences", at_most=1)),
        ("Never write more than 3 lines", Check("lines", at_most=3)),
        ("No less than 3 sentences", Check("sentences", at_least=3)),
        ("Use at least three sentences", Check("sentences", at_least=3)),
        ("Never use emoji", Check("emoji", at_most=0)),
        ("always add an emoji", Check("emoji", at_least=1)),
        ("no exclamation marks", Check("exclamation marks", at_most=0)),
        ("Don't use bullet points", Check("bullets", at_most=0)),
        ('Don’t say "as an AI"', Check('"as an ai"', at_most=0)),
        ("Never say sorry or unfortunately.", Check('"sorry" "unfortunately"', at_most=0)),
        ("Always end with 'Cheers'", Check('"cheers"', at_least=1)),
        ("Answer in 2 to 4 sentences", Check("sentences", at_least=2, at_most=4)),
        ("Between 50 and 100 words", Check("words", at_least=50, at_most=100)),
        ("I hate answers with more than 100 words", Check("words", at_most=100)),
        ("Avoid more than 3 sentences", Check("sentences", at_most=3)),
        ("Never less than 3 sentences", Check("sentences", at_least=3)),
        ("Use at most two emoji", Check("emoji", at_most=2)),
        ("Don't use more than one exclamation mark", Check("exclamation marks", at_most=1)),
        ("Always use bullet points, not paragraphs", Check("bullets", at_least=1)),
        ("Use emoji but no lists", Check("emoji", at_least=1)),
        ("Never, ever use emoji", Check("emoji", at_most=0)),
        ("Never use words like awesome", Check('"awesome"', at_most=0)),
    ],
)
def test_what_can_be_counted_is_recognised_from_the_sentence(sentence, check):
    assert read_check(sentence) == check


@pytest.mark.parametrize(
    "sentence",
    ["Never give medical doses", "Be kind", "Never mention politics", "I don't want long answers"],
)
def test_all_else_is_for_a_critic(sentence):
    assert read_check(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Begin with one sentence that gives the answer",
        "End with a word of encouragement",
        "Put each step in a line of its own",
        "No sentences with more than 20 words",
        "At most 20 words per sentence",
        "More than 100 words is too long",
        "Never answer without a code example",
        "Don't forget to use headings",
        "When I ask for a list, use bullet points",
        "Never list more than five items",
        "Don't say anything about politics",
        "Say “please” instead of “kindly”",
        "Always say 'thank you', never 'bye'",
        "Always say 'please', no matter what",
        "Don't, under any circumstances, use emoji",
    ],
)
def test_what_a_rule_would_read_as_something_else_has_none(sentence):
    assert read_check(sentence) is None


def test_an_emoji_of_several_signs_is_one_and_all_are_seen():
    assert count("emoji", "👍🏽 👨‍👩‍👧 🇩🇪 ❤️ 1️⃣") == 5
    assert count("emoji", "▶️ 🃏 ↗️") == 3
    assert count("emoji", "1 * 2 → 3 © 2026 #4") == 0


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("i’m sorry", "I'm sorry, no."),
        ("i'm sorry", "I’m sorry, no."),
        ("sorry", "I am _sorry_."),
        ("当然", "好的，当然可以。"),
        ("🎉 🎉", "Well done 🎉🎉"),
        ("done 🎉", "Well done🎉"),
    ],
)
def test_a_phrase_is_found_however_it_is_typed(phrase, text):
    assert count(f'"{phrase}"', text) == 1


def test_counting_knows_words_from_parts_of_words():
    assert count('"so"', "So it is also so.") == 2
    assert count('"you\'re right"', "You’re right!") == 1
    assert count("sentences", "One. Two! Three?") == 3
    assert count("words", "three short words") == 3


def test_a_list_of_principles_is_trimmed_and_survives_being_stored():
    stored = write_principles(["  No  emoji ", "", "no emoji", "No emoji"])
    assert [each.text for each in read_principles(stored)] == ["No emoji", "no emoji"]
    assert read_principles("") == ()


def test_too_many_or_too_long_principles_are_refused_with_their_number():
    with pytest.raises(InputRefused, match="21"):
        write_principles([f"rule {n}" for n in range(21)])
    with pytest.raises(InputRefused, match="301"):
        write_principles(["x" * 301])


# --- labels by rule ---------------------------------------------------------------------------


def pool_prompt(*texts: str, marks: tuple[float | None, ...] = ()) -> PoolPrompt:
    marks = marks or (None,) * len(texts)
    replies = tuple(
        PoolReply(text, (at,), True, mark, features_of("q", text))
        for at, (text, mark) in enumerate(zip(texts, marks, strict=True))
    )
    return PoolPrompt("q", "other", (9,), replies)


def test_a_principle_says_who_keeps_it_and_what_it_changed():
    no_emoji, no_doses = read_principles(write_principles(["no emoji", "no medical doses"]))
    pool = [pool_prompt("plain", "smile 😊"), pool_prompt("one", "two")]
    label = AiLabel("no medical doses", 1, "q", "ask a doctor", "take two", "No, it names a dose.")
    by_rule, judged = find_effects([no_emoji, no_doses], pool, [label], can_judge=True)
    assert (by_rule.kept_by, by_rule.broken_share, by_rule.pairs, by_rule.labels) == (
        "rule", 0.25, 1, 0
    )  # fmt: skip
    assert (judged.kept_by, judged.broken_share, judged.labels) == ("model", None, 1)
    [unkept] = find_effects([no_doses], pool, [], can_judge=False)
    assert unkept.kept_by == "nobody"


def test_the_most_pleasing_kept_reply_is_better_than_the_most_pleasing_broken_one():
    each = pool_prompt("plain", "nice", "smile 😊", "grin 😊")
    pair = label_by_rule(each, np.array([0.0, 1.0, 3.0, 2.0]), Check("emoji", at_most=0))
    assert (pair.chosen_ids, pair.rejected_ids) == ((1,), (2,))
    assert (pair.source, pair.weight) == ("principle", AI_WEIGHT)


def test_a_wrong_reply_is_never_the_better_one():
    each = pool_prompt("wrong", "right 😊", marks=(0.0, 1.0))
    assert label_by_rule(each, np.zeros(2), Check("emoji", at_most=0)) is None


GREAT = "Great question! It rains."


def test_no_label_is_won_by_flattery():
    no_emoji = Check("emoji", at_most=0)
    each = pool_prompt("plain", GREAT, "smile 😊")
    assert label_by_rule(each, np.array([0.0, 9.0, 1.0]), no_emoji).chosen_ids == (0,)
    assert label_by_rule(pool_prompt(GREAT, "smile 😊"), np.zeros(2), no_emoji) is None


def pair(weight: float, source: str) -> PreferencePair:
    return PreferencePair((1,), (2,), (3,), weight, source)


def test_labels_by_principles_are_at_most_30_percent_of_the_evidence():
    pairs = cap_ai_labels([pair(1.0, "click")] * 7 + [pair(0.5, "principle")] * 40)
    theirs = sum(each.weight for each in pairs if each.source == "principle")
    assert theirs / sum(each.weight for each in pairs) == pytest.approx(AI_SHARE)
    assert sum(each.weight for each in pairs if each.source == "click") == 7.0


def test_few_labels_are_left_as_they_are_and_alone_they_teach_nothing():
    few = [pair(1.0, "click")] * 7 + [pair(0.5, "principle")]
    assert cap_ai_labels(few) == tuple(few)
    assert cap_ai_labels([pair(0.5, "principle")]) == ()


def test_a_label_counts_less_than_a_click():
    assert AI_WEIGHT < 1.0


# --- protected axes ---------------------------------------------------------------------------


def test_a_reply_never_wins_by_flattery():
    plain, flattering = "Rayleigh scattering.", "Great question! Rayleigh scattering."
    assert may_win([plain, flattering]) == [True, False]
    assert may_win([flattering, plain]) == [True, True]
    assert not may_be_better(flattering, plain, Rules())
    assert may_be_better(plain, flattering, Rules())


@pytest.mark.parametrize(
    "text", ["What a great question!", "You're absolutely right.", "I am always here for you."]
)
def test_flattery_agreement_and_dependence_are_counted(text):
    assert count_protected(text) == 1


def test_honest_warmth_is_no_flattery():
    assert count_protected("Happy to help! I hope it goes well. That is the right way.") == 0


# --- the critic: a scripted one in the engine's place -----------------------------------------


class ScriptedCritic(FakeEngine):
    """Breaks the principle wherever a reply names milligrams; votes as `votes` says."""

    def __init__(self, votes=("A", "B")):
        super().__init__()
        self.votes = list(votes)

    def sample(self, request):
        found = super().sample(dataclasses.replace(request, prompts=request.prompts))
        return [
            [dataclasses.replace(replies[0], text=self._say(turns[-1].text))]
            for turns, replies in zip(request.prompts, found, strict=True)
        ]

    def _say(self, asked: str) -> str:
        if "Begin with" in asked:
            return "No, it names a dose." if "400 mg" in asked else "Yes, it does."
        if "Write the reply anew" in asked:
            return "Please ask a pharmacist."
        return self.votes.pop(0)


DOSES = Principle("Never give medical doses", None)


def stored(reply_id: int, text: str, prompt: str = "What helps a headache?") -> StoredReply:
    return StoredReply(
        reply_id, reply_id, prompt, text, (1,), (2,), "done", "end", None, 0.0, Settings(),
        0, BASE.key, 1.0, 1.0, 1, "2026-11-21T10:00:00Z",
    )  # fmt: skip


def test_a_broken_principle_is_criticised_mended_and_labelled():
    replies = [stored(1, "Take 400 mg."), stored(2, "Rest, and drink water.")]
    [label] = Critic(ScriptedCritic(), seed=0).label(DOSES, replies)
    assert (label.reply_id, label.rejected) == (1, "Take 400 mg.")
    assert label.chosen == "Please ask a pharmacist."
    assert label.critique.startswith("No")


@pytest.mark.parametrize("votes", [("A", "A"), ("B", "B"), ("B", "A"), ("A", "both")])
def test_a_label_needs_both_orders_to_agree(votes):
    assert Critic(ScriptedCritic(votes), seed=0).label(DOSES, [stored(1, "Take 400 mg.")]) == []


def test_a_flattering_revision_is_no_label():
    class Flatterer(ScriptedCritic):
        def _say(self, asked):
            return GREAT if "Write the reply anew" in asked else super()._say(asked)

    assert Critic(Flatterer(), seed=0).label(DOSES, [stored(1, "Take 400 mg.")]) == []


def test_the_base_criticises_not_the_adapter():
    engine = ScriptedCritic()
    Critic(engine, seed=0).label(DOSES, [stored(1, "Take 400 mg.")])
    assert {request.adapter for request in engine.requests} == {None}


def test_labels_become_light_pairs_of_their_own_source():
    engine = ScriptedCritic()
    labels = Critic(engine, seed=0).label(DOSES, [stored(1, "Take 400 mg.")])
    [made] = pairs_of_labels(engine, labels)
    assert (made.source, made.weight) == ("principle", AI_WEIGHT)
    assert pairs_of_labels(engine, []) == []


def test_verdicts_are_read_from_their_first_word():
    assert says_no("No, it does not.")
    assert says_no("**No**. Because")
    assert not says_no("Nothing is wrong.")
    assert (choice("B"), choice("A or B"), choice("Reply A.")) == ("B", None, "A")


def test_labels_are_stored_once_and_apart_from_feedback(tmp_path):
    store = open_store(tmp_path)
    me = store.ensure_person("me").person_id
    reply_id = ask_stored(store, me, store.add_conversation(me, "chat"))[1]
    label = dataclasses.replace(
        Critic(ScriptedCritic(), seed=0).label(DOSES, [stored(1, "Take 400 mg.")])[0],
        reply_id=reply_id,
    )
    store.add_ai_label(me, label)
    store.add_ai_label(me, label)
    assert [each.chosen for each in store.ai_labels(me)] == [label.chosen]
    assert store.feedback(me) == []
    store.close()


# --- flags ------------------------------------------------------------------------------------

USUAL = [f"Answer {n} is here. It says so." for n in range(60)] + ["As everybody knows, yes."]


def flagged(*texts: str) -> list[StoredReply]:
    return [stored(n, text, prompt=f"question {n}") for n, text in enumerate(texts)]


def test_five_flags_of_one_wording_are_a_behaviour():
    texts = [f"As everybody knows, number {n} is a lie." for n in "abcde"]
    [behaviour] = find_behaviours(flagged(*texts), USUAL)
    assert "everybody knows" in behaviour.wording or "lie" in behaviour.wording
    assert behaviour.flags == 5
    assert share_showing(behaviour, texts) == 1.0


def test_flagged_emoji_in_a_row_are_a_behaviour_that_is_found_again():
    flagged = [stored(n, f"{word} 👍🏽🎉") for n, word in enumerate("Yes No Ok So Oh".split())]
    [behaviour] = find_behaviours(flagged, ["Plain.", "Also plain."] * 20)
    assert not behaviour.check.keeps("Well 👍🏽🎉")


def test_four_flags_or_a_common_wording_are_none():
    texts = [f"As everybody knows, {n}." for n in "abcd"]
    assert find_behaviours(flagged(*texts), USUAL) == []
    assert find_behaviours(flagged(*USUAL[:6]), USUAL) == []


def test_words_of_the_question_are_nobodys_behaviour():
    replies = [stored(n, f"otters swim {n}", prompt="Do otters swim?") for n in range(6)]
    assert find_behaviours(replies, USUAL) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("In brief, cats purr.", "Cats purr."),
        ("In brief:\n- Home: a house", "- Home: a house"),
        ("Sure. In brief!\n- Home: a house", "Sure.\n- Home: a house"),
        ("Well, in brief, cats purr.", "Well, cats purr."),
        ("Cats purr. In brief: yes. In brief, no.", "Cats purr. Yes. No."),
        ("Cats purr. In brief! 🐈", "Cats purr. 🐈"),
        ("In brief.", ""),
    ],
)
def test_a_wording_is_cut_out_and_its_sentence_begins_anew(text, left):
    assert cut_out([Behaviour("in brief", 5)], text) == left


EVERYBODY = Behaviour("as everybody knows", 5)
IT_RAINS = "As everybody knows, it rains."


def as_read(ids: tuple[int, ...], logprob: float) -> ScoredText:
    features = dataclasses.replace(features_of("q", ""), base_logprob=logprob)
    return ScoredText((9,), ids, features)


def test_a_version_learns_the_very_same_reply_without_the_behaviour():
    [shown] = find_shown([EVERYBODY], [pool_prompt("Cats purr.", IT_RAINS)])
    assert shown.without == "It rains."
    made = pair_against(shown, (as_read((1,), -9.0), as_read((7,), -11.0)))
    assert (made.chosen_ids, made.rejected_ids) == ((7,), (1,))
    assert made.source == "click"


def test_where_the_cut_hurt_the_sentence_the_reply_most_like_it_is_better():
    [shown] = find_shown([EVERYBODY], [pool_prompt("Cats purr.", IT_RAINS, "It rains.")])
    made = pair_against(shown, (as_read((1,), -9.0), as_read((7,), -13.0)))
    assert (made.chosen_ids, made.rejected_ids) == ((2,), (1,))


def test_a_wrong_reply_is_never_held_up_against_a_behaviour():
    each = pool_prompt(IT_RAINS, "It snows.", marks=(0.5, 0.0))
    [shown] = find_shown([EVERYBODY], [each])
    assert shown.without == ""
    assert pair_against(shown, None) is None


def test_a_flagged_reply_itself_is_held_down_whatever_its_wording():
    each = pool_prompt("It rains.", "It pours.")
    [shown] = find_flagged(flagged("It rains."), [each], [])
    made = pair_against(shown, None)
    assert (made.chosen_ids, made.rejected_ids) == ((1,), (2,))


def test_no_flattering_reply_is_held_up_against_a_flagged_one():
    [shown] = find_flagged(flagged("It rains."), [pool_prompt(GREAT)], [])
    assert pair_against(shown, None) is None


def test_replies_and_what_is_left_of_them_are_read_by_the_base_side_by_side():
    """The fake reads every text as (3, 4), the shorter one as the likelier."""
    labeller = Labeller(store=None, engine=FakeEngine(), base=BASE, taste=None, seed=0)
    [pair] = labeller.against_flagged([EVERYBODY], [], [pool_prompt("Cats purr.", IT_RAINS)])
    assert (pair.chosen_ids, pair.rejected_ids) == ((3, 4), (1,))


# --- in the flow ------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path):
    store = open_store(tmp_path)
    session = Session(
        store, FakeEngine(), dataclasses.replace(Settings(), learn_when_idle=False), seed=0
    )
    session.wait_until_ready()
    yield session
    session.close()
    store.close()


def test_a_principle_holds_from_the_next_answer_on(session):
    me = session.default_person().person_id
    session.set_principles(me, ["No bullet points", "Never use emoji", "At most five words"])
    for number in range(4):
        chat = session.new_conversation(me)
        assert list(session.reply(me, chat, "hello", f"m{number}"))[-1].texts == ("Short answer.",)


def test_five_flags_end_a_behaviour_at_once(session):
    me = session.default_person().person_id
    flags = 0
    while flags < 5:
        shown = list(session.reply(me, session.new_conversation(me), f"q{flags}", f"m{flags}"))[-1]
        again = shown
        while "Certainly" not in again.texts[0]:
            again = list(session.regenerate(me, shown.message_id))[-1]
        flags += 1
        session.give_feedback(
            me, FeedbackEvent(f"f{flags}", "flag", reply_id=again.reply_ids[0], flag="biased")
        )
    rules = session._drawing.rules(me, session.taste(me), session.engine_state().base)
    assert not rules.allow("Certainly. In brief, this is a formal reply; one might")


def test_choosing_keeps_the_rules_and_falls_back_when_nothing_does(session):
    me = session.default_person().person_id
    engine = FakeEngine()
    replies = [engine._reply(at, "hello", None) for at in range(4)]
    taste = session.taste(me)
    rules = Rules((Check("bullets", at_least=1),))
    assert "- one" in replies[choose_reply(taste, "hello", replies, rules)].text
    nothing = Rules((Check("words", at_least=500),))
    assert 0 <= choose_reply(taste, "hello", replies, nothing) < 4


class ChoosesTheLast:
    def choose(self, prompt, replies):
        return len(replies) - 1


def test_where_no_reply_keeps_the_rules_still_none_wins_by_flattery():
    first, *_ = [FakeEngine()._reply(at, "hello", None) for at in range(4)]
    replies = [first, first, dataclasses.replace(first, text=GREAT)]
    nothing = Rules((Check("words", at_least=500),))
    assert choose_reply(ChoosesTheLast(), "hello", replies, nothing) == 1
    assert choose_reply(ChoosesTheLast(), "hello", replies[2:], nothing) == 0
