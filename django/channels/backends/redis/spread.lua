
-- Add an item to the inbox of each process in a group, on a server that has
-- all keys.
--
-- KEYS: the group.
-- ARGV: the member that gets none, which is the sender's process; what the keys
-- of a process begin with; the inboxes' capacity; the item.
-- Returns the token of the sender's process, or nil; the members that are no
-- processes; and in turns a process that didn't get it, and why.

local group, own, base = KEYS[1], ARGV[1], ARGV[2]
local capacity, item = tonumber(ARGV[3]), ARGV[4]
local found = redis.call('HGETALL', group)
local token, channels, refused = false, {}, {}

for i = 1, #found, 2 do
    local member = found[i]
    if member == own then
        token = found[i + 1]
    elseif string.byte(member) == 33 then
        local tag = base .. string.sub(member, 2) .. '}:'
        local answer = post(tag .. 'inbox', tag .. 'lease', capacity, item)
        if answer == 'gone' then
            redis.call('HDEL', group, member)
        end
        if answer ~= 'ok' then
            refused[#refused + 1] = string.sub(member, 2)
            refused[#refused + 1] = answer
        end
    else
        channels[#channels + 1] = member
    end
end
return {token, channels, refused}
