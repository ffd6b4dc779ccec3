-- The schema of a notes application that many workspaces share.

CREATE SCHEMA notes;

CREATE TABLE notes.workspace (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    owner_email text
);

-- `id` is numbered by the database, and `words` is computed by it.
CREATE TABLE notes.note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES notes.workspace,
    parent_id bigint REFERENCES notes.note,
    author_email text,
    title text NOT NULL,
    body text,
    pinned boolean NOT NULL DEFAULT false,
    words integer GENERATED ALWAYS AS (cardinality(string_to_array(body, ' '))) STORED
);

CREATE INDEX ON notes.note (workspace_id);

-- Tags belong to nobody: all workspaces use the same ones.
CREATE TABLE notes.tag (
    id integer PRIMARY KEY,
    label text NOT NULL UNIQUE
);

CREATE TABLE notes.note_tag (
    note_id bigint REFERENCES notes.note,
    tag_id integer REFERENCES notes.tag,
    PRIMARY KEY (note_id, tag_id)
);
