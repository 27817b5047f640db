-- Accounts are found by the telephone number that their owner has proven.

-- +goose Up

ALTER TABLE users ADD COLUMN phone_key TEXT COLLATE "C";
CREATE INDEX users_by_phone ON users (project_id, phone_key NULLS FIRST, id);
-- In all projects, once: the owner of the table is let past the row security.
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
UPDATE users SET phone_key = convert_from(data, 'UTF8')::json ->> 'phone_number' WHERE convert_from(data, 'UTF8')::json ->> 'phone_number_verified' = 'true';
ALTER TABLE users FORCE ROW LEVEL SECURITY;
