-- A music store: employees report to each other, and tracks are in playlists by a key of two
-- columns.
CREATE SCHEMA music;
SET search_path = music;

CREATE TABLE artist (artist_id int PRIMARY KEY, name varchar(120));
CREATE TABLE album (
    album_id int PRIMARY KEY,
    title varchar(160) NOT NULL,
    artist_id int NOT NULL REFERENCES artist
);
CREATE TABLE employee (
    employee_id int PRIMARY KEY,
    last_name varchar(20) NOT NULL,
    reports_to int REFERENCES employee,
    hire_date timestamp
);
CREATE TABLE customer (
    customer_id int PRIMARY KEY,
    last_name varchar(20) NOT NULL,
    email varchar(60) NOT NULL,
    support_rep_id int REFERENCES employee
);
CREATE TABLE invoice (
    invoice_id int PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customer,
    invoice_date timestamp NOT NULL,
    total numeric(10, 2) NOT NULL
);
CREATE TABLE genre (genre_id int PRIMARY KEY, name varchar(120));
CREATE TABLE media_type (media_type_id int PRIMARY KEY, name varchar(120));
CREATE TABLE track (
    track_id int PRIMARY KEY,
    name varchar(200) NOT NULL,
    album_id int REFERENCES album,
    media_type_id int NOT NULL REFERENCES media_type,
    genre_id int REFERENCES genre,
    milliseconds int NOT NULL,
    unit_price numeric(10, 2) NOT NULL
);
CREATE TABLE invoice_line (
    invoice_line_id int PRIMARY KEY,
    invoice_id int NOT NULL REFERENCES invoice,
    track_id int NOT NULL REFERENCES track,
    quantity int NOT NULL
);
CREATE TABLE playlist (playlist_id int PRIMARY KEY, name varchar(120));
CREATE TABLE playlist_track (
    playlist_id int REFERENCES playlist,
    track_id int REFERENCES track,
    PRIMARY KEY (playlist_id, track_id)
);
CREATE INDEX ON invoice (customer_id);
CREATE INDEX ON invoice_line (invoice_id);
