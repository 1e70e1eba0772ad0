-- Add messages to a queue, as long as there is room.
--
-- KEYS: the queue; its signals.
-- ARGV: its capacity; how long the messages are kept, in ms; the messages.
-- Returns how many were added, then the messages that had expired.
--
-- An entry of a queue is the time, in ms in 13 digits, at which it expires,
-- and the message. Receivers block on the signals, a list of one item at most,
-- and who takes an entry signals that there are more: see take.lua. A receiver
-- that is lost takes a signal along, and no message.

local queue, signals = KEYS[1], KEYS[2]
local capacity, kept = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {#ARGV - 2}
local expires = string.format('%013.0f', now + kept)
local waiting

for i = 3, #ARGV do
    waiting = redis.call('RPUSH', queue, expires .. ARGV[i])
end

-- Those that expired take no room, but looking costs time.
while waiting > capacity and #result <= 100 do
    local first = redis.call('LINDEX', queue, 0)
    if tonumber(string.sub(first, 1, 13)) > now then
        break
    end
    redis.call('LPOP', queue)
    result[#result + 1] = string.sub(first, 14)
    waiting = waiting - 1
end

while waiting > capacity and result[1] > 0 do
    redis.call('RPOP', queue)
    result[1] = result[1] - 1
    waiting = waiting - 1
end
if result[1] == 0 then
    return result
end

-- A minute more than the last message, so that somebody finds it expired.
local left = kept + 60000
if waiting == result[1] or redis.call('PTTL', queue) < left then
    redis.call('PEXPIRE', queue, left)
end
if redis.call('EXISTS', signals) == 0 then
    redis.call('RPUSH', signals, '')
    redis.call('PEXPIRE', signals, left)
end
return result
