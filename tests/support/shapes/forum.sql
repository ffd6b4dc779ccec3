-- A forum. Posts lie in partitions by hash and answer posts in others; votes lie in partitions by
-- time. A thread may name the post that answers it, which is a circle.
CREATE SCHEMA forum;
SET search_path = forum;

CREATE TABLE boards (id int PRIMARY KEY, parent_id int REFERENCES boards, name text NOT NULL);
CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL UNIQUE, invited_by uuid REFERENCES users);
CREATE TABLE threads (
    id bigint PRIMARY KEY,
    board_id int NOT NULL REFERENCES boards,
    author_id uuid NOT NULL REFERENCES users,
    accepted_post_id bigint,
    title text NOT NULL
);
CREATE TABLE posts (
    id bigint PRIMARY KEY,
    thread_id bigint NOT NULL REFERENCES threads,
    author_id uuid NOT NULL REFERENCES users,
    answers_id bigint REFERENCES posts,
    body text NOT NULL
) PARTITION BY HASH (id);
CREATE TABLE posts_0 PARTITION OF posts FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE posts_1 PARTITION OF posts FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE posts_2 PARTITION OF posts FOR VALUES WITH (MODULUS 3, REMAINDER 2);
ALTER TABLE threads ADD FOREIGN KEY (accepted_post_id) REFERENCES posts;
CREATE TABLE votes (
    post_id bigint NOT NULL REFERENCES posts,
    user_id uuid NOT NULL REFERENCES users,
    voted_at timestamptz NOT NULL,
    value smallint NOT NULL,
    PRIMARY KEY (post_id, user_id, voted_at)
) PARTITION BY RANGE (voted_at);
CREATE TABLE votes_2023 PARTITION OF votes
    FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00');
CREATE TABLE votes_2024 PARTITION OF votes
    FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE votes_later PARTITION OF votes DEFAULT;

CREATE INDEX ON threads (author_id);
CREATE INDEX ON posts (thread_id);
CREATE INDEX ON posts (author_id);
CREATE INDEX ON posts (answers_id);
CREATE INDEX ON votes (user_id);
