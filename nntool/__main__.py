"""``python -m nntool`` is ``nntool``, and this is where both begin."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while Python imports ends without a word


class WithoutPandas:
    """Lets this process be without pandas, as nntool is wherever nobody else has installed it.

    pyarrow imports pandas at its first array, in case it should be handed a frame: 0.3 s of
    every command, and other values for times with nanoseconds.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Find nothing; ``ModuleNotFoundError`` for pandas."""
        if name == "pandas":
            raise ModuleNotFoundError("nntool does without pandas", name=name)


sys.meta_path.insert(0, WithoutPandas)

from nntool.cli.main import main  # noqa: E402 - after the lines that it must come after

if __name__ == "__main__":
    main()
