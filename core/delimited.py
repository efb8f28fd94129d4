"""CSV files as people bring them: UTF-8, comma or semicolon, no larger than is wanted."""

import io

from core.errors import Invalid, TooLarge


def opened(data: bytes, *, most_bytes: int) -> tuple[io.StringIO, str]:
    """The text of a file, for a reader of `csv`, and what divides its columns.

    What the first line has more of divides: a semicolon, else a comma. Raises TooLarge, Invalid
    for what is not UTF-8.
    """
    if len(data) > most_bytes:
        raise TooLarge(f"The file is larger than {most_bytes // 1024**2} MB.")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The file is not UTF-8 text.") from error
    first = content.split("\n", 1)[0]
    return io.StringIO(content, newline=""), ";" if first.count(";") > first.count(",") else ","
