-- Add an item to a process's inbox.
--
-- KEYS: the inbox, the lease.
-- ARGV: the inbox's capacity, the item.
-- Returns 'gone', 'full' or 'ok'.

local inbox, lease = KEYS[1], KEYS[2]
local length = redis.call('GET', lease)

if not length then
    redis.call('DEL', inbox)
    return 'gone'
end
if redis.call('LLEN', inbox) >= tonumber(ARGV[1]) then
    return 'full'
end
redis.call('RPUSH', inbox, ARGV[2])
redis.call('PEXPIRE', inbox, 2 * length)
return 'ok'
