"""What is looked for: kinds, words, prefixes, lengths and ranges, each with its source.

Kept apart from the kernel so that they can be named without compiling anything.
"""

from __future__ import annotations

from typing import Final

MAX_LOCAL: Final = 64
MAX_DOMAIN: Final = 253
MAX_LABEL: Final = 63
"""Characters of an address's parts (RFC 5321, section 4.5.3.1; RFC 1035, section 2.3.4)."""
NOBODYS_DOMAINS: Final = (
    *("example.com", "example.net", "example.org", "example.edu"),
    *("openssh.com", "libssh.org"),
)
"""Domains for documentation (RFC 2606, section 3; IANA's example domains), and those under which
protocols name their methods as if by e-mail (``aes256-gcm@openssh.com``: RFC 4251, section 6)."""
SERVICE_LOCALS: Final = ("git",)
"""What stands before the ``@`` of a repository's address (``git@github.com:owner/name``)."""

IPV4_SPECIAL: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    "123.45.67.89/32",
)
"""Not a person's: IANA's special-purpose registry (RFC 6890), multicast and what is reserved above
it (RFC 1112), and the usual example. One that ends with 0 or 255 is a network's."""
IPV6_SPECIAL: Final = ("2001::/23", "2001:db8::/32", "3fff::/20")
"""Protocols (RFC 2928) and documentation (RFC 3849, RFC 9637). Of the rest, only global unicast
(2000::/3, RFC 4291) is looked for: no loopback, private, link-local or multicast addresses."""
IPV6_LEAST_GROUPS: Final = 3
"""Groups beside a ``::``; fewer are a slice or a prefix."""
SMALL_OCTET: Final = 32
LARGE_OCTETS: Final = 2
"""An address has at least two octets of 32 or more, as 99.3 % of all addresses do (31/4,096 have
not); version and section numbers seldom have."""
VERSION_WORDS: Final = (
    *("version", "versions", "ver", "rev", "revision", "release", "releases", "build", "firmware"),
    *("update", "upgrade", "patch", "section", "sections", "sec", "chapter", "clause", "figure"),
    *("table", "rule", "appendix", "oid", "kernel", "linux", "v", "§"),
)
"""Words before what is a number of something else."""

IBANS: Final = {
    country: shape
    for shape, countries in (
        ("16n", "AT BA EE LT MN XK"),
        ("18n", "CR DE ME RS VA"),
        ("20n", "CZ ES SE SK TN"),
        ("14n", "DK FI FO GL SD"),
        ("19n", "AE IL SO TL"),
        ("23n", "BI DJ MR"),
        ("4a20n", "HN NI SV"),
        ("21n", "LY PT ST"),
        ("8n16c", "AL CY"),
        ("5n12c", "CH LI"),
        ("10n11c2n", "FR MC"),
        ("4a14n", "GB IE"),
        ("24n", "HU PL"),
        ("1a10n12c", "IT SM"),
        ("4a4n18c", "JO YE"),
        ("3n13c", "KZ LU"),
        ("4a16c", "PK RO"),
        ("4a21c", "PS QA"),
        ("8n12c", "AD"),
        ("4a20c", "AZ"),
        ("12n", "BE"),
        ("4a6n8c", "BG"),
        ("4a14c", "BH"),
        ("23n1a1c", "BR"),
        ("4c4n16c", "BY"),
        ("4c20n", "DO"),
        ("25n", "EG"),
        ("2a12n", "FK"),
        ("2a16n", "GE"),
        ("4a15c", "GI"),
        ("7n16c", "GR"),
        ("24c", "GT"),
        ("17n", "HR"),
        ("4a15n", "IQ"),
        ("22n", "IS"),
        ("4a22c", "KW"),
        ("4n20c", "LB"),
        ("4a24c", "LC"),
        ("4a13c", "LV"),
        ("20c", "MD"),
        ("3n10c2n", "MK"),
        ("4a5n18c", "MT"),
        ("4a19n3a", "MU"),
        ("4a10n", "NL"),
        ("11n", "NO"),
        ("3n16c", "OM"),
        ("14n15c", "RU"),
        ("2n18c", "SA"),
        ("4a20n3a", "SC"),
        ("15n", "SI"),
        ("6n16c", "TR"),
        ("6n19c", "UA"),
        ("4a16n", "VG"),
    )
    for country in countries.split()
}
"""What follows a country and its two check digits: so many digits (n), capital letters (a), or
either (c). SWIFT, IBAN registry, release 101; ISO 13616."""

CARDS: Final = (
    ("4", "4", (16, 19)),  # Visa; its 13 digits are history, and those of many goods (EAN)
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14,)),  # Diners Club
    ("3095", "3095", (14,)),
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("6011", "6011", (16,)),  # Discover
    ("644", "659", (16,)),
    ("62", "62", (16, 19)),  # UnionPay
    ("3528", "3589", (16,)),  # JCB
    ("2200", "2204", (16,)),  # Mir
)
"""First and last prefix of an issuer, and digits in all (ISO/IEC 7812-1 gives the form and Luhn's
check digit; ranges as the networks publish them). Maestro is left out: its prefixes are a third of
all numbers, at seven lengths."""
CARD_SHAPES: Final = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
"""Groups of digits, as printed on cards."""
CARD_LEAST_DIFFERENT: Final = 3
"""Different digits: published test numbers (4111 1111 1111 1111) have fewer."""
CARD_CUES: Final = (
    *("card", "visa", "amex", "american express", "mastercard", "credit", "debit", "cvv", "cvc"),
    *(
        "karte",
        "carte",
        "carta",
        "tarjeta",
        "kort",
        "kaart",
        "cartão",
        "karta",
        "карт",
        "卡",
        "カード",
    ),
)
CARD_CUE_WINDOW: Final = 48
"""One of these stands in so many characters before a number that nothing divides: one in ten of all
numbers has Luhn's check digit."""

