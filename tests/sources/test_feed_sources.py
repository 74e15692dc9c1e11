"""RSS and Atom files as sources: each entry an article; no entity is expanded and no link followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import SourceError, UnavailableError
from tests.sources.test_sources import TEXTS, Reading, write

RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Báo Thử</title>
<item><title>Trồng cây &amp; dọn rác</title><link>https://bao.test/1</link><guid>g1</guid>
<pubDate>Mon, 06 Apr 2026 10:15:00 +0700</pubDate><description>Tóm tắt&nbsp;ngắn.</description>
<content:encoded><![CDATA[<p>{TEXTS[0]}</p>]]></content:encoded></item>
<item><title>Hai</title><link>https://bao.test/2</link><description>{TEXTS[1]}</description></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Báo Thử</title>
<entry><id>e1</id><title>Lúa</title><link rel="self" href="https://bao.test/self"/><link href="https://bao.test/3"/>
<published>2026-04-06T10:15:00+07:00</published><content>{TEXTS[2]}</content></entry></feed>"""


@pytest.mark.parametrize("name", ["a.rss", "a.xml"])
def test_each_entry_of_rss_is_an_article_with_the_fullest_text(tmp_path: Path, name: str) -> None:
    first, second = Reading(write(tmp_path / name, RSS)).articles
    assert (first.id, first.title, first.url) == ("g1", "Trồng cây & dọn rác", "https://bao.test/1")
    assert (first.text, first.published, first.outlet) == (TEXTS[0], "2026-04-06T10:15:00+07:00", "Báo Thử")
    assert (second.id, second.text, second.source.row) == ("https://bao.test/2", TEXTS[1], 1)


def test_each_entry_of_atom_is_an_article(tmp_path: Path) -> None:
    (article,) = Reading(write(tmp_path / "a.atom", ATOM)).articles
    assert (article.id, article.url, article.text) == ("e1", "https://bao.test/3", TEXTS[2])
    assert article.published == "2026-04-06T10:15:00+07:00"


@pytest.mark.parametrize(
    ("data", "error", "told"),
    [
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>', SourceError, "declares entities"),
        ("<urlset><url><loc>https://bao.test/1</loc></url></urlset>", SourceError, "a sitemap lists addresses"),
        ("<html></html>", SourceError, "neither RSS nor Atom"),
        (RSS[:-30], UnavailableError, "not valid XML"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(tmp_path: Path, data: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        Reading(write(tmp_path / "a.xml", data))
