"""`${NAME}` in a config: replaced from the environment where it is used, so that no secret is published.

Secrets that are written out in URLs are masked in whatever is shown.
"""

from __future__ import annotations

import os
import re

from pipeline.errors import ConfigError

ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

RELATIVE_TO = "/./${"  # between a folder and the `${NAME}` whose relative value is resolved against it
_USERINFO = re.compile(r"(https?)?://([^/?#\s]*)@")  # to the last @: a password may hold one
_PARAMETER = re.compile(r"([?&;])([^=?&;#\s]+)=([^&;#\s]+)")
# What web services call the secret in a query: `token`, `api_key`, `X-Amz-Signature`, Azure's `sig`.
_SECRET = re.compile(
    r"(?:token|secret|passwo?r?d|passphrase|signature|credentials?|authorization|api.?key|access.?key(?:.?id)?)$"
    r"|(?:^|[^a-z])(?:key|sig|auth|pwd|jwt)$"
)


def expand_env(text: str) -> str:
    """Return `text` with each `${NAME}` replaced by its value; raises `ConfigError` for a name that is not set."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ConfigError(f"${{{match[1]}}} is not set in the environment")
        return found

    return ENV.sub(value, text)


def expand_path(path: str) -> str:
    """Return the path of a source with each `${NAME}` replaced; raises `ConfigError` for a name that is not set.

    In `/base/./${NAME}` a relative value is resolved against the folder before `/./`, see `config.resolve_path`; an
    absolute value, a URL, `-` and an empty value replace it.
    """
    base, mark, name = path.partition(RELATIVE_TO)
    if not mark:
        return expand_env(path)
    value = expand_env(f"${{{name}")
    return os.path.join(base, value) if is_relative(value) else value  # noqa: PTH118 - a Path would drop `..`


def is_relative(path: str) -> bool:
    """Return whether a path is relative: not absolute, a URL, `-` or empty."""
    return bool(path) and path != "-" and "://" not in path and not path.startswith(("/", "~"))


def masked(text: str) -> str:
    """Return `text` with `***` for each secret that is written into a URL in it; `${NAME}` stays.

    A secret is a password, on the web a user without one too (a token), and the value of `?token=`, `&api_key=` and
    their like in a query.
    """

    def user(match: re.Match[str]) -> str:
        web = match[1] or ""
        name, colon, password = match[2].partition(":")
        if password:
            return match[0] if ENV.search(password) else f"{web}://{name}:***@"
        return f"{web}://***{colon}@" if name and web and not ENV.search(name) else match[0]

    def parameter(match: re.Match[str]) -> str:
        mark, name, value = match.groups()
        return f"{mark}{name}=***" if _SECRET.search(name.lower()) and not ENV.search(value) else match[0]

    return _PARAMETER.sub(parameter, _USERINFO.sub(user, text))
