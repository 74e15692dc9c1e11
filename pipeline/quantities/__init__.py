"""Numbers of Vietnamese and English prose, read as values: what a figure, a date or a number word says.

    vietnamese("1.200 tỷ đồng")   one Quantity: 1,200,000,000,000, money, VND
    english("VND1.2 trillion")    the same value; `same` of the two is True

Knows nothing of articles, checks or files. A reading is by rules over the words around the figure, never by a model:
where a text leaves two readings open (`thứ ba` is Tuesday or the third), a quantity has both (`also`), and agrees with
whatever agrees with one of them.
"""

from __future__ import annotations

from pipeline.quantities.english_forms import english
from pipeline.quantities.values import Kind, Quantity, Reading, Weight, in_english, rounded, same
from pipeline.quantities.vietnamese_forms import vietnamese

__all__ = [
    "Kind",
    "Quantity",
    "Reading",
    "Weight",
    "english",
    "in_english",
    "rounded",
    "same",
    "vietnamese",
]