_ASSIGNED: Final = """
1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64
65 66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229
230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253
254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351 352 353
354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420
421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672
673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 853
855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974
975 976 977 979 992 993 994 995 996 998
"""
CALLING_CODES: Final = frozenset(_ASSIGNED.split())
"""ITU-T E.164, list of assigned country codes."""
LEAST_DIGITS: Final = 8
MOST_DIGITS: Final = 15
"""Digits of an international number: at most 15 (ITU-T E.164, section 6.2); fewer than 8 would be
the small numbers of arithmetic."""
MOST_NATIONAL: Final = 13
"""Digits of a number after a cue, with what stands before it to dial abroad (``00``)."""
LEAST_UNBROKEN: Final = 10
"""Digits of an international number that nothing divides."""

CUES: Final = (
    *("tel", "tels", "telephone", "telephones", "telefon", "telefone", "telefono", "telefoon"),
    *("teléfono", "téléphone", "tél", "tlf", "phone", "phones", "fon", "fone", "ph", "mob"),
    *("mobile", "mobil", "móvil", "cellulare", "cellphone", "handy", "gsm", "portable", "fax"),
    *("telefax", "faks", "hotline", "whatsapp", "puh", "puhelin", "тел", "телефон", "факс"),
    *(
        "моб",
        "τηλ",
        "电话",
        "電話",
        "手机",
        "手機",
        "传真",
        "傳真",
        "热线",
        "전화",
        "휴대폰",
        "팩스",
        "هاتف",
    ),
    *("☎", "☏", "✆", "📞", "📱", "📠", "℡"),
)
"""Words and signs before a telephone number, in small letters (of ASCII)."""
HOPS: Final = ("number", "no", "nr", "nummer", "num", "n°", "nº", "№", "号码", "號碼", "번호")
"""Words between a cue and its number."""

TOKEN, LETTERS_DIGITS, BASE32 = "A-Za-z0-9_-", "A-Za-z0-9", "A-Z2-7"
TOKENS: Final = (
    # prefix, the byte of it to look for, what follows: of which characters, least, most, digits
    ("AKIA", "K", BASE32, 16, 16, 0),
    ("ASIA", "S", BASE32, 16, 16, 0),
    *((f"gh{kind}_", "_", LETTERS_DIGITS, 36, 255, 1) for kind in "pousr"),
    ("github_pat_", "_", "A-Za-z0-9_", 82, 82, 3),
    ("glpat-", "-", TOKEN, 20, 64, 1),
    *((f"xox{kind}-", "-", "A-Za-z0-9-", 20, 255, 5) for kind in "abeoprs"),
    ("AIza", "z", TOKEN, 35, 35, 1),
    ("sk_live_", "_", LETTERS_DIGITS, 16, 247, 2),
    ("rk_live_", "_", LETTERS_DIGITS, 16, 247, 2),
    ("sk-", "-", TOKEN, 32, 255, 3),
    ("hf_", "_", LETTERS_DIGITS, 34, 40, 0),
    ("npm_", "_", LETTERS_DIGITS, 36, 36, 1),
    ("pypi-AgE", "-", TOKEN, 50, 255, 3),
)
"""Keys by their makers' documented form: AWS (access key ids), GitHub (token formats), GitLab,
Slack, Google (API keys), Stripe (live secret and restricted keys), OpenAI and those who do as it
does, Hugging Face, npm, PyPI."""
TOKEN_LEAST_DIFFERENT: Final = 8
LONGEST_REPEAT: Final = 3
PLACEHOLDER: Final = "example"
"""A key has so many different characters, none of them more often in a row, and is no example."""
JWT_LEAST: Final = (10, 10, 16)
"""Characters of a JSON Web Token's header, payload and signature (RFC 7519), the first two of which
begin with ``eyJ``, which is ``{"`` in Base64."""

KEYS: Final = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "api_key"),
    *("api-key", "accesskey", "access_key", "access-key", "secretkey", "secret_key"),
    *("secret-key", "accountkey", "privatekey", "private_key"),
)
"""What the name of a variable ends with that holds a secret, in small letters."""
LONGEST_NAME: Final = 64
VALUE: Final = "A-Za-z0-9+/_~-"
VALUE_LEAST, VALUE_MOST = 16, 128
VALUE_DIGITS, VALUE_LETTERS, VALUE_DIFFERENT = 3, 3, 10
"""What makes such a variable's value look random: its length, so many digits, letters, different
characters, and no more than half of its neighbours the same or next to each other in ASCII."""

PEM_MOST_BYTES: Final = 16_384
"""Bytes of a private key between its lines BEGIN and END (a 16,384-bit RSA key has 12.6 kB)."""
PEM_LEAST_RUN: Final = 40
PEM_LEAST_LINE: Final = 16
"""Base64 in a row that makes it a key, and that goes on with one whose end is cut off."""
