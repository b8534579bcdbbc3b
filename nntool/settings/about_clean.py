"""Options of ``clean`` that are small languages: how they are written, when to use them."""

ABOUT: dict[str, str] = {
    "merge_spellings": """\
Spellings that differ in case, blanks or accents of Latin letters become the most frequent of them.
Then a word becomes another where it is near (--spelling-similarity, 1 − d/n: d letters put in, left
out, replaced or swapped, at most 2; n the letters of the longer word), where the other has
--spelling-ratio times as many rows, and where what comes out is a value of the column. Damerau
1964, Communications of the ACM 7.
Never merged: what differs in digits or in other signs, or stands with digits (Room 101, A1); words
of fewer than 4 letters; other first or last letters (male, female); Roman numerals; hyper and hypo,
chloride and chlorite and their like; a word as near to two others; a misspelling of more than
--spelling-rows rows, or a letter replaced in the same way in several rows (ISLAND, INLAND), unless
the word is misspelt in as many ways.
What is learned is a table from spelling to spelling: one that training rows do not have is a
category that was not seen, and is never matched anew. At most 200 million pairs of words with the
same ends and about as many letters are compared in a column; how many words were not is said.
Use: for categories that people have typed; look through the table of what was merged.""",
    "agree": """\
COLUMNS -> COLUMNS, with commas between them. For each column on the right, rows with the same
values on the left are a group; where at least 2 rows, and --agree-share of those with a value, have
the same one, a row of the group without it or with another takes it. Groups that agree less, and
keys that training rows do not have, are left alone. Several work one after the other.
Use: where one column follows from others, such as city and state from a zip code. Where it does so
only mostly, exceptions are overwritten, too: --agree-share 1 fills gaps and corrects nothing.""",
    "smooth": """\
COLUMN=METHOD or COLUMN=METHOD:KEY=VALUE,…, the methods being
  along --order-by    rolling-mean and rolling-median (window=5, centered=false), exponential
                      (alpha=0.3)
  without an order    bin-means, bin-medians, bin-edges (bins=10, equal=depth)
--explain METHOD says what each does. Along an order, rows of one part of the split are looked at,
ties as they stand in the table; in prediction the rows of the input, which is then read whole. The
window is the row and those before it; centered=true looks ahead, at rows that are not known yet
where rows are to be predicted as they come. A missing cell stays missing, and a row without a place
in the order is left as it is. The order is a column of numbers or dates, or an identifier that is
written with numbers. The target is not smoothed.
Use: measurements that jitter more than what they measure changes.""",
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
