"""Numbers of Vietnamese and English prose, read as values: what a figure, a date or a number word says.

    vietnamese("1.200 tỷ đồng")   one Quantity: 1,200,000,000,000, money, VND
    english("VND1.2 trillion")    the same value; `same` of the two is True

Knows nothing of articles, checks or files. Rules read the words around a figure; there is no model. A `Rule`
(`scanned_text.py`) has its name, pattern, production and examples in one place. Modules are by topic, Vietnamese and
English side by side.
Where a text leaves two readings open (`thứ ba` is Tuesday or the third), a quantity has both (`alternatives`), and
agrees with whatever agrees with one of them.
"""

from __future__ import annotations

from pipeline.quantities.scanner import english, vietnamese
from pipeline.quantities.values import Kind, Quantity, Reading, Salience, in_english, rounded, same

__all__ = [
    "Kind",
    "Quantity",
    "Reading",
    "Salience",
    "english",
    "in_english",
    "rounded",
    "same",
    "vietnamese",
]
