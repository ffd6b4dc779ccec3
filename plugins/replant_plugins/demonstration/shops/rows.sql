INSERT INTO shop VALUES (1, 'North'), (2, 'South');
INSERT INTO country VALUES ('de'), ('fr');
INSERT INTO customer VALUES
    (1, 1, 'Ada', 'de', NULL), (2, 1, 'Ben', 'fr', 1), (3, 2, 'Cid', 'fr', NULL);
INSERT INTO product VALUES (1, 1, 'Tea', '{}'), (2, 1, 'Cup', '{1}'), (3, 2, 'Hat', '{}');
INSERT INTO orders VALUES
    (10, 1, 1, '2024-03-01'), (11, 1, 2, '2024-03-02'), (12, 2, 3, '2024-03-03'),
    (13, 1, 1, '2024-03-04');
INSERT INTO order_line VALUES (10, 1, 1, 2), (10, 2, 2, 1), (11, 1, 2, 4), (12, 1, 3, 1), (13, 1, 1, 5);
INSERT INTO note VALUES (1, 'order', 11, 'Gift wrap'), (2, 'customer', 1, 'Calls often'), (3, 'order', 12, 'Late');
INSERT INTO access_log VALUES (1, 2, '/tea'), (2, 3, '/hat');
