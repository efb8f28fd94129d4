"""Hostile XML is refused with a name; harmless oddities are read."""

import pytest

from core.xml import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS, UnsafeXML, parse


def refused(data: bytes) -> str:
    with pytest.raises(UnsafeXML) as caught:
        parse(data)
    assert caught.value.message
    return caught.value.code


LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<lolz>&b;</lolz>"""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"  \n\t ", "empty"),
        (LAUGHS, "doctype"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "doctype"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "doctype"),
        (b"<?xml version='1.0'?><!-- a --><?p i?>\n<!DOCTYPE a><a/>", "doctype"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"), "doctype"),
        (b"<a>&undeclared;</a>", "not-well-formed"),
        (
            b'<a xmlns:xi="http://www.w3.org/2001/XInclude">'
            b'<xi:include href="file:///etc/hostname" parse="text"/></a>',
            "xinclude",
        ),
        (b"<a>\x00</a>", "nul"),
        (b"<a>&#0;</a>", "not-well-formed"),
        (b"<a>&#xD800;</a>", "not-well-formed"),
        (b"<a>\xed\xa0\x80</a>", "encoding"),
        (b"<a>\xff</a>", "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>', "encoding"),
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="iso-8859-1"?><a/>', "encoding"),
        ("<a/>".encode("utf-32"), "encoding"),
        (b"<html><body><p>Hello<br></body></html>", "not-well-formed"),
        (b"%PDF-1.7 not xml", "not-well-formed"),
        (b"<a><b></a>", "not-well-formed"),
        (b"<a/><b/>", "not-well-formed"),
        (b"<a>", "not-well-formed"),
        (b"<a x='1' x='2'/>", "not-well-formed"),
    ],
)
def test_hostile_or_broken_files_are_refused_by_name(data, code):
    assert refused(data) == code


def test_size_depth_and_number_of_elements_are_bounded():
    assert refused(b"<a>" + b" " * MAX_BYTES + b"</a>") == "too-large"
    deep = b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1)
    assert refused(deep) == "too-deep"
    assert refused(b"<a>" * 100_000) in ("too-deep", "not-well-formed")
    assert refused(b"<a>" + b"<b/>" * (MAX_ELEMENTS + 1) + b"</a>") == "too-many-elements"
    attributes = b" ".join(b"a%d='1'" % number for number in range(200))
    assert refused(b"<a " + attributes + b"/>") == "too-many-elements"


def test_depth_and_size_just_inside_are_read():
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf<a>\xc3\xa9</a>",
        b'\xef\xbb\xbf\r\n<?xml version="1.0" encoding="UTF-8"?>\n<a>\xc3\xa9</a>',
        b'\n\n <?xml version="1.0" encoding="utf8"?><a>\xc3\xa9</a>',
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
        '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"),
        b"<?xml-stylesheet type='text/xsl' href='http://127.0.0.1:9/x.xsl'?><a>\xc3\xa9</a>",
        b"<a>&#233;</a>",
        b"<a><![CDATA[\xc3\xa9]]></a>",
    ],
)
def test_harmless_oddities_are_read(data):
    assert parse(data).text == "é"


def test_comment_cannot_split_a_figure():
    assert parse(b"<a>12<!-- x -->34<?p i?>56</a>").text == "123456"


def test_doctype_in_text_is_only_text():
    assert parse(b"<a><![CDATA[<!DOCTYPE html>]]></a>").text == "<!DOCTYPE html>"


def test_external_subset_is_never_fetched(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    body = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode()
    assert refused(body) == "doctype"
