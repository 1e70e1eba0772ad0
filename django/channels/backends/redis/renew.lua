-- Renew leases, and look whose time has come.
--
-- ARGV: how long a lease is, in ms; then the leases.
-- Returns for each 1, or 0 if the lease was over.

local now = get_time()
local result = {}

promote(now)
for i = 2, #ARGV do
    -- A server that is full lets a script add when it has removed something.
    if redis.call('ZREM', key('leased'), ARGV[i]) == 1 then
        redis.call('ZADD', key('leased'), whole(now + tonumber(ARGV[1])), ARGV[i])
        result[#result + 1] = 1
    else
        result[#result + 1] = 0
    end
end
return result
