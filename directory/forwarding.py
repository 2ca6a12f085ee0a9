"""Which numbers a forwarded call was diverted from (来电转移), read from SIP headers.

Sources: RFC 5806 (Diversion: the newest diversion first), RFC 7044 (History-Info: in order of `index`, the number
first dialled has the lowest).
"""

from __future__ import annotations

import re

_MOST = 20
_LONGEST = 4096
# A comma inside <...> or "..." does not separate entries.
_ENTRY = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,"<>])+')
_ADDRESS = re.compile(r"<([^<>]*)>")
_INDEX = re.compile(r";\s*index\s*=\s*([0-9]{1,3}(?:\.[0-9]{1,3}){0,9})", re.IGNORECASE)


def diverted_from(diversion: str | None, history_info: str | None) -> list[str]:
    """URIs the call was diverted from, the number first dialled first; History-Info before Diversion.

    Headers of any length and content are taken: what cannot be read is left out, and at most 20 entries are kept.
    Whether they are telephone numbers, and lines of ours, is for `DirectorySnapshot.plan_for` to say.
    """
    return _history(history_info or "") + _diversion(diversion or "")


def _diversion(header: str) -> list[str]:
    return [address for entry in reversed(_entries(header)) if (address := _address(entry))]


def _history(header: str) -> list[str]:
    indexed: list[tuple[tuple[int, ...], str]] = []
    for entry in _entries(header):
        index = _INDEX.search(_ADDRESS.sub("", entry))
        address = _address(entry)
        if index and address:
            indexed.append((tuple(int(part) for part in index[1].split(".")), address))
    return [address for _, address in sorted(indexed, key=lambda item: item[0])]


def _entries(header: str) -> list[str]:
    return [match[0] for match in _ENTRY.finditer(header[:_LONGEST])][:_MOST]


def _address(entry: str) -> str:
    bracketed = _ADDRESS.search(entry)
    uri = bracketed[1] if bracketed else entry.partition(";")[0]
    # Headers inside the URI (RFC 7044 puts Reason there) are not part of the address.
    return uri.partition("?")[0].strip()
