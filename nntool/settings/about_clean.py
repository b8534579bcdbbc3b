"""Options of ``clean`` that are small languages: how they are written, when to use them."""

ABOUT: dict[str, str] = {
    "valid": """\
COLUMN=RULE or COLUMN,COLUMN=RULE, where a rule has one or more parts with commas between them:
  0..120   0..   ..120      numbers from and to, the bounds included
  >0   >=0   <1   <=1       the same with one bound (COLUMN>0 needs no =)
  whole                     no fraction
  1|2|3   M|F               one of these
  2000-01-01..2023-12-31    dates, the last day included
All parts must hold. Behind the rule :abs takes the absolute value, :clip the nearest bound,
:leave-out leaves training rows out (elsewhere the cell is missing); else the value becomes missing,
as does one that is not valid even then. What has a sign of this language in it stands in quotes:
"my column"=0..1, size="5..6"|"7..8". A missing value is valid. The target is not judged.
Use: for what cannot be, such as an age of 300 or a price of 0, before it is learned from.""",
    "derive": """\
COLUMN = FORMULA fills the missing values of the column; a column that is not there is made, as a
feature, and predict makes it too. Formulas are made of numbers, columns, + - * / ** ( ) and
  of numbers       abs, min, max, round (a half to the even side), floor, ceil, sqrt, log, exp
  of a date        year, month, day, hour
  of two dates     days(a - b), hours(a - b)
  to a date        date(year, month, day)
A name with blanks or other signs stands in double quotes or backticks: "date of birth". A value
that is missing, or not finite (1/0), or not valid by --valid, leaves the cell missing, and is
counted. Formulas work one after the other: a later one reads what an earlier one has filled. They
never read or fill the target.
Use: Age = 2023 - Birth for gaps that other columns can close; rooms_each = rooms / households for
what a network would have to find out.""",
    "require_columns": """\
A training row that has no value in one of these columns, after --valid and --derive, is left out.
Other rows are kept and counted, as rows to be predicted are: there the gap is filled by transform.
Use: where a guess in this column would teach something wrong.""",
    "duplicates_by": """\
Rows with equal text in these columns (but for blanks around it) are repeats, as are rows that are
equal in all columns; --duplicates leave-out leaves out all but the first, or the last, of each
group. They are looked for within the part of the split that a row is in, so no part knows of
another. A row with a missing value in one of the columns repeats nobody.
Use: with the column that names a thing, where later rows correct earlier ones
(--duplicates-keep last).""",
}
