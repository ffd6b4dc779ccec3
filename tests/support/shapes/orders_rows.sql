-- 25 customers with 80 orders of 240 lines; nine employees, of whom the second leads.
SET search_path = orders;

INSERT INTO region SELECT n, 'Region ' || n FROM generate_series(1, 4) AS n;
INSERT INTO territories
SELECT lpad(n::text, 5, '0'), 'Territory ' || n, 1 + n % 4 FROM generate_series(1, 20) AS n;
INSERT INTO employees
SELECT n, 'Employee ' || n, '\x0000ff'::bytea, CASE WHEN n > 5 THEN 5 WHEN n <> 2 THEN 2 END
FROM generate_series(1, 9) AS n;
INSERT INTO employee_territories
SELECT DISTINCT 1 + n % 9, lpad((1 + n % 20)::text, 5, '0') FROM generate_series(1, 40) AS n;
INSERT INTO customers SELECT 'C' || n, 'Company ' || n FROM generate_series(1, 25) AS n;
INSERT INTO customer_demographics SELECT 'Type ' || n, 'So' || n FROM generate_series(1, 3) AS n;
INSERT INTO customer_customer_demo
SELECT 'C' || n, 'Type ' || 1 + n % 3 FROM generate_series(1, 25) AS n;
INSERT INTO shippers SELECT n, 'Shipper ' || n FROM generate_series(1, 3) AS n;
INSERT INTO suppliers SELECT n, 'Supplier ' || n FROM generate_series(1, 12) AS n;
INSERT INTO categories SELECT n, 'Category ' || n FROM generate_series(1, 8) AS n;
INSERT INTO products
SELECT n, 'Product ' || n, 1 + n % 12, 1 + n % 8, n / 7.0 FROM generate_series(1, 40) AS n;
INSERT INTO orders
SELECT n, 'C' || 1 + n % 25, 1 + n % 9, DATE '1996-07-04' + n, 1 + n % 3, n / 3.0
FROM generate_series(1, 80) AS n;
INSERT INTO order_details
SELECT 1 + n % 80, 1 + (n * 11 + n / 80) % 40, n / 9.0, n, (n % 4) / 20.0 FROM generate_series(1, 240) AS n;
