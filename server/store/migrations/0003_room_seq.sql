-- A room's seq is that of its newest event: the log says it, and no row has to be written again for each message.
ALTER TABLE room DROP COLUMN seq;
