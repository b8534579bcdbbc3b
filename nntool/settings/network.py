"""Settings of ``train`` that say what is trained: the network, and the loss that it makes small."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option

NETWORK = "The network"
LOSS = "The loss"

Factor = Annotated[float, option("A factor.", ge=0)]


class NetworkSettings(StepSettings, frozen=True, kw_only=True):
    """The network and its loss: the first half of the settings of ``train``."""

    hidden: (
        Annotated[
            tuple[Annotated[int, option("Units.", ge=1)], ...],
            option(
                "The units of each hidden layer, as in 128,64; 'none': a linear model; 'auto': 64,"
                " or 128,64 from 1,000 training rows on.",
                group=NETWORK,
            ),
        ]
        | Literal["auto"]
    ) = "auto"
    activation: Annotated[
        Choice, option("What hidden units compute.", registry="ACTIVATIONS", group=NETWORK)
    ] = "relu"
    parametric_activation: Annotated[
        bool,
        option(
            "Each hidden unit learns how much of its activation it takes: z + α(f(z) − z).",
            group=NETWORK,
        ),
    ] = False
    initializer: Annotated[
        Choice,
        option(
            "How weights begin; auto: by the activation.",
            registry="INITIALIZERS",
            words=("auto",),
            group=NETWORK,
        ),
    ] = "auto"
    bias: Annotated[
        bool, option("Give each unit a bias, a weight on a constant 1.", group=NETWORK)
    ] = True
    batch_norm: Annotated[
        bool,
        option("Standardize hidden units over the batch, before the activation.", group=NETWORK),
    ] = False
    layer_norm: Annotated[
        bool,
        option(
            "Standardize each row over the hidden layer, before the activation.",
            group=NETWORK,
        ),
    ] = False
    output: Annotated[
        str,
        option(
            "The link of the output layer; auto: by the loss.",
            registry="LINKS",
            words=("auto",),
            metavar="NAME",
            group=NETWORK,
        ),
    ] = "auto"
    dtype: Annotated[
        Literal["auto", "float32", "float64"],
        option(
            "The numbers of training; auto: float32, or float64 with full-batch methods.",
            group=NETWORK,
        ),
    ] = "auto"

    loss: Annotated[
        Choice,
        option(
            "What training makes small; auto: bce, cce or mse by the task, or the optimizer's own.",
            registry="LOSSES",
            words=("auto",),
            group=LOSS,
        ),
    ] = "auto"
    label_smoothing: Annotated[
        float,
        option(
            "The share of a target that is given to all classes alike (losses bce and cce).",
            ge=0,
            lt=1,
            group=LOSS,
        ),
    ] = 0.0
    target_coding: Annotated[
        Literal["auto", "one-hot", "bipolar"],
        option(
            "How classes are coded for squared losses: 0/1 or −1/+1; auto: by the output.",
            group=LOSS,
        ),
    ] = "auto"
    class_weights: (
        Annotated[
            dict[str, Factor],
            option(
                "How much the rows of a class count: CLASS=WEIGHT, repeatable, 1 where not named;"
                " 'balanced': each class the same in all.",
                metavar="CLASS=WEIGHT",
                group=LOSS,
            ),
        ]
        | Literal["none", "balanced"]
    ) = "none"
    sample_weight: Annotated[
        str | None,
        option(
            "The column that says how much each row counts: its name, or its position.",
            metavar="COLUMN",
            group=LOSS,
        ),
    ] = None
