"""Word segmentation, for checkpoints trained on `nghiên_cứu_viên`: done on the way in, undone on the way out."""

from __future__ import annotations

import re

from pipeline.errors import ModelError


def require() -> None:
    """Raise `ModelError` unless underthesea can be imported; it is an optional extra, and imports torch."""
    try:
        import underthesea  # noqa: F401
    except ImportError:
        raise ModelError(
            "this checkpoint needs word-segmented input (nghiên_cứu_viên), and underthesea is not installed; "
            "install it with `pip install 'tomdich[segment]'`"
        ) from None


def segment(text: str) -> str:
    """Return `text` with the syllables of each word joined by `_` and punctuation set apart."""
    from underthesea import word_tokenize

    return str(word_tokenize(text, format="text")) if text else ""


_CLOSING = re.compile(r" +([,.;:!?%…)\]}”’»])")
_OPENING = re.compile(r"([(\[{“‘«]) +")


def unsegment(text: str) -> str:
    """Return `text` with `_` undone and the spaces that segmentation sets around punctuation closed."""
    return _OPENING.sub(r"\1", _CLOSING.sub(r"\1", text.replace("_", " ")))
