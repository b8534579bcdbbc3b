"""CSV files: how they are written, cut into records, read and written.

Reading is a chain of streams; each file is one link, and takes what the one before it gives:

    source     the bytes of a file, unpacked
    arriving   the same of a pipe, as they come; the first ones again, after a look into them
    utf8       UTF-8, whatever the encoding was; then without the padding of old programs
    cutter     blocks of whole records: by records (where they end) and bad_quotes or stray (where
               quotes are not as they should be)
    header     the names, taken from the first record and checked against those below it
    parsing    the cells of a block, in several threads
    reader     batches of rows: all links joined; counts what it leaves out (passed, defects), and
               finds by repair which records a block was refused for

How a file is written (dialect) is found out before, in its first bytes, by detection: the encoding
(encoding), that it is a CSV at all (formats), the sign between cells (delimiter), where the table
begins and ends in the file (layout, ending). Writing is the other way round (writing).
"""
