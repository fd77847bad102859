-- Prolongs the lease of work that is under way.
--
-- KEYS[1]  as in begin.lua
-- ARGV     now (unused) | owner | lease: ms
-- Answer   1: prolonged, 0: it is not the owner's any more, or it is done
local owner, answer = unpack(redis.call('HMGET', KEYS[1], 'owner', 'answer'))
if owner ~= ARGV[2] or answer then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
