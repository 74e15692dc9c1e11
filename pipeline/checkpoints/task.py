"""Which task a checkpoint was trained for, where its files tell it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pipeline.catalog import Family
from pipeline.checkpoints.files import read_json
from pipeline.checkpoints.locate import front_matter

Task = Literal["summarization", "translation"]

_TASKS: Final[tuple[Task, ...]] = ("summarization", "translation")
_TRANSLATORS: Final = frozenset(("marian", "nllb", "m2m100"))  # families that are trained to translate only


@dataclass(frozen=True, slots=True)
class ToldTask:
    """The task of a checkpoint, and what in its files tells it, as a clause of a message."""

    task: Task
    evidence: str


def told_task(folder: Path, family: Family) -> ToldTask | None:
    """Return the task that the model card names, else the family, else the parameters of `config.json`.

    None where none of them tells it, or where they name several tasks, as the T5 of its paper does.
    """
    match front_matter(folder).get("pipeline_tag"):
        case "summarization" | "translation" as tag:
            return ToldTask(tag, f"its model card says `pipeline_tag: {tag}`")
        case _:
            pass
    if family in _TRANSLATORS:
        return ToldTask("translation", f"it is of the family {family}, which translates")
    parameters = read_json(folder / "config.json").get("task_specific_params")
    named = {str(name).partition("_")[0] for name in parameters} if isinstance(parameters, dict) else set()
    for task in _TASKS:
        if named == {task}:
            return ToldTask(task, f"its config.json has `task_specific_params` of {task}")
    return None
