"""The frozen output head: log-probabilities at chosen positions, never all logits at once.

Rows go through the head in chunks. Because the head does not learn, the gradient with respect
to its input is computed in the forward pass, while a chunk's logits are at hand: two matrix
products instead of three, and what is kept for the backward pass is (N, H), not (N, V).

Legend: N positions, H hidden size, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_NUMBERS = 2**22  # logits held at once (16 MB in float32)


@dataclass(frozen=True)
class Head:
    """logits = softcap * tanh(scale * (W h + b) / softcap), without the cap when it is None.

    weight: (V, H); bias: (V,) or None.
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, V), float32 (float64 for a float64 model)."""
        z = self._multiply(hidden, self.weight.t())
        if self.bias is not None:
            z = z + self.bias
        z = z if z.dtype == torch.float64 else z.float()
        if self.scale != 1.0:
            z = z * self.scale
        return z if self.softcap is None else self.softcap * torch.tanh(z / self.softcap)

    def pull_back(self, logits: Tensor, logit_grad: Tensor) -> Tensor:
        """Gradient at the logits (N, V) -> gradient at the hidden states (N, H)."""
        if self.softcap is not None:
            logit_grad = logit_grad * (1 - (logits / self.softcap) ** 2)
        return self._multiply(logit_grad * self.scale, self.weight)

    def _multiply(self, rows: Tensor, weight: Tensor) -> Tensor:
        """In the weight's own precision: autocast would round logits to 8 bits, and on CPU keep
        a compiled kernel for every number of rows."""
        with torch.autocast(weight.device.type, enabled=False):
            return rows.to(weight.dtype) @ weight

    def chunk_rows(self) -> int:
        return max(16, CHUNK_NUMBERS // len(self.weight))


def token_logprobs(head: Head, hidden: Tensor, targets: Tensor) -> Tensor:
    """log p(target) at each position, nats; differentiable in `hidden` only.

    Args:
        head: frozen.
        hidden: (N, H), the last hidden state that predicts each target.
        targets: (N,) int64.

    Returns:
        (N,) float32 (float64 for a float64 model).
    """
    result: Tensor = _TokenLogprobs.apply(hidden, targets, head)  # type: ignore[no-untyped-call]
    return result


def token_kl(head: Head, p_hidden: Tensor, q_hidden: Tensor) -> Tensor:
    """KL(p || q) over the full vocabulary at each position, nats; differentiable in `q_hidden`.

    Args:
        head: frozen, the same for both.
        p_hidden: (N, H), no gradient.
        q_hidden: (N, H).

    Returns:
        (N,) float32, >= 0; 0 where the hidden states agree.
    """
    result: Tensor = _TokenKl.apply(q_hidden, p_hidden, head)  # type: ignore[no-untyped-call]
    return result


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, head: Head) -> Tensor:
        parts, grads = [], []
        rows = head.chunk_rows()
        for h, y in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True):
            logits = head.logits(h)
            logp = logits.log_softmax(-1)
            parts.append(logp.gather(1, y[:, None])[:, 0])
            if ctx.needs_input_grad[0]:
                # d log p(y) / d logits = onehot(y) - p
                slope = logp.exp_().neg_()
                slope.scatter_add_(1, y[:, None], torch.ones_like(slope[:, :1]))
                grads.append(head.pull_back(logits, slope).to(hidden.dtype))
        if grads:
            ctx.save_for_backward(torch.cat(grads))
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = ctx.saved_tensors
        return upstream[:, None].to(grad.dtype) * grad, None, None


class _TokenKl(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q_hidden: Tensor, p_hidden: Tensor, head: Head) -> Tensor:
        parts, grads = [], []
        rows = head.chunk_rows()
        for hq, hp in zip(torch.split(q_hidden, rows), torch.split(p_hidden, rows), strict=True):
            logits = head.logits(hq)
            logq = logits.log_softmax(-1)
            logp = head.logits(hp).log_softmax(-1)
            p = logp.exp()
            parts.append((p * (logp - logq)).sum(-1))
            if ctx.needs_input_grad[0]:
                # d KL(p || q) / d logits of q = q - p
                grads.append(head.pull_back(logits, logq.exp() - p).to(q_hidden.dtype))
        if grads:
            ctx.save_for_backward(torch.cat(grads))
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = ctx.saved_tensors
        return upstream[:, None].to(grad.dtype) * grad, None, None
