-- Stores a value unless one was written under a larger fence.
--
-- KEYS[1]  the value (v) and its fence (f)
-- ARGV     now (unused) | fence | value | ttl: ms
-- Answer   0: stored, or the larger fence
local newest = tonumber(redis.call('HGET', KEYS[1], 'f') or nil)
if newest and newest > tonumber(ARGV[2]) then return newest end
redis.call('HSET', KEYS[1], 'f', ARGV[2], 'v', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0
