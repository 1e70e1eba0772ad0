-- What scripts share that add to inboxes.

-- Add an item to a process's inbox: a list, with a lease and the number of the
-- last call of read.lua. Return 'gone', 'full' or 'ok'.
local function post(inbox, lease, last, capacity, item)
    local length = redis.call('GET', lease)
    if not length then
        redis.call('DEL', inbox, last)
        return 'gone'
    end
    local waiting = redis.call('RPUSH', inbox, item)
    if waiting > capacity then
        redis.call('RPOP', inbox)
        return 'full'
    end
    if waiting == 1 then
        -- From then on they're kept by whoever reads the inbox, which has a
        -- lease, and together: without the number an item would be read twice.
        redis.call('PEXPIRE', inbox, 2 * length)
        redis.call('PEXPIRE', last, 2 * length)
    end
    return 'ok'
end
