"""Read the log in bounded portions, at the same price however long it is.

What can be asked, and how it combines. All of it is joined by AND.

- The order is that of the ids, newest first; with a time range it is that of `created_at` and, within a millisecond,
  of the ids. Either order is one that an index already has.
- `level` alone, and together with a position, is read from the index of the levels: one stream for each level, each
  cut to a page, then merged. A level that never occurs costs nothing, one that fills the table costs no more.
- A time range is read from the index of the times.
- `logger`, `flow`, `run`, `step` and the text have no index; nor has a level within a time range. A page examines at
  most WINDOW rows for them and says which: of the ids where there is no time range, else of the newest in the range.
  What lies beyond is one step away (`Page.beyond`), and a page that was cut by the window never looks complete.
- `logger` takes the logger and all below it; `flow`, `run` and `step` compare with what stands in brackets before a
  message, never with the text behind it; the text is found anywhere in the message, as one piece, as typed.

Nothing here counts rows, skips rows by OFFSET or reads a list of distinct values.
"""
