-- Eight employees below one; 20 customers with 60 invoices of 180 lines; 100 tracks.
SET search_path = music;

INSERT INTO artist SELECT n, 'Artist ' || n FROM generate_series(1, 15) AS n;
INSERT INTO album SELECT n, E'Album\n' || n, 1 + n % 15 FROM generate_series(1, 25) AS n;
INSERT INTO employee
SELECT n, 'Employee ' || n, CASE WHEN n > 1 THEN n / 2 END, TIMESTAMP '2002-08-14' + n * INTERVAL '1 day'
FROM generate_series(1, 8) AS n;
INSERT INTO customer
SELECT n, 'Customer ' || n, n || '@example.org', CASE WHEN n % 5 > 0 THEN 4 + n % 5 END
FROM generate_series(1, 20) AS n;
INSERT INTO invoice
SELECT n, 1 + n % 20, TIMESTAMP '2021-01-01' + n * INTERVAL '1 day', n * 0.99
FROM generate_series(1, 60) AS n;
INSERT INTO genre SELECT n, 'Genre ' || n FROM generate_series(1, 7) AS n;
INSERT INTO media_type SELECT n, 'Media type ' || n FROM generate_series(1, 3) AS n;
INSERT INTO track
SELECT
    n, 'Track ' || n, CASE WHEN n % 9 > 0 THEN 1 + n % 25 END, 1 + n % 3,
    CASE WHEN n % 11 > 0 THEN 1 + n % 7 END, n * 1000, 0.99
FROM generate_series(1, 100) AS n;
INSERT INTO invoice_line
SELECT n, 1 + n % 60, 1 + (n * 13) % 100, 1 FROM generate_series(1, 180) AS n;
INSERT INTO playlist SELECT n, 'Playlist ' || n FROM generate_series(1, 5) AS n;
INSERT INTO playlist_track
SELECT DISTINCT 1 + n % 5, 1 + (n * 3) % 100 FROM generate_series(1, 200) AS n;
