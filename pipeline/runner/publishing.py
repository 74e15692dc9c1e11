"""Turn finished records into the files of a version: Parquet rows, the failures, the dataset card."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipeline import report
from pipeline.checkpoints import OTHER_SEARCH
from pipeline.records import DEFAULT_ORDER, JSON, PublishedRow, SetAsideLine, Translated
from pipeline.storage import dataset_cache
from pipeline.storage.rows import arrow_schema, as_json

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 1_000
ROWS_PER_FILE = 50_000
_MOST_JSON = 2**30  # bytes that pyarrow reads at once, at most twice as many


def published_row(record: Translated, *, keep: tuple[str, ...]) -> PublishedRow:
    """Return the published row of a finished record, with the columns of its source named by `keep`."""
    article = record.article
    return PublishedRow(
        id=article.id,
        url=article.url,
        title=article.title,
        published=article.published,
        outlet=article.outlet,
        article=article.text,
        text_sha256=article.text_sha256,
        source=article.source,
        set_aside=tuple(SetAsideLine(kind, text) for kind, text in article.set_aside),
        summary=record.summary,
        title_translation=record.title_translation,
        translation=record.translation,
        sentences=record.sentences,
        reference_summary=article.reference_summary,
        reference_translation=article.reference_translation,
        status=record.status,
        flags=record.flags,
        calls=record.calls,
        repaired=record.repaired,
        article_translation=record.article_translation,
        article_sentences=record.article_sentences,
        kept={name: _as_text(article.extra.get(name)) for name in keep},
    )


def get_ready() -> None:
    """Import what publishing needs; called while other processes inspect the last records, so that it adds no delay."""
    import datasketch  # noqa: F401
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401

    report.template()


def written(records: Iterable[Translated], *, folder: Path, keep: tuple[str, ...]) -> Iterator[PublishedRow]:
    """Write `records` to `folder`/articles-NNNNN.parquet in order; yield each row once it is written.

    The files are whole when the last row has been taken.
    """
    import pyarrow.parquet as pq

    folder.mkdir()
    schema = arrow_schema(keep)
    number = 0
    groups = _groups(records)
    group: list[Translated] | None = next(groups, [])
    while group is not None:  # at least one file, so that an empty version still has its schema
        with pq.ParquetWriter(folder / f"articles-{number:05}.parquet", schema, compression="zstd") as writer:
            written = 0
            while group is not None and written < ROWS_PER_FILE:
                rows = [published_row(record, keep=keep) for record in group]
                writer.write_table(table(rows, schema))
                written += len(group)
                yield from rows
                group = next(groups, None)
        number += 1


def table(rows: list[PublishedRow], schema: pa.Schema) -> pa.Table:
    """Return the rows as a table, by way of JSON: from Python's objects it takes longer, and pyarrow imports pandas."""
    from pyarrow import concat_tables
    from pyarrow.json import ParseOptions, ReadOptions, read_json

    if not rows:
        return schema.empty_table()
    lines = msgspec.json.Encoder().encode_lines(map(as_json, rows))
    if len(lines) > _MOST_JSON and len(rows) > 1:
        half = len(rows) // 2
        return concat_tables([table(rows[:half], schema), table(rows[half:], schema)])
    return read_json(
        io.BytesIO(lines),
        read_options=ReadOptions(block_size=len(lines)),  # no row is longer
        parse_options=ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
    ).replace_schema_metadata(schema.metadata)


def card(manifest: dict[str, JSON], *, data: Path) -> str:
    """Return the version's README.md: a dataset card, so that `datasets.load_dataset(folder)` finds the rows in `data`.

    Its config has a name that no other rows have: the cache of `datasets` distinguishes versions by nothing else.
    """
    counts, models = manifest["counts"], manifest["models"]
    languages = ("vi", "en") if "translate" in models else ("vi",)
    made = "summaries and English translations" if "en" in languages else "summaries"
    if manifest["identity"].get("order", DEFAULT_ORDER) != DEFAULT_ORDER:
        made = "English translations" if "summarize" not in models else "English translations and English summaries"
    lost = {name: counts.get(name, 0) for name in ("duplicates", "rejected", "damaged")}
    read = ", ".join((f"Read {counts['read']}", *(f"{name} {count}" for name, count in lost.items())))
    lines = [
        "---",
        f"language: [{', '.join(languages)}]",
        "configs:",
        f"- config_name: {dataset_cache.config_name(manifest['version'], data)}",
        "  data_files: data/*.parquet",  # without it the loader takes failures and log lines for rows
        "---",
        f"# {manifest['name']}",
        "",
        f"{counts['records']} Vietnamese news articles with {made}, written by machine: check before you publish.",
        "",
        f"Made by tomdich, recipe `{manifest['recipe']}`, scope `{manifest['scope']}`.",
        f"{read}, failed {counts['failures']}, flagged {counts['flagged']}, held back {counts['held']}.",
        *(
            [f"It supersedes {', '.join(f'`{name}`' for name in manifest['supersedes'])}: the same articles, revised."]
            if manifest.get("supersedes")
            else []
        ),
        "",
        *(
            f"- {stage}: `{model['name']}` ({model['engine']}, {model['compute_type']}), license {model['license']}"
            for stage, model in models.items()
        ),
        *(
            f"- {stage}: {OTHER_SEARCH}: {difference}"
            for stage, model in models.items()
            for difference in model.get("search_differences", [])  # older versions' manifests have none
        ),
        "",
        "`data/` holds the records, `failures.jsonl` the articles that are not among them and why, `manifest.json`",
        "what ran and the digest of every file, `config.yaml` the config that makes this version again.",
        "",
    ]
    return "\n".join(lines)


def _groups(records: Iterable[Translated]) -> Iterator[list[Translated]]:
    left = iter(records)
    while group := list(islice(left, ROWS_PER_GROUP)):
        yield group


def _as_text(value: JSON) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
