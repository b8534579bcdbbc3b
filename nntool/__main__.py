"""``python -m nntool`` is ``nntool``, and this is where both begin."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while Python imports ends without a word

from nntool.cli.main import main  # noqa: E402 - after the line that it must come after

if __name__ == "__main__":
    main()
