-- Notes that a job was finished in a period, unless it was in a later one.
--
-- KEYS[1]  the period in which it was finished last
-- ARGV     now (unused) | the period | ttl: ms
-- Answer   1: noted, 0: a later one stands
local done = tonumber(redis.call('GET', KEYS[1]) or nil)
if done and done > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
