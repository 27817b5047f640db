-- Accounts are found by the telephone number that their owner has proven.

-- +goose Up

ALTER TABLE users ADD COLUMN phone_key TEXT;
CREATE INDEX users_by_phone ON users (project_id, phone_key, id);
UPDATE users SET phone_key = json_extract(CAST(data AS TEXT), '$.phone_number') WHERE json_extract(CAST(data AS TEXT), '$.phone_number_verified') = 1;
