"""Settings of ``train``: how the network of `NetworkSettings` learns."""

from typing import Annotated, Literal

from nntool.settings.contradictions import refuse_contradictions
from nntool.settings.model import Choice, option
from nntool.settings.network import Factor, NetworkSettings

OPTIMIZER = "The optimizer"
BATCHES = "Batches and rows"
OVERFITTING = "Against overfitting"
STOPPING = "When to stop"
SEVERAL = "Several networks"


class TrainSettings(NetworkSettings, frozen=True, kw_only=True):
    """The network, its loss, its optimizer and what keeps it from overfitting."""

    optimizer: Annotated[
        Choice,
        option(
            "The method that changes the weights; auto: lbfgs for a small training without chance"
            " in it, else adam.",
            registry="METHODS",
            words=("auto",),
            group=OPTIMIZER,
        ),
    ] = "auto"
    learning_rate: (
        Annotated[
            float,
            option(
                "The learning rate η; 'auto': by a range test; unset: the rule's own default.",
                gt=0,
                group=OPTIMIZER,
            ),
        ]
        | Literal["auto"]
        | None
    ) = None
    schedule: Annotated[
        Choice,
        option("How the learning rate changes.", registry="SCHEDULES", group=OPTIMIZER),
    ] = "constant"
    warmup: Annotated[
        float,
        option("The epochs in which the learning rate grows from 0.", ge=0, group=OPTIMIZER),
    ] = 0.0
    layer_rates: (
        Annotated[
            dict[str, Factor],
            option(
                "The learning rate by layer: 'inverse-sqrt', 1/√n_in; 'sqrt', √n_in; or"
                " LAYER=FACTOR, repeatable, of inputs, hidden1, …, output.",
                metavar="LAYER=FACTOR",
                group=OPTIMIZER,
            ),
        ]
        | Literal["none", "inverse-sqrt", "sqrt"]
    ) = "none"
    weight_decay: (
        Annotated[
            float,
            option(
                "Decoupled decay λ: each update shrinks weights by ηλ; unset: the rule's own.",
                ge=0,
                group=OPTIMIZER,
            ),
        ]
        | None
    ) = None
    clip_value: (
        Annotated[
            float,
            option("Keep each component of the gradient in [−c, c].", gt=0, group=OPTIMIZER),
        ]
        | None
    ) = None
    clip_norm: (
        Annotated[
            float,
            option("Shorten a gradient that is longer than c to c.", gt=0, group=OPTIMIZER),
        ]
        | None
    ) = None
    average_weights: Annotated[
        Choice,
        option(
            "Judge and keep a mean of the weights in place of the last ones.",
            registry="AVERAGES",
            words=("none",),
            group=OPTIMIZER,
        ),
    ] = "none"

    batch_size: (
        Annotated[
            int,
            option(
                "Rows in a mini-batch, 'full', or 'auto': by the number of rows, or the"
                " optimizer's own.",
                ge=1,
                group=BATCHES,
            ),
        ]
        | Literal["auto", "full"]
    ) = "auto"
    balanced_batches: Annotated[
        bool, option("Rows of every class come up equally often.", group=BATCHES)
    ] = False
    emphasize_errors: Annotated[
        bool, option("Rows of a high loss come up more often.", group=BATCHES)
    ] = False
    augment: Annotated[
        tuple[Choice, ...],
        option(
            "A way to make more of the training rows, repeatable.",
            registry="AUGMENTATIONS",
            group=BATCHES,
        ),
    ] = ()

    penalty: Annotated[
        tuple[Choice, ...],
        option(
            "A penalty on the weights, repeatable: l2:rate=0.001; 'none'; auto: l2 with the rate"
            " 10 / training rows.",
            registry="PENALTIES",
            words=("auto",),
            group=OVERFITTING,
        ),
    ] = ("auto",)
    max_norm: (
        Annotated[
            float,
            option("The longest that a unit's incoming weights may be.", gt=0, group=OVERFITTING),
        ]
        | None
    ) = None
    dropout: (
        Annotated[
            float,
            option(
                "The share of hidden units that is silenced at random; 'auto': 0.3, or 0.1 from"
                " 1,000 training rows on; 0 with optimizers that take none.",
                ge=0,
                lt=1,
                group=OVERFITTING,
            ),
        ]
        | Literal["auto"]
    ) = "auto"
    input_dropout: Annotated[
        float,
        option("The share of inputs that is silenced at random.", ge=0, lt=1, group=OVERFITTING),
    ] = 0.0
    input_noise: Annotated[
        float, option("The σ of noise on the inputs.", ge=0, group=OVERFITTING)
    ] = 0.0
    weight_noise: Annotated[
        float, option("The σ of noise on the weights, new in each batch.", ge=0, group=OVERFITTING)
    ] = 0.0
    activation_noise: Annotated[
        float, option("The σ of noise on what hidden units give.", ge=0, group=OVERFITTING)
    ] = 0.0

    epochs: Annotated[
        int, option("How often training sees all rows, at most.", ge=1, group=STOPPING)
    ] = 500
    patience: Annotated[
        int,
        option(
            "Stop after this many validations (epochs, for train-loss) without a better"
            " --monitor; 0: never.",
            ge=0,
            group=STOPPING,
        ),
    ] = 20
    min_delta: Annotated[
        float,
        option("How much better counts as better, in units of --monitor.", ge=0, group=STOPPING),
    ] = 0.0
    monitor: Annotated[
        str,
        option(
            "What early stopping watches and the kept weights are best by: a loss or a metric of"
            " the task; auto: validation-loss where there are such rows.",
            registry="METRICS",
            words=("auto", "validation-loss", "train-loss"),
            metavar="NAME",
            group=STOPPING,
        ),
    ] = "auto"
    validate_every: Annotated[
        int, option("The epochs from one validation to the next.", ge=1, group=STOPPING)
    ] = 1
    calibration: Annotated[
        float,
        option(
            "The share of the validation rows that is kept for intervals (predict --interval) and"
            " has no part in stopping; 0: all rows serve both, and intervals are too narrow.",
            ge=0,
            lt=1,
            group=STOPPING,
        ),
    ] = 0.5

    ensemble: Annotated[
        int,
        option(
            "Train K networks, each by a seed of its own; the mean of what they say is the answer.",
            ge=1,
            le=1000,
            metavar="K",
            group=SEVERAL,
        ),
    ] = 1
    bagging: Annotated[
        bool,
        option(
            "Each network of --ensemble learns from as many training rows, drawn with replacement.",
            group=SEVERAL,
        ),
    ] = False
    snapshots: Annotated[
        int,
        option(
            "Let the learning rate fall to 0 M times in one training, and keep the weights of each"
            " of these moments as a network; 0: off.",
            ge=0,
            le=1000,
            metavar="M",
            group=SEVERAL,
        ),
    ] = 0
    averaging: Annotated[
        Literal["arithmetic", "geometric"],
        option("The mean of the probabilities that several networks give.", group=SEVERAL),
    ] = "arithmetic"

    def check_together(self) -> None:
        """Raise ``UsageError`` where settings, each of them valid, contradict each other."""
        refuse_contradictions(self)
