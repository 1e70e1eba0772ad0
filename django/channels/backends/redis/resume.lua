-- Give the items of a process's inbox new numbers, since a server that was
-- started again, or is another one, may have gone back to older ones.
--
-- KEYS: the inbox; the lease.
-- ARGV: the number before the first item's.
-- Returns the number that the first had before, or 0 if the lease is over; and
-- how many items there were.

local inbox, lease, base = KEYS[1], KEYS[2], ARGV[1]
local number = tonumber(redis.call('HGET', lease, 'number') or 0)

if number == 0 then
    return {0, 0}
end
-- Otherwise the answer was lost.
if number < tonumber(base) then
    local length = redis.call('LLEN', inbox)
    -- A server that is full lets a script add when it has removed something.
    redis.call('HDEL', lease, 'before', 'again')
    redis.call('HSET', lease, 'number', base,
        'before', number - length + 1, 'again', length)
    redis.call('HINCRBY', lease, 'number', length)
end
local found = redis.call('HMGET', lease, 'before', 'again')
return {tonumber(found[1] or 0), tonumber(found[2] or 0)}
