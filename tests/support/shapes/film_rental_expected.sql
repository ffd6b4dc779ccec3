-- What belongs to customer 7, and what that needs.
CREATE SCHEMA expected;
SET search_path = expected;

CREATE VIEW customer AS SELECT * FROM rental.customer WHERE customer_id = 7;
CREATE VIEW rental AS SELECT * FROM rental.rental WHERE customer_id = 7;
CREATE VIEW payment AS
SELECT * FROM rental.payment
WHERE customer_id = 7 OR rental_id IN (SELECT rental_id FROM expected.rental);
CREATE VIEW inventory AS
SELECT * FROM rental.inventory WHERE inventory_id IN (SELECT inventory_id FROM expected.rental);
CREATE VIEW film AS
SELECT * FROM rental.film WHERE film_id IN (SELECT film_id FROM expected.inventory);
CREATE VIEW language AS
SELECT * FROM rental.language
WHERE
    language_id IN (SELECT language_id FROM expected.film)
    OR language_id IN (SELECT original_language_id FROM expected.film);
CREATE RECURSIVE VIEW works (store_id, staff_id) AS
SELECT store_id, NULL::integer FROM customer
UNION
SELECT store_id, NULL FROM inventory
UNION
SELECT NULL, staff_id FROM (SELECT staff_id FROM rental UNION SELECT staff_id FROM payment) AS _
UNION
SELECT staff.store_id, store.manager_staff_id
FROM works
LEFT JOIN rental.staff ON staff.staff_id = works.staff_id
LEFT JOIN rental.store ON store.store_id = works.store_id;
CREATE VIEW store AS
SELECT * FROM rental.store WHERE store_id IN (SELECT store_id FROM expected.works);
CREATE VIEW staff AS
SELECT * FROM rental.staff WHERE staff_id IN (SELECT staff_id FROM expected.works);
CREATE VIEW address AS
SELECT * FROM rental.address
WHERE address_id IN (
    SELECT address_id FROM expected.customer
    UNION SELECT address_id FROM expected.staff
    UNION SELECT address_id FROM expected.store
);
CREATE VIEW city AS
SELECT * FROM rental.city WHERE city_id IN (SELECT city_id FROM expected.address);
CREATE VIEW country AS
SELECT * FROM rental.country WHERE country_id IN (SELECT country_id FROM expected.city);
