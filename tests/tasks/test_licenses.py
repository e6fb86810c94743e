"""Spellings of licences, and a policy against a plain reading of what it says."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.selection import LicensesConfig
from tasks.licenses import LONGEST, Policy, spdx
from tests.real_data import real_data

if TYPE_CHECKING:
    from collections.abc import Callable

SPELLINGS = {
    "Apache-2.0": (
        "apache-2.0",
        " Apache 2.0 ",
        "Apache License 2.0",
        "Apache License, Version 2.0",
        "The Apache Software License, Version 2.0",
        "License :: OSI Approved :: Apache 2",
        "https://www.apache.org/licenses/LICENSE-2.0.txt",
    ),
    "MIT": (
        "mit",
        "MIT License",
        "The MIT licence",
        "Expat",
        "License :: OSI Approved :: MIT License",
        "https://opensource.org/licenses/MIT",
        "http://www.opensource.org/licenses/mit-license.php",
    ),
    "BSD-3-Clause": ("BSD 3-Clause", "3-Clause BSD License", "New BSD License", "BSD-3"),
    "BSD-2-Clause": ("Simplified BSD", "bsd-2-clause"),
    "CC-BY-4.0": (
        "cc-by-4.0",
        "CC BY 4.0",
        "Creative Commons Attribution 4.0",
        "Creative Commons Attribution 4.0 International License",
        "https://creativecommons.org/licenses/by/4.0/",
        "http://creativecommons.org/licenses/by/4.0",
        "//www.creativecommons.org/licenses/by/4.0/legalcode.de?ref=chooser#top",
        "https://spdx.org/licenses/CC-BY-4.0.html",
    ),
    "CC-BY-NC-SA-3.0": (
        "https://creativecommons.org/licenses/by-nc-sa/3.0/deed.de",
        "Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported",
    ),
    "CC-BY-SA-3.0-DE": ("https://creativecommons.org/licenses/by-sa/3.0/de/",),
    "CC0-1.0": (
        "cc0-1.0",
        "CC0 1.0 Universal",
        "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
    ),
    "CC-PDM-1.0": ("https://creativecommons.org/publicdomain/mark/1.0/",),
    "LicenseRef-Public-Domain": ("public domain", "Public-Domain"),
    "GPL-3.0": ("GPLv3", "GNU General Public License v3.0"),
    "GPL-2.0-or-later": ("GPL-2.0+", "GPLv2+", "GNU GPL version 2 or any later version"),
    "LGPL-2.1": ("GNU Lesser General Public License, version 2.1",),
    "MPL-2.0": ("Mozilla Public License 2.0", "https://www.mozilla.org/en-US/MPL/2.0/"),
    "ODC-By-1.0": ("Open Data Commons Attribution License v1.0",),
    "MIT OR Apache-2.0": ("mit or apache-2.0", "MIT License or Apache 2.0"),
    "Apache-2.0 AND (MIT OR ISC)": ("Apache 2.0 and (MIT License or ISC)",),
}
LEFT_ALONE = (
    *("GPL", "GNU GPL", "BSD", "CC BY", "CC-BY-SA", "CC0", "odc-by", "other", ""),
    *("not MIT", "MIT?", "MIT/Apache-2.0", "Fair use", "Intel License"),
    "Free for personal and academic use",
    "https://creativecommons.org/licenses/by-sa/2.0/fr/",
)


@pytest.mark.parametrize("name", SPELLINGS)
def test_common_spellings_have_one_name(name: str) -> None:
    assert {spelling: spdx(spelling) for spelling in SPELLINGS[name]} == dict.fromkeys(
        SPELLINGS[name], name
    )


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_nothing_is_guessed(name: str) -> None:
    assert spdx(name) == name


def test_the_text_of_a_licence_is_no_name() -> None:
    text = "Permission is hereby granted (and so on) or not. " * 10_000
    assert spdx(text) == text.strip()
    assert spdx("(" * LONGEST + "MIT") == "(" * LONGEST + "MIT"
    assert spdx("(" * 240 + "MIT" + ")" * 240).count("MIT") == 1


WORDS = st.sampled_from(
    [
        *("MIT", "gpl", "2.0", "CC", "by", "v3", "+", "::", "License", "the"),
        *("or", "AND", "with", "(", ")", "https://creativecommons.org/licenses/"),
    ]
)


@given(st.text() | st.lists(WORDS).map(" ".join) | st.lists(WORDS).map("".join))
def test_a_name_stays_what_it_has_become(name: str) -> None:
    assert spdx(spdx(name)) == spdx(name)
    assert spdx(f" {name}\n") == spdx(name)


# ---- policies


def refused(name: str | None, **policy: Any) -> bool:
    return Policy(LicensesConfig(**policy)).refuses(name)


def test_globs_in_any_case() -> None:
    free = ("cc-by-[0-9]*", "CC0-*", "apache 2.0")
    assert not refused("CC BY 4.0", allow=free)
    assert not refused("CC0-1.0", allow=free)
    assert not refused("Apache-2.0", allow=free)
    assert refused("CC-BY-NC-4.0", allow=free)
    assert not refused("CC-BY-NC-4.0", allow=("CC-BY-*",))
    assert refused("CC-BY-NC-4.0", allow=("CC-BY-*",), deny=("*-nc-*",))
    assert refused("MIT", allow=("MI",))


@pytest.mark.parametrize("name", [None, "", "  "])
def test_documents_without_a_licence(name: str | None) -> None:
    assert refused(name, allow=("*",))
    assert not refused(name, deny=("*",))
    assert not refused(name, allow=("MIT",), unstated="keep")
    assert refused(name, deny=("MIT",), unstated="drop")
    assert refused(name, unstated="drop")
    assert not refused("MIT", unstated="drop")


def test_an_exception_goes_by_either_name() -> None:
    name = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert not refused(name, allow=("GPL-2.0-only",))
    assert not refused(name, allow=(name.lower(),))
    assert not refused(name, allow=("* with classpath-*",))
    assert refused("GPL-2.0-only", allow=(name,))
    assert refused(name, allow=(name,), deny=("GPL-2.0-only",))
    assert refused(name, deny=("*Classpath*",))


def test_names_that_are_not_spdx_are_read_strictly() -> None:
    assert not refused("CC-BY-SA", allow=("CC-BY-*",))
    assert not refused("Our own licence", allow=("our OWN licence",))
    free = "Free for personal and academic use"
    assert not refused(free, allow=(free.upper(),))
    # A part that is not allowed, or one that is denied, is enough: nobody says what "or" means.
    assert refused("MIT AND Own-1.0", allow=("MIT*",))
    assert refused("MIT or Own-1.0", allow=("MIT",))
    assert not refused("MIT/Apache 2.0", allow=("MIT", "Apache-2.0"))
    assert refused("Own-1.0 or GPLv3", deny=("GPL-*",))
    assert refused("Own-1.0, GPL-3.0", allow=("Own-1.0, GPL-3.0",), deny=("GPL-*",))
    assert not refused("Own-1.0, MIT", allow=("Own-1.0, MIT",), deny=("GPL-*",))


IDS = ("MIT", "ISC", "Apache-2.0", "GPL-3.0-only", "CC-BY-4.0", "CC-BY-NC-4.0")
Tree = Any  # a name, or ("AND" | "OR", tree, tree)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(IDS),
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner),
    max_leaves=8,
)
GLOBS = st.lists(
    st.sampled_from([*IDS, "*", "CC-*", "*-NC-*", "?IT", "GPL-[23]*", "none"]), max_size=3
)


def written(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    operator, left, right = tree
    parts = []
    for part in (left, right):
        bare = isinstance(part, str) or (operator, part[0]) in {("OR", "AND"), ("AND", "AND")}
        parts.append(written(part) if bare else f"({written(part)})")
    return f" {operator} ".join(parts)


def holds(tree: Tree, fits: Callable[[str], bool]) -> bool:
    if isinstance(tree, str):
        return fits(tree)
    operator, left, right = tree
    both = (holds(left, fits), holds(right, fits))
    return all(both) if operator == "AND" else any(both)


@given(TREES, GLOBS, GLOBS.filter(bool))
def test_expressions_are_read_as_they_are_meant(
    tree: Tree, allow: list[str], deny: list[str]
) -> None:
    def fits(name: str) -> bool:
        allowed = not allow or any(fnmatchcase(name, glob) for glob in allow)
        return allowed and not any(fnmatchcase(name, glob) for glob in deny)

    policy = {"allow": tuple(allow), "deny": tuple(deny)}
    assert refused(written(tree), **policy) == (not holds(tree, fits))


def test_real_records() -> None:
    folder = real_data() / "dolma" / "documents"
    found: dict[str, Counter[str]] = {}
    for file in sorted(folder.glob("*/part-00000.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            stated = (json.loads(line).get("metadata", {}).get("license") for line in lines)
            names = Counter(spdx(name) for name in stated if name)
        if names:
            found[file.parent.name] = names
    assert set(found["legal"]) == {"CC0-1.0"}
    assert set(found["docs"]) == {"PSF-2.0"}
    assert "CC-BY-SA" in found["wiki"], "no version is stated there, and none is made up"
    policy = Policy(LicensesConfig(allow=("CC0-*", "CC-BY-*", "PSF-*"), deny=("*-NC-*",)))
    kept = {name for name, licences in found.items() if not any(map(policy.refuses, licences))}
    assert {"legal", "docs", "news", "code"} <= kept
    assert "maths" not in kept
