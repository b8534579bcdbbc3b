"""Lines of one kind that are passed over: counted, and the first one named."""


class Passed:
    """Counts lines of one kind.

    >>> blank = Passed("x.csv", "blank line", "passed over")
    >>> blank.add(2, line=7)
    >>> blank.note()
    'x.csv: 2 blank lines were passed over (the first is line 7)'
    """

    def __init__(self, name: str, singular: str, what: str, plural: str = "") -> None:
        self._name = name
        self._one = singular
        self._several = plural or singular + "s"
        self._what = what
        self._first = 0
        self.count = 0

    def add(self, number: int, line: int = 0) -> None:
        """``line`` is that of the first of them, 0 where that is not known."""
        if not self.count:
            self._first = line
        self.count += number

    def note(self) -> str | None:
        """What to say, if anything."""
        if self.count < 1:
            return None
        are = f"1 {self._one} was" if self.count == 1 else f"{self.count:,} {self._several} were"
        where = f" (the first is line {self._first})" if self._first else ""
        return f"{self._name}: {are} {self._what}{where}"
