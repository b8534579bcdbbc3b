"""From a chunk of rows to answers: a pure function of the rows, a trained run and the settings."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from nntool.settings.predict import PredictSettings
from nntool.steps import drifting, good_rows, monte_carlo, spreading
from nntool.steps.answered import Answers, Chunk, Counts
from nntool.steps.trained_run import TrainedRun

if TYPE_CHECKING:
    from nntool.nn.dropout_passes import DropoutPasses
    from nntool.nn.members.predicting import MembersPredictor
    from nntool.nn.predicting import Predictor as Engine


class Answering:
    """What a model says of rows; raises ``UsageError`` where the settings ask too much of it."""

    def __init__(self, trained: TrainedRun, settings: PredictSettings) -> None:
        self.trained = trained
        self.settings = settings
        self.watched: dict[str, Any] = {}
        """What training rows looked like, by clean column, where drift is asked for."""
        if settings.drift_limit is not None:
            self.watched = drifting.references(trained)
        monte_carlo.refuse(settings, trained.model, trained.run)
        spreading.refuse(settings, trained.model, trained.run)
        self.stopped = threading.Event()
        """Set where nobody wants the answers any more that are being worked on."""
        self._of_thread = threading.local()

    def answer(self, chunk: Chunk) -> Answers:
        """What the model says of one chunk; threads may call it at once."""
        import numpy as np

        from nntool.tables import bad_rows, chunks, row_status

        good = good_rows.features(self.trained, self.settings, chunk)
        numeric, codes, bad = good.numeric, good.codes, chunk.bad
        if bad is not None:  # each row keeps its place in the blocks of the engine
            numeric, codes = bad_rows.spread(numeric, bad), bad_rows.spread(codes, bad)
        with np.errstate(all="ignore"):
            decided, probabilities, spread = self._said_of(numeric, codes, chunk.first)
        n_rows = chunk.text.num_rows
        counts = Counts(
            rows=n_rows,
            empty_rows=chunks.n_empty_rows(good.text),
            cells=good.cells,
            features=good.found,
            predicted=self._by_class(decided if bad is None else decided[~bad]),
            bad_rows=n_rows - good.text.num_rows,
            status={} if good.status is None else row_status.tally(good.status),
            bins=drifting.count(good.typed, self.watched),
        )
        return Answers(
            first=chunk.first,
            text=chunk.text,
            numeric=numeric,
            codes=codes,
            decided=decided,
            probabilities=probabilities,
            counts=counts,
            bad=bad,
            spread=spread,
            status=good.status,
        )

    def _said_of(self, numeric: Any, codes: Any, first: int) -> tuple[Any, Any, Any]:
        """What is decided, the probabilities, and the spread of several passes where asked for."""
        model = self.trained.model
        if self.settings.mc_dropout:
            several = monte_carlo.averaged(
                self._passes(), model, numeric, codes, first, self.stopped
            )
            decided = self._decided(several.decided, several.probabilities)
            spread = spreading.of_decided(several.deviation, decided)
            return decided, several.probabilities, spread
        if self.settings.spread:
            said = spreading.of_members(self._members(), model, numeric, codes, first)
            decided, probabilities = model.answer(said.outputs)
            decided = self._decided(decided, probabilities)
            return decided, probabilities, spreading.of_decided(said.members.deviation, decided)
        decided, probabilities = model.answer(self._engine().outputs(numeric, codes, first))
        return self._decided(decided, probabilities), probabilities, None

    def _decided(self, decided: Any, probabilities: Any) -> Any:
        """What is decided: by --threshold, or as the model decides."""
        from nntool.tables import answers

        positive = self.trained.model.positive
        if self.settings.threshold is None or positive is None:
            return decided
        return answers.at_threshold(probabilities, positive, self.settings.threshold)

    def _by_class(self, decided: Any) -> Any:
        """How many rows were given to each class ``(n_classes,)``; 0 for a regression."""
        import numpy as np

        classes = self.trained.model.classes
        if classes is None:
            return 0
        return np.bincount(decided[decided >= 0], minlength=len(classes))

    def _engine(self) -> Engine:
        """The buffers of this thread."""
        if not hasattr(self._of_thread, "engine"):
            self._of_thread.engine = self.trained.model.engine()
        engine: Engine = self._of_thread.engine
        return engine

    def _members(self) -> MembersPredictor:
        """The buffers of this thread where each member is asked what it says."""
        if not hasattr(self._of_thread, "members"):
            self._of_thread.members = self.trained.model.members_engine()
        members: MembersPredictor = self._of_thread.members
        return members

    def _passes(self) -> DropoutPasses:
        """The buffers of this thread for several passes."""
        if not hasattr(self._of_thread, "passes"):
            self._of_thread.passes = monte_carlo.passes_of(self.settings, self.trained.model)
        passes: DropoutPasses = self._of_thread.passes
        return passes
