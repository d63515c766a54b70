-- The first schema. Keys are integers, `id`s the UUIDs that the wire shows. Times are Unix milliseconds.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,               -- epoch, secret, owner_claim
    value BLOB NOT NULL
);
CREATE TABLE log_head (
    workspace INTEGER PRIMARY KEY,
    pos INTEGER NOT NULL                -- of the newest event
);
-- Never any message text here: replay reads the subject's row as it is now.
CREATE TABLE log (
    pos INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    type INTEGER NOT NULL,              -- place of the event in events.def, from 1
    audience INTEGER NOT NULL,          -- key * 4 + kind (log.h)
    seq INTEGER NOT NULL,               -- of the room, 0 for other audiences
    actor INTEGER NOT NULL,             -- account, 0 for the operator
    subject INTEGER NOT NULL,           -- key of what events.def calls the event's subject
    fact INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX log_audience ON log (audience, pos);
CREATE TABLE account (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,   -- NFKC case-folded
    name_skeleton TEXT NOT NULL UNIQUE, -- look-alikes share it (ICU uspoof)
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,                -- '' when none
    email_folded TEXT UNIQUE,           -- NULL when none
    role INTEGER NOT NULL,
    status TEXT NOT NULL,
    bio TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE session (
    key INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    token_hash BLOB NOT NULL UNIQUE,    -- SHA-256 of the secret
    kind INTEGER NOT NULL,              -- 0 cookie, 1 bearer
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX session_account ON session (account);
CREATE TABLE room (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    private INTEGER NOT NULL,
    general INTEGER NOT NULL,           -- 1: everybody but guests joins it at sign-up
    maker INTEGER NOT NULL,             -- account, 0 for the operator
    seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    archived_at INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX room_name ON room (name, key);
CREATE TABLE membership (
    key INTEGER PRIMARY KEY,
    room INTEGER NOT NULL REFERENCES room,
    account INTEGER NOT NULL REFERENCES account,
    joined_pos INTEGER NOT NULL,        -- of the room.joined event; filled in when the batch gets its numbers
    joined_seq INTEGER NOT NULL,        -- seq of the member.joined event: private history begins here
    joined_at INTEGER NOT NULL,
    is_open INTEGER NOT NULL,           -- 0: left or removed
    read_seq INTEGER NOT NULL,
    read_pos INTEGER NOT NULL,          -- head of the log when the marker last moved
    UNIQUE (room, account)
);
CREATE INDEX membership_account ON membership (account, is_open, room);
CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    room INTEGER NOT NULL REFERENCES room,
    seq INTEGER NOT NULL,
    author INTEGER NOT NULL REFERENCES account,
    text TEXT NOT NULL,                 -- '' when deleted
    nonce TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    edited_at INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (room, seq)
);
-- Outlives the message's text: a retry finds its first request for ever.
CREATE TABLE nonce (
    author INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    message INTEGER NOT NULL,
    digest BLOB NOT NULL,               -- keyed hash of the first request
    PRIMARY KEY (author, nonce)
) WITHOUT ROWID;
-- Other creating operations' nonces, kept for 24 hours.
CREATE TABLE request_nonce (
    author INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    operation TEXT NOT NULL,
    subject INTEGER NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (author, nonce)
) WITHOUT ROWID;
CREATE TABLE invite (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    secret_hash BLOB NOT NULL UNIQUE,
    role INTEGER NOT NULL,
    room INTEGER NOT NULL,              -- 0: none
    uses_left INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
-- Chained: hash covers the row and the hash before it.
CREATE TABLE audit (
    key INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    actor INTEGER NOT NULL,             -- account, 0 for the operator
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash BLOB NOT NULL
);
