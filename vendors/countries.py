"""Countries of ISO 3166 by their two letters."""

from babel import Locale

_NONE = frozenset({"ZZ", "EU", "UN", "EZ", "QO", "XA", "XB"})
NAMES: dict[str, str] = {
    code: name
    for code, name in sorted(Locale("en").territories.items(), key=lambda pair: pair[1])
    if len(code) == 2 and code.isalpha() and code not in _NONE
}
