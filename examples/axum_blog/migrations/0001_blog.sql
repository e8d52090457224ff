CREATE TABLE blog (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE post (
    id      INTEGER PRIMARY KEY,
    blog_id INTEGER NOT NULL REFERENCES blog (id),
    title   TEXT NOT NULL CHECK (title <> '')
);
