"""Settings of ``train``: the network and how it learns."""

from typing import Annotated, Literal

from nntool.settings.model import Choice, StepSettings, option


class TrainSettings(StepSettings, frozen=True, kw_only=True):
    """The network, its loss, its optimizer and what keeps it from overfitting."""

    hidden: (
        Annotated[
            tuple[Annotated[int, option("Units.", ge=1)], ...],
            option(
                "The units of each hidden layer, as in 128,64; 'none': a linear model; 'auto': 64,"
                " or 128,64 from 1,000 training rows on."
            ),
        ]
        | Literal["auto"]
    ) = "auto"
    activation: Annotated[Choice, option("What hidden units compute.", registry="ACTIVATIONS")] = (
        "relu"
    )
    initializer: Annotated[
        Choice,
        option("How weights begin; auto: by the activation.", registry="INITIALIZERS"),
    ] = "auto"
    loss: Annotated[
        Choice,
        option("What training makes small; auto: bce, cce or mse by the task.", registry="LOSSES"),
    ] = "auto"
    output: Annotated[
        Literal["auto", "identity", "sigmoid", "softmax", "tanh", "exp"],
        option("The link of the output layer; auto: by the loss."),
    ] = "auto"
    target_coding: Annotated[
        Literal["auto", "one-hot", "bipolar"],
        option("How classes are coded for squared losses: 0/1 or −1/+1; auto: by the output."),
    ] = "auto"
    optimizer: Annotated[
        Choice, option("The rule that changes the weights.", registry="OPTIMIZERS")
    ] = "adam"
    learning_rate: (
        Annotated[float, option("The learning rate η; unset: the rule's own default.", gt=0)] | None
    ) = None
    schedule: Annotated[Choice, option("How the learning rate changes.", registry="SCHEDULES")] = (
        "constant"
    )
    batch_size: (
        Annotated[
            int, option("Rows in a mini-batch, 'full', or 'auto': by the number of rows.", ge=1)
        ]
        | Literal["auto", "full"]
    ) = "auto"
    epochs: Annotated[int, option("How often training sees all rows, at most.", ge=1)] = 500
    patience: Annotated[
        int,
        option("Stop after this many epochs without a better --monitor; 0: never.", ge=0),
    ] = 20
    min_delta: Annotated[
        float, option("How much better counts as better, in units of --monitor.", ge=0)
    ] = 0.0
    monitor: Annotated[
        Literal["auto", "validation-loss", "train-loss"],
        option("What early stopping watches; auto: validation-loss where there are such rows."),
    ] = "auto"
    penalty: Annotated[
        tuple[Choice, ...],
        option(
            "A penalty on the weights, repeatable: l2:rate=0.001; 'none'; auto: l2 with the rate"
            " 10 / training rows.",
            registry="PENALTIES",
        ),
    ] = ("auto",)
    dropout: (
        Annotated[
            float,
            option(
                "The share of hidden units that is silenced at random; 'auto': 0.3, or 0.1 from"
                " 1,000 training rows on.",
                ge=0,
                lt=1,
            ),
        ]
        | Literal["auto"]
    ) = "auto"
    input_dropout: Annotated[
        float, option("The share of inputs that is silenced at random.", ge=0, lt=1)
    ] = 0.0
    dtype: Annotated[
        Literal["auto", "float32", "float64"], option("The numbers of training; auto: float32.")
    ] = "auto"
