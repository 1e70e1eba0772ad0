-- Take the first message of the first queue that has one.
--
-- KEYS: the queues.
-- Returns a flat list. It begins with a queue's number, from 1, and the entry
-- taken from it; or 0 and '' if there is none, or -1 and '' if so many had
-- expired that it is others' turn. Then, for each message that had expired, it
-- has the queue's number and the message.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {0, ''}

for number, queue in ipairs(KEYS) do
    local entry = redis.call('LPOP', queue)
    while entry do
        if tonumber(string.sub(entry, 1, 13)) > now then
            result[1], result[2] = number, entry
            return result
        end
        result[#result + 1] = number
        result[#result + 1] = string.sub(entry, 14)
        if #result > 200 then
            result[1] = -1
            return result
        end
        entry = redis.call('LPOP', queue)
    end
end
return result
