-- What scripts share that add to inboxes.

-- Before Redis 7 there are no shards, which make a difference in a Cluster.
local PUBLISH = redis.REDIS_VERSION_NUM and 'SPUBLISH' or 'PUBLISH'

-- Whose reader is further behind is sent no more before it has asked for it.
local SENT_AHEAD = 1024

-- Add an item to a process's inbox, a list, whose lease is a hash with its
-- length, in ms, and the number of the last item that was added; and publish the
-- number and the item. Return 'gone', 'full' or 'ok'.
local function post(inbox, lease, capacity, item)
    local number = redis.call('HINCRBY', lease, 'number', 1)
    if number == 1 then
        redis.call('DEL', inbox, lease)
        return 'gone'
    end
    local waiting = redis.call('RPUSH', inbox, item)
    if waiting > capacity then
        redis.call('RPOP', inbox)
        redis.call('HINCRBY', lease, 'number', -1)
        return 'full'
    end
    if waiting == 1 then
        -- From then on it's kept by whoever reads the inbox, which has a lease.
        redis.call('PEXPIRE', inbox, 2 * redis.call('HGET', lease, 'length'))
    end
    if waiting <= SENT_AHEAD then
        redis.call(PUBLISH, inbox, string.format('%.0f ', number) .. item)
    end
    return 'ok'
end
