-- Partitions of partitions, a default partition, a partition whose columns lie in another order,
-- and foreign keys from and to a partitioned table.
CREATE SCHEMA s;

CREATE TABLE s.event (
    id int,
    day date,
    kind text,
    parent int,
    parent_day date,
    note text,
    PRIMARY KEY (day, id, kind)
) PARTITION BY RANGE (day);
CREATE TABLE s.event_old PARTITION OF s.event FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE s.event_2020 PARTITION OF s.event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')
    PARTITION BY LIST (kind);
CREATE TABLE s.event_2020_a PARTITION OF s.event_2020 FOR VALUES IN ('a');
CREATE TABLE s.event_2020_other PARTITION OF s.event_2020 DEFAULT;
CREATE TABLE s.event_rest (
    note text, gone int, kind text NOT NULL, id int NOT NULL, parent_day date, day date NOT NULL,
    parent int
);
ALTER TABLE s.event_rest DROP COLUMN gone;
ALTER TABLE s.event ATTACH PARTITION s.event_rest DEFAULT;

CREATE TABLE s.place (id int PRIMARY KEY, city text) PARTITION BY HASH (id);
CREATE TABLE s.place_0 PARTITION OF s.place FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE s.place_1 PARTITION OF s.place FOR VALUES WITH (MODULUS 2, REMAINDER 1);

ALTER TABLE s.event ADD COLUMN place int REFERENCES s.place;
CREATE TABLE s.guest (
    id uuid PRIMARY KEY,
    day date NOT NULL,
    event int NOT NULL,
    kind text NOT NULL,
    FOREIGN KEY (day, event, kind) REFERENCES s.event
);
