INSERT INTO s.place SELECT i, 'city ' || i FROM generate_series(1, 20) AS i;

INSERT INTO s.event (id, day, kind, note, place)
SELECT i, date '2019-11-01' + i * 5, (ARRAY['a', 'b', E'it''s\n'])[1 + i % 3],
       nullif(repeat('n', i % 4), ''), 1 + i % 20
FROM generate_series(1, 200) AS i;

INSERT INTO s.guest
SELECT md5(id::text)::uuid, day, id, kind FROM s.event WHERE id % 2 = 0;
