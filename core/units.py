"""Units of measure that a person may order in: codes of UN/ECE Recommendation 20 and their names.

Invoices from outside may carry any code of the recommendation; matching compares codes as they are.
"""

from decimal import Decimal

UNITS = {
    "C62": "piece",
    "H87": "piece (H87)",
    "EA": "each",
    "NAR": "article",
    "SET": "set",
    "PR": "pair",
    "DZN": "dozen",
    "XPK": "pack",
    "XBX": "box",
    "XCT": "carton",
    "XPX": "pallet",
    "XRO": "roll",
    "HUR": "hour",
    "MIN": "minute",
    "DAY": "day",
    "E49": "working day",
    "WEE": "week",
    "MON": "month",
    "QAN": "quarter",
    "ANN": "year",
    "LS": "lump sum",
    "E48": "service unit",
    "IE": "person",
    "E51": "job",
    "B10": "bit per second",
    "A99": "bit",
    "AD": "byte",
    "4L": "megabyte",
    "E34": "gigabyte",
    "E35": "terabyte",
    "KWH": "kilowatt hour",
    "MWH": "megawatt hour",
    "GRM": "gram",
    "KGM": "kilogram",
    "TNE": "tonne",
    "LBR": "pound",
    "MMT": "millimetre",
    "CMT": "centimetre",
    "MTR": "metre",
    "KMT": "kilometre",
    "FOT": "foot",
    "INH": "inch",
    "MTK": "square metre",
    "MTQ": "cubic metre",
    "LTR": "litre",
    "MLT": "millilitre",
    "P1": "percent",
    "ZZ": "mutually defined",
}

# What stands after a figure; a unit without a short form is written out.
SHORT = {
    "ANN": "years",
    "C62": "pcs",
    "CMT": "cm",
    "DAY": "days",
    "EA": "pcs",
    "E34": "GB",
    "E35": "TB",
    "GRM": "g",
    "H87": "pcs",
    "HUR": "hours",
    "KGM": "kg",
    "KMT": "km",
    "KWH": "kWh",
    "LTR": "l",
    "MIN": "min",
    "MON": "months",
    "MTK": "m²",
    "MTQ": "m³",
    "MTR": "m",
    "MWH": "MWh",
    "TNE": "t",
    "WEE": "weeks",
    "ZZ": "units",
}


_COUNTED = frozenset({"year", "month", "week", "day", "hour", "unit"})


def choices() -> list[tuple[str, str]]:
    """(code, name) for a select field, most used first."""
    return list(UNITS.items())


def short(code: str, value: Decimal | None = None) -> str:
    """What stands after a figure: `pcs`, `kg`; the name or the code itself where there is none.

    After a `value` of one, what is counted in words: `month` rather than `months`.
    """
    word = SHORT.get(code) or UNITS.get(code, code or "")
    is_one = value is not None and abs(value) == 1
    return word[:-1] if is_one and word.removesuffix("s") in _COUNTED else word


def name(code: str) -> str:
    """The unit in full, singular: `piece`; an unknown code as it is."""
    return "piece" if SHORT.get(code) == "pcs" else UNITS.get(code, code or "")
