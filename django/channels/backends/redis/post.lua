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
local waiting = redis.call('RPUSH', inbox, ARGV[2])
if waiting > tonumber(ARGV[1]) then
    redis.call('RPOP', inbox)
    return 'full'
end
if waiting == 1 then
    -- From then on they're kept by whoever reads the inbox, which has a lease,
    -- and together: without the number an item would be read twice.
    redis.call('PEXPIRE', inbox, 2 * length)
    redis.call('PEXPIRE', last, 2 * length)
end
return 'ok'
