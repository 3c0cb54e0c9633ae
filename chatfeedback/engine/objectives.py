"""Which update a request asks for: the class of its settings says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatfeedback.engine.adapters import CandidateView
from chatfeedback.engine.dpo import dpo_steps
from chatfeedback.engine.kto import kto_steps
from chatfeedback.engine.listwise import listwise_steps
from chatfeedback.engine.ppo import ppo_steps
from chatfeedback.engine.rloo import rloo_steps
from chatfeedback.engine.rollouts import RolloutSource
from chatfeedback.engine.sft import sft_steps
from chatfeedback.engine.updating import Base, SampleOwn
from chatfeedback.errors import InputRefused
from chatfeedback.records import (
    DpoSettings,
    KtoSettings,
    LearnRequest,
    LearnResult,
    LearnStep,
    ListwiseSettings,
    PpoSettings,
    RlooSettings,
    RolloutSettings,
    SftSettings,
)


def learn_steps(
    view: CandidateView,
    base: Base,
    request: LearnRequest,
    sample_own: SampleOwn,
    wait: Callable[[], None],
    is_cancelled: Callable[[], bool],
    source_of: Callable[[LearnRequest], RolloutSource] | None = None,
) -> Iterator[LearnStep | LearnResult]:
    """The run that a request asks for; see `dpo.dpo_steps`.

    Args:
        source_of: where PPO and RLOO get their replies from, and what these earn.

    Raises:
        InputRefused: there is no such objective.
    """
    match request.settings:
        case ListwiseSettings():
            return listwise_steps(view, base, request, sample_own, wait, is_cancelled)
        case KtoSettings():
            return kto_steps(view, base, request, sample_own, wait, is_cancelled)
        case SftSettings():
            return sft_steps(view, base, request, sample_own, wait, is_cancelled)
        case PpoSettings() if source_of:
            source = source_of(request)
            return ppo_steps(view, base, request, sample_own, source, wait, is_cancelled)
        case RlooSettings() if source_of:
            source = source_of(request)
            return rloo_steps(view, base, request, sample_own, source, wait, is_cancelled)
        case DpoSettings() if not isinstance(request.settings, RolloutSettings):
            return dpo_steps(view, base, request, sample_own, wait, is_cancelled)
    raise InputRefused(
        f"There is no objective for {type(request.settings).__name__}. Learn by DPO, listwise "
        "DPO, KTO, SFT, PPO or RLOO."
    )
