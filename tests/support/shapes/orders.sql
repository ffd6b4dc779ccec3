-- An order database: customers have keys of text, the lines of an order a key of two columns, and
-- employees report to each other.
CREATE SCHEMA orders;
SET search_path = orders;

CREATE TABLE region (region_id smallint PRIMARY KEY, region_description varchar(60) NOT NULL);
CREATE TABLE territories (
    territory_id varchar(20) PRIMARY KEY,
    territory_description varchar(60) NOT NULL,
    region_id smallint NOT NULL REFERENCES region
);
CREATE TABLE employees (
    employee_id smallint PRIMARY KEY,
    last_name varchar(20) NOT NULL,
    photo bytea,
    reports_to smallint REFERENCES employees
);
CREATE TABLE employee_territories (
    employee_id smallint REFERENCES employees,
    territory_id varchar(20) REFERENCES territories,
    PRIMARY KEY (employee_id, territory_id)
);
CREATE TABLE customers (customer_id character(5) PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE customer_demographics (
    customer_type_id character(10) PRIMARY KEY,
    customer_desc text
);
CREATE TABLE customer_customer_demo (
    customer_id character(5) REFERENCES customers,
    customer_type_id character(10) REFERENCES customer_demographics,
    PRIMARY KEY (customer_id, customer_type_id)
);
CREATE TABLE shippers (shipper_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE suppliers (supplier_id smallint PRIMARY KEY, company_name varchar(40) NOT NULL);
CREATE TABLE categories (category_id smallint PRIMARY KEY, category_name varchar(15) NOT NULL);
CREATE TABLE products (
    product_id smallint PRIMARY KEY,
    product_name varchar(40) NOT NULL,
    supplier_id smallint REFERENCES suppliers,
    category_id smallint REFERENCES categories,
    unit_price real
);
CREATE TABLE orders (
    order_id smallint PRIMARY KEY,
    customer_id character(5) REFERENCES customers,
    employee_id smallint REFERENCES employees,
    order_date date,
    ship_via smallint REFERENCES shippers,
    freight real
);
CREATE TABLE order_details (
    order_id smallint REFERENCES orders,
    product_id smallint REFERENCES products,
    unit_price real NOT NULL,
    quantity smallint NOT NULL,
    discount real NOT NULL,
    PRIMARY KEY (order_id, product_id)
);
CREATE INDEX ON orders (customer_id);
