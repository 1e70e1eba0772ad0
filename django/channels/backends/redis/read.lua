-- Read the first items of a process's inbox that haven't arrived. They stay
-- there until a later call says that they have.
--
-- KEYS: the inbox; the lease.
-- ARGV: the number of the last item that has arrived; how many to read at most;
-- how long to keep the inbox, in ms.
-- Returns the number of the first that waits; that of the last; the items. The
-- first is 0 if the lease is over.

local inbox, lease, arrived = KEYS[1], KEYS[2], tonumber(ARGV[1])
local last = tonumber(redis.call('HGET', lease, 'number') or 0)
if last == 0 then
    return {0, 0}
end
local first = last - redis.call('LLEN', inbox) + 1

if arrived >= first then
    redis.call('LTRIM', inbox, arrived - first + 1, -1)
    first = arrived + 1
end
local result = {first, last}
if first <= last then
    redis.call('PEXPIRE', inbox, ARGV[3])
    if ARGV[2] ~= '0' then
        for i, item in ipairs(redis.call('LRANGE', inbox, 0, ARGV[2] - 1)) do
            result[i + 2] = item
        end
    end
end
return result
