"""What is said of the members of an ensemble: of all at once, in few words."""

import math
from typing import Any

import numpy as np

from nntool.steps import member_notes
from nntool.steps.diagnosis import Finding
from nntool.steps.fitting import Fitted

IDLE = Finding("idle units", "hidden1", "another --activation")


def member(**known: Any) -> Fitted:
    nothing: dict[str, Any] = {
        "seed": 0,
        "theta": np.zeros(1),
        "stats": np.zeros(0),
        "best_epoch": 1,
        "snapshots": [],
        "ended": "epochs",
        "epochs": [{}],
        "timing": [],
        "baseline_loss": math.nan,
        "is_judged": True,
        "findings": [],
    }
    return Fitted(**nothing | known)


def test_what_is_wrong_with_half_of_the_members_is_said_with_the_facts_of_the_first() -> None:
    healthy, ill = member(), member(findings=[IDLE])
    (found,) = member_notes.findings([healthy, ill, ill, healthy])
    assert found == Finding(
        "idle units", "2 of 4 members; member 2: hidden1", "another --activation"
    )
    assert member_notes.findings([healthy, ill, ill, healthy, healthy]) == []


def test_a_remark_is_said_once_of_the_member_that_it_is_said_of_first() -> None:
    texts = [[], ["a", "b"], ["a"], ["c", "d", "b"], ["e"]]
    assert member_notes.said_by(texts) == [
        "member 2: a",
        "member 2: b",
        "member 4: c",
        "… and 2 more like this, of other members",
    ]
    assert member_notes.said_by(texts[:3]) == ["member 2: a", "member 2: b"]
    assert member_notes.said_by([[], []]) == []


def test_how_members_ended_is_counted() -> None:
    members = [
        member(best_epoch=4, epochs=[{}] * 6, ended="patience"),
        member(best_epoch=9, epochs=[{}] * 9),
        member(best_epoch=7, epochs=[{}] * 9),
    ]
    first, *rest = member_notes.notes(members, {}, "validation-loss")
    assert first == (
        "3 members, 24 epochs in all: 1 stopped early, 2 had all epochs; kept epoch 4 to 9,"
        " each the best by validation-loss"
    )
    assert rest == []


def test_the_loss_of_the_mean_answer_stands_beside_those_of_each() -> None:
    alone = [{"validation_loss": loss} for loss in (0.5, 0.25, 0.4)]
    (told,) = member_notes.of_losses(alone, {"validation_loss": 0.125})
    assert told == "validation loss 0.125 by their mean answer, 0.25 to 0.5 by each alone"
    assert member_notes.of_losses(alone, {}) == []
    assert member_notes.of_losses(alone[:1], {"validation_loss": 0.5}) == []
