"""Licences: what a record says of its own to SPDX names, and a recipe's policy over them."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.selection import LicensesConfig

VERSION: Final = "licenses-1"
"""Changes with what is recognised, so that decisions are then made anew."""
LONGEST: Final = 500
"""Characters. What is longer is a licence's text, not its name."""
PUBLIC_DOMAIN: Final = "LicenseRef-Public-Domain"

_NOISE = {"the", "license", "licence", "licensed", "under", "version", "v", "any", "gnu",
          "software", "international", "unported", "universal", "generic"}  # fmt: skip
_PHRASES = (
    ("creative commons", "cc"),
    ("attribution", "by"),
    ("share alike", "sa"),
    ("sharealike", "sa"),
    ("non commercial", "nc"),
    ("noncommercial", "nc"),
    ("no derivatives", "nd"),
    ("noderivatives", "nd"),
    ("no derivs", "nd"),
    ("noderivs", "nd"),
    ("cc zero", "cc0"),
    ("affero general public", "agpl"),
    ("lesser general public", "lgpl"),
    ("library general public", "lgpl"),
    ("general public", "gpl"),
    ("free documentation", "gfdl"),
    ("mozilla public", "mpl"),
    ("eclipse public", "epl"),
    ("european union public", "eupl"),
    ("open data commons by", "odc by"),
    ("boost", "bsl"),
    ("asl", "apache"),
    ("expat", "mit"),
    ("new bsd", "bsd 3 clause"),
    ("modified bsd", "bsd 3 clause"),
    ("revised bsd", "bsd 3 clause"),
    ("3 clause bsd", "bsd 3 clause"),
    ("simplified bsd", "bsd 2 clause"),
    ("2 clause bsd", "bsd 2 clause"),
)
_WITHOUT_VERSION = {"isc", "mit", "ncsa", "openssl", "postgresql", "unlicense", "wtfpl", "x11",
                    "zlib"}  # fmt: skip
"""Names that stay clear without the word licence; most others are ordinary words too."""
_PLAIN = re.compile(r"[a-z0-9 .,_+-]+")
_GLUED = re.compile(r"(?<=pl)v(?=\d)|\bv\.? ?(?=\d)")
_GAPS = re.compile(r"[ ,_-]+")
_LATER = re.compile(r"\b([al]?gpl|gfdl)-(\d\.\d)\+", re.IGNORECASE)
_OPERATORS = re.compile(r"([()]|\s(?:and|or)\s)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[,;|&/()]|\s(?:and|or|with)\s", re.IGNORECASE)
_TOKENS = re.compile(r"[()]|[^\s()]+")
_SITE = r"(?:https?:)?(?://)?(?:www\.)?"
_ADDRESSES = (
    (
        (
            r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/([a-z]{2,3}))?"
            r"(?:/(?:deed|legalcode|rdf)[\w.-]*)?"
        ),
        "cc",
    ),
    (r"creativecommons\.org/publicdomain/zero/(1\.0)(?:/(?:deed|legalcode|rdf)[\w.-]*)?", "cc0"),
    (r"creativecommons\.org/publicdomain/mark/(1\.0)(?:/deed[\w.-]*)?", "cc-pdm"),
    (r"apache\.org/licenses/license-(\d\.\d)(?:\.txt|\.html)?", "apache"),
    (r"gnu\.org/(?:licenses|copyleft)/([al]?gpl)-(\d\.\d)(?:\.[a-z-]+)*", ""),
    (r"gnu\.org/(?:licenses|copyleft)/fdl-(\d\.\d)(?:\.[a-z-]+)*", "gfdl"),
    (r"mozilla\.org/(?:[a-z-]+/)?mpl/(\d\.\d)", "mpl"),
    (
        (
            r"(?:opensource\.org/licenses?|spdx\.org/licenses|choosealicense\.com/licenses)"
            r"/([\w.+-]+?)(?:\.html|\.php|\.txt|\.json)?"
        ),
        "",
    ),
)


def spdx(name: str) -> str:
    """SPDX expression of a licence as people spell it; what is not recognised stays as it is.

    A version that is not stated is not guessed: "GPL" and "CC BY" are left alone.
    """
    plain = name.strip()
    return _recognised(plain) or plain


def _recognised(plain: str) -> str | None:
    return _lookup(plain) if 0 < len(plain) <= LONGEST else None


@lru_cache(maxsize=1 << 14)
def _lookup(plain: str) -> str | None:
    found = _single(plain)
    if found is None and _OPERATORS.search(plain):
        parts = [_single(p.strip()) or p for p in _OPERATORS.split(plain)]
        found = _expression("".join(parts))
    return found


