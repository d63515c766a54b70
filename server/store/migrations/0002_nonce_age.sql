-- Nonces of other creating operations are forgotten after 24 hours, whoever's they are.
CREATE INDEX request_nonce_age ON request_nonce (created_at);
