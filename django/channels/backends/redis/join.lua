-- Make a channel or a process a member of a group.
--
-- KEYS: the group, a hash of tokens by member.
-- ARGV: the member; the token, or ''; how long to keep the group, in ms: 0 for
-- ever, which no later call ends.

local group, member, token, kept = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local for_ever = redis.call('PTTL', group) == -1

redis.call(token == '' and 'HSETNX' or 'HSET', group, member, token)
if kept == 0 then
    redis.call('PERSIST', group)
elseif not for_ever then
    redis.call('PEXPIRE', group, kept)
end
