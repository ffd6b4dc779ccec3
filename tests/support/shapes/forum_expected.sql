-- What belongs to user 3, and what that needs. A row belongs to the user if it references one that
-- does; what it references is only needed.
CREATE SCHEMA expected;
SET search_path = expected;

CREATE VIEW edges (kind, id, needed_kind, needed_id) AS
SELECT 'board', id::text, 'board', parent_id::text FROM forum.boards
UNION ALL SELECT 'user', id::text, 'user', invited_by::text FROM forum.users
UNION ALL SELECT 'thread', id::text, 'board', board_id::text FROM forum.threads
UNION ALL SELECT 'thread', id::text, 'user', author_id::text FROM forum.threads
UNION ALL SELECT 'thread', id::text, 'post', accepted_post_id::text FROM forum.threads
UNION ALL SELECT 'post', id::text, 'thread', thread_id::text FROM forum.posts
UNION ALL SELECT 'post', id::text, 'user', author_id::text FROM forum.posts
UNION ALL SELECT 'post', id::text, 'post', answers_id::text FROM forum.posts
UNION ALL SELECT 'vote', v::text, 'post', post_id::text FROM forum.votes AS v
UNION ALL SELECT 'vote', v::text, 'user', user_id::text FROM forum.votes AS v;

CREATE RECURSIVE VIEW reached (kind, id, belongs) AS
SELECT 'user', id::text, true FROM forum.users WHERE name = 'user 3'
UNION
SELECT next.kind, next.id, next.belongs
FROM reached, LATERAL (
    SELECT kind, id, true FROM edges
    WHERE reached.belongs AND (needed_kind, needed_id) = (reached.kind, reached.id)
    UNION ALL
    SELECT needed_kind, needed_id, false FROM edges
    WHERE (kind, id) = (reached.kind, reached.id) AND needed_id IS NOT NULL
) AS next (kind, id, belongs);

CREATE VIEW boards AS
SELECT * FROM forum.boards WHERE ('board', id::text) IN (SELECT kind, id FROM expected.reached);
CREATE VIEW users AS
SELECT * FROM forum.users WHERE ('user', id::text) IN (SELECT kind, id FROM expected.reached);
CREATE VIEW threads AS
SELECT * FROM forum.threads WHERE ('thread', id::text) IN (SELECT kind, id FROM expected.reached);
CREATE VIEW posts AS
SELECT * FROM forum.posts WHERE ('post', id::text) IN (SELECT kind, id FROM expected.reached);
CREATE VIEW votes AS
SELECT * FROM forum.votes AS v WHERE ('vote', v::text) IN (SELECT kind, id FROM expected.reached);
