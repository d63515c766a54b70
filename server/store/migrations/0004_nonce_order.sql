-- By nonce first: those that begin with the time (UUIDv7, as the SDK makes them) are stored side by side, and a batch of messages
-- changes one page of this table where it changed one for each author.
CREATE TABLE nonce_in_order (
    nonce TEXT NOT NULL,
    author INTEGER NOT NULL,
    message INTEGER NOT NULL,
    digest BLOB NOT NULL,               -- keyed hash of the first request
    PRIMARY KEY (nonce, author)
) WITHOUT ROWID;
INSERT INTO nonce_in_order (nonce, author, message, digest)
    SELECT nonce, author, message, digest FROM nonce ORDER BY nonce, author;
DROP TABLE nonce;
ALTER TABLE nonce_in_order RENAME TO nonce;