def _single(plain: str) -> str | None:
    return _expression(plain) or _address(plain) or _spelling(plain)


def _expression(text: str) -> str | None:
    """The canonical form of an SPDX expression in any case; None for anything else."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(_LATER.sub(r"\1-\2-or-later", text)))
    except InvalidLicenseExpression:
        return None


def _address(text: str) -> str | None:
    place = text.lower().partition("#")[0].partition("?")[0].rstrip("/")
    for pattern, prefix in _ADDRESSES:
        found = re.fullmatch(_SITE + pattern, place)
        if found:
            name = "-".join(filter(None, (prefix, *found.groups())))
            return _expression(name) or _spelling(name)
    return None


def _spelling(text: str) -> str | None:
    """What remains of a name without the words that add nothing, if that is an SPDX name."""
    low = text.rpartition("::")[2].strip().lower()  # the last part of a package's classifier
    if not _PLAIN.fullmatch(low):
        return None
    words = [w for w in _GAPS.split(_GLUED.sub(" ", low)) if w not in _NOISE]
    short = f" {' '.join(words)} "
    for phrase, brief in _PHRASES:
        short = short.replace(f" {phrase} ", f" {brief} ")
    words = short.split()
    if words in (["public", "domain"], ["publicdomain"]):
        return PUBLIC_DOMAIN
    whole = [re.sub(r"^\d(?=\+?$)", r"\g<0>.0", w) for w in words]
    for candidate in ("-".join(words), "-".join(whole), "-".join([*words, "clause"])):
        if candidate in _WITHOUT_VERSION or re.search(r"-\d", candidate):
            found = _expression(candidate)
            if found is not None:
                return found
    return None


class Policy:
    """Which licences a recipe refuses; each spelling is judged once by whoever asks."""

    def __init__(self, config: LicensesConfig) -> None:
        self._allow, self._deny = _patterns(config.allow), _patterns(config.deny)
        self._allowed_names = {spdx(name).casefold() for name in config.allow}
        self._refuse_unstated = (config.unstated or ("drop" if config.allow else "keep")) == "drop"

    def refuses(self, name: str | None) -> bool:
        """Whether a document of this licence may not be kept (None: it states none)."""
        if name is None or not name.strip():
            return self._refuse_unstated
        known = _recognised(name.strip())
        if known is not None:
            return not _holds(known, self._accepts)
        return not self._accepts_unknown(name.strip())

    def _accepts(self, name: str, exception: str | None = None) -> bool:
        """Whether one licence will do, by its name or by that with its exception."""
        names = [name] if exception is None else [name, f"{name} WITH {exception}"]
        if self._deny is not None and any(map(self._deny.match, names)):
            return False
        return self._allow is None or any(map(self._allow.match, names))

    def _accepts_unknown(self, name: str) -> bool:
        """A name that is no SPDX expression: by its very spelling, or if each part will do.

        What "or" means in it is unknown, so that no part that is denied may be in it.
        """
        parts = [p for p in map(str.strip, _SEPARATORS.split(name)) if p]
        if name.casefold() in self._allowed_names:
            denied = self._deny
            return denied is None or not any(denied.match(spdx(p)) for p in (name, *parts))
        whole_denied = self._deny is not None and self._deny.match(name)
        return not whole_denied and bool(parts) and all(self._accepts_part(p) for p in parts)

    def _accepts_part(self, part: str) -> bool:
        known = _recognised(part)
        return self._accepts(part) if known is None else _holds(known, self._accepts)


def _patterns(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for globs over SPDX names, in any case; None for no names."""
    globs = "|".join(translate(spdx(name)) for name in names)
    return re.compile(globs, re.IGNORECASE) if names else None


def _holds(expression: str, accepts: Callable[[str, str | None], bool]) -> bool:
    """Whether an SPDX expression leaves a choice that is accepted: AND binds before OR."""
    tokens = _TOKENS.findall(expression)[::-1]

    def either() -> bool:
        found = both()
        while tokens and tokens[-1] == "OR":
            tokens.pop()
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while tokens and tokens[-1] == "AND":
            tokens.pop()
            found = one() and found
        return found

    def one() -> bool:
        name = tokens.pop()
        if name == "(":
            found = either()
            tokens.pop()
            return found
        exception = None
        if tokens and tokens[-1] == "WITH":
            tokens.pop()
            exception = tokens.pop()
        return accepts(name, exception)

    return either()
