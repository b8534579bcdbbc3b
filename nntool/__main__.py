"""``python -m nntool`` is ``nntool``."""

from nntool.cli.main import main

if __name__ == "__main__":
    main()
