-- What belongs to customer C7, and what that needs.
CREATE SCHEMA expected;
SET search_path = expected;

CREATE VIEW customers AS SELECT * FROM orders.customers WHERE customer_id = 'C7';
CREATE VIEW customer_customer_demo AS
SELECT * FROM orders.customer_customer_demo WHERE customer_id = 'C7';
CREATE VIEW customer_demographics AS
SELECT * FROM orders.customer_demographics
WHERE customer_type_id IN (SELECT customer_type_id FROM expected.customer_customer_demo);
CREATE VIEW orders AS SELECT * FROM orders.orders WHERE customer_id = 'C7';
CREATE VIEW order_details AS
SELECT * FROM orders.order_details WHERE order_id IN (SELECT order_id FROM expected.orders);
CREATE VIEW products AS
SELECT * FROM orders.products
WHERE product_id IN (SELECT product_id FROM expected.order_details);
CREATE VIEW suppliers AS
SELECT * FROM orders.suppliers
WHERE supplier_id IN (SELECT supplier_id FROM expected.products);
CREATE VIEW categories AS
SELECT * FROM orders.categories
WHERE category_id IN (SELECT category_id FROM expected.products);
CREATE VIEW shippers AS
SELECT * FROM orders.shippers WHERE shipper_id IN (SELECT ship_via FROM expected.orders);
CREATE RECURSIVE VIEW leads (employee_id) AS
SELECT employee_id FROM orders
UNION
SELECT reports_to FROM leads JOIN orders.employees USING (employee_id);
CREATE VIEW employees AS
SELECT * FROM orders.employees WHERE employee_id IN (SELECT employee_id FROM expected.leads);
