-- Three stores, each with its manager and one more; 30 customers, 60 films, 90 copies, 150 rentals.
SET search_path = rental;

INSERT INTO country SELECT n, 'Country ' || n FROM generate_series(1, 5) AS n;
INSERT INTO city SELECT n, 'City ' || n, 1 + n % 5 FROM generate_series(1, 12) AS n;
INSERT INTO address SELECT n, n || ' Main Street', 1 + n % 12 FROM generate_series(1, 40) AS n;
INSERT INTO language SELECT n, 'Language ' || n FROM generate_series(1, 4) AS n;
INSERT INTO film
SELECT
    n,
    'The ' || n || '. Film''s "Title"',
    1990 + n % 30,
    1 + n % 3,
    CASE WHEN n % 7 = 0 THEN 4 END,
    0.99 + n % 4,
    (enum_range(NULL::mpaa_rating))[1 + n % 5],
    CASE WHEN n % 3 = 0 THEN ARRAY['Trailers', 'Deleted, "Scenes"'] END,
    ''
FROM generate_series(1, 60) AS n;
INSERT INTO actor SELECT n, 'Actor ' || n FROM generate_series(1, 20) AS n;
INSERT INTO film_actor SELECT DISTINCT 1 + n % 20, 1 + n % 60 FROM generate_series(1, 180) AS n;
INSERT INTO category SELECT n, 'Category ' || n FROM generate_series(1, 6) AS n;
INSERT INTO film_category SELECT n, 1 + n % 6 FROM generate_series(1, 60) AS n;
WITH stores AS (
    INSERT INTO store SELECT n, n, n FROM generate_series(1, 3) AS n
)
INSERT INTO staff
SELECT n, 'Staff ' || n, 3 + n, 1 + (n - 1) % 3, decode(repeat('00ff5c', n), 'hex')
FROM generate_series(1, 6) AS n;
INSERT INTO customer
SELECT n, 1 + n % 2, 'Customer ' || n, 10 + n, DATE '2021-12-01' + n FROM generate_series(1, 30) AS n;
INSERT INTO inventory SELECT n, 1 + n % 60, 1 + n % 2 FROM generate_series(1, 90) AS n;
INSERT INTO rental
SELECT
    n,
    TIMESTAMPTZ '2022-01-01 10:00+00' + n * INTERVAL '7 hours',
    1 + (n * 7) % 90,
    1 + n % 30,
    1 + n % 2
FROM generate_series(1, 150) AS n;
INSERT INTO payment
SELECT rental_id, customer_id, 1 + rental_id % 2, rental_id, 0.99 + rental_id % 5, rental_date
FROM rental WHERE rental_id % 10 <> 0;
