"""Numbers with check characters and dates as text, for whole columns at once."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_city.draw import Floats, Indices, Ints

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_ID_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I O S V Z
_USCC_BYTES = np.frombuffer(_USCC_ALPHABET.encode(), dtype=np.uint8)
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
_ZERO = np.uint8(ord("0"))
_FOUR_DIGITS = (np.arange(10_000)[:, None] // np.asarray([1000, 100, 10, 1]) % 10 + _ZERO).astype(np.uint8)
_USCC_VALUES = np.zeros(256, dtype=np.int64)
_USCC_VALUES[_USCC_BYTES] = np.arange(len(_USCC_ALPHABET))
_SUBJECT_VALUES = np.zeros(256, dtype=np.int64)
_SUBJECT_VALUES[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)] = np.arange(36)

DAY_ZERO = np.datetime64("1970-01-01", "D")


def words(text: str) -> list[str]:
    """A list written as one line of words."""
    return text.split()


def runs(values: Ints) -> list[tuple[int, int]]:
    """First and last-plus-one positions of each run of equal values."""
    starts = np.flatnonzero(np.r_[np.ones(min(len(values), 1), dtype=bool), values[1:] != values[:-1]])
    return [(int(a), int(b)) for a, b in zip(starts, np.r_[starts[1:], len(values)][: len(starts)], strict=True)]


def batches(spans: list[tuple[int, int]], rows: int) -> list[list[tuple[int, int]]]:
    """Spans one behind the other in groups of about `rows` rows, so that each group is made at once."""
    groups: list[list[tuple[int, int]]] = []
    for low, high in spans:
        if not groups or high - groups[-1][0][0] > rows:
            groups.append([])
        groups[-1].append((low, high))
    return groups


def text_of_bytes(matrix: np.ndarray) -> pl.Series:
    """Rows of ASCII codes (n, width) as a text column, without a Python object per row."""
    import pyarrow as pa

    n, width = matrix.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    data = np.ascontiguousarray(matrix, dtype=np.uint8)
    array = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data))
    return pl.Series(pl.from_arrow(array))


def digits(values: Ints, width: int) -> np.ndarray:
    """Decimal digits as ASCII codes, shape (n, width), leading zeros kept."""
    rest = np.asarray(values, dtype=np.int64)
    found = np.empty((len(rest), width), dtype=np.uint8)
    for end in range(
        width, 0, -4
    ):  # four at a time from a table: a division for each digit would take most of the time
        upper = rest // 10_000
        size = min(4, end)
        found[:, end - size : end] = _FOUR_DIGITS[rest - upper * 10_000][:, 4 - size :]
        rest = upper
    return found


def padded(prefix: str, values: Ints, width: int) -> pl.Series:
    """Keys such as P0000001: `prefix` and a number of at least `width` digits."""
    if len(values) and int(np.max(values)) >= 10**width:
        width = len(str(int(np.max(values))))
    head = np.broadcast_to(np.frombuffer(prefix.encode(), dtype=np.uint8), (len(values), len(prefix)))
    return text_of_bytes(np.concatenate([head, digits(values, width)], axis=1))


def calendar(days: Ints) -> tuple[Indices, Indices, Indices]:
    """Year, month and day of days since 1970-01-01."""
    stamp = DAY_ZERO + np.asarray(days).astype("timedelta64[D]")
    years = stamp.astype("datetime64[Y]")
    months = stamp.astype("datetime64[M]")
    return (
        years.astype(np.int64) + 1970,
        (months - years.astype("datetime64[M]")).astype(np.int64) + 1,
        (stamp - months.astype("datetime64[D]")).astype(np.int64) + 1,
    )


def compact_dates(days: Ints) -> Indices:
    """Days since 1970-01-01 as numbers YYYYMMDD."""
    year, month, day = calendar(days)
    return year * 10000 + month * 100 + day


def dates(days: Ints, form: str = "%Y-%m-%d") -> pl.Series:
    """Days since 1970-01-01 as text; `form` is %Y%m%d or a form with %Y, %m, %d and separators."""
    if form == "%Y%m%d":
        return text_of_bytes(digits(compact_dates(days), 8))
    series = pl.Series(np.asarray(days, dtype=np.int32)).cast(pl.Date)
    return series.dt.strftime(form)


def decimals(values: Ints, places: int) -> pl.Series:
    """Whole numbers of tenths, hundredths … as text without zeros at the end: 119 of tenths is 11.9, 90 is 9."""
    frame = pl.DataFrame({"v": np.asarray(values, dtype=np.int64)})
    v, unit = pl.col("v"), 10**places
    size = v.abs()
    whole = (size // unit).cast(pl.String)
    rest = (size % unit).cast(pl.String).str.zfill(places).str.strip_chars_end("0")
    sign = pl.when(v < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return frame.select(sign + pl.when(size % unit == 0).then(whole).otherwise(whole + "." + rest)).to_series()


def fixed(values: Floats, places: int) -> pl.Series:
    """Numbers with all their decimals: 37.5 with 2 is 37.50."""
    frame = pl.DataFrame({"v": np.rint(np.asarray(values, dtype=np.float64) * 10**places).astype(np.int64)})
    v, unit = pl.col("v"), 10**places
    sign = pl.when(v < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    rest = (v.abs() % unit).cast(pl.String).str.zfill(places)
    return frame.select(pl.concat_str(sign, (v.abs() // unit).cast(pl.String), pl.lit("."), rest)).to_series()


def stamps(seconds: Ints, form: str = "%Y-%m-%d %H:%M:%S") -> pl.Series:
    """Seconds since 1970 as text."""
    moments = pl.select(pl.from_epoch(pl.Series(np.asarray(seconds, dtype=np.int64)), time_unit="s")).to_series()
    return moments.dt.strftime(form)


def grouped(values: Ints) -> pl.Series:
    """Cents as amounts with thousands separators: 312070368 is 3,120,703.68."""
    v = pl.col("v").abs()
    yuan = v // 100
    groups = [(yuan // 1000**k) % 1000 for k in range(4)]
    text: pl.Expr = groups[0].cast(pl.String)
    for k in (1, 2, 3):
        head = (yuan // 1000**k).cast(pl.String)
        tail = [g.cast(pl.String).str.zfill(3) for g in reversed(groups[:k])]
        text = pl.when(yuan >= 1000**k).then(pl.concat_str(head, *tail, separator=",")).otherwise(text)
    sign = pl.when(pl.col("v") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    cents = (v % 100).cast(pl.String).str.zfill(2)
    return (
        pl.DataFrame({"v": np.asarray(values, dtype=np.int64)})
        .select(pl.concat_str(sign, text, pl.lit("."), cents))
        .to_series()
    )


def shares(total: int, weights: Floats) -> Indices:
    """`total` things dealt out by weight, in order: how many each one gets."""
    edge = np.rint(np.cumsum(weights) / np.sum(weights) * total).astype(np.int64)
    return np.diff(edge, prepend=0)


def id_numbers(area: Ints, birth: Ints, sequence: Ints) -> pl.Series:
    """GB 11643 numbers: area (6), birth (8), sequence (3, odd for men), ISO 7064 MOD 11-2 check character."""
    return id_numbers_of(area, compact_dates(birth), sequence)


def id_numbers_of(area: Ints, born: Ints, sequence: Ints) -> pl.Series:
    """The same from dates as numbers YYYYMMDD."""
    body = np.concatenate([digits(area, 6), digits(born, 8), digits(sequence, 3)], axis=1)
    total = (body - _ZERO).astype(np.int64) @ np.asarray(_ID_WEIGHTS)
    return text_of_bytes(np.concatenate([body, _ID_CHECKS[total % 11][:, None]], axis=1))


def id_ends_in_x(area: Ints, birth: Ints, sequence: Ints) -> np.ndarray:
    """Which of the numbers end in X."""
    body = np.concatenate([digits(area, 6), digits(compact_dates(birth), 8), digits(sequence, 3)], axis=1)
    return np.asarray(((body - _ZERO).astype(np.int64) @ np.asarray(_ID_WEIGHTS)) % 11 == 2)


def credit_codes(register: Ints, area: Ints, serial: Ints) -> pl.Series:
    """GB 32100 codes: register and kind (2 digits, 91 92 93; 102 is N2), area (6), subject number (9), check character.

    The subject number is MA and six characters that count `serial` through a bijection of the alphabet, so that no two
    organisations share one, and its GB 11714 check character.
    """
    base = len(_USCC_ALPHABET)
    mixed = (np.asarray(serial, dtype=np.int64) * 387_420_489 + 201_326_611) % base**6
    powers = base ** np.arange(5, -1, -1, dtype=np.int64)
    tail = _USCC_BYTES[(mixed[:, None] // powers) % base]
    subject = np.concatenate([np.broadcast_to(np.frombuffer(b"MA", dtype=np.uint8), (len(tail), 2)), tail], axis=1)
    remainder = 11 - (_SUBJECT_VALUES[subject] @ np.asarray(_SUBJECT_WEIGHTS)) % 11
    check = np.frombuffer(b"00123456789X", dtype=np.uint8)[np.where(remainder == 11, 0, remainder + 1)]
    head = digits(register, 2)
    head[np.asarray(register) >= 100, 0] = ord("N")
    body = np.concatenate([head, digits(area, 6), subject, check[:, None]], axis=1)
    total = _USCC_VALUES[body] @ np.asarray(_USCC_WEIGHTS)
    return text_of_bytes(np.concatenate([body, _USCC_BYTES[(base - total % base) % base][:, None]], axis=1))
