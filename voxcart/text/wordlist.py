"""Word lists written as running text, which keeps hundreds of words readable in source."""


def words(text: str) -> tuple[str, ...]:
    """The words of ``text``, separated by white space."""
    return tuple(text.split())
