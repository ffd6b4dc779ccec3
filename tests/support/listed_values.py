"""Values of every type, at the ends of what it can hold and wherever else exactness was ever lost.

A type as SQL names it, and the texts of its values. Each type also gets NULL, and arrays of it.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Texts that end a literal, a line, a comment, a COPY or a psql command when nobody takes care.
WILD_TEXTS = (
    "", " ", "  two blanks  ", "\t", "\n", "\r", "\r\n", "\n\n", "a\nb", "\\", "\\\\", "\\n", "'",
    "''", "'''", "\\'", "'; DROP TABLE s.t; --", "\"", "$$", "$1", "$replant$", "%", "%s", "%L",
    "%%", ":id", ":'id'", ":\"id\"", ":{?id}", "\\q", "\n\\q\n", "\n\\! true\n", "\\.", "\n\\.\n",
    "\\N", "NULL", "null", "(NULL)", "E'", "E'\\n'", "U&'\\0041'", "--", "\n-- replant manifest\n",
    "\n-- sha256 0\n", "/*", "*/", "/* ' */", ");\nCOMMIT;\n", "'),\n('", "),\n(", ",\n", "\x01",
    "\x08\x0b\x0c\x1a\x1b\x7f", "\x80\x85\xa0\xad", "\u2028\u2029", "\ufeff", "\ufffe\uffff",
    "\U0001f600", "e\u0301", "\xe9", "\u202e", "\U0010ffff", "\u0131I\u0130i", "{}", "{NULL}",
    "<>&", "a" * 9000, "'" * 3000, "\\" * 3000, "\n" * 3000,
)  # fmt: skip

_FLOATS = (
    "0", "-0", "NaN", "Infinity", "-Infinity", "1", "-1", "0.1", "0.30000000000000004", "1e-5",
    "0.0001", "1e15", "1e16", "123456789012345680", "1e22", "1e23",
)  # fmt: skip
_DATES = (
    "infinity", "-infinity", "4714-11-24 BC", "0001-12-31 BC", "0001-01-01", "0099-02-03",
    "1582-10-10", "1969-12-31", "1970-01-01", "1999-12-31", "2000-02-29", "10000-01-01",
)  # fmt: skip
_TIMES = (
    "00:00:00", "24:00:00", "23:59:59.999999", "00:00:00.000001", "12:34:56.1", "01:02:03.120",
)  # fmt: skip
_MOMENTS = (
    *_DATES, "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "0044-03-15 12:00 BC",
    "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00.000001", "2024-10-27 02:30:00.5",
    "1900-01-01 00:00:00.1",
)  # fmt: skip
_ZONED = tuple(f"{moment}+00" if ":" in moment and "BC" not in moment else moment
               for moment in _MOMENTS)  # fmt: skip
_INTERVALS = (
    "0", "infinity", "-infinity", "1 year -2 mons 3 days -04:05:06.000007", "-1 year 2 mons",
    "-1 mons +1 day", "-00:00:00.000001", "1 day -00:00:01", "-1 day +00:00:01",
    "178956970 years 7 mons 2147483647 days 2562047788:00:54.775806",
    "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807",
    "2147483647 mons -2147483648 days", "300:00:00", "1 mon", "13 mons", "400 days", "0.5 seconds",
)  # fmt: skip
_JSON = (
    "null", "true", "0", "-0", '""', '"a"', "[]", "{}", "1.0", "1.50", "1E+2", "1e-7", "1e400",
    "12345678901234567890123456789.10", '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u00e9\xe9"',
    '"\\ud83d\\ude00"', '"it\'s"', '{"b": 1, "a": 2}', '{"": {"": []}}', "[null, [null], {}]",
)  # fmt: skip
_RANGED_NUMBERS = ("empty", "(,)", "[1,)", "(,1)", "[1,2)", "[-5,7)")
_TEXT_RANGES = (
    "empty", "(,)", '["",)', '["",""]', '("a","b")', '["NULL",)', '[null,"null"]', '["\\"","\\\\"]',
    '["(","["]', '[")","]"]', '["a,b",c]', '[" a ",b]', '["\'","a\nb"]',
)  # fmt: skip

#: The types of PostgreSQL itself.
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "smallint": ("0", "-32768", "32767"),
    "integer": ("0", "-2147483648", "2147483647"),
    "bigint": ("0", "-9223372036854775808", "9223372036854775807", "9007199254740993"),
    "numeric": (
        "0", "0.0", "0.000", "1", "1.0", "1.00", "-1.500", "NaN", "Infinity", "-Infinity",
        "1e131071", "1e-16383", "-9" + "9" * 131071, "0." + "0" * 16382 + "1",
        "1" + "0" * 40 + ".10", "123456789012345678901234567890.0123456789",
    ),
    "numeric(10,4)": ("0", "1.5", "-999999.9999", "999999.99994", "NaN"),
    "numeric(3,-2)": ("0", "100", "-99900", "12345"),
    "numeric(2,5)": ("0", "0.00099", "-0.00012"),
    "numeric(1000,1000)": ("0", "0." + "9" * 1000),
    "real": (*_FLOATS, "1e-45", "3.4028235e38", "-3.4028235e38", "1.1754944e-38", "16777217"),
    "double precision": (
        *_FLOATS, "5e-324", "1.7976931348623157e308", "-1.7976931348623157e308",
        "2.2250738585072014e-308", "9007199254740993", "0.1e-320",
    ),
    "money": ("0", "-0.01", "92233720368547758.07", "-92233720368547758.08", "1234567.89"),
    "boolean": ("true", "false"),
    '"char"': ("", "a", "\\", "'", "\n", "\\200", "\\377", " "),
    "name": ("", "a", "n" * 63, "Odd \"name\"\n", "\xe9" * 31),
    "text": WILD_TEXTS,
    "character varying": WILD_TEXTS,
    "character varying(5)": ("", "     ", "a    ", "abcde", "\n\n\n\n\n", "\U0001f600" * 5),
    "bpchar": ("", "a", "a   ", "\n"),
    "character(1)": ("", " ", "'", "\\", "\n"),
    "character(5)": ("", "a", " a", "a ", "abcde", "\n", "'\\\n\t\r"),
    "bytea": ("", "\\x00", "\\x", "\\x" + "00" * 40, "\\x" + bytes(range(256)).hex(),
              "\\x5c27270a"),
    "date": (*_DATES, "5874897-12-31"),
    "time": _TIMES,
    "time(0)": _TIMES,
    "time(3)": _TIMES,
    "time with time zone": tuple(f"{t}{z}" for t in _TIMES for z in ("+00", "+15:59:59", "-15:59")),
    "time(2) with time zone": ("24:00:00-01:30", "12:34:56.789+05:45"),
    "timestamp": _MOMENTS,
    "timestamp(0)": ("1999-12-31 23:59:59.4", "0044-03-15 12:00:00.6 BC", *_DATES),
    "timestamp(3)": ("1999-12-31 23:59:59.1239", "infinity"),
    "timestamp with time zone": _ZONED,
    "timestamp(1) with time zone": ("1999-12-31 23:59:59.16+14", "-infinity"),
    "interval": _INTERVALS,
    "interval(0)": ("1 day -00:00:01", "infinity", "0.4 seconds"),
    "interval(3)": ("-00:00:00.0015",),
    "interval year": ("-3 years", "0"),
    "interval month": ("14 mons", "-1 mon"),
    "interval year to month": ("-3 years 2 mons",),
    "interval day to minute": ("3 days -04:05",),
    "interval hour to second": ("-04:05:06.789",),
    "interval minute to second": ("05:06.789", "-00:05:06"),
    "interval minute": ("90 minutes",),
    "interval second(2)": ("90.129",),
    "bit(1)": ("0", "1"),
    "bit(9)": ("000000000", "101010101"),
    "bit varying": ("", "0", "1", "10" * 300),
    "bit varying(4)": ("", "0", "1111"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "json": (
        *_JSON, ' { "a" : 1 ,\n\t"a" : 2 } ', "\n1\r\n", '"\\u0000"', '"\\u0041"',
        "[1,2 , 3]", '{"a":1,"a":1}', "1e1000000",
    ),
    "jsonb": (*_JSON, '{"a": 1, "a": 2}', "1e1000", "-1.000", '{"\\u0001": "\\u007f"}'),
    "jsonpath": (
        "$", "strict $.a", '$."a b"[*] ? (@.x > 1.50 && !(@ == "it\'s"))', "$[0 to last]",
        "$.**{2 to 4}", '$.a ? (@ like_regex "^\\\\d+$" flag "i")', "-($.a + 1)", "(1.5).type()",
        "$.a.decimal(3,1)",
        '$ ? (@ == $var)', '"\\n\\u0001"', "1e400", "exists($.a)", "($.a == 1) is unknown",
    ),
    "inet": ("0.0.0.1", "255.255.255.255/0", "10.1.2.3/8", "::", "::ffff:1.2.3.4", "fe80::1/64"),
    "cidr": ("0.0.0.0/0", "10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4/32"),
    "macaddr": ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": ("00:00:00:00:00:00:00:00", "08:00:2b:01:02:03:04:05"),
    "point": ("(0,-0)", "(NaN,Infinity)", "(1e-300,0.1)"),
    "line": ("{1,-1,0}", "{0.1,0,-0}", "{NaN,1,Infinity}"),
    "lseg": ("[(0,0),(1,-0)]", "[(NaN,1),(-Infinity,2)]"),
    "box": ("(1,1),(0,0)", "(0.1,-0),(-5e-324,-1)", "(0,0),(0,0)"),
    "path": ("((0,0),(1,1))", "[(0,0),(1,1)]", "((0.1,-0))"),
    "polygon": ("((0,0))", "((0,0),(1,1),(0.1,-0))"),
    "circle": ("<(0,-0),0>", "<(0.1,1e300),Infinity>", "<(NaN,0),NaN>"),
    "int4range": (*_RANGED_NUMBERS, "[-2147483648,2147483647)"),
    "int8range": (*_RANGED_NUMBERS, "[-9223372036854775808,9223372036854775807)"),
    "numrange": (*_RANGED_NUMBERS, "[1.0,1.00]", "(1.50,NaN]", "[-Infinity,Infinity]"),
    "daterange": ("empty", "(,)", "[2000-01-01,infinity]", "[4714-11-24 BC,5874897-12-31)"),
    "tsrange": ("empty", "[2000-01-01,)", "[-infinity,infinity]", '("0044-03-15 12:00 BC",]'),
    "tstzrange": ("empty", "[2000-01-01 00:00+02,)", "[-infinity,infinity)"),
    "int4multirange": ("{}", "{(,)}", "{[1,2),[4,6)}"),
    "nummultirange": ("{}", "{[1.0,1.00],(2,2.5]}", "{(,1),(1,)}"),
    "tstzmultirange": ("{}", '{["2000-01-01 00:00+02","2000-01-02 00:00+02"]}'),
    "datemultirange": ("{}", "{[2000-01-01,infinity]}"),
    "tsvector": (
        "", "a", "'it''s':1A,2B,16383 '\\\\':3", "' ' 'a b':1", "'\"' '\n'", "'\xe9':7D 'B' b",
    ),
    "tsquery": (
        "", "a", "!!a", "a & (b | !c)", "a <-> b", "a <2> (b & c)", "a:*AB", "'it''s' | '\\\\':*",
        "!(a <0> b)", "(a | b) <-> c",
    ),
    "oid": ("0", "4294967295"),
    "xid": ("0", "4294967295"),
    "xid8": ("0", "18446744073709551615"),
    "cid": ("0", "4294967295"),
    "tid": ("(0,0)", "(4294967295,65535)"),
    "pg_lsn": ("0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"),
    "pg_snapshot": ("10:20:10,14,15", "1:1:"),
    "txid_snapshot": ("10:20:10,14,15",),
    "refcursor": ("", "a cursor's name"),
    "int2vector": ("", "1 -32768 32767"),
    "oidvector": ("", "0 4294967295"),
    "aclitem": ("=r/postgres", "postgres=a*r*w*d*D*x*t*m*/postgres"),
    "regclass": ("-", "pg_catalog.pg_class", '"Odd, it\'s"."a ""table"" x"', "4294967295"),
    "regtype": ("-", "integer", "timestamp with time zone", "character varying[]", "s.mood",
                "s.odd[]", "public.known"),
    "regproc": ("-", "pg_catalog.int4in", "s.shouted"),
    "regprocedure": ("-", "pg_catalog.abs(integer)", "s.shouted(s.mood)", "now()"),
    "regoper": ("0", "pg_catalog.||/"),
    "regoperator": ("0", "pg_catalog.+(integer,integer)", "-(NONE,integer)",
                    "s.===(s.mood,s.mood)"),
    "regrole": ("-", "postgres", '"pg_read_all_data"'),
    "regnamespace": ("-", "s", "pg_catalog", '"Odd, it\'s"'),
    "regcollation": ("-", '"C"', 's."odd collation"'),
    "regconfig": ("english", "simple", "s.plain"),
    "regdictionary": ("simple", "english_stem"),
}  # fmt: skip

#: Types that come with an extension, by its name.
EXTENSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "citext": {"citext": ("", "A", "a", "NULL", "It's\n\\")},
    "hstore": {
        "hstore": ("", "a=>1", "a=>NULL", 'a=>"NULL"', '"it\'s \\"q\\""=>"\\\\ =>, \n"', '""=>""'),
    },
    "ltree": {
        "ltree": ("", "a", "Top.Science-1.\xe9_2"),
        "lquery": ("a.*{1,2}.!b|c*@", "*"),
        "ltxtquery": ("a & !(b | c@*)",),
    },
    "cube": {"cube": ("()", "(0)", "(1, -0, 0.1)", "(1e-300),(NaN)", "(0,1),(2,-Infinity)")},
    "seg": {"seg": ("1", "1.0", "1.00", "1 .. 2.50", "~1", "<1 .. >2", ".. 3", "1 ..", "-0.0")},
    "isn": {
        "ean13": ("978-0-393-04002-9", "9771436450004"),
        "isbn13": ("978-0-393-04002-9",),
        "isbn": ("0-393-04002-X", "979-10-90636-07-1"),
        "ismn": ("M-060-11561-5",),
        "issn": ("1436-4522",),
        "upc": ("036000291452",),
    },
    "intarray": {"query_int": ("1", "1&(2|!3)")},
    "lo": {"lo": ("0", "4294967295")},
    "vector": {
        "vector": ("[0]", "[1,-0,0.1]", "[1e-45,3.4028235e38]"),
        "vector(3)": ("[1,2,3]",),
        "halfvec": ("[0]", "[65504,-0,6e-8]"),
        "sparsevec": ("{}/5", "{1:0.1,5:-3}/5"),
    },
}  # fmt: skip

#: What the types below are made of, and what values of reg types name.
DEFINITIONS = r"""
CREATE SCHEMA "Odd, it's";
CREATE DOMAIN public.known AS integer;
GRANT USAGE ON SCHEMA "Odd, it's" TO PUBLIC;
CREATE TABLE "Odd, it's"."a ""table"" x" ();
CREATE TYPE s.mood AS ENUM ('', 'NULL', 'it''s "so"', E'a\nb\\', 'ok', 'a,b', '{}');
CREATE FUNCTION s.shouted(s.mood) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'HO!';
CREATE FUNCTION s.same(s.mood, s.mood) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true;
CREATE OPERATOR s.=== (LEFTARG = s.mood, RIGHTARG = s.mood, FUNCTION = s.same);
CREATE COLLATION s."odd collation" (LOCALE = 'C');
CREATE TEXT SEARCH CONFIGURATION s.plain (COPY = pg_catalog.simple);

