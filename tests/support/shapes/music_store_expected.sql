-- What belongs to customer 6, and what that needs.
CREATE SCHEMA expected;
SET search_path = expected;

CREATE VIEW customer AS SELECT * FROM music.customer WHERE customer_id = 6;
CREATE VIEW invoice AS SELECT * FROM music.invoice WHERE customer_id = 6;
CREATE VIEW invoice_line AS
SELECT * FROM music.invoice_line WHERE invoice_id IN (SELECT invoice_id FROM expected.invoice);
CREATE VIEW track AS
SELECT * FROM music.track WHERE track_id IN (SELECT track_id FROM expected.invoice_line);
CREATE VIEW album AS
SELECT * FROM music.album WHERE album_id IN (SELECT album_id FROM expected.track);
CREATE VIEW artist AS
SELECT * FROM music.artist WHERE artist_id IN (SELECT artist_id FROM expected.album);
CREATE VIEW genre AS
SELECT * FROM music.genre WHERE genre_id IN (SELECT genre_id FROM expected.track);
CREATE VIEW media_type AS
SELECT * FROM music.media_type
WHERE media_type_id IN (SELECT media_type_id FROM expected.track);
CREATE RECURSIVE VIEW leads (employee_id) AS
SELECT support_rep_id FROM customer
UNION
SELECT reports_to FROM leads JOIN music.employee USING (employee_id);
CREATE VIEW employee AS
SELECT * FROM music.employee WHERE employee_id IN (SELECT employee_id FROM expected.leads);
