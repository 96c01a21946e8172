"""Reinforcement: REINFORCE (R. J. Williams, 1992) on Top-K prediction, after the language model.

Given the keys so far, the network is a policy that draws the next key from its Top-K. The reward, as the paper has it:

    +1  the true next key is in the Top-K
    -1  it is not, and is normal
    +1  it is not, and is anomalous: where labels say so

The loss is -reward * log policy(drawn key), less an entropy bonus, plus the language model's loss on normal sequences
as an anchor.

What the reward does not depend on is the key that was drawn. With the policy renormalised over the Top-K, the expected
gradient would therefore be zero: E[R grad log p(a)] = R grad sum(p) = 0. The drawn key's probability under the whole
vocabulary is used here instead; then the expected gradient is R times that of the log of the Top-K's total mass, so a
hit moves mass from outside the Top-K into it. This is the most that this reward can do, and on normal data nearly
every step is a hit.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from logscan.detectors.logllama.language import next_logits, shuffled
from logscan.detectors.logllama.options import Language, Reinforcement
from logscan.networks.loop import Stage, train
from logscan.networks.run import Run
from logscan.networks.trees import Forest
from logscan.networks.vocabulary import UNKNOWN
from logscan.windows.sessions import Ints


def reinforce(
    network: torch.nn.Module,
    normal: tuple[Sequence[Ints], Ints],
    anomalous: tuple[Sequence[Ints], Ints],
    k: int,
    language: Language,
    options: Reinforcement,
    run: Run,
) -> list[dict[str, float]]:
    """Fine-tune in place. normal, anomalous: distinct sequences and their weights, the latter empty without labels."""
    forest = Forest.of([*normal[0], *anomalous[0]], language.context, language.overlap)
    weights = np.concatenate([normal[1], anomalous[1]])

    def batches(epoch: int) -> list[Ints]:
        return shuffled(forest, language.batch, np.random.default_rng([run.seed, 1, epoch]))

    def loss(model: torch.nn.Module, batch: Ints) -> tuple[torch.Tensor, dict[str, float]]:
        steps = forest.steps(batch)
        logits, sequence = next_logits(model, steps), forest.sequence[steps.at]
        of_steps = (forest.tokens[steps.at], weights[sequence].astype(np.float32), sequence >= len(normal[0]))
        true, weight, is_anomalous = (torch.from_numpy(of).to(logits.device) for of in of_steps)
        return policy_loss(logits, true, weight, is_anomalous, k, options)

    stage = Stage(
        name="reinforcement",
        epochs=options.episodes,
        learning_rate=options.learning_rate,
        weight_decay=0.0,
        loss=loss,
        batches=batches,
    )
    return train(network, stage, run)


def policy_loss(
    logits: torch.Tensor,
    true: torch.Tensor,
    weight: torch.Tensor,
    anomalous: torch.Tensor,
    k: int,
    options: Reinforcement,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss, and figures to be shown. logits: (n, vocabulary); true, weight, anomalous: (n,)"""
    log_policy = logits.log_softmax(-1)
    top, keys = log_policy.topk(min(k, logits.shape[-1]), dim=-1)
    drawn = torch.multinomial(top.exp(), 1)
    hit = (keys == true[:, None]).any(-1)
    rewards = torch.where(hit | anomalous, 1.0, -1.0).clamp(-options.clip, options.clip)
    chosen = top.gather(-1, drawn)[:, 0]
    entropy = -(log_policy.exp() * log_policy).sum(-1)
    normal = weight * ~anomalous * (true != UNKNOWN)
    anchor = (cross_entropy(logits, true, reduction="none") * normal).sum() / normal.sum().clamp(min=1)
    policy = ((-rewards * chosen - options.entropy * entropy) * weight).sum() / weight.sum()
    reward = float((rewards * weight).sum() / weight.sum())
    return policy + options.anchor * anchor, {"reward": reward, "next-key loss": anchor.item()}
