-- Add an item to a process's inbox.
--
-- KEYS: the inbox; the lease; the number of the last call of read.lua.
-- ARGV: the inbox's capacity, the item.
-- Returns 'gone', 'full' or 'ok'.

local inbox, lease, last = KEYS[1], KEYS[2], KEYS[3]
local length = redis.call('GET', lease)

if not length then
    redis.call('DEL', inbox, last)
    return 'gone'
end
if redis.call('LLEN', inbox) >= tonumber(ARGV[1]) then
    return 'full'
end
redis.call('RPUSH', inbox, ARGV[2])
redis.call('PEXPIRE', inbox, 2 * length)
redis.call('PEXPIRE', last, 2 * length)
return 'ok'
