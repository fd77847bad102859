-- Gives back work that is not done, so that a repeat does it.
--
-- KEYS[1]  as in begin.lua
-- ARGV     now (unused) | owner
-- Answer   1: given back, 0: it was not the owner's, or it is done
local owner, answer = unpack(redis.call('HMGET', KEYS[1], 'owner', 'answer'))
if owner ~= ARGV[2] or answer then return 0 end
redis.call('DEL', KEYS[1])
return 1