-- A base type with a cast to text of its own, which is implicit.
CREATE TYPE s.odd;
CREATE FUNCTION s.odd_in(cstring) RETURNS s.odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION s.odd_out(s.odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE s.odd (INPUT = s.odd_in, OUTPUT = s.odd_out, LIKE = text, DELIMITER = ';');
CREATE FUNCTION s.odd_text(s.odd) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'lost';
CREATE CAST (s.odd AS text) WITH FUNCTION s.odd_text AS IMPLICIT;
CREATE FUNCTION s.text_odd(text) RETURNS s.odd LANGUAGE sql IMMUTABLE RETURN s.odd_in('lost');
CREATE CAST (text AS s.odd) WITH FUNCTION s.text_odd AS IMPLICIT;
CREATE CAST (s.mood AS text) WITH FUNCTION s.shouted AS IMPLICIT;

CREATE DOMAIN s.positive AS numeric(6,2) CHECK (VALUE > 0);
CREATE DOMAIN s.short AS varchar(3) NOT NULL DEFAULT 'x';
CREATE DOMAIN s.padded AS character(3);
CREATE DOMAIN s.shorter AS s.short CHECK (length(VALUE) < 3);
CREATE DOMAIN s.moods AS s.mood[] CHECK (cardinality(VALUE) < 9);
CREATE TYPE s.nothing AS ();
CREATE TYPE s.pair AS (a integer, "b's \" text);
CREATE FUNCTION s.pair_text(s.pair) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'lost';
CREATE CAST (s.pair AS text) WITH FUNCTION s.pair_text AS IMPLICIT;
CREATE DOMAIN s.known_pair AS s.pair CHECK (VALUE IS NULL OR (VALUE).a > 0);
CREATE DOMAIN s.two_moods AS s.moods CHECK (cardinality(VALUE) = 2);
CREATE TYPE s.nest AS (pairs s.pair[], inner_pair s.pair, m s.moods, d s.padded, t time, p point[]);
CREATE TYPE s.nests AS (n s.nest[], o s.odd[]);
CREATE TYPE s.texts AS RANGE (SUBTYPE = text, COLLATION = "C", MULTIRANGE_TYPE_NAME = s.many_texts);
CREATE TYPE s.between_moods AS RANGE (SUBTYPE = s.mood);
CREATE TYPE s.between_pairs AS RANGE (SUBTYPE = s.pair);
CREATE TYPE s.between_shorts AS RANGE (SUBTYPE = s.short);
CREATE TYPE s.between_lists AS RANGE (SUBTYPE = text[]);
CREATE DOMAIN s.some_texts AS s.texts CHECK (NOT isempty(VALUE));
CREATE TYPE s.changed AS (a integer, gone text, z text);
ALTER TYPE s.changed DROP ATTRIBUTE gone, ADD ATTRIBUTE later text;
"""

_PAIRS = (
    "(,)", '(,"")', "(1,)", "(-1,NULL)", '(1,"NULL")', '(1,"a,b")', '(1,"()")', '(1,""" \\\\")',
    "(1,' )", '(1," ")', '(1,"\n")',
)  # fmt: skip

#: Types of a user's own.
USER_DEFINED: Mapping[str, tuple[str, ...]] = {
    "s.mood": ("", "NULL", 'it\'s "so"', "a\nb\\", "ok", "a,b", "{}"),
    "s.odd": ("", "a", "NULL", "it's;", "\\"),
    "s.positive": ("0.01", "9999.99", "1.5"),
    "s.short": ("", "   ", "'\\\n"),
    "s.padded": ("", "a", "\n"),
    "s.shorter": ("", "a"),
    "s.moods": ("{}", '{NULL,"NULL",""}', '{{ok,"a,b"},{"it\'s \\"so\\"","{}"}}'),
    "s.two_moods": ("{ok,NULL}", "[-1:0]={ok,ok}"),
    "s.nothing": ("()",),
    "s.pair": _PAIRS,
    "s.known_pair": ("(1,)", "(1,x)"),
    "s.nest": (
        "(,,,,,)",
        '("{""(1,\\\\""a,b\\\\"")"",NULL}","(2,"" "")","{ok,NULL,""NULL""}","a  ",24:00:00,)',
        '(,,,,,"{""(0,-0)""}")',
    ),
    "s.nests": (
        "(,)", '({},{})', '("{""(,,,,,)"",NULL}","{a;NULL;""NULL"";""it\'s;""}")',
    ),
    "s.texts": _TEXT_RANGES,
    "s.many_texts": ("{}", "{(,)}", '{["a","b"],["c\\"","d,"]}'),
    "s.between_moods": ("empty", '["",NULL]', '["NULL",ok]'),
    "s.between_pairs": ("empty", '["(1,a)","(1,\\"b,\\")"]', "(,)"),
    "s.between_shorts": ('["a  ","a b"]', "(,a)"),
    "s.between_lists": ('["{}","{NULL,\\"a,b\\"}"]',),
    "s.some_texts": ('[" ",]',),
    "s.changed": ("(1,z,)", "(,,)"),
}  # fmt: skip

#: Arrays beyond those that every type above gets.
ARRAYS: Mapping[str, tuple[str, ...]] = {
    "integer[]": (
        "{}", "{NULL}", "{1,NULL,-2147483648}", "[0:1]={1,2}", "[-3:-3]={NULL}", "{{1,2},{3,4}}",
        "[2:3][-1:0]={{1,NULL},{3,4}}", "{{{{{{1}}}}}}", "[2147483646:2147483646]={1}",
    ),
    "text[]": (
        "{}", '{""}', '{NULL,"NULL","null"}', '{"{}","a,b","\\"","\\\\","\'"," ","\n"}',
        '[7:8]={" x","y "}', '{{"NULL",NULL}}',
    ),
    "character(2)[]": ('{"a ",NULL,""}',),
    "numeric(4,2)[]": ("{1,1.10,NaN}",),
    "bit(3)[]": ("{000,101}",),
    "interval hour to minute[]": ('{01:02,"-00:05"}',),
    "box[]": ("{(1,1),(0,0);NULL;(2,2),(1,1)}",),
    "bytea[]": ('{"\\\\x00","\\\\x"}',),
    "json[]": ('{"{\\"a\\" : 1}","null",NULL}',),
    "jsonb[]": ('{"{\\"a\\": [1, \\"x\\"]}","null",NULL}',),
    "double precision[]": ("{-0,NaN,Infinity,5e-324}",),
    "timestamp with time zone[]": ('{infinity,"0044-03-15 12:00+00 BC"}',),
    "s.odd[]": ('{a;NULL;"NULL";"x;y";"it\'s"}',),
    "s.pair[]": ('{"(1,\\"a,b\\")","(,)",NULL,"(,\\"\\")"}', '{{"(1,)"},{"(2,)"}}'),
    "s.short[]": ('{a,"  ","nul"}',),
    "s.moods[]": ('{"{ok,NULL}","{}",NULL}',),
    "s.known_pair[]": ('{"(1,)"}',),
    "s.texts[]": ('{empty,"[\\"a,b\\",)",NULL}',),
}  # fmt: skip
