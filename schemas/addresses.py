"""What of an address may be written down: manifests and reports are shared, secrets are not."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SECRETS = (
    *("signature", "sig", "token", "access_token", "auth_token", "sas", "password", "passwd"),
    *("api_key", "apikey", "api-key", "access_key", "secret", "policy", "key-pair-id"),
    *("awsaccesskeyid", "googleaccessid", "expires"),
)
SIGNED = ("x-amz-", "x-goog-", "x-oss-", "x-ms-")
"""Names, and beginnings of names, of what signs an address: it opens the file to whoever has it."""
AZURE = ("sv", "st", "se", "sr", "sp", "ss", "srt", "spr", "sip")
"""What stands beside the ``sig`` of an Azure address, and changes with it."""


def has_credentials(url: str) -> bool:
    """Whether an address carries a user name or password, which every manifest would repeat."""
    scheme, mark, rest = url.partition("://")
    try:
        return bool(mark) and scheme != "file" and "@" in urlsplit(url).netloc
    except ValueError:  # brackets that do not match
        return "@" in rest.partition("/")[0]


def public(url: str) -> str:
    """An address as it may be shown: without the parameters that sign it.

    The rest of its query stays, because it may be what tells two files apart. An address without
    such parameters comes back as it was.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not match
        return url
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if not _signs(name)]
    if len(kept) == len(pairs):
        return url
    if any(name.lower() == "sig" for name, _ in pairs):
        kept = [(name, value) for name, value in kept if name.lower() not in AZURE]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def _signs(name: str) -> bool:
    return name.lower() in SECRETS or name.lower().startswith(SIGNED)
