-- Adds what was counted of each member, once, and keeps the largest.
--
-- KEYS[1]  a sorted set: the members by their counts
-- KEYS[2]  a hash: for each writer the number of its last batch
-- ARGV     now (unused) | writer | number of the batch | ms for which the keys live | most members
--          | member, count, and so on
-- Answer   1: added, 0: it was before
local last = redis.call('HGET', KEYS[2], ARGV[2])
if last and tonumber(ARGV[3]) <= tonumber(last) then return 0 end
for i = 6, #ARGV, 2 do redis.call('ZINCRBY', KEYS[1], ARGV[i + 1], ARGV[i]) end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[5]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
