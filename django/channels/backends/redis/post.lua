
-- Add an item to a process's inbox.
--
-- KEYS: the inbox; the lease; the number of the last call of read.lua.
-- ARGV: the inbox's capacity, the item.
-- Returns 'gone', 'full' or 'ok'.

return post(KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1]), ARGV[2])
