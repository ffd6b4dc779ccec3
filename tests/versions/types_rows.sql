-- Values that careless rendering damages: at the ends of ranges, of many parts, and NULL.
SET LOCAL search_path = '';
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL lc_monetary = 'C';

INSERT INTO s.types (id, by_default, serial) OVERRIDING SYSTEM VALUE VALUES (-1, 0, 0);

INSERT INTO s.types (
    smallint, bigint, numeric, numeric_2, real, double, money, boolean, text, text_c, varchar,
    char_5, one_char, name, json, jsonb, jsonpath, uuid, bytea, bit, varbit, date, time, timetz,
    timestamp, timestamptz, timestamptz_0, interval, interval_month, inet, cidr, macaddr, macaddr8,
    point, line, lseg, box, path, polygon, circle, tsvector, tsquery, pg_lsn, xid, xid8, cid, tid,
    oid, regtype, pg_snapshot, int4range, int8range, numrange, daterange, tsrange, tstzrange,
    float_range, int4multirange, nummultirange, tstzmultirange, float_ranges, mood, short, shorts,
    pair, nest, ints, texts, floats, moods, pairs, ranges, multiranges, boxes, timestamps, byteas,
    "Odd ""name"", with 'quotes'"
) VALUES (
    -32768, -9223372036854775808, 'NaN', -9999999999.99, '-Infinity', '1e-323', -1234567.89,
    false, E'it''s \\N \\. \r\n\t "quoted" $$ -- \x01\x7f', U&'\00E9\+01F600e\0301', '', 'a    ',
    E'\\', 'a name', E'{"a" : 1, "a":[1.50, -0, 1E+2] ,\n"z":null}',
    '{"z": [1.50, null], "a": {"\"": "\\"}}',
    '$."a b"[*] ? (@.x > 1.5 && exists (@."y"))', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '\x00ff27225c0a', B'10101', B'', '4713-01-01 BC', '24:00:00', '23:59:59.999999-15:59',
    '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999', '-infinity',
    '-1 mons +2 days -00:00:00.000001', '-7 years 1 month', '::ffff:1.2.3.4/128', '2001:db8::/32',
    '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(-0,NaN)', '{1,-1,0.5}',
    '[(0,0),(1e300,1e-300)]', '(1,1),(-1,-1)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))',
    '<(1.5,-2),3>', $$'it''s':3A,5B 'a\\b' 'zoo':16383$$, $$!'a b':*A & ( 'c' <-> 'd' | 'e' )$$,
    'FFFFFFFF/FFFFFFFF', '4294967295', '18446744073709551615', '7', '(4294967295,65535)',
    4294967295, 's.pair[]', '10:20:10,14,15', 'empty', '[1,)', '(0.10,1.0]', '(,2020-01-01]',
    '[2020-01-01 00:00,infinity)', '(-infinity,2020-01-01 00:00+05:45)', '(-Infinity,1e-300]',
    '{[1,3),[5,9)}', '{(,0.0],(1.50,)}', '{[2020-01-01,2020-01-02),(2021-01-01,infinity]}',
    '{[0.1,0.30000000000000004]}', 'it''s "fine"', 'ee', '{NULL,"NULL",""}',
    ROW(E'", \\ (', -1, '2020-01-01 00:00+05:45'),
    ROW(ARRAY[ROW('a,b', NULL, NULL), NULL, ROW(NULL, NULL, NULL)]::s.pair[], '', 'empty'),
    '[-2:0][5:6]={{1,NULL},{3,4},{5,6}}', E'{NULL,"NULL","","\\\\ \\" , {}","\n"}',
    '{NaN,-0,Infinity,5e-324,0.1}', ARRAY['a,b {c}', '', NULL]::s.mood[],
    ARRAY[ROW('}{', 1, 'infinity'), NULL]::s.pair[], '{empty,"[1,5)",NULL}',
    '{"{[1,2),[4,5)}","{}"}', '{(1,1),(0,0);(2,2),(0,0)}', '{infinity,"2020-01-01 00:00:00.5+00"}',
    ARRAY['\x', '\x5c00']::bytea[], ''
), (
    32767, 9223372036854775807, '-Infinity', 0, '1e-45', '1.7976931348623157e308',
    92233720368547758.07, true, '', repeat('x', 9000), '0123456789 123456789', '', '', '',
    'null', 'null', 'strict $', '00000000-0000-0000-0000-000000000000', '', B'00000', B'1',
    'infinity', '00:00', '00:00+15:59', 'infinity', '0001-12-31 23:59:59 BC', '1999-12-31 23:59:59',
    '178000000 years', '0', '0.0.0.0/0', '10.0.0.0/8', 'ff:ff:ff:ff:ff:ff',
    '00:00:00:00:00:00:00:00', '(1e-300,1e300)', '{0,1,0}', '[(0,0),(0,0)]', '(0,0),(0,0)',
    '((0,0),(1,1))', '((0,0))', '<(0,0),0>', '', $$'x'$$, '0/0', '0', '0', '0', '(0,0)',
    0, 'character varying', '1:1:', '[-2147483648,2147483647)', '(,)', 'empty', '(,)',
    '(,)', '[2020-01-01 00:00:00.000001+00,)', 'empty', '{}', '{}', '{(,)}', '{}', '', '', '{}',
    ROW(NULL, NULL, NULL), ROW('{}', NULL, NULL), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
    '{}', '{}', E'\\'
);

-- Of nothing whose digits another release may choose otherwise: no numeric is divided.
INSERT INTO s.types (
    numeric, double, real, money, interval, timestamptz, bytea, texts, jsonb, varbit
)
SELECT i * 12345678901234567890.000123456789, i / 7.0::float8, i / 7.0::real, i * 1.01 - 250,
       i * interval '1 day 1.5 s', timestamptz '2024-03-31 00:59:59.9+00' + i * interval '1 hour',
       decode(md5(i::text), 'hex'), string_to_array(repeat('a,', i % 5), ','),
       jsonb_build_object('n', i * 0.142857, 't', chr(i + 32)), i::bit(32)::varbit
FROM generate_series(1, 500) AS i;
