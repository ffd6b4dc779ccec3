CREATE TABLE shop (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE country (code text PRIMARY KEY);
CREATE TABLE customer (
    id integer PRIMARY KEY, shop_id integer NOT NULL REFERENCES shop, name text NOT NULL,
    country text NOT NULL REFERENCES country, referrer_id integer REFERENCES customer);
CREATE TABLE product (
    id integer PRIMARY KEY, shop_id integer NOT NULL REFERENCES shop, name text NOT NULL,
    goes_with integer[] NOT NULL DEFAULT '{}');
CREATE TABLE orders (
    id integer PRIMARY KEY, shop_id integer NOT NULL REFERENCES shop,
    customer_id integer NOT NULL REFERENCES customer, placed date NOT NULL);
CREATE TABLE order_line (
    order_id integer REFERENCES orders, number integer, product_id integer NOT NULL
    REFERENCES product, quantity integer NOT NULL, PRIMARY KEY (order_id, number));
CREATE TABLE note (
    id integer PRIMARY KEY, about text NOT NULL, about_id integer NOT NULL, body text NOT NULL);
CREATE TABLE access_log (id integer PRIMARY KEY, customer_id integer, page text NOT NULL);
