-- Read the first items of a process's inbox. They stay there until the next
-- call says that they have arrived: what is lost on its way is read again.
--
-- KEYS: the inbox; the number of the last call, which is kept as long as the
-- inbox and tells one that was lost meanwhile.
-- ARGV: this call's number, which is the last one's if that had no answer; how
-- many items have arrived since the last call with one; how many to read at
-- most; how long to keep the inbox, in ms.
-- Returns the items.

local inbox, last = KEYS[1], KEYS[2]
local number, arrived, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
local before = tonumber(redis.call('GET', last) or 0)

if arrived > 0 and before == number - 1 then
    redis.call('LTRIM', inbox, arrived, -1)
end
if before < number then
    redis.call('SET', last, number, 'PX', kept)
    redis.call('PEXPIRE', inbox, kept)
end
return redis.call('LRANGE', inbox, 0, ARGV[3] - 1)
