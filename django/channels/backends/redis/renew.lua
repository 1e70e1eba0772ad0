-- Renew leases, and look whose time has come.
--
-- ARGV: how long a lease is, in ms; then for each the id and the lease.
-- Returns for each 1, or 0 if the lease was over.

local now = get_time()
local result = {}

promote(now)
for i = 2, #ARGV, 2 do
    local id = ARGV[i]
    local leased = redis.call('ZSCORE', key('leased'), id)
    if leased and redis.call('HGET', key('job:' .. id), 'lease') == ARGV[i + 1] then
        redis.call('ZADD', key('leased'), whole(now + tonumber(ARGV[1])), id)
        result[#result + 1] = 1
    else
        result[#result + 1] = 0
    end
end
return result
