"""How sequences are laid out so that what they share is computed once."""

from __future__ import annotations

import torch

from chatfeedback.engine import trie
from chatfeedback.engine.trie import Forest, Stack, ancestors, pack

PROMPT = list(range(1000, 1300))  # as long as in a usual chat


def reply(number: int, length: int = 100) -> list[int]:
    return [number] * length


def flat_ids(forest: Forest) -> torch.Tensor:
    return torch.cat([stack.ids.flatten() for stack in forest.stacks])


def tokens(forest: Forest) -> int:
    return int(sum(stack.is_token.sum() for stack in forest.stacks))


def only_stack(forest: Forest) -> Stack:
    (stack,) = forest.stacks
    return stack


def test_a_common_beginning_is_stored_once():
    forest = pack([[5, 6, 7], [5, 6, 8, 9]])
    stack = only_stack(forest)
    assert stack.ids[0, :5].tolist() == [5, 6, 7, 8, 9]
    assert stack.depth[0, :5].tolist() == [0, 1, 2, 2, 3]
    assert stack.end[0, :5].tolist() == [5, 5, 3, 5, 5]
    assert [path.tolist() for path in forest.paths] == [[0, 1, 2], [0, 1, 3, 4]]


def test_a_sequence_that_begins_another_is_stored_once():
    forest = pack([[5, 6, 7, 8], [5, 6]])
    assert tokens(forest) == 4
    assert [path.tolist() for path in forest.paths] == [[0, 1, 2, 3], [0, 1]]


def test_a_long_prompt_is_stored_once_with_all_its_replies():
    forest = pack([PROMPT + reply(number) for number in range(8)])
    assert tokens(forest) == 300 + 8 * 100
    assert only_stack(forest).ids.shape == (1, 1104)


def test_the_rated_turns_of_a_conversation_share_one_row():
    conversation, turns = PROMPT, []
    for turn in range(4):
        turns += [conversation + reply(2 * turn), conversation + reply(2 * turn + 1)]
        conversation = turns[-1] + reply(50 + turn, 30)
    forest = pack(turns)
    assert tokens(forest) == len({tuple(t[:i]) for t in turns for i in range(1, len(t) + 1)})


def test_a_beginning_too_short_to_pay_for_a_long_row_is_read_again():
    forest = pack([[1, 2, *reply(3, 600)], [1, 2, *reply(4, 600)]])
    assert only_stack(forest).ids.shape == (2, 608)


def test_short_tries_of_different_prompts_share_a_row():
    forest = pack([[n, n + 1, *reply(n, 38)] for n in range(0, 40, 10)])
    assert only_stack(forest).ids.shape == (1, trie.ROW_TOKENS)


def test_a_full_row_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(trie, "ROW_TOKENS", 4)
    monkeypatch.setattr(trie, "SHARED_TOKEN_PAIRS", 0)
    forest = pack([[5, 6, 7], [5, 6, 8], [5, 6, 9]])
    assert only_stack(forest).ids.tolist() == [[5, 6, 7, 8], [5, 6, 9, 0]]
    assert [path.tolist() for path in forest.paths] == [[0, 1, 2], [0, 1, 3], [4, 5, 6]]


def test_padding_attends_to_itself_only():
    stack = only_stack(pack([[5, 6, 7]]))
    width = stack.ids.shape[1]
    assert stack.is_token[0].tolist() == [True] * 3 + [False] * (width - 3)
    assert torch.equal(ancestors(stack)[0, 3:, 3:], torch.eye(width - 3, dtype=torch.bool))


def test_rows_of_unlike_length_are_not_padded_to_each_other():
    lengths = [1000, 900, 400, 100]
    forest = pack([reply(n, length) for n, length in enumerate(lengths)])
    assert [stack.ids.shape for stack in forest.stacks] == [(2, 1008), (1, 400), (1, 112)]


def test_a_path_leads_through_the_sequence_whatever_the_stack():
    sequences = [PROMPT + reply(1), reply(2, 40), PROMPT + reply(3, 7), reply(2, 900), [5]]
    for share in (True, False):
        forest = pack(sequences, share_prefixes=share)
        ids = flat_ids(forest)
        assert [ids[path].tolist() for path in forest.paths] == sequences


def test_without_sharing_each_sequence_has_its_row():
    forest = pack([[5, 6, 7], [5, 6]], share_prefixes=False)
    assert only_stack(forest).is_token.sum(1).tolist() == [3, 2]  # the longest first


def test_a_token_attends_to_its_ancestors_and_itself():
    stack = only_stack(pack([[5, 6, 7], [5, 6, 8, 9]]))
    assert ancestors(stack)[0, :5, :5].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 1, 0],
        [1, 1, 0, 1, 1],
    ]


def test_a_window_counts_steps_along_the_branch_not_places_in_the_row():
    stack = only_stack(pack([[5, 6, 7], [5, 6, 8, 9]]))
    assert ancestors(stack, window=2)[0, :5, :5].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 0, 1, 0],
        [0, 0, 0, 1, 1],
    ]
