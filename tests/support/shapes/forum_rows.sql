-- 40 users, 60 threads, 400 posts of which most answer another, 300 votes.
SET search_path = forum;

INSERT INTO boards SELECT n, CASE WHEN n > 2 THEN n / 2 END, 'Board ' || n FROM generate_series(1, 7) AS n;
INSERT INTO users
SELECT md5('user ' || n)::uuid, 'user ' || n, CASE WHEN n % 4 = 0 THEN md5('user ' || n / 4)::uuid END
FROM generate_series(1, 40) AS n;
INSERT INTO threads (id, board_id, author_id, title)
SELECT n, 1 + n % 7, md5('user ' || 1 + n % 40)::uuid, 'Thread ' || n
FROM generate_series(1, 60) AS n;
INSERT INTO posts
SELECT
    n,
    1 + n % 60,
    md5('user ' || 1 + (n * 7) % 40)::uuid,
    CASE WHEN n > 60 AND n % 5 > 0 THEN n - 60 END,
    E'Post\t' || n || E'\nwith a second line, and a backslash \\ in it'
FROM generate_series(1, 400) AS n;
UPDATE threads SET accepted_post_id = id + 59 WHERE id % 6 = 0;
INSERT INTO votes
SELECT
    1 + (n * 17) % 400,
    md5('user ' || 1 + n % 40)::uuid,
    TIMESTAMPTZ '2023-06-01 00:00+00' + n * INTERVAL '3 days',
    CASE WHEN n % 3 = 0 THEN -1 ELSE 1 END
FROM generate_series(1, 300) AS n;
