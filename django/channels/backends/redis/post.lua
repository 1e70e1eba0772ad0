
-- Add an item to a process's inbox.
--
-- KEYS: the inbox; the lease.
-- ARGV: the inbox's capacity, the item.
-- Returns 'gone', 'full' or 'ok'.

return post(KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2])
